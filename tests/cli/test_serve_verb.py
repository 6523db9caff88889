"""The verb that starts the studio: what it says where it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run

WITHOUT = """
import sys
sys.modules["fastapi"] = None
from cambiata.cli.main import main
sys.argv = ["cambiata", "serve", "--no-open"]
main()
"""


def test_without_the_extra_one_line_says_how_to_have_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        'cambiata: serve: needs packages that are not installed; pip install "cambiata[studio]"\n'
    )


NO_HOME = """
import pwd, sys
def unknown(number):
    raise KeyError(number)
pwd.getpwuid = unknown
from cambiata.cli.main import main
sys.argv = ["cambiata", "serve", "--no-open", "--port", "0"]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pwd")
def test_without_a_home_one_line_says_where_else_its_folder_can_be() -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    unset = {"HOME", "XDG_DATA_HOME", "CAMBIATA_STUDIO"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", NO_HOME],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "cambiata: the studio: there is no home folder to keep sounds and jobs in; "
        "name a folder with --data, or set CAMBIATA_STUDIO\n"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--token", "short"], "token: is too short or odd"),
        (["--token", "with a line\nbreak"], "token: is too short or odd"),
        (["--port", "99999"], "99999 is not in the range"),
        (["--host", "203.0.113.1"], "203.0.113.1:8321: cannot be listened at"),
        (["--data", "file"], "file: cannot be used"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, options: list[str], words: str) -> None:
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    (tmp_path / "file").write_text("a file")
    data = [] if "--data" in options else ["--data", str(tmp_path / "data")]
    done = run("serve", "--no-open", *options, *data, folder=tmp_path)
    text = done.stderr.decode()
    assert (done.returncode, words in text) == (2, True), text
    assert text.count("\n") == 1
