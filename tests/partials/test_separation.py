"""What a window sees of other notes is taken off what is measured of a note, and nothing else."""

import numpy as np
import pytest
from tones import RATE, note_event, tone

from cambiata.partials.analysis import measure, power_spectrum
from cambiata.partials.note_frames import HOP, NoteFrames
from cambiata.partials.posteriors import NoteEvents
from cambiata.partials.separation import separated


def two_notes(first: NoteEvents, second: NoteEvents) -> NoteEvents:
    both = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("pitch", "start", "end", "confidence", "strength_db")
    }
    return NoteEvents(**both, level_db=np.maximum(first.level_db, second.level_db))


def of_note(frames: NoteFrames, pitch: int, after_s: float) -> np.ndarray:
    return np.flatnonzero((frames.pitch == pitch) & (frames.age_s > after_s))


def test_a_partial_that_two_notes_share_is_not_counted_twice() -> None:
    # The octave's partials are the even ones of the lower note, which is 14 dB softer.
    sound = 0.2 * tone(57, 0.0, RATE) + tone(69, 0.0, RATE)
    power = power_spectrum(sound)
    mean_db = 10 * np.log10(np.mean(sound**2))
    n = len(power)
    events = two_notes(note_event(57, 0, n, n), note_event(69, 0, n, n))
    events.strength_db[:] = (-14.0, 0.0)
    events.level_db[57 - 21] = -14.0
    measured, frames, inharmonicity = measure(power, events)
    less = separated(measured, frames, events, power, inharmonicity)
    low = of_note(frames, 57, 0.1)
    low = low[frames.age_s[low] < 0.8]
    upper = less.partials_db[of_note(frames, 69, 0.1)][:, :8]
    before, after = measured.partials_db[low][:, 1:8:2], less.partials_db[low][:, 1:8:2]
    assert before.mean() - after.mean() > 3
    # Odd partials are the lower note's alone, and the octave's are as good as alone.
    np.testing.assert_allclose(
        less.partials_db[low][:, 0:8:2], measured.partials_db[low][:, 0:8:2], atol=1
    )
    own = -6 * np.log2(np.arange(1, 9)) - mean_db
    assert np.abs(upper[2:20] - own).max() < 1.5


def test_an_attack_is_not_measured_of_the_note_before_it() -> None:
    onset = 20 * HOP + HOP // 2
    sound = tone(57, 0.0, 2 * onset) * 10 ** (-np.arange(2 * onset) / RATE)
    click = np.random.default_rng(0).standard_normal(400).astype(np.float32)
    sound[onset : onset + 400] += click
    power = power_spectrum(sound.astype(np.float32))
    n = len(power)
    events = two_notes(note_event(57, 0, n, n), note_event(80, onset / HOP, n, n))
    measured, frames, inharmonicity = measure(power, events)
    less = separated(measured, frames, events, power, inharmonicity)
    ringing = of_note(frames, 57, 0.1)
    seen = ringing[(frames.frame[ringing] >= 19) & (frames.frame[ringing] < onset / HOP)]
    earlier = ringing[(frames.frame[ringing] >= 15) & (frames.frame[ringing] <= 18)]
    level_db = measured.noise_db[earlier].max(axis=0)
    assert (measured.noise_db[seen] - level_db).max() > 10
    assert (less.noise_db[seen] - level_db).max() < 0.1
    # The click's own note has it all the same.
    struck = np.flatnonzero(frames.pitch == 80)[:3]
    np.testing.assert_array_equal(less.noise_db[struck], measured.noise_db[struck])


@pytest.mark.parametrize("pitch", [33, 57])
def test_a_note_alone_stays_as_it_is_measured(pitch: int) -> None:
    sound = tone(pitch, 0.0, RATE)
    power = power_spectrum(sound)
    events = note_event(pitch, 0, len(power), len(power))
    measured, frames, inharmonicity = measure(power, events)
    less = separated(measured, frames, events, power, inharmonicity)
    np.testing.assert_array_equal(less.noise_db, measured.noise_db)
    np.testing.assert_allclose(less.partials_db, measured.partials_db, atol=0.5)
