"""The authors' own sets: lists of their shape, sounds of ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import Program, Zone, fluidsynth, plucked, write_font

from cambiata.audio.sound import Audio, load
from cambiata.errors import InputError, MissingExtraError
from cambiata.evaluate.published import LakhSet, MixingSecretsSet
from cambiata.evaluate.testset import cut_notes, render_clip
from cambiata.score import midi
from cambiata.score.midi import Note, Part, Score

# --- the artificial set ---------------------------------------------------------------------------

LOW = Part(tuple(Note(t, t + 0.6, 50 + t % 5, 90) for t in range(20)), program=3)
HIGH = Part(tuple(Note(t + 0.5, t + 2, 60 + t % 4, 70) for t in range(20)), program=9)
DRUMS = Part((Note(0.0, 0.1, 36),), is_drum=True)


def _row(bin_: str, content: int, style: int) -> dict[str, Any]:
    """A pair of the list: two instruments of two files, as the authors' notebook writes them."""
    sides = {
        name: {
            "src_path": f"{number}/{number}abc.pickle",
            "program": (LOW, HIGH)[number].program,
            "instrument": number,
            "index": 2 + number,
            "path": f"{bin_}/x.{name}.wav",
        }
        for name, number in (("content", content), ("style", style))
    }
    return {**sides, "target": {"src_path": "0/0abc.pickle", "index": 2, "program": 9, "path": "x"}}


ROWS = {f"{n:x}{'0' * 8}": _row(f"voices1_pitch{1 + n % 2}", n % 2, 1 - n % 2) for n in range(8)}


@pytest.fixture
def lakh(tmp_path: Path) -> Callable[..., LakhSet]:
    pytest.importorskip("pretty_midi", reason='pip install "cambiata[eval]"')
    for number in range(2):
        place = tmp_path / "lmd" / str(number)
        place.mkdir(parents=True)
        midi.save(Score((LOW, HIGH, DRUMS)), place / f"{number}abc.mid")
    write_font(
        tmp_path / "tiny.sf2",
        [Program(3, "Low", (Zone(plucked(55), 55),)), Program(9, "High", (Zone(plucked(67), 67),))],
    )

    def published(
        rows: Any = ROWS, limit: int | None = None, name: str = "metadata_ref.json"
    ) -> LakhSet:
        path = tmp_path / name
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
        return LakhSet(str(path), str(tmp_path / "lmd"), str(tmp_path / "tiny.sf2"), limit)

    return published


def test_the_list_s_pairs_are_the_set(lakh: Callable[..., LakhSet]) -> None:
    found = lakh()
    assert {entry.name for entry in found.entries} == set(ROWS)
    assert {e.name: e.bin for e in found.entries} == {
        name: row["content"]["path"].split("/")[0] for name, row in ROWS.items()
    }
    assert [entry.bin for entry in found.entries] == sorted(entry.bin for entry in found.entries)
    [entry] = [entry for entry in found.entries if entry.name == "000000000"]
    assert entry.content == {
        "label": "program 3",
        "source": "0/0abc.pickle instrument 0 from 2 s",
    }
    assert found.facts == {"pairs": "metadata_ref.json", "font": "tiny.sf2"}
    assert found.about.startswith("8 of the 8 pairs that Cífka et al. 2021 published, of Lakh MIDI")


def test_a_limit_keeps_of_every_bin(lakh: Callable[..., LakhSet]) -> None:
    some = lakh(limit=4)
    assert [entry.bin for entry in some.entries] == ["voices1_pitch1"] * 2 + ["voices1_pitch2"] * 2
    assert some.facts == lakh().facts
    assert some.about.startswith("4 of the 8 pairs")


