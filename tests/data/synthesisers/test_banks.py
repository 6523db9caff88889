"""Banks of synthesisers: what is kept, what is refused, and what the bank says of its sound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cambiata.data import bank_building
from cambiata.data.bank_building import build_bank
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers import amsynth, banks
from cambiata.data.synthesisers.banks import SYNTHESISERS, Synthesiser, candidate, render_notes
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


# synthesistoolkit asks for its folder in a way that Python 3.11 and 3.12 warn of.
@pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(set(SYNTHESISERS) - {"fake"}))
def test_a_synthesiser_renders_notes_in_tune(name: str) -> None:
    synthesiser = SYNTHESISERS[name]
    if not synthesiser.present:
        pytest.skip(f"needs {name}: {synthesiser.cure}")
    for number in range(6):
        timbre = candidate(name, 5, number)
        assert candidate(name, 5, number).name == timbre.name
        assert 21 <= timbre.pitches[0] < timbre.pitches[1] <= 108
    usable = [banks.render_note(candidate(name, 5, n), 62, 90, 1.0) is not None for n in range(6)]
    assert sum(usable) >= 3
