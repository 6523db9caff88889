"""Banks of synthesisers: what is kept, what is refused, and what the bank says of its sound."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cambiata.data import bank_building
from cambiata.data.bank_building import build_bank
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers import amsynth, banks
from cambiata.data.synthesisers.banks import SYNTHESISERS, Synthesiser, render_notes
from cambiata.data.synthesisers.timbres import RenderNote, Timbre
from cambiata.errors import InputError


def _saw(cents: float = 0.0, noise: float = 0.0) -> RenderNote:
    def render(hz: float, velocity: int, hold_s: float, length_s: float) -> np.ndarray:
        t = np.arange(round(length_s * RENDER_RATE_HZ)) / RENDER_RATE_HZ
        hz = hz * 2 ** (cents / 1200)
        sound = sum(np.sin(2 * np.pi * n * hz * t) / n for n in range(1, 6)) * np.exp(-2 * t)
        sound = sound * np.where(t < hold_s, 1, np.exp(-60 * (t - hold_s)))
        sound = sound + noise * np.random.default_rng(0).normal(size=len(t))
        return np.asarray(0.1 * velocity / 127 * sound, np.float32)

    return render


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """A synthesiser whose every second candidate is noise."""

    def timbre(_name: str, seed: int, number: int) -> Timbre:
        good = (seed + number) % 2 == 0
        return Timbre(f"#{number}", (60, 72), _saw(noise=0.0 if good else 30.0))

    def run(work: Callable[[Any], Any], tasks: list[Any], *_: Any) -> None:
        for task in tasks:
            work(task)

    synthesiser = Synthesiser("fake", "numpy", "numpy", "BSD", "saws")
    monkeypatch.setitem(SYNTHESISERS, "fake", synthesiser)
    monkeypatch.setattr(banks, "candidate", timbre)
    monkeypatch.setattr(banks, "run_all", run)


@pytest.mark.usefixtures("fake")
def test_a_bank_of_usable_timbres(tmp_path: Path) -> None:
    bank = build_bank("fake", tmp_path / "bank", n_timbres=3, seed=0)
    assert [each.name for each in bank.instruments] == ["fake 0", "fake 1", "fake 2"]
    assert set(range(60, 73)) <= set(bank.instruments[1].pitches)
    assert bank.source.name == "fake"
    assert f"numpy {np.__version__}" in bank.source.licence
    assert "the sound is ours" in bank.source.licence
    note = bank.instruments[0].sustained(65, 80)
    spectrum = np.abs(np.fft.rfft(note.samples[:RENDER_RATE_HZ]))
    expected = 440 * 2 ** ((65 - 69) / 12)
    assert spectrum.argmax() == pytest.approx(expected, abs=1.5)
    assert note.release_db_s == pytest.approx(60 * 20 / np.log(10), rel=0.15)
    again = build_bank("fake", tmp_path / "bank", n_timbres=3, seed=0)
    assert again.facts == bank.facts
    with pytest.raises(InputError, match="another make"):
        build_bank("fake", tmp_path / "bank", n_timbres=3, seed=1)


def test_a_model_out_of_tune_is_tuned_and_a_synthesiser_refused() -> None:
    tuned = list(render_notes(Timbre("flat", (60, 66), _saw(-60))))
    assert [note.pitch for note in tuned[::3]] == list(range(57, 70))
    spectrum = np.abs(np.fft.rfft(tuned[9].samples[:RENDER_RATE_HZ]))
    assert spectrum.argmax() == pytest.approx(440 * 2 ** ((60 - 69) / 12), abs=1.5)
    assert not list(render_notes(Timbre("flat", (60, 66), _saw(-40), in_semitones=True)))
    assert not list(render_notes(Timbre("hiss", (60, 66), _saw(noise=30))))


def test_missing_tools_and_wrong_settings_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banks, "find_spec", lambda _: None)
    for name, each in SYNTHESISERS.items():
        assert not each.present
        with pytest.raises(InputError, match=r"is not installed; .*cambiata\[synths\]"):
            build_bank(name, tmp_path / "bank")
    assert "apt-get install amsynth" in SYNTHESISERS["amsynth"].cure
    with pytest.raises(InputError, match="velocities of its own"):
        build_bank("stk", tmp_path / "bank", programs=[3])
    with pytest.raises(InputError, match="no random timbres"):
        build_bank("procedural-pianos", tmp_path / "bank", seed=3)
    monkeypatch.setattr(banks, "find_spec", lambda _: True)
    with pytest.raises(InputError, match="choose 1 to 999"):
        bank_building.build_bank("stk", tmp_path / "bank", n_timbres=0)


def test_amsynths_banks_are_read(tmp_path: Path) -> None:
    bank = tmp_path / "Mine.bank"
    bank.write_text(
        "amSynth\n<preset> <name> One two\n<parameter> amp_attack 1.25\n"
        "<parameter> filter_cutoff -0.5\n<preset> <name> Empty\nEOF\n"
    )
    [(name, values)] = amsynth.read_bank(bank)
    assert name == "Mine: One two"
    assert values == {"amp_attack": 1.25, "filter_cutoff": -0.5}
    assert amsynth.normalised("amp_attack", 1.25) == 0.5
    assert amsynth.normalised("filter_cutoff", -0.5) == 0
    assert amsynth.normalised("amp_sustain", 7) == 1


# In a process of its own for each: Vita leaves a process in a mode of arithmetic (denormal numbers
# are zero) in which Faust's compiler aborts. Prints how many notes are usable, and whether a note
# comes out the same after another.
_RENDER = """
import sys
import numpy as np
from cambiata.data.synthesisers.banks import candidate, render_note

timbres = [candidate(sys.argv[1], 5, number) for number in range(8)]
usable = sum(render_note(timbre, 62, 90, 1.0) is not None for timbre in timbres)
same = True
for timbre in timbres:
    first, _, again = (timbre.render(hz, 90, 0.4, 0.5) for hz in (220.0, 330.0, 220.0))
    same = same and np.array_equal(first, again)
print(usable, same)
"""


@pytest.mark.parametrize("name", ["amsynth", "dx7", "faust", "stk", "vital"])
def test_a_synthesiser_renders_notes_in_tune(name: str) -> None:
    _skip_unless_present(name)
    done = subprocess.run(
        [sys.executable, "-c", _RENDER, name], capture_output=True, text=True, check=True
    )
    usable, same = done.stdout.split()[-2:]
    assert int(usable) >= 4
    # Oscillators of amsynth and some of Vital's run freely.
    assert same == "True" or name in {"amsynth", "vital"}


def test_a_note_held_to_the_end_is_not_heard_in_the_next() -> None:
    _skip_unless_present("vital")
    code = """
import numpy as np
from cambiata.data.synthesisers import vital

preset = vital._preset(np.random.default_rng(4))
preset["controls"] |= {"env_1_attack": 0.8, "osc_1_random_phase": 0.0, "env_1_sustain": 1.0}
for _ in range(3):
    note = vital._player(preset)(220.0, 90, 0.5, 0.5)
    assert np.abs(note[:441]).max() < 0.1 * np.abs(note).max()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _skip_unless_present(name: str) -> None:
    if not SYNTHESISERS[name].present:
        pytest.skip(f"needs {name}: {SYNTHESISERS[name].cure}")
