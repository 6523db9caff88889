"""Calls from several threads of one process give the bytes of the serial run."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sounds import EXAMPLES, RATE, SUPPORT, melody

import cambiata
from cambiata import Audio
from cambiata.errors import STDERR, CambiataWarning, warn

N_THREADS = 4
Work = Callable[[], bytes]


def _in_threads(works: dict[str, Work]) -> list[dict[str, bytes]]:
    """What each thread got; each begins with another work, all at the same time."""
    begin = threading.Barrier(N_THREADS)
    got: list[dict[str, bytes]] = [{} for _ in range(N_THREADS)]

    def run(number: int) -> None:
        names = list(works)
        at = number * len(names) // N_THREADS
        begin.wait()
        for name in (*names[at:], *names[:at]):
            got[number][name] = works[name]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@pytest.mark.filterwarnings("ignore::cambiata.CambiataWarning")
def test_four_threads_give_the_bytes_of_one() -> None:
    content = Audio(melody([60, 64, 67]), RATE, name="content")
    style = Audio(melody([62, 65], partials=20), RATE, name="style")
    score = cambiata.transcribe(content)
    works: dict[str, Work] = {
        "transfer": lambda: cambiata.transfer(content, style, system="musaicing").samples.tobytes(),
        "play": lambda: cambiata.play(score, style, tail_s=0.0).samples.tobytes(),
        "transcribe": lambda: repr(cambiata.transcribe(content)).encode(),
    }
    serial = {name: work() for name, work in works.items()}
    assert _in_threads(works) == [serial] * N_THREADS


def _all_works(folder: Path) -> dict[str, Work]:
    """Every job, on sounds and on files of every format, in the folder of this process."""
    content = Audio(melody([60, 64, 67, 72]), RATE, "PCM_16", name="content")
    style = Audio(melody([60, 62, 64, 65, 67, 69], partials=20), RATE, name="style")
    content.save(folder / "content.mp3", force=True)
    style.save(folder / "style.ogg", force=True)
    sound, timbre = folder / "content.mp3", folder / "style.ogg"

    def written(suffix: str, write: Callable[[Path], object]) -> Work:
        def work() -> bytes:
            place = folder / f"{threading.get_ident()}{suffix}"
            write(place)
            data = place.read_bytes()
            place.unlink()
            return data

        return work

    works: dict[str, Work] = {
        f"transfer {system}": lambda system=system: (  # type: ignore[misc]
            cambiata.transfer(content, style, system=system).samples.tobytes()
        )
        for system in ("oneshot", "musaicing", "vqvae")
    }
    works |= {
        f"transfer {suffix}": written(suffix, lambda p: cambiata.transfer_file(sound, timbre, p))
        for suffix in (".wav", ".flac", ".ogg", ".mp3")
    }
    cantus = EXAMPLES / "cantus.mid"
    return works | {
        "play": written(".flac", lambda p: cambiata.play_file(cantus, timbre, p)),
        "play a recording": written(".wav", lambda p: cambiata.play_file(sound, timbre, p)),
        "translate": written(".wav", lambda p: cambiata.translate_file(sound, "church-organ", p)),
        "transcribe": written(".mid", lambda p: cambiata.transcribe_file(sound, p)),
        "write": written(".musicxml", lambda p: cambiata.transcribe_file(sound, p)),
        "drums": written(".mid", lambda p: cambiata.transcribe_file(sound, p, instrument="drums")),
        "piano": lambda: repr(cambiata.transcribe(content, instrument="piano")).encode(),
    }


# A process that begins with threads, so that all that is loaded or made once is made by several.
_COLD = """
import hashlib, json, pathlib, sys, warnings
sys.path.insert(0, sys.argv[1]); sys.path.insert(0, sys.argv[2])
import test_threads
warnings.simplefilter("ignore")
works = test_threads._all_works(pathlib.Path(sys.argv[3]))
if sys.argv[4] == "serial":
    got = [{name: work() for name, work in works.items()}]
else:
    got = test_threads._in_threads(works)
print(json.dumps([{k: hashlib.sha256(v).hexdigest() for k, v in each.items()} for each in got]))
"""


@pytest.mark.slow
def test_every_job_on_files_from_four_threads_of_a_fresh_process(tmp_path: Path) -> None:
    got = []
    for how in ("serial", "threads"):
        arguments = [str(Path(__file__).parent), SUPPORT, str(tmp_path), how]
        done = subprocess.run(
            [sys.executable, "-c", _COLD, *arguments], capture_output=True, check=True
        )
        got.append(json.loads(done.stdout))
    [serial], threads = got
    assert len(serial) == 14
    assert threads == [serial] * N_THREADS


def test_no_warning_is_lost_while_another_thread_silences_a_decoder() -> None:
    import cambiata.audio.codecs.opening as opening

    warned: list[str] = []
    silenced, inside = threading.Event(), threading.Event()
    nowhere = Path(os.devnull).stat().st_rdev

    def listen(message: object, *_rest: object, **_more: object) -> None:
        warned.append("nowhere" if os.fstat(2).st_rdev == nowhere else str(message))

    def decode() -> None:
        with opening._silence_decoder():
            silenced.set()
            inside.wait(0.3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.showwarning", listen)
        patch.setattr("warnings.filters", [("always", None, CambiataWarning, None, 0)])
        thread = threading.Thread(target=decode)
        thread.start()
        silenced.wait()
        warn("heard")
        inside.set()
        thread.join()
    assert warned == ["heard"]
    assert STDERR.acquire(blocking=False)  # given back
    STDERR.release()
