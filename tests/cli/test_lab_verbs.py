"""The commands on data, evaluation and training: tiny fonts, scores, runs and networks."""

import importlib.util
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from commands import Done, run, start
from serial_engine import SerialEngine
from sounds import tone

from cambiata.audio.sound import Audio
from cambiata.cli import lab_verbs, options
from cambiata.cli.options import without_unset
from cambiata.engines.engine import opened, run_tasks
from cambiata.errors import InputError
from cambiata.score import midi
from cambiata.score.midi import Note, Part, Score

TRACKER = importlib.util.find_spec("essentia") or importlib.util.find_spec("basic_pitch")
from tiny_examples import SETTINGS, tiny_examples  # noqa: E402
from tiny_fonts import Program, Zone, fluidsynth, plucked, write_font  # noqa: E402
from tiny_runs import write_run  # noqa: E402


def start_with_caches(*arguments: str, folder: Path) -> Done:
    """In a process of its own, its caches in the folder."""
    return start(*arguments, folder=folder, env={"XDG_CACHE_HOME": str(folder / ".cache")})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good and bad fonts, scores and recordings."""
    programs = [
        Program(0, "Bright", (Zone(plucked(60, decay_s=0.4), 60),)),
        Program(1, "Dull", (Zone(np.sin(np.arange(44100) * 0.0373) * 0.3, 60),)),
        Program(5, "Narrow", (Zone(plucked(80), 80, (79, 81)),)),
    ]
    write_font(tmp_path / "tiny.sf2", programs)
    (tmp_path / "broken.sf2").write_bytes((tmp_path / "tiny.sf2").read_bytes()[:5000])
    (tmp_path / "text.sf2").write_text("no font")
    tune = Part(tuple(Note(t / 4, t / 4 + 0.2, 55 + t) for t in range(6)))
    midi.save(Score((tune,)), tmp_path / "tune.mid")
    midi.save(Score(()), tmp_path / "silent.mid")
    drums = Part((Note(0.0, 0.1, 36),), is_drum=True)
    midi.save(Score((drums,)), tmp_path / "drums.mid")
    (tmp_path / "text.mid").write_text("no notes")
    for name in ("scores", "unusable", "notes", "recordings", "empty"):
        (tmp_path / name).mkdir()
    midi.save(Score((tune,)), tmp_path / "scores/tune.mid")
    (tmp_path / "scores/text.mid").write_text("no notes")
    midi.save(Score(()), tmp_path / "scores/silent.mid")
    (tmp_path / "unusable/text.mid").write_text("no notes")
    for pitch, name in ((60, "C4"), (62, "D4")):
        Audio(tone(pitch, 1.0, rate=44100), 44100).save(tmp_path / f"notes/{name}.wav")
    (tmp_path / "notes/E4.wav").write_text("no sound")
    (tmp_path / "recordings/cello.wav").write_text("no sound")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "exists").mkdir()
    (tmp_path / "exists/letter.txt").write_text("kept")
    return tmp_path


# --- bad input ------------------------------------------------------------------------------------

_BAD = [
    ("data bank missing.sf2 -o out", "missing.sf2: no such "),
    ("data bank broken.sf2 -o out", "broken.sf2: is not a whole sound font; name an intact"),
    ("data bank text.sf2 -o out", "text.sf2: is not a whole sound font"),
    ("data bank tiny.sf2 -o out --programs 99", "99"),
    (
        "data bank tiny.sf2 -o out --programs x",
        "'x' is not a number or a range; write it",
    ),
    ("data bank tiny.sf2 -o out --programs 7-3", "'7-3' is not within 0-127, the lesser number"),
    ("data bank tiny.sf2 -o out --programs 0-999999999", "is not within 0-127"),
    ("data bank tiny.sf2 -o out --programs 3,,4", "'' is not a number or a range"),
    ("data bank tiny.sf2 -o out --programs \N{SUPERSCRIPT TWO}", "is not a number or a range"),
    ("data bank tiny.sf2 -o out --velocities 0", "velocit"),
    ("data bank tiny.sf2 -o out --jobs 0", "0 is not in the range x>=1"),
    ("data bank tiny.sf2 -o exists", "exists"),
    ("data bank tiny.sf2 -o out --engine slurm", "'slurm' is not one of 'local', 'ray'"),
    (
        "data bank tiny.sf2 -o out --address a:1",
        "address a:1: is of a cluster; leave out --address, or use --engine ray",
    ),
    ("data bank empty -o out", "empty: "),
    ("data bank notes -o out --use never", "'never' is not one of 'train', 'test'"),
    ("data bank -o out", "Missing argument 'SOURCE'"),
    ("data pack missing.sf2 -o out", "missing.sf2: no such "),
    ("data pack broken.sf2 -o out", "broken.sf2: is not a whole sound font; name an intact"),
    ("data pack empty -o out", "empty: holds no sound file; name a folder of recordings"),
    (
        "data pack notes -o exists",
        "exists: exists; choose another name, or replace it with --force",
    ),
    ("data pack notes -o exists --force", "exists: holds something other than a pack"),
    ("data pack notes notes -o out", "notes: is named twice; name each source once"),
    ("data pack notes -o out --drums empty", "empty: holds no sound file"),
    ("data pack notes -o out --rooms none", "none: no such folder; check the path"),
    ("data pack notes -o out --timbres 3", "n_timbres: no synthesiser is among the sources"),
    ("data pack amsynth -o out --timbres x", "'x' is not a valid integer"),
    ("data render missing.mid -o out --fonts tiny.sf2", "missing.mid: no such file or folder"),
    ("data render text.mid -o out --fonts tiny.sf2", "text.mid: "),
    ("data render silent.mid -o out --fonts tiny.sf2", "silent.mid: "),
    ("data render drums.mid -o out --fonts tiny.sf2", "drums.mid: holds no readable MIDI file"),
    ("data render unusable -o out --fonts tiny.sf2", "unusable: holds no readable MIDI file with"),
    ("data render tune.mid -o out --fonts missing.sf2", "missing.sf2: no such sound font"),
    ("data render tune.mid -o out --fonts broken.sf2", "broken.sf2: is not a whole sound font"),
    ("data render tune.mid -o out --fonts tiny.sf2 --programs 99", "none has one of the programs"),
    ("data render tune.mid -o out --fonts tiny.sf2,", "'tiny.sf2,' lacks a name"),
    ("data render tune.mid -o out --fonts tiny.sf2 --limit 0", "0 is not in the range x>=1"),
    ("data render tune.mid -o no/out --fonts tiny.sf2", "no/out: its folder does not exist"),
    ("data render tune.mid -o exists --fonts tiny.sf2", "exists: exists; choose another name"),
    ("data render tune.mid -o exists --force --fonts tiny.sf2", "is not of this command's making"),
    ("data render tune.mid", "Missing option '-o' / '--output'"),
    ("evaluate transfer -o out --rows magic", "magic: is not a row; use one of target, "),
    ("evaluate transfer -o out --rows musaicing:x", "musaicing: has no preset x; use one of"),
    ("evaluate transfer -o out --rows target,", "'target,' lacks a name"),
    ("evaluate transfer -o out --limit 0", "limit 0: leaves no pair; give at least 1"),
    ("evaluate transfer -o out --font missing.sf2", "missing.sf2: no such sound font"),
    ("evaluate transfer -o out --font broken.sf2", "broken.sf2: is not a whole sound font"),
    ("evaluate transfer -o out --no-artificial", "evaluate: no set to run on; give --real FOLDER"),
    (
        "evaluate transfer -o out --lakh list.json empty --font tiny.sf2",
        "list.json: is not the authors' list of pairs; name data/lmd",
    ),
    (
        "evaluate transfer -o out --no-artificial --mixing-secrets list.json empty",
        "list.json: is not the authors' list of segments",
    ),
    ("evaluate transfer -o out --lakh list.json", "requires 2 arguments"),
    ("evaluate report missing -o out", "missing/run.json: no such file; name the folder of a run"),
    ("evaluate report exists -o out", "exists/run.json: no such file"),
]
_NEEDS_TRACKER = [
    ("evaluate transfer -o out --no-artificial --real missing", "missing: no such folder"),
    ("evaluate transfer -o out --no-artificial --real empty", "empty: gives no pair; add record"),
]


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all refusals: each must leave it as it was."""
    return folder.__wrapped__(tmp_path_factory.mktemp("bad"))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "message"), [*_BAD, *_NEEDS_TRACKER], ids=[c for c, _ in [*_BAD, *_NEEDS_TRACKER]]
)
def test_bad_input(
    bad_folder: Path,
    command: str,
    message: str,
) -> None:
    fluidsynth()
    if "--lakh list.json empty" in command:
        pytest.importorskip("pretty_midi")
    if (command, message) in _NEEDS_TRACKER and not TRACKER:
        pytest.skip("no pitch tracker")
    before = files(bad_folder)
    done = run(*command.split(), folder=bad_folder)
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("cambiata: ")
    assert message in line
    assert (done.returncode, done.stdout) == (2, b"")
    assert files(bad_folder) == before
    assert not (bad_folder / "out").exists()


