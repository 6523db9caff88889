"""What a training of the note detector finds in a pack's folder."""

from pathlib import Path

import numpy as np
import pytest
from tiny_packs import EXCERPT, HELD_OUT, ORGAN, PLUCKED, training_pack

from cambiata.data.clip_examples import ClipExamples, ClipsConfig, excerpt_rows, read_excerpts
from cambiata.data.clips import ClipConfig, split_clip
from cambiata.errors import InputError
from cambiata.score.midi import Note

TINY = ClipsConfig(20, 5, ClipConfig(duration_s=1.0, drum_share=0.0), seed=3)


def test_excerpts_are_read_as_they_were_written() -> None:
    other = (Note(0.5, 1.25, 33, 7), Note(0.75, 1.0, 108, 127))
    rows = excerpt_rows([EXCERPT, other])
    assert rows.shape == (7, 5)
    first, second = read_excerpts(rows)
    assert second == other
    assert [(n.pitch, n.velocity) for n in first] == [(n.pitch, n.velocity) for n in EXCERPT]
    assert [n.start_s for n in first] == pytest.approx([n.start_s for n in EXCERPT])
    assert read_excerpts(excerpt_rows([])) == []


def test_a_folder_has_a_pack_and_may_have_excerpts_and_rooms(tmp_path: Path) -> None:
    examples = ClipExamples(training_pack(tmp_path), TINY)
    assert [len(x) for x in examples.excerpts] == [5]
    assert len(examples.rooms) == 1
    assert examples.facts == {
        "banks": [{"name": "tones", "licence": "none"}],
        "n_notes": len(examples.pack.notes),
    }
    for name in ("excerpts.npy", "rooms.npy"):
        (tmp_path / name).unlink()
    bare = ClipExamples(tmp_path, TINY)
    assert (len(bare.excerpts), len(bare.rooms)) == (0, 0)
    with pytest.raises(InputError, match="no such pack of notes"):
        ClipExamples(tmp_path / "nowhere", TINY)


def test_clips_to_learn_from_and_to_validate_with(tmp_path: Path) -> None:
    dataset = ClipExamples(training_pack(tmp_path), TINY).dataset()
    validation = dataset.validation()
    assert (len(dataset), len(validation)) == (20, 5)
    assert np.array_equal(dataset[19], dataset[-1])
    assert not np.array_equal(dataset[0], validation[0])
    with pytest.raises(IndexError):
        dataset[20]
    notes = ClipExamples(tmp_path, TINY).pack.notes
    for part, timbres in ((dataset, {ORGAN, PLUCKED}), (validation, {HELD_OUT})):
        _, events = split_clip(np.stack(list(part)))
        used = events[events[:, :, 0] >= 0]
        assert set(notes["timbre"][used[:, 0].astype(int)].tolist()) == timbres