def test_sounds_are_the_listed_window_of_the_listed_instrument(
    lakh: Callable[..., LakhSet],
) -> None:
    fluidsynth()
    found = lakh()
    clips = found.clips("100000000")  # HIGH from 3 s, in the style of LOW from 2 s
    notes = cut_notes(HIGH, 3)
    assert clips.notes is not None
    assert [(n.pitch, n.velocity) for n in clips.notes] == [(n.pitch, n.velocity) for n in notes]
    np.testing.assert_allclose(
        [(n.start_s, n.end_s) for n in clips.notes],
        [(n.start_s, n.end_s) for n in notes],
        atol=1e-3,
    )
    for clip, played, program in (
        (clips.content, clips.notes, 9),
        (clips.target, clips.notes, 3),
        (clips.style, cut_notes(LOW, 2), 3),
    ):
        assert clip is not None
        expected = render_clip(found.font, played, program)
        assert clip.samples.shape == (1, 8 * 44100)
        np.testing.assert_allclose(clip.samples, expected.samples, atol=0.02)


@pytest.mark.parametrize(
    "rows",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        "[1, 2]",
        '{"a": 1}',
        '{"a": {"content": {}, "style": {}}}',
        json.dumps({"../../a": ROWS["000000000"]}),
        json.dumps({**ROWS, "b": {**ROWS["000000000"], "style": {"index": 1}}}),
        json.dumps(
            {"a": {**ROWS["000000000"], "style": {**ROWS["000000000"]["style"], "index": "1"}}}
        ),
    ],
)
def test_another_list_is_refused(lakh: Callable[..., LakhSet], rows: str) -> None:
    cure = "name data/lmd/audio_test/metadata_ref.json of cifkao/ss-vq-vae"
    with pytest.raises(InputError, match=rf"x\.json: is not the authors' list of pairs; {cure}"):
        lakh(rows, name="x.json")


def test_another_folder_is_refused(lakh: Callable[..., LakhSet], tmp_path: Path) -> None:
    found = lakh()
    with pytest.raises(InputError, match="holds none of the list's MIDI files; name LMD-full's"):
        LakhSet(found.pair_list, str(tmp_path), found.font)


