"""The studio under load: ``python benchmarks/studio.py [--clients 20] [--seconds 120]``.

Time from Go to sound beside a cold command, memory at rest and after many jobs, and many clients at
once, each of whose results is compared with what one client got alone.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from machine import machine, table
from speed import repeated

EXAMPLES = Path(__file__).parent.parent / "examples"
# Of the load: short enough that two cores serve twenty people, and each verb with another answer.
_LOAD_S = 2.0
_IDLE_S = 95.0  # after which processes that have worked are replaced by fresh ones


class Client:
    """A program that uses the interface."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, path: str, body: Any = None) -> Any:
        """JSON of an answer."""
        return json.loads(self.read(path, body))

    def read(self, path: str, body: Any = None) -> bytes:
        """Bytes of an answer."""
        is_json = isinstance(body, dict)
        data = json.dumps(body).encode() if is_json else body
        kind = "application/json" if is_json else "application/octet-stream"
        with urlopen(Request(self._address + path, data, {"Content-Type": kind})) as answer:
            found: bytes = answer.read()
            return found

    def upload(self, path: Path | str) -> str:
        """Id of a sound."""
        place = Path(path)
        return str(self.call(f"api/sounds?name={place.name}", place.read_bytes())["id"])

    def done(self, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        """A job when it is finished, as its events say; waits where the queue is full."""
        while True:
            try:
                job = self.call(f"api/jobs/{verb}", request)
                break
            except HTTPError as error:
                if error.code != 429:
                    raise
                time.sleep(0.5)
        events = self.read(f"api/jobs/{job['id']}/events").decode()
        found: dict[str, Any] = json.loads(events.rstrip().rpartition("data: ")[2])
        assert found["state"] == "done", found["error"]
        return found

    def digest(self, job: dict[str, Any]) -> str:
        """Hash of what a job made."""
        sound = job["result"]["sounds"]["output"]["id"]
        return hashlib.sha256(self.read(f"api/sounds/{sound}/file")).hexdigest()


@contextmanager
def server(folder: Path) -> Iterator[tuple[Client, int]]:
    """A server: a client of it, and the number of its process."""
    command = (sys.executable, "-m", "cambiata", "serve", "--no-open", "--port", "0")
    process = subprocess.Popen([*command, "--data", str(folder)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    found = re.search(r"http://\S+/", process.stderr.readline())
    assert found
    try:
        yield Client(found[0]), process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def processes(server_process: int) -> list[int]:
    """A process and all that it has started."""
    pids = [server_process]
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
    return pids


def memory_mib(server_process: int) -> tuple[float, int]:
    """Proportional set size of a process and its children in MiB, and how many they are."""
    total, pids = 0.0, processes(server_process)
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1024
    return total, len(pids)


def busy_s(server_process: int) -> float:
    """Seconds of processor time of a process and its children, which other work does not change."""
    total = 0
    for pid in processes(server_process):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


Times = list[tuple[float, float]]


def go_to_sound(client: Client, pid: int, content: str, n_times: int) -> Times:
    """Wall and processor seconds from the request of a transfer until its result can be heard."""
    sound = client.upload(content)
    taken = []
    for seed in range(n_times):
        began, busy = time.perf_counter(), busy_s(pid)
        job = client.done("transfer", {"content": sound, "style": "cello", "seed": seed})
        client.read(f"api/sounds/{job['result']['sounds']['output']['id']}/audio")
        taken.append((time.perf_counter() - began, busy_s(pid) - busy))
    return taken


def cold_command(content: str, folder: Path, n_times: int) -> Times:
    """The same of a command."""
    taken = []
    for seed in range(n_times):
        command = [sys.executable, "-m", "cambiata", "transfer", content, "cello", "--force"]
        began = time.perf_counter()
        output = ["-o", str(folder / "cold.wav"), "--quiet", "--seed", str(seed)]
        process = subprocess.Popen([*command, *output])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        taken.append((time.perf_counter() - began, usage.ru_utime + usage.ru_stime))
    return taken


def load(client: Client, folder: Path, n_clients: int, seconds: float, pid: int) -> list[str]:
    """Facts about many clients at once."""
    content = client.upload(repeated("trumpet.ogg", _LOAD_S, 1, folder))
    score = client.upload(EXAMPLES / "reel.mid")
    drums = [client.upload(EXAMPLES / name) for name in ("rock.mid", "funk.mid")]
    requests: list[tuple[str, dict[str, Any]]] = [
        ("transfer", {"content": content, "style": "cello", "amount": 0.5}),
        ("transfer", {"content": content, "style": "flute"}),
        ("transcribe", {"recording": content}),
        ("melody", {"tune": score, "style": "strathspey"}),
        ("groove", {"a": drums[0], "b": drums[1], "amount": 0.3}),
        ("groove", {"a": drums[0], "b": drums[1], "amount": 0.6}),
    ]
    alone = [client.digest(client.done(verb, request)) for verb, request in requests]
    n_right, n_wrong, faults = [0], [0], []
    highest = [0.0]
    ends_at = time.monotonic() + seconds

    def use(number: int) -> None:
        at = number
        while time.monotonic() < ends_at:
            verb, request = requests[at % len(requests)]
            try:
                is_right = client.digest(client.done(verb, request)) == alone[at % len(requests)]
            except Exception as error:
                faults.append(f"{verb}: {error}")
                continue
            (n_right if is_right else n_wrong)[0] += 1
            at += 1

    threads = [threading.Thread(target=use, args=(number,)) for number in range(n_clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        highest[0] = max(highest[0], memory_mib(pid)[0])
        time.sleep(1)
    return [str(n_right[0]), str(n_wrong[0]), str(len(faults)), f"{highest[0]:.0f}"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=50, help="short jobs, for memory")
    arguments = parser.parse_args()
    print(f"Machine: {machine()}\n")
    with tempfile.TemporaryDirectory() as scratch, server(Path(scratch) / "data") as (client, pid):
        folder = Path(scratch)
        client.call("api/examples")
        time.sleep(_IDLE_S)
        rows = [["at rest, no job yet", *map("{:.0f}".format, memory_mib(pid))]]
        ten = repeated("trumpet.ogg", 10.0, 1, folder)
        times = []
        for name, taken in (
            ("studio, from Go to sound", go_to_sound(client, pid, ten, arguments.times)),
            ("`cambiata transfer`, cold", cold_command(ten, folder, arguments.times)),
        ):
            medians = [statistics.median(each) for each in zip(*taken, strict=True)]
            times.append([name, f"{taken[0][0]:.2f}", *map("{:.2f}".format, medians)])
        heads = ["a transfer of 10 s", "first, s", "median, s", "median processor time, s"]
        print(table(heads, times))
        sound = client.upload(repeated("trumpet.ogg", _LOAD_S, 1, folder))
        for i in range(arguments.jobs):
            client.done("transfer", {"content": sound, "style": "cello", "seed": i})
            if i + 1 in (arguments.jobs // 5, arguments.jobs):
                rows.append([f"after {i + 1} jobs", *map("{:.0f}".format, memory_mib(pid))])
        time.sleep(_IDLE_S)
        rows.append(["at rest again", *map("{:.0f}".format, memory_mib(pid))])
        print(table(["memory of all processes (PSS)", "MiB", "processes"], rows))
        facts = load(client, folder, arguments.clients, arguments.seconds, pid)
        heads = ["clients", "seconds", "right", "wrong", "failed", "highest PSS, MiB"]
        shown = [str(arguments.clients), f"{arguments.seconds:g}", *facts]
        print(table(heads, [shown]))


if __name__ == "__main__":
    main()
