"""Clips by number: the same again, of the right timbres, and never too many notes."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_packs import DRUM, EXCERPT, HELD_OUT, ORGAN, PLUCKED, varied_pack

from cambiata.data.clips import (
    EVENT,
    MAX_EVENTS,
    SETTING,
    ClipConfig,
    ClipSampler,
    split_clip,
    timbres_of,
)
from cambiata.data.note_pack import NotePack
from cambiata.errors import InputError
from cambiata.score.midi import Note

COLUMN = {name: i for i, name in enumerate(EVENT)}


def _events(sampler: ClipSampler, number: int) -> np.ndarray:
    """The events of a clip that are used [N, E]."""
    _, (events,) = split_clip(sampler.sample(number)[None])
    return events[events[:, 0] >= 0]


def _timbre_of(events: np.ndarray) -> np.ndarray:
    return varied_pack().notes["timbre"][events[:, 0].astype(int)]


def test_a_clip_is_settings_and_events_in_a_row() -> None:
    row = ClipSampler(varied_pack()).sample(3)
    assert row.shape == (len(SETTING) + MAX_EVENTS * len(EVENT),)
    assert row.dtype == np.float32
    settings, events = split_clip(row[None])
    assert (settings.shape, events.shape) == ((1, len(SETTING)), (1, MAX_EVENTS, len(EVENT)))
    assert np.array_equal(np.concatenate([settings.ravel(), events.ravel()]), row)
    used = events[0, :, 0] >= 0
    assert used.any()
    assert (events[0][~used] == -1).all()


def test_the_same_number_gives_the_same_clip() -> None:
    first, again = ClipSampler(varied_pack(), seed=5), ClipSampler(varied_pack(), seed=5)
    assert np.array_equal(first.sample(8), again.sample(8))
    assert np.array_equal(first.sample(8), first.sample(8))
    assert not np.array_equal(first.sample(8), first.sample(9))
    assert not np.array_equal(first.sample(8), ClipSampler(varied_pack(), seed=6).sample(8))


def test_timbres_that_are_held_out_never_sound_in_training() -> None:
    training, validation = (ClipSampler(varied_pack(), held_out=x) for x in (False, True))
    seen, held = (
        {int(x) for i in range(150) for x in _timbre_of(_events(sampler, i))}
        for sampler in (training, validation)
    )
    assert seen == {ORGAN, PLUCKED, DRUM}
    assert held == {HELD_OUT, DRUM}


def test_timbres_are_known_by_their_notes() -> None:
    by_row = {
        int(varied_pack().notes["timbre"][t.rows[0]]): t
        for t in timbres_of(varied_pack(), held_out=False)
    }
    assert set(by_row) == {ORGAN, PLUCKED, DRUM}
    assert [by_row[x].sustains for x in (ORGAN, PLUCKED)] == [True, False]
    assert [by_row[x].pitched for x in (ORGAN, PLUCKED, DRUM)] == [True, True, False]


def test_heavier_timbres_are_chosen_more_often() -> None:
    pack = varied_pack()
    notes = pack.notes.copy()
    notes["weight"][notes["timbre"] == ORGAN] = 9
    config = ClipConfig(n_tracks=(0.0, 1.0), drum_share=0.0, ensemble_share=0.0)
    sampler = ClipSampler(replace(pack, notes=notes), config=config)
    chosen = [set(_timbre_of(_events(sampler, i)).tolist()) for i in range(100)]
    assert 0.8 < np.mean([x == {ORGAN} for x in chosen]) < 0.98


def test_a_pack_without_timbres_to_learn_from_is_refused() -> None:
    notes = varied_pack().notes
    with pytest.raises(InputError, match="has no timbre to validate with"):
        ClipSampler(NotePack(np.zeros(0, np.int16), notes[~notes["held_out"]]), held_out=True)


def test_a_clip_may_have_no_notes() -> None:
    sampler = ClipSampler(varied_pack(), config=ClipConfig(n_tracks=(1.0,), drum_share=0.0))
    for number in range(5):
        row = sampler.sample(number)
        assert len(_events(sampler, number)) == 0
        assert np.isfinite(row).all()


def test_notes_lie_in_the_clip_and_near_their_samples() -> None:
    sampler = ClipSampler(varied_pack(), n_rooms=4)
    notes = varied_pack().notes
    for number in range(100):
        events = _events(sampler, number)
        start_s, gate_s, pitch = (events[:, COLUMN[x]] for x in ("start_s", "gate_s", "pitch"))
        assert (start_s >= 0).all()
        assert (start_s < sampler.config.duration_s).all()
        assert (gate_s > 0).all()
        pitched = pitch >= 0
        sampled = notes["pitch"][events[pitched, 0].astype(int)]
        # Every tenth semitone is in the pack, and velocities weigh less than six a semitone.
        assert np.abs(pitch[pitched] - sampled).max(initial=0) <= 6
        assert (events[~pitched, 0].astype(int) == np.flatnonzero(notes["timbre"] == DRUM)).all()
        settings, _ = split_clip(sampler.sample(number)[None])
        assert -1 <= settings[0, SETTING.index("room")] < 4


def test_clips_never_hold_more_than_can_be_mixed() -> None:
    config = ClipConfig(duration_s=30.0, n_tracks=(0.0, 0.0, 0.0, 0.0, 1.0))
    sampler = ClipSampler(varied_pack(), config=config)
    sizes = [len(_events(sampler, i)) for i in range(10)]
    assert max(sizes) == MAX_EVENTS


def test_excerpts_are_played_moved_to_the_instrument() -> None:
    config = ClipConfig(
        n_tracks=(0.0, 1.0), excerpt_share=1.0, drum_share=0.0, ensemble_share=0.0,
        expressive_share=0.0,
    )  # fmt: skip
    sampler = ClipSampler(varied_pack(), [EXCERPT], config=config)
    moved = set()
    for number in range(40):
        events = _events(sampler, number)
        by = events[:, COLUMN["pitch"]] - [note.pitch for note in EXCERPT]
        assert np.ptp(by) == 0
        moved.add(int(by[0]))
        starts = [note.start_s for note in EXCERPT]
        assert events[:, COLUMN["start_s"]] == pytest.approx(starts, abs=1e-5)
        assert events[:, COLUMN["pitch"]].min() >= 37
        assert events[:, COLUMN["pitch"]].max() <= 93
    assert len(moved) > 5
    wide = (Note(0.0, 0.5, 21, 80), Note(0.5, 1.0, 108, 80))
    sampler = ClipSampler(varied_pack(), [wide], config=config)
    assert all(
        len(_events(sampler, i)) != 2 or np.ptp(_events(sampler, i)[:, COLUMN["pitch"]]) < 87
        for i in range(10)
    )


def test_slurs_follow_a_note_that_has_just_ended() -> None:
    config = ClipConfig(
        n_tracks=(0.0, 1.0), excerpt_share=0.0, drum_share=0.0, ensemble_share=0.0,
        expressive_share=1.0,
    )  # fmt: skip
    sampler = ClipSampler(varied_pack(), config=config)
    n_slurred, n_glides = 0, 0
    for number in range(200):
        events = _events(sampler, number)
        start_s, gate_s, pitch = (events[:, COLUMN[x]] for x in ("start_s", "gate_s", "pitch"))
        slurred = events[:, COLUMN["slurred"]]
        for i in np.flatnonzero(slurred):
            assert i > 0
            assert abs(start_s[i] - start_s[i - 1] - gate_s[i - 1]) < 0.031
            assert pitch[i] != pitch[i - 1]
            assert events[i, COLUMN["skip_s"]] >= 0.15  # past the attack
            glide_cents = events[i, COLUMN["glide_cents"]]
            n_glides += glide_cents != 0
            assert glide_cents in (0, 100 * (pitch[i - 1] - pitch[i]))
        n_slurred += int(slurred.sum())
        decaying = _timbre_of(events) == PLUCKED
        assert not slurred[decaying].any()
    assert n_slurred > 50
    assert 0.05 < n_glides / n_slurred < 0.8


def test_players_let_notes_go_as_fast_as_samples_do_or_all_alike() -> None:
    config = ClipConfig(n_tracks=(0.0, 1.0), drum_share=0.0, ensemble_share=0.0)
    sampler = ClipSampler(varied_pack(), config=config)
    own, alike = 0, 0
    for number in range(60):
        events = _events(sampler, number)
        if len(events):
            [release] = np.unique(events[:, COLUMN["release_db_s"]])
            own += release == varied_pack().notes["release_db_s"][0]
            alike += 45 <= release <= 3000 and release != varied_pack().notes["release_db_s"][0]
    assert own > 10
    assert alike > 10
