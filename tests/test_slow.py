"""Heavier checks: `make test-all`."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import melody

import cambiata
from cambiata import Audio

pytestmark = pytest.mark.slow


def _peak_mib(folder: Path, *arguments: str) -> float:
    """Peak memory of the command line, in MiB."""
    command = [sys.executable, "-m", "cambiata", *arguments]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    return usage.ru_maxrss / 1024


def test_an_hour_needs_no_more_memory_than_minutes(tmp_path: Path, style: Audio) -> None:
    minute = np.tile(melody([60, 64, 67, 72, 64], rate=44100), 30)
    minute = np.stack([minute, np.roll(minute, 1000)])
    Audio(minute[:, : 44100 * 60], 44100, "PCM_16").save(tmp_path / "minute.wav")
    with soundfile.SoundFile(tmp_path / "hour.wav", "w", 44100, 2, "PCM_16") as file:
        for _ in range(60):
            file.write(minute[:, : 44100 * 60].T)
    style.save(tmp_path / "style.wav")
    # One iteration: what is measured is what the program holds, not how well it plays.
    fast = ["--system", "musaicing"]
    for setting in ("iterations=1", "settling=0", "phase_iterations=0"):
        fast += ["--set", setting]
    peaks = [
        _peak_mib(tmp_path, "transfer", f"{name}.wav", "style.wav", "-o", f"{name}-out.wav", *fast)
        for name in ("minute", "hour")
    ]
    assert peaks[1] < 600
    assert peaks[1] < peaks[0] + 150
    assert soundfile.info(tmp_path / "hour-out.wav").frames == 3600 * 44100


@pytest.mark.parametrize("system", ["oneshot", "musaicing", "ulyanov"])
def test_every_preset_at_full_size(system: str) -> None:
    content = Audio(melody([60, 64, 67, 72], rate=44100), 44100)
    style = Audio(melody([60, 62, 64, 65, 67], partials=20, rate=44100), 44100)
    for preset in cambiata.transfer_system(system).presets:
        out = cambiata.transfer(content, style, system=system, preset=preset)
        assert out.samples.shape == content.samples.shape
        assert np.abs(out.samples).max() > 0.01
