"""The command line as a user meets it: in this process, or started as a process of its own."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO
from unittest import mock

Done = subprocess.CompletedProcess[bytes]


def start(
    *arguments: str, folder: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> Done:
    """What `python -m cambiata` does: for what concerns the process itself."""
    return subprocess.run(
        [sys.executable, "-m", "cambiata", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
    )


def run(*arguments: str, folder: Path, stdin: bytes = b"") -> Done:
    """The same in this process: a start of Python takes half a second, with torch three.

    What is printed is caught where the operating system would take it, so that libraries in C are
    caught, too; warnings are shown, not raised.
    """
    from cambiata.cli.main import main

    argv = ["cambiata", *arguments]
    with (
        contextlib.chdir(folder),
        mock.patch.object(sys, "argv", argv),
        mock.patch("signal.signal"),
        warnings.catch_warnings(),
        _redirected(0, "stdin", stdin),
        _redirected(1, "stdout") as stdout,
        _redirected(2, "stderr") as stderr,
    ):
        warnings.resetwarnings()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        printed = [_content(file) for file in (stdout, stderr)]
    return subprocess.CompletedProcess(argv, code, *printed)


@contextlib.contextmanager
def _redirected(descriptor: int, name: str, data: bytes = b"") -> Iterator[BinaryIO]:
    """A file in the place of a stream, for Python and for the operating system."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        saved = os.dup(descriptor)
        os.dup2(file.fileno(), descriptor)
        mode = "rb" if descriptor == 0 else "wb"
        try:
            with open(descriptor, mode, closefd=False) as raw:
                text = io.TextIOWrapper(raw, encoding="utf-8")
                with mock.patch.object(sys, name, text):
                    yield file
        finally:
            os.dup2(saved, descriptor)
            os.close(saved)


def _content(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
