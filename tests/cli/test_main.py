"""The command line: all of it in this process, and in processes of their own what concerns one."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commands import run, start
from sounds import EXAMPLES, RATE, melody

import cambiata
import cambiata.cli.main
from cambiata import Audio
from cambiata.registry import system_rows

FAST = [
    "--system",
    "musaicing",
    "--set",
    "sample_rate=16000",
    "--set",
    "n_fft=1024",
    "--set",
    "hop-length=256",
]
FAST += ["--set", "iterations=5", "--set", "phase_iterations=3"]
MUSAICING = ["content.wav", "style.wav", "--system", "musaicing"]


@pytest.fixture
def folder(tmp_path: Path, content: Audio, style: Audio) -> Path:
    """A folder with a good content and a good style."""
    content.save(tmp_path / "content.wav")
    style.save(tmp_path / "style.wav")
    content.save(tmp_path / "exists.wav")
    return tmp_path


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that can be wrong with a file, for all refusals: each must leave it as it was."""
    tmp_path = tmp_path_factory.mktemp("bad")
    content = Audio(melody([60, 64, 67, 72, 60]), RATE, "PCM_16")
    content.save(tmp_path / "content.wav")
    content.save(tmp_path / "style.wav")
    good = (tmp_path / "content.wav").read_bytes()
    content.save(tmp_path / "good.flac")
    flac = (tmp_path / "good.flac").read_bytes()
    content.save(tmp_path / "good.mp3")
    mp3 = (tmp_path / "good.mp3").read_bytes()
    (tmp_path / "truncated.wav").write_bytes(good[: len(good) // 2])
    (tmp_path / "truncated.flac").write_bytes(flac[: len(flac) // 2])
    (tmp_path / "truncated.mp3").write_bytes(mp3[: len(mp3) // 2])
    content.save(tmp_path / "good.ogg")
    ogg = (tmp_path / "good.ogg").read_bytes()
    (tmp_path / "truncated.ogg").write_bytes(ogg[: len(ogg) // 2])
    content.save(tmp_path / "good.aiff")
    aiff = (tmp_path / "good.aiff").read_bytes()
    (tmp_path / "truncated.aiff").write_bytes(aiff[: len(aiff) // 2])
    hole = len(mp3) // 3
    (tmp_path / "damaged.mp3").write_bytes(mp3[:hole] + bytes(hole) + mp3[2 * hole :])
    (tmp_path / "header.wav").write_bytes(good[:30])
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "text.timbre").write_text("this is no timbre")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    silent = np.zeros((1, RATE), np.float32)
    for name, samples, rate in [
        ("none.wav", silent[:, :0], RATE),
        ("silent.wav", silent, RATE),
        ("click.wav", silent[:, :100] + 0.5, RATE),
        ("nan.wav", np.where(np.arange(RATE) == 9000, np.nan, 0.1)[None], RATE),
        ("inf.wav", np.where(np.arange(RATE) == 9000, np.inf, 0.1)[None], RATE),
        ("slow.wav", silent + 0.5, 100),
        ("fast.wav", silent + 0.5, 1_000_000),
        ("many.wav", np.full((64, 2000), 0.1), RATE),
    ]:
        soundfile.write(tmp_path / name, samples.T.astype(np.float32), rate, "FLOAT")
    content.save(tmp_path / "exists.wav")
    return tmp_path


_BAD = [
    (["missing.wav", "style.wav"], "missing.wav: no such file; check the path"),
    (["content.wav", "missing.wav"], "missing.wav: no such file"),
    (["folder.wav", "style.wav"], "folder.wav: is a folder"),
    (["text.wav", "style.wav"], "text.wav: is not readable as sound; convert it"),
    (["picture.png", "style.wav"], "picture.png: is not readable as sound"),
    (["header.wav", "style.wav"], "header.wav: "),
    (["truncated.wav", "style.wav", "--strict"], "truncated.wav: breaks off at 1.00 s: 1.00 s are"),
    (["truncated.flac", "style.wav", "--strict"], "truncated.flac: breaks off at "),
    (["truncated.mp3", "style.wav", "--strict"], "truncated.mp3: breaks off at 1.10 s"),
    (["truncated.ogg", "style.wav", "--strict"], "truncated.ogg: "),
    (["truncated.aiff", "style.wav", "--strict"], "truncated.aiff: breaks off at 1.00 s"),
    (["damaged.mp3", "style.wav", "--strict"], "damaged.mp3: is damaged at 0.8"),
    (["content.wav", "truncated.wav", "--strict"], "truncated.wav: breaks off at"),
    (["content.wav", "truncated.mp3", "--strict"], "truncated.mp3: breaks off at"),
    (["empty.wav", "style.wav"], "empty.wav: is empty"),
    (["none.wav", "style.wav"], "none.wav: holds no samples"),
    (["silent.wav", "style.wav"], "silent.wav: is silent; choose"),
    (["content.wav", "silent.wav"], "silent.wav: is silent; choose"),
    (
        ["click.wav", "style.wav"],
        "click.wav: what is used of it lasts 0.0045 s, less than one window",
    ),
    (
        ["content.wav", "click.wav"],
        "click.wav: what is used of it lasts 0.0045 s, less than one window",
    ),
    (["nan.wav", "style.wav"], "nan.wav: holds NaN or infinite samples"),
    (["content.wav", "nan.wav"], "nan.wav: holds NaN or infinite samples"),
    (["inf.wav", "style.wav"], "inf.wav: holds NaN or infinite samples"),
    (["slow.wav", "style.wav"], "slow.wav: its sample rate is 100 Hz; use one from 4000"),
    (["fast.wav", "style.wav"], "fast.wav: its sample rate is 1000000 Hz"),
    (["many.wav", "style.wav"], "many.wav: has 64 channels; use 1 to 32"),
    (["content.wav", "style.wav", "-o", "no/out.wav"], "no/out.wav: the folder no does not exist"),
    (["content.wav", "style.wav", "-o", "content.wav/out.wav"], "content.wav does not exist"),
    (["content.wav", "style.wav", "-o", "exists.wav"], "exists.wav: exists; choose another name"),
    (
        ["content.wav", "style.wav", "-o", "content.wav", "--force"],
        "content.wav: is also the content; choose another output",
    ),
    (
        ["content.wav", "style.wav", "-o", "./folder.wav/../style.wav", "--force"],
        "style.wav: is also the style",
    ),
    (["content.wav", "style.wav", "-o", "folder.wav", "--force"], "folder.wav: is a folder"),
    (["content.wav", "style.wav", "-o", "out"], "out: cannot tell a format from no extension"),
    (["content.wav", "style.wav", "-o", "out.xyz"], "out.xyz: cannot tell a format from .xyz"),
    (["content.wav", "style.wav", "-o", "out.mp3", "--rate", "96000"], "MP3 cannot hold"),
    (["content.wav", "style.wav", "--rate", "1"], "out.wav: its sample rate is 1 Hz"),
    (["content.wav", "style.wav", "--rate", "0"], "out.wav: its sample rate is 0 Hz"),
    (["content.wav", "style.wav", "--channels", "0"], "out.wav: has 0 channels"),
    (["content.wav", "style.wav", "--channels", "64"], "out.wav: has 64 channels"),
    (
        ["content.wav", "style.wav", "--subtype", "PCM_99"],
        "WAV does not store PCM_99 here; use one",
    ),
    (["content.wav", "style.wav", "--subtype", "IMA_ADPCM"], "does not store IMA_ADPCM here"),
    (["content.wav", "style.wav", "-o", "a.ogg", "--rate", "384000"], "OGG cannot hold 384000"),
    (["content.wav", "style.wav", "-o", "a.ogg", "--subtype", "PCM_16"], "use one of VORBIS"),
    (["content.wav", "style.wav", "--amount", "2"], "2 is out of range; use 0 to 1, or 2%"),
    (
        ["content.wav", "style.wav", "--amount", "much"],
        "'much' is not a share; write it like 0.5 or 50%",
    ),
    (["content.wav", "style.wav", "--start", "9"], "content.wav: has no region from 9"),
    (["content.wav", "style.wav", "--start", "1", "--end", "0.5"], "has no region from 1 to 0.5"),
    (["content.wav", "style.wav", "--system", "nope"], "nope: is not a system; use one of"),
    (["content.wav", "style.wav", "--preset", "nope"], "oneshot: has no preset nope"),
    (["content.wav", "style.wav", "--set", "nope=1"], "oneshot: has no setting nope"),
    (["content.wav", "style.wav", "--set", "n_fft"], "n_fft has no value; write it as"),
    ([*MUSAICING, "--set", "hop_length=4096"], "at least twice it"),
    ([*MUSAICING, "--set", "phase_iterations=-1"], "phase_iterations start at 0"),
    ([*MUSAICING, "--octave", "1"], "musaicing: has no setting octave; use one of"),
    (["content.wav", "style.wav", "--octave", "9"], "octave must be auto or -4 to 4"),
    (["content.wav", "style.wav", "--octave=--2"], "octave must be auto or -4 to 4"),
    (["content.wav", "style.wav", "--dynamics", "loud"], "'loud' is not one of"),
    (["content.wav", "style.wav", "--set", "sample_rate=16000"], "knows no other"),
    (["content.wav", "missing.timbre"], "missing.timbre: no such file; check the path"),
    (["content.wav", "text.timbre"], "text.timbre: is not a .timbre file; capture it again"),
    (["content.wav", "style.wav", "--nope"], "No such option"),
    (["content.wav"], "Missing argument 'STYLE'"),
    (["-", "-"], "-: is content and style at once"),
    (["-", "style.wav"], "standard input: is empty"),
]


@pytest.mark.parametrize(("arguments", "message"), _BAD, ids=[" ".join(a) for a, _ in _BAD])
def test_bad_input(bad_folder: Path, arguments: list[str], message: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in bad_folder.rglob("*")}
    if "-o" not in arguments:
        arguments = [*arguments, "-o", "out.wav"]
    done = run("transfer", *arguments, folder=bad_folder)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("cambiata: ")
    assert message in lines[0]
    assert done.returncode == 2
    assert done.stdout == b""
    # Nothing written, nothing lost.
    assert {path: path.stat().st_mtime_ns for path in bad_folder.rglob("*")} == before


def test_a_current_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "reel.mid", tmp_path)
    (tmp_path / "gone").mkdir()
    words = ["melody", str(tmp_path / "reel.mid"), "--style", "strathspey", "-o", "out.mid"]
    code = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]); del sys.argv[1];"
        "from cambiata.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "gone"), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "cambiata: the folder that this was begun in was removed; go to another\n"
    )


def test_no_control_character_of_a_name_reaches_the_terminal(folder: Path) -> None:
    """Neither in an error, of one line whatever the name, nor in a sentence of what was done."""
    done = run("transfer", "\x1b\nno.wav", "style.wav", "-o", "x.wav", folder=folder)
    assert done.stderr == b"cambiata: ? no.wav: no such file; check the path\n"
    done = run("transfer", "content.wav", "style.wav", "-o", "\x07.wav", *FAST, folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(b"?.wav: ")


def test_a_cut_file_is_used_with_one_line_and_strictly_refused(folder: Path) -> None:
    whole = (folder / "content.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    line = "cambiata: cut.wav: breaks off at 1.00 s: 1.00 s are missing; "
    for verb, *arguments in (
        ("transfer", "cut.wav", "style.wav", "-o", "a.wav", *FAST),
        ("play", "cut.wav", "style.wav", "-o", "b.wav"),
        ("transcribe", "cut.wav", "-o", "c.mid"),
        ("translate", "cut.wav", "--to", "string-quartet", "-o", "d.wav"),
        ("timbre", "capture", "cut.wav", "-o", "e.timbre"),
    ):
        done = run(verb, *arguments, folder=folder)
        assert done.returncode == 0, done.stderr
        lines = done.stderr.decode().splitlines()
        assert line + "what is there is used" in lines
        assert sum("cut.wav: breaks" in each for each in lines) == 1
        done = run(verb, *arguments, "--force", "--strict", folder=folder)
        assert done.returncode == 2
        assert done.stderr.decode().splitlines() == [line + "copy it or export it again"]


def test_no_output_is_bad_input(folder: Path) -> None:
    done = start("play", "content.wav", "style.wav", folder=folder)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == ["cambiata: Missing option '-o' / '--output'."]


def test_a_folder_that_may_not_be_written_is_refused(folder: Path) -> None:
    (folder / "locked").mkdir(mode=0o555)
    if os.access(folder / "locked", os.W_OK):
        pytest.skip("root may write everywhere")
    done = run("transfer", "content.wav", "style.wav", "-o", "locked/out.wav", folder=folder)
    assert done.returncode == 2
    assert b"may not be written" in done.stderr


def test_transfer(folder: Path) -> None:
    done = start("transfer", "content.wav", "style.wav", "-o", "out.wav", *FAST, folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("out.wav: 2.0 s by musaicing, amount 1, in ")
    assert "real-time factor" in lines[0]
    info = soundfile.info(folder / "out.wav")
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
    assert info.frames == soundfile.info(folder / "content.wav").frames
    assert not list(folder.glob(".cambiata-*"))


def test_force_replaces_and_json_says_what_was_done(folder: Path) -> None:
    done = run(
        *("transfer", "content.wav", "style.wav", "-o", "exists.wav", "--force", "--json"),
        *("--amount", "0.5", "--seed", "7", "--start", "0.4", "--end", "1.2", "--in-place", *FAST),
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["output"], report["amount"], report["seed"]) == ("exists.wav", 0.5, 7)
    assert report["config"]["iterations"] == 5
    assert report["duration_s"] == pytest.approx(2.0)
    assert soundfile.info(folder / "exists.wav").frames == 2 * RATE


def test_quiet_is_quiet_and_limiting_is_said(folder: Path) -> None:
    loud = Audio(np.clip(8 * melody([60, 64, 67]), -1, 1), RATE, "PCM_16")
    loud.save(folder / "loud.wav")
    arguments = ["transfer", "loud.wav", "style.wav", *FAST]
    done = run(*arguments, "-o", "out.wav", folder=folder)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 0
    assert len(lines) == 2
    assert "over full scale and were turned down" in lines[0]
    done = run(*arguments, "-o", "quiet.wav", "--quiet", folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (folder / "out.wav").read_bytes() == (folder / "quiet.wav").read_bytes()


def test_a_terminal_sees_progress_and_a_pipe_does_not(folder: Path) -> None:
    ours, theirs = os.openpty()
    arguments = ["transfer", "content.wav", "style.wav", "-o", "out.wav", *FAST]
    process = subprocess.Popen(
        [sys.executable, "-m", "cambiata", *arguments],
        cwd=folder,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # how a terminal ends on Linux
        while piece := os.read(ours, 1024):
            seen += piece
    os.close(ours)
    assert process.wait() == 0
    assert b"100%" in seen
    assert b"out.wav: 2.0 s" in seen


def test_standard_input_and_output(folder: Path) -> None:
    done = start(
        *("transfer", "-", "style.wav", "-o", "-", "--json", *FAST),
        folder=folder,
        stdin=(folder / "content.wav").read_bytes(),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr)["output"] == "-"
    (folder / "piped.wav").write_bytes(done.stdout)
    run("transfer", "content.wav", "style.wav", "-o", "out.wav", *FAST, folder=folder)
    assert (folder / "piped.wav").read_bytes() == (folder / "out.wav").read_bytes()


def test_a_region_of_a_long_pipe_is_replaced_in_place(folder: Path) -> None:
    # Longer than one block: the content is read by two readers at once then.
    long = Audio(np.tile(melody([60, 64, 67]), 12), RATE, "PCM_16")
    long.save(folder / "long.wav")
    arguments = ["style.wav", "--in-place", "--start", "0.5", "--end", "1.5", *FAST]
    for content, out in (("-", "piped.wav"), ("long.wav", "named.wav")):
        done = run(
            *("transfer", content, *arguments, "-o", out),
            folder=folder,
            stdin=(folder / "long.wav").read_bytes(),
        )
        assert done.returncode == 0, done.stderr
    assert (folder / "piped.wav").read_bytes() == (folder / "named.wav").read_bytes()


def test_a_named_pipe_and_a_name_that_is_no_text_are_read(folder: Path) -> None:
    command = [sys.executable, "-m", "cambiata", "transfer"]
    strange = os.fsencode(folder) + b"/\xff.wav"
    Path(os.fsdecode(strange)).write_bytes((folder / "content.wav").read_bytes())
    for name, call in {
        "a.wav": f"{' '.join(command)} <(cat content.wav) style.wav -o a.wav {' '.join(FAST)}",
        "b.wav": f"{' '.join(command)} $'\\xff.wav' style.wav -o b.wav {' '.join(FAST)}",
    }.items():
        done = subprocess.run(["bash", "-c", call], cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert soundfile.info(folder / name).frames == 2 * RATE


def test_a_region_may_end_beyond_the_end(folder: Path) -> None:
    done = run(
        *("transfer", "content.wav", "style.wav", "-o", "out.wav", "--end", "inf", *FAST),
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    assert soundfile.info(folder / "out.wav").frames == 2 * RATE


def test_closed_standard_input_is_bad_input(folder: Path) -> None:
    call = f"{sys.executable} -m cambiata transfer - style.wav -o out.wav <&-"
    done = subprocess.run(["bash", "-c", call], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"standard input: is closed; pipe a wav into it" in done.stderr


def test_closed_streams_are_nobody_s_file(folder: Path) -> None:
    content = cambiata.load(folder / "content.wav")
    content.save(folder / "content.mp3")  # whose decoder is kept quiet
    command = f"{sys.executable} -m cambiata"
    for name, call in {
        "a.wav": f"transfer content.wav style.wav -o a.wav {' '.join(FAST)} <&- >&- 2>&-",
        "b.flac": f"transfer content.mp3 style.wav -o b.flac {' '.join(FAST)} 2>&-",
    }.items():
        done = subprocess.run(["bash", "-c", f"{command} {call}"], cwd=folder, check=False)
        assert done.returncode == 0
        assert cambiata.load(folder / name, strict=True).duration_s == pytest.approx(2, abs=0.06)
    call = f"{command} systems --json >&-"
    done = subprocess.run(["bash", "-c", call], cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_that_lacks_letters_gets_all_the_same(folder: Path) -> None:
    for encoding in ("latin-1", "ascii"):
        done = start("systems", folder=folder, env={"PYTHONIOENCODING": encoding})
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"oneshot" in done.stdout


@pytest.mark.parametrize(
    ("verb", "cure"),
    [("transfer", "use a shorter style or --set chunk_s=5"), ("melody", "give less at once")],
)
def test_too_little_memory_is_said_as_the_verb_has_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, verb: str, cure: str
) -> None:
    def no_memory(*_arguments: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cambiata.cli.main.cli, "main", no_memory)
    done = run(verb, folder=folder)
    assert done.returncode == 1
    assert done.stderr.decode() == f"cambiata: out of memory; {cure}\n"


def test_a_full_disk_is_said_and_leaves_nothing(folder: Path) -> None:
    call = f"ulimit -f 20; {sys.executable} -m cambiata transfer content.wav style.wav -o out.wav"
    done = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; {call} {' '.join(FAST)}"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.decode().splitlines()) == 1, done.stderr
    assert not (folder / "out.wav").exists()
    assert not list(folder.glob(".cambiata-*"))


def test_a_terminated_program_leaves_nothing(folder: Path) -> None:
    # Terminated from inside, once the output has been begun: no race with the clock.
    code = (
        "import os, signal, sys, soundfile, cambiata.cli.main as cli\n"
        "real = soundfile.SoundFile.write\n"
        "soundfile.SoundFile.write = lambda *a: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.argv = ['cambiata', 'transfer', 'content.wav', 'style.wav', '-o', 'out.wav',"
        " '--amount', '0']\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 128 + 15
    assert not (folder / "out.wav").exists()
    assert not list(folder.glob(".cambiata-*"))


def test_a_wav_streamed_with_no_length_in_its_header_is_read(folder: Path) -> None:
    # What ffmpeg writes into a pipe: sizes of 0xFFFFFFFF, since it cannot go back.
    wav = bytearray((folder / "content.wav").read_bytes())
    at = wav.index(b"data")
    wav[4:8] = wav[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    done = run(
        "transfer", "-", "style.wav", "-o", "out.wav", *FAST, folder=folder, stdin=bytes(wav)
    )
    assert done.returncode == 0, done.stderr
    assert soundfile.info(folder / "out.wav").frames == 2 * RATE


@pytest.mark.parametrize("extension", ["flac", "ogg", "mp3", "aiff"])
def test_the_extension_chooses_the_format(folder: Path, extension: str) -> None:
    out = f"out.{extension}"
    done = run("transfer", "content.wav", "style.wav", "-o", out, *FAST, folder=folder)
    assert done.returncode == 0, done.stderr
    assert soundfile.info(folder / out).format == {"aiff": "AIFF"}.get(extension, extension.upper())


def test_systems_are_listed() -> None:
    plain = run("systems", folder=Path.cwd())
    assert plain.returncode == 0
    rows = json.loads(run("systems", "--json", folder=Path.cwd()).stdout)
    assert rows == list(system_rows())
    for row in rows:
        assert f"{row['name']}: {row['summary']}" in plain.stdout.decode()
        assert row["paper"] in plain.stdout.decode()
        assert row["weights_licence"] in plain.stdout.decode()


def test_help_and_version() -> None:
    top = start("--help", folder=Path.cwd())
    assert top.returncode == 0
    assert b"transfer" in top.stdout
    assert b"systems" in top.stdout
    sub = run("transfer", "--help", folder=Path.cwd()).stdout.decode()
    for flag in ("--amount", "--start", "--end", "--in-place", "--tail", "--force", "--seed"):
        assert flag in sub
    assert run(folder=Path.cwd()).returncode == 0
    version = run("--version", folder=Path.cwd()).stdout.decode()
    assert cambiata.__version__ in version


def test_an_interrupt_leaves_nothing_and_exits_130(folder: Path) -> None:
    # Interrupted from inside, at the first progress: no race with the start of a process.
    code = (
        "import sys, cambiata, cambiata.cli.main as cli, cambiata.cli.transfer_verb\n"
        "real = cambiata.transfer_file\n"
        "def stop(share): raise KeyboardInterrupt\n"
        "cambiata.transfer_file = lambda *a, **k: real(*a, **{**k, 'progress': stop})\n"
        "sys.argv = ['cambiata', 'transfer', 'content.wav', 'style.wav', '-o', 'out.wav']\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr.decode().splitlines() == ["cambiata: interrupted; nothing was written"]
    assert not (folder / "out.wav").exists()
    assert not list(folder.glob(".cambiata-*"))


def test_without_its_extra_a_system_says_what_to_install(folder: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "sys.argv = ['cambiata', 'transfer', 'content.wav', 'style.wav', '-o', 'out.wav',"
        " '--system', 'ulyanov']\n"
        "from cambiata.cli.main import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        'cambiata: ulyanov: needs packages that are not installed; pip install "cambiata[lab]"'
    ]


def test_every_option_is_an_argument_of_the_api() -> None:
    import inspect
    from dataclasses import fields

    from cambiata.cli.transfer_verb import transfer as command

    api = {field.name for field in fields(cambiata.Options)}
    api |= set(inspect.signature(cambiata.transfer_file).parameters) - {"options", "progress"}
    api = api - {"content"} | {"contents"}  # several, one after the other
    own = {"quiet", "as_json", "bars", "bpm", "metre"}
    assert {parameter.name for parameter in command.params} == api | own
