"""Sounds that the tests share: synthetic, seeded, small."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from sounds import RATE, melody

from cambiata.audio.sound import Audio

# The same examples every time, and no clock: machines are noisy.
settings.register_profile("cambiata", derandomize=True, deadline=None)
settings.load_profile("cambiata")

# How to have what a test is skipped without: words of the reason, and the cure.
CURES = {
    "torch|lightning_fabric|onnx|onnxscript": 'pip install "cambiata[train]"',
    "ortools|OR-tools": 'pip install "cambiata[notes]"',
    "music21": 'pip install "cambiata[eval]"',
    "mir_eval|sklearn|matplotlib|pretty_midi|essentia": 'pip install "cambiata[eval]"',
    "basic.pitch|pitch tracker": "pip install --no-deps basic-pitch==0.4.0",
    "moto|s3fs": 'pip install "moto[server]" s3fs',
    "ray|fsspec": 'pip install "cambiata[cluster]"',
    "fastapi": 'pip install "cambiata[studio]"',
    "schemathesis": 'pip install "cambiata[test]"',
    "numba|Numba": 'pip install "cambiata[fast]"',
    "FluidSynth|libfluidsynth|sound ?font|fluid-r3|timgm6mb|musescore|csound": "make fonts",
    "amsynth|vital|dx7|stk|faust": 'apt-get install amsynth && pip install "cambiata[synths]"',
    "SoX": "apt-get install sox",
    "sfzlint": 'pip install "cambiata[test]"',
    "playwright|Chromium": "apt-get install chromium && pip install playwright",
    "ffmpeg": "apt-get install ffmpeg",
    "root": "run the tests as an ordinary user",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was skipped, and how to have it: docs/contributing/tests.md says it at length."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("skipped, and how to have it", "-")
    for reason, n in reasons.most_common():
        cures = [cure for words, cure in CURES.items() if re.search(words, reason)]
        terminalreporter.write_line(f"{n:4d}  {reason}: {cures[0] if cures else 'see the test'}")


@pytest.fixture
def content() -> Audio:
    return Audio(melody([60, 64, 67, 72, 60]), RATE, "PCM_16")


@pytest.fixture
def style() -> Audio:
    return Audio(melody([60, 62, 64, 65, 67, 69, 71, 72], partials=20), RATE)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Audio, str], Path]:
    """Save a sound under a name in a fresh folder; returns its path."""

    def save(audio: Audio, name: str) -> Path:
        audio.save(tmp_path / name)
        return tmp_path / name

    return save