def test_bad_input_in_a_process_of_its_own(folder: Path) -> None:
    fluidsynth()
    done = start("data", "bank", "broken.sf2", "-o", "out", folder=folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().splitlines() == [
        "cambiata: broken.sf2: is not a whole sound font; name an intact .sf2 or .sf3 file"
    ]


def test_unreadable_recordings_are_named_and_then_refused(folder: Path) -> None:
    if not TRACKER:
        pytest.skip("no pitch tracker")
    done = run(
        *("evaluate", "transfer", "-o", "out", "--no-artificial", "--real", "recordings"),
        folder=folder,
    )
    assert done.returncode == 2
    warned, refused = done.stderr.decode().splitlines()
    assert warned == "cambiata: 1 recordings not used: cello.wav: is not readable as sound"
    assert refused.startswith("cambiata: recordings: gives no pair; ")
    assert not (folder / "out").exists()


# --- what ought to work ---------------------------------------------------------------------------


def test_check_says_what_is_here_and_how_to_get_the_rest(folder: Path) -> None:
    done = run("data", "check", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    items = json.loads(done.stdout)
    kinds = {"package", "library", "sound font", "synthesiser", "bank", "pack", "scores"}
    assert {item["kind"] for item in items} == kinds
    for item in items:
        assert item["present"] == (not item["cure"])
    [music21] = [item for item in items if item["name"] == "music21"]
    assert music21["present"] == bool(importlib.util.find_spec("music21"))
    plain = run("data", "check", "--banks", "empty", folder=folder).stdout.decode()
    assert "missing bank any: none in empty\n        cambiata data bank FONT\n" in plain


def test_a_bank_of_a_font_is_made_and_found(folder: Path) -> None:
    fluidsynth()
    arguments = ["data", "bank", "tiny.sf2", "--programs", "5", "--velocities", "80", "--jobs", "1"]
    done = run(*arguments, "-o", "banks/own", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["bank"], facts["instruments"], facts["source"]["name"]) == (
        "banks/own",
        1,
        "tiny",
    )
    assert facts["notes"] == 3  # 79 to 81 at one velocity
    listed = run("data", "check", "--banks", "banks", "--json", folder=folder).stdout
    [bank] = [item for item in json.loads(listed) if item["kind"] == "bank"]
    assert (bank["name"], bank["present"]) == ("own", True)
    written = files(folder / "banks")
    again = run(*arguments, "-o", "banks/own", "--quiet", folder=folder)
    assert (again.returncode, again.stdout, again.stderr) == (0, b"", b"")
    assert files(folder / "banks") == written
    other = run(*arguments, "--velocities", "90", "-o", "banks/own", folder=folder)
    assert other.returncode == 2
    assert b"banks/own: holds a bank of another make; choose another folder" in other.stderr
    assert files(folder / "banks") == written
    # Without a place it goes into the cache.
    assert start_with_caches(*arguments, "--quiet", folder=folder).returncode == 0
    assert (folder / ".cache/cambiata/bank/tiny/bank.json").exists()


def test_a_bank_is_made_on_the_engine_that_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fluidsynth()
    engine = SerialEngine()
    monkeypatch.setattr(options, "opened", engine.opened)
    words = ("data", "bank", "tiny.sf2", "--programs", "0,5", "--velocities", "80", "--quiet")
    done = run(*words, "--engine", "ray", "--address", "here:1", "-o", "one", folder=folder)
    assert done.returncode == 0, done.stderr
    assert engine.given == ("ray", "here:1")
    assert [preset.program for preset in engine.done] == [5, 0]
    assert run(*words, "--jobs", "1", "-o", "other", folder=folder).returncode == 0
    assert len(engine.done) == 2
    written = {path.name: path.read_bytes() for path in (folder / "one").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (folder / "other").iterdir()}


@pytest.mark.parametrize("verb", ["transfer", "play", "translate"])
def test_rows_are_run_on_the_engine_that_is_named(
    tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(_output: str, *, n_workers: int, **_rest: object) -> None:
        results = list(run_tasks(abs, [-1, -2], n_workers))
        raise InputError(verb, f"gave {results}", "see above")

    engine = SerialEngine()
    monkeypatch.setattr(options, "opened", engine.opened)
    monkeypatch.setattr(f"cambiata.evaluate.{verb}.evaluate_{verb}", judge)
    words = ("evaluate", verb, "-o", "out", "--engine", "ray", "--jobs", "2")
    done = run(*words, folder=tmp_path)
    assert done.stderr.decode() == f"cambiata: {verb}: gave [(-2, 2), (-1, 1)]; see above\n"
    assert engine.given == ("ray", None)


def test_a_bank_of_recordings_names_the_unreadable(folder: Path) -> None:
    done = run(
        *("data", "bank", "notes", "-o", "recorded", "--licence", "CC0-1.0", "--use", "test"),
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stderr.decode()
    assert "E4.wav" in printed
    assert "CC0-1.0; for test" in printed
    assert json.loads((folder / "recorded/bank.json").read_text())["complete"]


def test_a_pack_is_made_of_a_font_and_recordings(folder: Path) -> None:
    fluidsynth()
    arguments = ["data", "pack", "tiny.sf2", "notes", "-o", "pack", "--no-scores"]
    done = run(*arguments, "--licence", "CC0-1.0", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["pack"], facts["timbres"], facts["held_out"]) == ("pack", 4, 1)
    assert [source["licence"] for source in facts["sources"]] == ["CC0-1.0"] * 2
    assert facts["sources"] == json.loads((folder / "pack/pack.json").read_text())
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("cambiata: 1 of 3 files not used: ")
    assert "E4.wav" in line
    again = run(*arguments, folder=folder)
    assert b"pack: exists; choose another name, or replace it with --force" in again.stderr
    quiet = run(*arguments, "--force", "--quiet", folder=folder)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, b"", b"")
    told = run("data", "pack", "notes", "pack", "-o", "more", "--no-scores", folder=folder)
    assert (
        told.stderr.decode()
        .splitlines()[-1]
        .endswith("train with `cambiata train run listener -o RUN --examples more`")
    )


def test_scores_are_rendered_and_the_unusable_named(folder: Path) -> None:
    fluidsynth()
    arguments = ["data", "render", "scores", "-o", "out", "--fonts", "tiny.sf2"]
    done = run(*arguments, "--programs", "0,1,5", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    printed = done.stderr.decode().splitlines()
    assert len(printed) == 1
    assert printed[0].startswith("cambiata: 2 of 3 scores not used: ")
    assert "text.mid" in printed[0]
    assert "silent.mid" in printed[0]
    manifest = json.loads(done.stdout)
    assert manifest == json.loads((folder / "out/manifest.json").read_text())
    assert {sound["program"] for sound in manifest["sounds"]} == {0, 1}
    [unplayable] = manifest["not playable"]
    assert (unplayable["program"], unplayable["why"]) == (5, "6 of 6 notes outside its range")
    for sound in manifest["sounds"]:
        samples, rate = soundfile.read(folder / "out" / sound["file"])
        assert rate == 44100
        assert np.abs(samples).max() == pytest.approx(0.9, abs=1e-3)
    [score] = (folder / "out").glob("*.mid")
    [part] = midi.load(score).parts
    assert [note.pitch for note in part.notes] == list(range(55, 61))
    quiet = run(*arguments, "--force", "--quiet", "--limit", "1", folder=folder)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, b"", b"")


def test_a_report_is_written_of_a_run(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    write_run(folder)
    done = run("evaluate", "report", "run", "-o", "page", "--n-random", "1", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode() == "page/index.html\n"
    assert "LSD" in done.stdout.decode()
    assert (folder / "page/table.md").read_text() in done.stdout.decode()
    again = run("evaluate", "report", "run", "-o", "page", folder=folder)
    assert again.returncode == 2
    assert len(again.stderr.splitlines()) == 1


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the command passes on; sets and rows of tests/support/tiny.py are run instead."""
    pytest.importorskip("mir_eval")
    import tiny

    from cambiata.evaluate import run as running
    from cambiata.evaluate import transfer

    found: list[dict[str, Any]] = []

    def evaluated(output: str, *, progress: Any = None, **options: Any) -> list[str]:
        found.append(options)
        rows = [tiny.SOFT, tiny.REFUSING][: 2 if "limit" in options else 1]
        sets = [tiny.TinySet(2)]
        return running.run(output, sets, rows, n_workers=1, tools=tiny.tools, progress=progress)

    monkeypatch.setattr(running, "run_tasks", tiny.in_place)
    monkeypatch.setattr(transfer, "evaluate_transfer", evaluated)
    return found


def test_an_evaluation_prints_its_tables_and_passes_on_what_was_given(
    tmp_path: Path, calls: list[dict[str, Any]]
) -> None:
    call = ("evaluate", "transfer", "-o", "run")
    done = run(*call, "--seed", "0", "--rows", "a,b", "--jobs", "3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert calls == [{"rows": ["a", "b"], "quick": False, "n_workers": 3, "seed": 0}]
    assert "soft (half)" in done.stdout.decode()
    done = run(*call, "--no-artificial", "--quick", "--json", folder=tmp_path)
    assert calls[1:] == [{"quick": True, "artificial": False}]
    assert "artificial" in json.dumps(json.loads(done.stdout))


def test_a_pair_that_fails_is_named_and_makes_the_exit_code_1(
    tmp_path: Path, calls: list[dict[str, Any]]
) -> None:
    done = run("evaluate", "transfer", "-o", "run", "--limit", "7", folder=tmp_path)
    assert done.returncode == 1
    assert calls == [{"quick": False, "limit": 7}]
    [line] = done.stderr.decode().splitlines()
    assert line == "cambiata: 0001 refusing: content: is too quiet; choose another"
    assert "soft (half)" in done.stdout.decode()  # the rest is not lost
    assert "0001" in (tmp_path / "run/artificial/scores.jsonl").read_text()


def test_options_not_given_keep_the_api_s_defaults() -> None:
    options = without_unset(quick=False, limit=0, rows=None, fonts=(), folder="", seed=0)
    assert options == {"quick": False, "limit": 0, "folder": "", "seed": 0}


def test_every_option_of_evaluate_is_an_argument_of_its_function() -> None:
    from cambiata.data.bank_building import build_bank
    from cambiata.data.pack_building import build_pack
    from cambiata.data.rendering import render_scores
    from cambiata.evaluate.transfer import evaluate_transfer

    for command, function, own in (
        (lab_verbs.evaluate_transfer, evaluate_transfer, {"report", "force", "quiet", "as_json"}),
        (lab_verbs.render, render_scores, {"quiet", "as_json", "output"}),
        (lab_verbs.bank, build_bank, {"quiet", "as_json", "output"}),
        (lab_verbs.pack, build_pack, {"quiet", "as_json", "output"}),
    ):
        names = {parameter.name for parameter in command.params}
        known = {*inspect.signature(function).parameters, *inspect.signature(opened).parameters}
        assert names - own <= known | {"output"}


def test_groups_help_themselves() -> None:
    for group, commands in (("data", "check bank pack render"), ("evaluate", "transfer report")):
        text = run(group, "--help", folder=Path.cwd()).stdout.decode()
        assert all(f"  {command}" in text for command in commands.split())


# --- training -------------------------------------------------------------------------------------

needs_training = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("torch", "lightning_fabric", "onnx")),
    reason="needs torch and lightning_fabric",
)


@needs_training
@pytest.mark.slow
def test_from_examples_to_weights(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    tiny_examples(tmp_path / "examples")
    settings = [piece for key, value in SETTINGS.items() for piece in ("--set", f"{key}={value}")]
    done = run(
        *("train", "run", "vqvae-self-supervised", "-o", "RUN", "--examples", "examples"),
        *("--json", *settings),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == 4
    assert b"step 4, " in done.stderr
    assert b"lsd_db" in done.stderr
    done = run("train", "resume", "RUN", "--quiet", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = run("train", "export", "RUN", "-o", "mine.onnx", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(b"mine.onnx: ")
    assert done.stderr.endswith(b"--system vqvae --set weights=mine.onnx\n")
    assert {path.name for path in tmp_path.glob("mine*")} == {
        "mine.onnx",
        "mine.style.onnx",
        "mine.json",
    }


@needs_training
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nope", "-o", "R"], "nope: is not a training preset; use one of drums, "),
        (
            ["run", "vqvae-self-supervised", "-o", "there"],
            "there: exists; go on with `cambiata train resume`, or replace it with --force",
        ),
        (
            ["run", "vqvae-self-supervised", "-o", "R", "--set", "loop.speed=1"],
            "loop.speed: is not a setting; use one ",
        ),
        (
            ["run", "vqvae-self-supervised", "-o", "R", "--set", "loop.batch_size=x"],
            "loop.batch_size=x: ",
        ),
        (
            ["run", "vqvae-self-supervised", "-o", "R", "--minutes", "-1"],
            "loop.minutes=-1.0: rates and limits must",
        ),
        (
            ["resume", "there"],
            "there: is not a run; start one with `cambiata train run PRESET -o RUN`",
        ),
        (["export", "there", "-o", "x.onnx"], "there: is not a run; start one"),
        (["export", "text.pt", "-o", "x.onnx"], "text.pt: cannot be read; give the authors' model"),
        (["export", "there", "-o", "x.bin"], "x.bin: is not a .onnx file; name it NAME.onnx"),
    ],
)
def test_bad_input_of_training_is_said_in_a_line(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "text.pt").write_text("no")
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run("train", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@needs_training
def test_without_a_bank_a_training_says_how_to_make_one(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path / ".cache")}
    done = start("train", "run", "vqvae-self-supervised", "-o", "R", folder=tmp_path, env=env)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(
        "cambiata: the banks fluid-r3, musescore-general, generaluser-gs, csound-gm: must be made "
        "first; run `cambiata data bank fluid-r3` and so on"
    )
    assert done.stderr.count(b"\n") == 1
    assert not (tmp_path / "R").exists()


@needs_training
def test_without_a_pack_a_listener_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/audio.npy").write_bytes(b"")
    cure = "make one with `cambiata data pack -o FOLDER`, and name it by --examples FOLDER"
    for folder, problem in (("none", "no such pack of notes"), ("broken", "is not a pack of note")):
        done = run("train", "run", "listener", "-o", "R", "--examples", folder, folder=tmp_path)
        assert done.returncode == 2
        [line] = done.stderr.decode().splitlines()
        assert line.startswith(f"cambiata: {folder}: {problem}")
        assert line.endswith(cure)
        assert not (tmp_path / "R").exists()
