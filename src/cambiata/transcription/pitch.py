"""Whether what was written down are notes, or a chance likeness of them in drums and noise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.chunks import Span, cut
from cambiata.audio.source import Source, resample
from cambiata.partials.analysis import pitch_evidence, power_spectrum
from cambiata.partials.note_frames import WINDOW
from cambiata.partials.pitch_evidence import PitchEvidence
from cambiata.partials.posteriors import BANDS, NoteEvents

# What is looked at together: a minute bounds memory as what is transcribed at once does.
_CHUNK_S = 60.0


def has_pitch(source: Source, events: NoteEvents, to_mono: Callable[[Samples], Samples]) -> bool:
    """Whether a recording is made of notes; it is read once more only where that is in doubt."""
    n_frames = events.level_db.shape[1]
    silence = np.zeros((n_frames, 0), np.float32)  # no power: lengths of notes decide
    if pitch_evidence(silence, events, 0.0).is_pitched:
        return True
    evidence = PitchEvidence()
    rate, n_samples = source.sample_rate, source.n_samples
    step = round(_CHUNK_S * rate)
    spans: list[Span] = [(at, min(at + step, n_samples)) for at in range(0, n_samples, step)]
    for (start, _), chunk in zip(spans, cut(source.blocks(), spans), strict=True):
        samples = resample(to_mono(chunk), rate, BANDS.sample_rate)
        if len(samples) < WINDOW:
            continue
        power = power_spectrum(samples)
        energy = float(np.square(samples, dtype=np.float64).sum())
        first = start / rate / BANDS.frame_s
        evidence += pitch_evidence(power, _moved(events, first, len(power)), energy)
    return evidence.is_pitched


def _moved(events: NoteEvents, first: float, n_frames: int) -> NoteEvents:
    """Notes that sound in a stretch, in frames of the stretch."""
    inside = (events.end > first) & (events.start < first + n_frames)
    begin = round(first)
    level_db = events.level_db[:, begin : begin + n_frames]
    return replace(events.chosen(inside, first), level_db=level_db)
