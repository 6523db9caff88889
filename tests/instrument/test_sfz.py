"""SFZ files: read by sfzlint, which is not ours, and played."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sfz_player import play_region, read_sfz, region_of
from tiny_notes import RATE_HZ, note

from cambiata.instrument.pitch import measure_pitch
from cambiata.instrument.recorded import envelope_db
from cambiata.instrument.samples import Sample, Zone
from cambiata.instrument.sfz import write_sfz

SOUND = note(57, duration_s=1.0)
STEADY = Sample(
    "steady", SOUND, RATE_HZ, 57, 12.0, 96, (round(0.55 * RATE_HZ), 39102), 0.5, 0.0, 120.0
)
STRUCK = Sample("struck", SOUND, RATE_HZ, 60, 0.0, 96, (22050, 39102), 0.5, 20.0, 300.0)
PLAIN = Sample("plain", SOUND, RATE_HZ, 70, 0.0, 96, None, 0.0, 0.0, 300.0)
ZONES = [
    Zone(STEADY, (50, 58), (1, 127)),
    Zone(STRUCK, (59, 65), (1, 64)),
    Zone(PLAIN, (59, 65), (65, 127)),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "x-samples").mkdir()
    write_sfz(tmp_path / "x.sfz", tmp_path / "x-samples", "x-samples", "x", ZONES)
    return tmp_path / "x.sfz"


def test_another_library_reads_it_without_complaint(written: Path) -> None:
    regions, complaints = read_sfz(written)
    assert complaints == []
    assert len(regions) == 3
    assert region_of(regions, 58, 1)["sample"] == "x-samples/steady.wav"
    struck = region_of(regions, 60, 64)
    assert (struck["loop_mode"], struck["loop_start"], struck["loop_end"]) == (
        "loop_continuous",
        22050,
        39101,
    )
    assert struck["ampeg_sustain"] == 0
    assert region_of(regions, 60, 65)["loop_mode"] == "no_loop"


def test_samples_are_as_given(written: Path) -> None:
    samples, rate = soundfile.read(written.parent / "x-samples" / "plain.wav", dtype="float32")
    assert rate == RATE_HZ
    np.testing.assert_allclose(samples, SOUND, atol=2e-7)


def test_played_it_is_in_tune_held_and_let_go(written: Path) -> None:
    regions, _ = read_sfz(written)
    sound, rate = play_region(region_of(regions, 54, 90), written.parent, 54, 90, 2.0, 3.5)
    measured = measure_pitch(sound[4410 : 2 * rate], rate)
    assert measured is not None
    # The sample is said to be 12 cents sharp, and is not: it plays 12 cents flat.
    assert 100 * (measured.midi - 54) == pytest.approx(-12, abs=1)
    level = envelope_db(sound, rate)
    assert level[190] > level[50] - 3
    assert level[250] == pytest.approx(level[190] - 60, abs=8)
    struck, rate = play_region(region_of(regions, 60, 60), written.parent, 60, 60, 3.0, 3.0)
    level = envelope_db(struck, rate)
    assert level[150] - level[250] == pytest.approx(20, abs=2)
