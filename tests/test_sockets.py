"""No verb opens a socket: each is run where Python says so of every socket, in every process.

What libraries in C do by themselves is seen by strace (tests/test_weights.py); nothing but `serve`
is there to be connected to.
"""

import os
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sounds import EXAMPLES, RATE, SUPPORT, melody, tone

from cambiata.audio.sound import Audio
from cambiata.cli.examples import verbs
from cambiata.cli.main import cli

# Loaded by every Python that the test starts, and by those that they start: a pool's processes
# talk over pipes and AF_UNIX, which stay on the machine.
WATCHED = """
import os, sys

def watch(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        if event == "socket.__new__" and arguments[1] == 1:  # AF_UNIX
            return
        if isinstance(arguments[-1], (str, bytes)) and event in ("socket.connect", "socket.bind"):
            return
        with open(os.environ["CAMBIATA_SOCKETS"], "a") as file:
            print(event, arguments[1:], file=file)

sys.addaudithook(watch)
"""
RUNS_ALL = """
import shlex, sys
from cambiata.cli.main import outcome

for line in sys.stdin.read().splitlines():
    try:
        code, message = outcome(shlex.split(line))
    except SystemExit as ended:
        code, message = ended.code or 0, ""
    if code:
        print(f"FAILED {line}: {code}: {message}", file=sys.stderr)
"""
# What each verb is called with: `content.wav` and `style.wav` are of 0.8 s.
LIGHT = f"""
transcribe content.wav -o heard.mid
domains list
timbre list
timbre show cello
melody {EXAMPLES}/reel.mid --style strathspey -o melody.mid
groove {EXAMPLES}/rock.mid {EXAMPLES}/funk.mid -o groove.mid
counterpoint check {EXAMPLES}/worksheet.mid
reverb sweep -o sweep.wav --duration 1 --tail 0.5
reverb apply content.wav style.wav -o applied.wav
reverb remove content.wav -o removed.wav
transpose content.wav --semitones 1 -o transposed.wav
stretch content.wav --factor 1.1 -o stretched.wav
data check
systems
"""
HEAVY = f"""
transfer content.wav style.wav -o out.wav
play {EXAMPLES}/cantus.mid style.wav -o out.wav --force
translate content.wav --to sitar -o out.wav --force
timbre capture style.wav -o a.timbre
timbre mix a.timbre=1 -o mixed.timbre
instrument style.wav -o out.sfz --keys 60-61
knobs fit notes -o x.knobs
knobs show x.knobs
knobs play x.knobs --notes C3 --duration 0.2 -o knobs.wav
knobs export x.knobs --keys 60-61 -o knobs.timbre
morph content.wav style.wav --amount 0.3 -o morph.wav
choir content.wav -o choir.wav --voices 2
reverb capture clap.wav -o room.wav
reverb estimate {EXAMPLES}/trumpet.ogg
reverb match content.wav {EXAMPLES}/trumpet.ogg -o matched.wav
reverb room -o box.wav --size 4x3x2.5 --listener 2,1,1 --source 1,2,1 --rt60 0.2
batch transpose content.wav style.wav -o "{{stem}}-up.wav" -- --semitones 1
data bank notes -o bank --licence CC0 --use train --jobs 1
data pack notes others -o pack --licence CC0 --no-scores
"""
EXTRAS = {
    "ortools": f"counterpoint solve {EXAMPLES}/cantus.mid -o solved.mid",
}
# Those that need fonts, packs or runs, and minutes: what they load is run by tests/test_weights.py
# under strace, and what they do is what the verbs above do.
LEFT_OUT = {
    *("serve", "domains add", "data render", "train run", "train resume", "train export"),
    *("evaluate transfer", "evaluate play", "evaluate translate", "evaluate transcribe"),
    *("evaluate melody", "evaluate groove", "evaluate counterpoint", "evaluate report"),
}


def _sockets(folder: Path, code: str, lines: str = "") -> tuple[str, str]:
    """Sockets that a program and its children opened, and what it said."""
    (folder / "watched").mkdir()
    (folder / "watched/sitecustomize.py").write_text(WATCHED)
    path = os.pathsep.join([str(folder / "watched"), SUPPORT, os.environ.get("PYTHONPATH", "")])
    log = folder / "sockets.txt"
    environment = {**os.environ, "PYTHONPATH": path, "CAMBIATA_SOCKETS": str(log)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**environment, "XDG_CACHE_HOME": str(folder / "cache")},
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    return log.read_text() if log.exists() else "", done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Audio(melody([60, 64]), RATE, "PCM_16").save(tmp_path / "content.wav")
    Audio(melody([57, 62], partials=3), RATE, "PCM_16").save(tmp_path / "style.wav")
    decay = np.random.default_rng(0).standard_normal(2 * RATE) * np.logspace(0, -4, 2 * RATE)
    clap = np.concatenate([np.zeros(RATE // 2), 0.2 * decay]).astype(np.float32)
    Audio(clap, RATE, "FLOAT").save(tmp_path / "clap.wav")
    for folder, partials in (("notes", 2), ("others", 9)):
        (tmp_path / folder).mkdir()
        for i, (pitch, name) in enumerate(((60, "C4"), (62, "D4"), (64, "E4"))):
            sound = Audio(tone(pitch, 0.8, partials + 2 * i), RATE, "PCM_16")
            sound.save(tmp_path / f"{folder}/{name}.wav")
    return tmp_path


def _verb(line: str) -> str:
    words = shlex.split(line)
    known = {name for name, _ in verbs(cli)}
    return words[0] if words[0] in known else " ".join(words[:2])


def test_light_verbs_open_no_socket(folder: Path) -> None:
    opened, said = _sockets(folder, RUNS_ALL, LIGHT.strip())
    assert opened == ""
    assert "FAILED" not in said, said
    assert "Traceback" not in said, said


@pytest.mark.slow
def test_heavy_verbs_open_no_socket(folder: Path) -> None:
    extras = [line for name, line in EXTRAS.items() if find_spec(name)]
    lines = [*HEAVY.strip().splitlines(), *extras]
    opened, said = _sockets(folder, RUNS_ALL, "\n".join(lines))
    assert opened == ""
    assert "FAILED" not in said, said
    assert "Traceback" not in said, said


def test_every_verb_is_run_or_left_out_by_name() -> None:
    run = [_verb(line) for line in (LIGHT + HEAVY).strip().splitlines() if line]
    run += map(_verb, EXTRAS.values())
    assert sorted([*run, *LEFT_OUT]) == sorted(name for name, _ in verbs(cli))


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import os, sys; os.system(sys.executable + ' -c \"import socket; socket.socket()\"')",
    ],
    ids=["socket", "name", "child"],
)
def test_a_socket_is_seen(tmp_path: Path, code: str) -> None:
    assert _sockets(tmp_path, code)[0].startswith("socket.")
