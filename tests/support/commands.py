"""The command line as a user starts it."""

import subprocess
import sys
from pathlib import Path


def run(*arguments: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "cambiata", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
    )
