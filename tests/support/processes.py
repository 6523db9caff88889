"""Other processes: waited for by the tests that end some, and launched to train together."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def running(pid: int) -> bool:
    """Whether a process does anything still; one that nobody waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it comes true within a minute: only a failing test takes as long."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return False


def launch_two(folder: Path, code: str, timeout_s: float) -> None:
    """Run code in two processes that train together, one thread each."""
    script = folder / "two.py"
    script.write_text(code)
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(script)]
    done = subprocess.run(
        [sys.executable, *launch],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr[-3000:]
