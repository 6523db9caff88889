"""Sounds and limits for tests of the studio."""

import io
from dataclasses import replace

import soundfile
from sounds import RATE, melody

from cambiata.web.limits import Limits

LIMITS = replace(Limits(), recording_s=60.0, upload_bytes=2**21, queued_jobs=6, score_notes=500)


def wav_bytes(pitches: list[float], *, partials: int = 6, seconds: float | None = None) -> bytes:
    """A short tune as a wav."""
    samples = melody(pitches, partials)
    if seconds is not None:
        samples = samples[: round(seconds * RATE)]
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, "PCM_16", format="WAV")
    return file.getvalue()
