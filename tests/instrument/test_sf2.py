"""Sound fonts: read back by our reader of fonts, played by FluidSynth, which is not ours."""

import struct
from pathlib import Path

import numpy as np
import pytest
from tiny_fonts import fluidsynth
from tiny_notes import RATE_HZ

from cambiata.arrays import Samples
from cambiata.data.soundfont import Renderer, SoundFont
from cambiata.instrument.pitch import measure_pitch
from cambiata.instrument.recorded import envelope_db
from cambiata.instrument.samples import Sample, Zone
from cambiata.instrument.sf2 import write_sf2
from cambiata.score.midi import Note

T = np.arange(RATE_HZ) / RATE_HZ


def tone(hz: float, level: float = 0.5) -> Samples:
    return (level * np.sin(2 * np.pi * hz * T)).astype(np.float32)


def sample(name: str, hz: float, key: int, cents: float = 0.0, **how: float) -> Sample:
    """A sine that is looped over its last half second, in whole periods."""
    period = RATE_HZ / hz
    start = round(RATE_HZ - 20 - period * round(0.5 * hz))
    loop = (start, RATE_HZ - 20)
    return Sample(
        name,
        tone(hz),
        RATE_HZ,
        key,
        cents,
        100,
        loop,
        start / RATE_HZ,
        how.get("decay", 0.0),
        how.get("release", 200.0),
    )


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("sf2") / "two.sf2"
    zones = [
        # 441 Hz is 4 cents above A4.
        Zone(sample("a", 441.0, 69, 1200 * np.log2(441 / 440)), (60, 71), (1, 127)),
        Zone(sample("low", 525.0, 72, 1200 * np.log2(525 / 523.251)), (72, 84), (1, 64)),
        Zone(sample("high", 525.0, 72, 5.776, decay=30.0), (72, 84), (65, 127)),
    ]
    write_sf2(place, "Two", zones)
    return place


def test_the_table_of_contents_is_whole(font: Path) -> None:
    read = SoundFont(font)
    [preset] = read.presets.values()
    assert (preset.program, preset.name) == (0, "Two")
    assert preset.samples == ("a", "high", "low")
    data = font.read_bytes()
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    smpl = data.index(b"smpl")
    assert struct.unpack("<I", data[smpl + 4 : smpl + 8])[0] == 3 * 2 * (RATE_HZ + 46)
    assert data.index(b"sm24") > smpl


def test_fluidsynth_plays_it_in_tune_and_stops(font: Path) -> None:
    fluidsynth()
    with Renderer(SoundFont(font)) as renderer:
        for key, velocity in ((60, 100), (69, 30), (71, 127), (72, 50), (80, 30), (72, 100)):
            sound = renderer.render([Note(0.0, 1.5, key, velocity)], 0, 2.5).mean(0)
            measured = measure_pitch(sound[4410 : round(1.4 * RATE_HZ)], RATE_HZ)
            assert measured is not None
            assert abs(100 * (measured.midi - key)) < 2, key
            level = envelope_db(sound, RATE_HZ)
            assert level[130] > -75, "loops are heard for as long as the key is held"
            # 200 dB a second: 60 dB down after 0.3 s, silent after half a second.
            assert level[182] < level[140] - 50
            assert level[205:].max() < -95


def test_levels_follow_velocity_and_what_decays_decays(font: Path) -> None:
    fluidsynth()
    with Renderer(SoundFont(font)) as renderer:
        loud, soft, decaying = (
            envelope_db(renderer.render([Note(0.0, 2.0, key, v)], 0, 2.0).mean(0), RATE_HZ)
            for key, v in ((69, 120), (69, 30), (72, 100))
        )
    assert loud[100] - soft[100] == pytest.approx(40 * np.log10(120 / 30), abs=0.5)
    assert np.ptp(loud[20:190]) < 0.5
    # From where the loop begins, half a second before the end, and not before.
    assert decaying[20] - decaying[45] < 1
    assert decaying[100] - decaying[150] == pytest.approx(15, abs=1.5)
