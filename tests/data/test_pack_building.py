"""Packs: notes of several sources in one folder, what they weigh, what is held out and refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import tone
from tiny_fonts import Program, Zone, fluidsynth, plucked, write_font
from tiny_packs import tiny_pack

from cambiata.audio.sound import Audio
from cambiata.data import pack_building, pack_sources
from cambiata.data.bank_building import build_bank
from cambiata.data.clip_examples import ClipExamples, ClipsConfig
from cambiata.data.note_pack import NOTE, NotePack, PackWriter
from cambiata.data.pack_building import build_pack, sample_excerpts
from cambiata.data.pack_sources import held_out, open_source, weigh
from cambiata.data.scores import Work
from cambiata.data.soundfont import RENDER_RATE_HZ, SoundSource
from cambiata.data.synthesisers import banks
from cambiata.data.synthesisers.banks import SYNTHESISERS, Synthesiser
from cambiata.data.synthesisers.timbres import Timbre
from cambiata.errors import CambiataWarning, InputError
from cambiata.score.midi import Note, Part


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank, folders of recorded notes, drum hits and a room; nothing that needs a font."""
    root = tmp_path_factory.mktemp("places")
    rng = np.random.default_rng(0)
    for name, partials in (("flute", 2), ("viola", 6)):
        (root / name).mkdir()
        for pitch, key in ((60, "C4"), (66, "Fs4")):
            Audio(tone(pitch, 1.0, partials, 44100), 44100).save(root / name / f"{key}.wav")
    (root / "layers").mkdir()
    for level in (1, 2, 3, 4):
        sound = tone(60, 0.5, level, 44100, level=0.05 * level)
        Audio(sound, 44100).save(root / f"layers/C4v{level}.wav")
    (root / "hits/more").mkdir(parents=True)
    for name, length in (("kick", 6000), ("more/snare", 120_000)):
        hit = rng.normal(size=length) * np.exp(-np.arange(length) / 900) * 0.1
        Audio(hit.astype(np.float32), 44100).save(root / f"hits/{name}.wav")
    (root / "hits/text.wav").write_text("no sound")
    (root / "rooms").mkdir()
    response = rng.normal(size=(3, 9000)) * np.exp(-np.arange(9000) / 2000) * 0.1
    Audio(response.astype(np.float32), 44100).save(root / "rooms/hall.wav")
    (root / "empty").mkdir()
    build_bank(root / "viola", root / "bank", licence="CC0")
    build_bank(root / "flute", root / "test-bank", licence="CC0", use="test")
    tiny_pack(root / "pack")
    return root


def test_sources_lie_in_one_folder_with_their_licences(places: Path, tmp_path: Path) -> None:
    steps: list[float] = []
    with pytest.warns(CambiataWarning, match=r"1 of 3 files not used: text.wav"):
        pack = build_pack(
            tmp_path / "out",
            [places / "flute", places / "bank"],
            drums=places / "hits",
            rooms=places / "rooms",
            scores=False,
            licence="mine",
            progress=steps.append,
        )
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "audio.npy",
        "notes.npy",
        "pack.json",
        "rooms.npy",
    }
    flute, viola, hits, rooms = json.loads((tmp_path / "out/pack.json").read_text())
    assert tuple(map(dict, pack.sources)) == (flute, viola, hits, rooms)
    assert (flute["licence"], viola["licence"], viola["kind"]) == ("mine", "CC0", "recorded")
    assert (hits["notes"], hits["timbres"], rooms["rooms"]) == (2, 2, 2)
    assert {each["use"] for each in pack.sources} == {"train"}
    assert pack.facts["timbres"] == 4
    assert np.load(tmp_path / "out/rooms.npy").shape == (2, 131072)
    # Drums are no notes, as loud as each other, and never held out.
    drums = pack.notes[pack.notes["pitch"] < 0]
    assert len(drums) == 2
    assert not drums["held_out"].any()
    assert set(drums["level_db"]) == {-20}
    assert drums["length"].max() <= 2 * RENDER_RATE_HZ
    # The last timbre is left to validate with, as too few are there for the rule.
    assert pack.facts["held_out"] == 1
    assert set(pack.notes["timbre"][pack.notes["held_out"]]) == {1}


