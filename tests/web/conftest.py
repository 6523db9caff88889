"""A studio whose jobs stay in the queue, and sounds for it."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from sounds import melody

pytest.importorskip("fastapi", reason="fastapi is not installed")
from starlette.testclient import TestClient

from cambiata.web.app import create_app
from cambiata.web.limits import Limits

RATE = 22050
LIMITS = replace(Limits(), recording_s=20.0, upload_bytes=2**21, queued_jobs=6, score_notes=500)


def wav_bytes(pitches: list[int], *, partials: int = 6, seconds: float | None = None) -> bytes:
    """A short tune as a wav."""
    samples = melody(pitches, rate=RATE, partials=partials)
    if seconds is not None:
        samples = samples[: round(seconds * RATE)]
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, "PCM_16", format="WAV")
    return file.getvalue()


@pytest.fixture(scope="session")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Client of a studio without processes for jobs: they stay queued."""
    folder: Path = tmp_path_factory.mktemp("still")
    app = create_app(folder, limits=LIMITS, n_workers=0, examples=False)
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        yield client