def test_without_pretty_midi_its_cure_is_told(
    lakh: Callable[..., LakhSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cambiata.evaluate.published.find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "cambiata\[eval\]"'):
        lakh()


def test_midi_files_missing_damaged_or_of_another_version_are_named(
    lakh: Callable[..., LakhSet], tmp_path: Path
) -> None:
    found = lakh()
    place = tmp_path / "lmd/1/1abc.mid"
    place.write_bytes(place.read_bytes()[:40])
    with pytest.raises(InputError, match=r"1abc\.mid: is missing or damaged; complete LMD-full"):
        found.clips("000000000")
    place.unlink()
    with pytest.raises(InputError, match=r"1abc\.mid: is missing or damaged"):
        found.clips("100000000")
    midi.save(Score((HIGH, LOW)), place)
    with pytest.raises(InputError, match=r"1abc\.mid: does not play program 9; use LMD-full as"):
        found.clips("000000000")


# --- the real set ---------------------------------------------------------------------------------


def _segment(number: int) -> dict[str, Any]:
    return {
        "path": f"{number}.wav",
        "track_name": f"song {number}",
        "instrument": f"instrument {number}",
        "src_path": f"song/{number % 3}.wav",
        "src_offset": 0.5 * number,
        "stats": {"num_voices": 1 + (number % 2), "mean_pitch": 40.0 + number},
    }


SEGMENTS = [_segment(number) for number in range(18)]


@pytest.fixture
def stems(tmp_path: Path) -> Callable[..., MixingSecretsSet]:
    (tmp_path / "stems/song").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(3):
        sound = 0.05 * (1 + number) * rng.normal(0, 1, (2, 16000 * 17))
        Audio(sound, 16000).save(tmp_path / f"stems/song/{number}.wav")

    def published(
        rows: Any = SEGMENTS, limit: int | None = None, name: str = "metadata_single_ref.json"
    ) -> MixingSecretsSet:
        path = tmp_path / name
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
        return MixingSecretsSet(str(path), str(tmp_path / "stems"), limit)

    return published


def _notebooks_pairs(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """As the authors' notebook pairs them, line by line."""
    voices = np.quantile([r["stats"]["num_voices"] for r in rows], [0.0, 0.5, 1.0])
    pitches = np.quantile([r["stats"]["mean_pitch"] for r in rows], [0.0, 0.5, 1.0])
    binned: dict[str, list[Any]] = {}
    for item in rows:
        numbers = [
            np.clip(np.digitize(item["stats"][key], edges), 1, 2)
            for key, edges in (("num_voices", voices), ("mean_pitch", pitches))
        ]
        binned.setdefault("voices{}_pitch{}".format(*numbers), []).append(item)
    pairs = []
    for key in sorted(binned):
        rng = np.random.default_rng(seed=0)
        metas = list(binned[key])
        rng.shuffle(metas)
        pairs += [
            (key, a["instrument"], b["instrument"])
            for a, b in zip(metas[::2], metas[1::2], strict=False)
        ]
    return pairs


def test_pairs_are_the_notebook_s(stems: Callable[..., MixingSecretsSet]) -> None:
    found = stems()
    pairs = [(e.bin, e.content["label"], e.style["label"]) for e in found.entries]
    assert pairs == _notebooks_pairs(SEGMENTS)
    assert len(pairs) == 8
    assert [e.name for e in found.entries] == [f"{n:04}" for n in range(8)]
    assert found.facts == {"target": False, "segments": "metadata_single_ref.json"}
    some = stems(limit=3)
    assert [e.name for e in some.entries] == ["0000", "0004", "0007"]
    assert {e.name for e in some.entries} <= {e.name for e in found.entries}
    assert some.about.startswith("3 of the 8 pairs")


def test_clips_are_cut_from_the_stems(
    stems: Callable[..., MixingSecretsSet], tmp_path: Path
) -> None:
    found = stems()
    entry = found.entries[5]
    clips = found.clips(entry.name)
    assert (clips.target, clips.notes) == (None, None)
    for clip, side in ((clips.content, entry.content), (clips.style, entry.style)):
        [row] = [row for row in SEGMENTS if row["instrument"] == side["label"]]
        assert side["source"] == f"{row['src_path']}, {row['src_offset']} s"
        whole = load(tmp_path / "stems" / row["src_path"]).samples.mean(axis=0)
        begin = round(row["src_offset"] * 16000)
        expected = whole[begin : begin + 8 * 16000]
        assert clip.samples.shape == (1, 8 * 16000)
        assert np.corrcoef(clip.samples[0], expected)[0, 1] > 0.9999


def test_a_missing_stem_is_named(stems: Callable[..., MixingSecretsSet], tmp_path: Path) -> None:
    found = stems()
    (tmp_path / "stems/song/1.wav").unlink()
    [name, *_] = [
        e.name
        for e in found.entries
        if "song/1.wav" in e.content["source"] or "song/1.wav" in e.style["source"]
    ]
    with pytest.raises(InputError, match=r"1\.wav: no such file"):
        found.clips(name)


@pytest.mark.parametrize(
    "rows",
    [
        "no JSON",
        "{}",
        "[]",
        "[1]",
        json.dumps([{**SEGMENTS[0], "stats": {}}]),
        json.dumps([*SEGMENTS, {"path": "x"}]),
        json.dumps([{**SEGMENTS[0], "src_offset": None}]),
    ],
)
def test_another_list_of_segments_is_refused(
    stems: Callable[..., MixingSecretsSet], rows: str
) -> None:
    with pytest.raises(InputError, match=r"x\.json: is not the authors' list of segments; name da"):
        stems(rows, name="x.json")


def test_a_folder_without_the_stems_is_refused(
    stems: Callable[..., MixingSecretsSet], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="holds none of the list's stems; name the stems' folder"):
        MixingSecretsSet(stems().segment_list, str(tmp_path))