def test_notes_are_where_the_table_says(places: Path, tmp_path: Path) -> None:
    pack = build_pack(tmp_path / "out", [places / "viola", places / "pack"], scores=False)
    assert pack.notes.dtype == NOTE
    assert len(pack.audio) == (pack.notes["start"] + pack.notes["length"]).max()
    for note in pack.notes:
        sound = pack.audio[note["start"] : note["start"] + note["length"]]
        assert np.abs(sound).max() >= 32766
        spectrum = np.abs(np.fft.rfft(sound[: RENDER_RATE_HZ // 2]))
        expected = 440 * 2 ** ((note["pitch"] - 69) / 12)
        assert spectrum.argmax() * 2 == pytest.approx(expected, rel=0.02, abs=3)
    # What was in another pack stays as it was: weights, what is held out, sources.
    assert pack.sources[-1] == {"name": "tones", "licence": "no samples: computed"}
    assert pack.facts["timbres"] == 1 + 3
    assert set(pack.notes["timbre"][pack.notes["held_out"]]) == {3}
    assert set(pack.notes["weight"][pack.notes["timbre"] > 0]) == {1}
    assert set(pack.notes["weight"][pack.notes["timbre"] == 0]) == {4}


def test_a_pack_is_what_a_training_learns_from(places: Path, tmp_path: Path) -> None:
    build_pack(
        tmp_path / "out", [places / "flute", places / "viola"], rooms=places / "rooms", scores=False
    )
    examples = ClipExamples(tmp_path / "out", ClipsConfig(n_validation=2))
    dataset = examples.dataset()
    assert dataset[3].shape == dataset.validation()[1].shape
    assert len(examples.rooms) == 2
    assert [each["name"] for each in examples.facts["banks"]] == ["flute", "viola", "rooms"]


def test_excerpts_are_of_works_to_learn_from_and_fit_a_clip(
    places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Part(tuple(Note(i / 4, i / 4 + 0.2, 50 + i % 12, 80) for i in range(120)))
    works = [Work(f"tune{i}", "tunes", (part,)) for i in range(12)]
    unseen = [Work("quartet", "quartets", (part,))]
    excerpts = sample_excerpts(works + unseen, np.random.default_rng(0))
    n_train = sum(work.split == "train" for work in works)
    assert 0 < n_train < 12
    assert len(excerpts) == 2 * n_train
    assert {name for name, _ in excerpts} == {"tunes"}
    assert all(0 <= n.start_s < n.end_s < 5.95 for _, notes in excerpts for n in notes)
    asked: list[list[str]] = []

    def corpus(names: list[str], **_: object) -> list[Work]:
        asked.append(names)
        return works if names == ["tunes"] else []

    monkeypatch.setattr(pack_building, "load_corpus", corpus)
    monkeypatch.setattr(pack_building, "find_spec", lambda _name: True)
    steps: list[float] = []
    pack = build_pack(tmp_path / "out", [places / "pack"], progress=steps.append)
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert asked == [["chorales"], ["tunes"]]  # those that may be trained on
    assert [each.get("excerpts") for each in pack.sources] == [None, 0, 2 * n_train]
    examples = ClipExamples(tmp_path / "out", ClipsConfig())
    assert len(examples.excerpts) == 2 * n_train


def test_weights_and_what_is_held_out_are_by_kind(places: Path) -> None:
    notes = np.zeros(4, NOTE)
    notes["timbre"], notes["velocity"] = [0, 7, 8, 40], [20, 40, 60, 80]
    for kind, expected in (
        ("font", [4, 4, 1, 1]),
        ("recorded", [30] * 4),  # of four velocities
        ("pianos", [1.5] * 4),
        ("synthesiser", [0.25] * 4),
    ):
        weigh(kind, notes)  # type: ignore[arg-type]
        assert notes["weight"].tolist() == expected
    notes["velocity"] = 80
    weigh("recorded", notes)
    assert notes["weight"].tolist() == [4] * 4

    def source(name: str, kind: Any) -> pack_sources.NoteSource:
        return pack_sources.NoteSource(name, "", kind, lambda _: iter(()), 1)

    fonts = [source("fluid-r3", "font"), source("generaluser-gs", "font")]
    assert 3 in held_out(fonts[1], fonts)
    assert 3 not in held_out(fonts[0], fonts)
    assert 3 in held_out(fonts[0], fonts[:1])  # where GeneralUser GS is missing
    folders = [source(f"{i}", "recorded") for i in range(6)]
    assert [0 in held_out(each, folders) for each in folders] == [i == 3 for i in range(6)]
    layers = open_source(places / "layers", licence="CC0")
    making = pack_sources.Making((), places, 1)
    [pack] = layers.packs(making)
    assert len(np.unique(pack.notes["velocity"])) == 4


def test_a_font_is_taken_without_what_the_test_font_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fluidsynth()
    zone = (Zone(plucked(60), 60, (55, 65)),)
    font = write_font(tmp_path / "own.sf2", [Program(n, f"{n}", zone) for n in (0, 3, 40)])
    monkeypatch.setattr(pack_sources, "read_exclusions", lambda: {("own", 40)})
    source = open_source(font, licence="CC0")
    assert (source.name, source.n_packs, source.licence) == ("own", 2, "CC0")
    pack = build_pack(tmp_path / "out", [font], scores=False)
    assert pack.notes["held_out"].tolist() == [False, False, True, True]  # program 3
    assert set(pack.notes["weight"]) == {4}
    assert pack.notes["pitch"].tolist() == [57, 62, 57, 62]  # one layer: it is louder, no other
    # So is its bank.
    build_bank(font, tmp_path / "bank", n_workers=1)
    banked = build_pack(tmp_path / "banked", [tmp_path / "bank"], scores=False)
    assert (banked.sources[0]["kind"], banked.facts["timbres"]) == ("font", 2)
    assert banked.notes["held_out"].tolist() == [False] * 3 + [True] * 3
    assert banked.notes["pitch"].tolist() == [55, 60, 65] * 2
    assert set(banked.notes["weight"]) == {4}
    known = SoundSource("own", "GPL-2.0", "test")
    monkeypatch.setattr(pack_sources, "identify_source", lambda _path: known)
    with pytest.raises(InputError, match="own: is for tests, never to be trained on; leave it out"):
        build_pack(tmp_path / "other", [font])


def test_synthesised_timbres_come_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def render(hz: float, velocity: int, hold_s: float, length_s: float) -> np.ndarray:
        t = np.arange(round(length_s * RENDER_RATE_HZ)) / RENDER_RATE_HZ
        sound = sum(np.sin(2 * np.pi * n * hz * t) / n for n in range(1, 6)) * np.exp(-2 * t)
        sound = sound * np.where(t < hold_s, 1, np.exp(-60 * (t - hold_s)))
        return np.asarray(0.1 * velocity / 127 * sound, np.float32)

    def backwards(work: Callable[[Any], Any], tasks: range, _n: int) -> Any:
        return ((task, work(task)) for task in reversed(tasks))

    def timbre(_name: str, _seed: int, number: int) -> Timbre:
        return Timbre("", (50 + number, 58 + number), render)

    monkeypatch.setitem(SYNTHESISERS, "fake", Synthesiser("fake", "numpy", "numpy", "BSD", ""))
    monkeypatch.setattr(banks, "candidate", timbre)
    monkeypatch.setattr(pack_sources, "run_tasks", backwards)
    pack = build_pack(tmp_path / "out", ["fake"], n_timbres=3, scores=False)
    assert pack.notes["pitch"].tolist() == [50, 58, 51, 59, 52, 60]  # soft is loud, but softer
    assert set(pack.notes["weight"]) == {0.25}
    assert "the sound is ours" in pack.sources[0]["licence"]
    missing = Synthesiser("gone", "gone", "no_such_module", "BSD", "")
    monkeypatch.setitem(SYNTHESISERS, "gone", missing)
    with pytest.raises(InputError, match="gone: is not installed; pip install"):
        build_pack(tmp_path / "other", ["gone"])


def test_without_sources_all_that_is_here_is_taken_and_the_rest_named(
    places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing() -> None:
        raise InputError("FluidSynth", "is missing", "install it")

    monkeypatch.setattr(pack_sources, "fluidsynth_bindings", nothing)
    monkeypatch.setattr(pack_sources, "BANK_FOLDER", places)
    monkeypatch.setattr(pack_sources, "SYNTHESISERS", {})
    monkeypatch.setattr(pack_sources, "_N_PIANOS", 1)
    monkeypatch.setattr(pack_building, "find_spec", lambda _name: False)
    with pytest.warns(CambiataWarning, match="not in the pack: ") as caught:
        pack = build_pack(tmp_path / "out")
    [message] = [str(each.message) for each in caught]
    assert message == (
        "not in the pack: fluid-r3, musescore-general, csound-gm, generaluser-gs, drum hits "
        "(`drums`), rooms (`rooms`), scores; `cambiata data check` says how to have more"
    )
    # The bank for tests is not among them.
    assert [each["name"] for each in pack.sources] == ["viola", "procedural-pianos"]
    assert pack.sources[1]["notes"] == 15


def test_a_pack_is_replaced_by_a_whole_one_or_not_at_all(
    places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    build_pack(out, [places / "pack"], scores=False)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(InputError, match="out: exists; choose another name, or replace it with"):
        build_pack(out, [places / "pack"], scores=False)
    with monkeypatch.context() as patched:
        patched.setattr(pack_building.np, "save", _full)
        with pytest.raises(OSError, match="disk full"):
            build_pack(out, [places / "pack"], scores=False, force=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    pack = build_pack(out, [places / "pack", places / "flute"], scores=False, force=True)
    assert len(pack.sources) == 2


def _full(*_: object) -> None:
    raise OSError("disk full")


def test_what_cannot_be_used_is_refused_in_one_line(places: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/letter").write_text("kept")
    (tmp_path / "no-rooms").mkdir()
    Audio(np.zeros((1, 400), np.float32), 44100).save(tmp_path / "no-rooms/silence.wav")
    silent = PackWriter().pack()
    silent.save(tmp_path / "silent")
    for arguments, keywords, message in (
        ([out, ["nope"]], {}, "nope: no such"),
        ([out, [places / "empty"]], {}, "empty: holds no sound file; name a folder of recordings"),
        ([out, [places / "test-bank"]], {}, "flute: is for tests, never to be trained on"),
        ([out, [places / "pack"]], {"drums": places / "no"}, "no: no such folder; check the path"),
        ([out, [places / "pack"]], {"rooms": places / "empty"}, "empty: holds no sound file"),
        ([out, [places / "pack"]], {"rooms": tmp_path / "no-rooms"}, "holds no usable impulse"),
        ([out, [places / "pack"] * 2], {}, "pack: is named twice; name each source once"),
        ([out, [places / "pack"]], {"n_timbres": 3}, "n_timbres: no synthesiser is among"),
        ([out, [places / "flute"]], {}, "the pack: has fewer than two pitched timbres; name"),
        ([out, [tmp_path / "silent"]], {}, "silent: gives no note that sounds; leave it out"),
        ([tmp_path / "file", [places / "pack"]], {}, "file: is a file; name a folder"),
        ([tmp_path / "other", []], {"force": True}, "other: holds something other than a pack"),
        ([tmp_path / "no/out", [places / "pack"]], {}, "out: its folder does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            build_pack(*arguments, scores=False, **keywords)  # type: ignore[arg-type]
        assert not out.exists()
    assert (tmp_path / "other/letter").read_text() == "kept"
    assert not list(tmp_path.glob(".cambiata*"))


def test_damaged_packs_are_refused(tmp_path: Path) -> None:
    folder = tiny_pack(tmp_path / "pack")
    sound = np.load(folder / "audio.npy")
    for broken in (sound[:-1], sound.astype(np.float32)):
        np.save(folder / "audio.npy", broken)
        with pytest.raises(InputError, match="pack: is a damaged pack, or another version's; make"):
            NotePack.load(folder)
