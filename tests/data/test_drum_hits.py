"""Hits of drums: computed ones, how they are trimmed and packed, and grooves to play with them."""

from pathlib import Path

import numpy as np
import pytest
from tiny_groove_data import tiny_groove_data

from cambiata import InputError
from cambiata.data.drum_grooves import (
    MAX_EVENTS,
    WINDOW_S,
    DrumGroovesConfig,
    cut_windows,
    record_drum_grooves,
)
from cambiata.data.drum_hits import (
    ARTICULATION_OF_KEY,
    ARTICULATIONS,
    MU,
    N_SLOTS,
    RATE_HZ,
    DrumKit,
    encode_mu_law,
    pack_hits,
    synthetic_kit,
    trim_hit,
)


def test_every_articulation_is_computed_and_begins_at_once() -> None:
    kit = synthetic_kit(1, 0)
    assert set(kit.hits) == set(range(len(ARTICULATIONS)))
    for hits in kit.hits.values():
        for _, hit in hits:
            assert 0.8 < np.abs(hit).max() <= 1
            assert np.abs(hit[: RATE_HZ // 50]).max() > 0.03  # within 20 ms
    again = synthetic_kit(1, 0)
    assert all(
        np.array_equal(a, b)
        for i in kit.hits
        for (_, a), (_, b) in zip(kit.hits[i], again.hits[i], strict=True)
    )


def test_hits_are_trimmed_to_their_onset() -> None:
    sound = np.zeros(RATE_HZ, np.float32)
    sound[5000:9000] = 0.5 * np.exp(-np.arange(4000) / 500)
    hit = trim_hit(sound, 0.5)
    assert hit is not None
    assert int(np.argmax(hit)) == RATE_HZ // 1000
    assert len(hit) < 4000
    assert trim_hit(np.zeros(100, np.float32), 1.0) is None


def test_a_hit_of_two_kits_is_kept_once() -> None:
    kits = [DrumKit(name, "CC0") for name in "ab"]
    t = np.arange(4000) / RATE_HZ
    for kit in kits:
        kit.add(0, 0.5, (np.sin(2 * np.pi * 60 * t) * np.exp(-30 * t)).astype(np.float32))
    kits[1].add(1, 0.5, np.exp(-50 * t).astype(np.float32))
    bank = pack_hits(kits)
    assert len(bank.starts) == 3
    assert bank.table.shape == (2, len(ARTICULATIONS), N_SLOTS)
    assert (bank.table[0, 0] == bank.table[1, 0]).all()
    assert (bank.table[0, 1] == -1).all()
    more = bank.extended(pack_hits([synthetic_kit(1, 1)]))
    assert more.names[-1] == "synthetic-1-1"
    assert more.table[-1].min() == 2  # its hits come after the two


def test_mu_law_keeps_hits() -> None:
    sound = np.linspace(-1, 1, 1001).astype(np.float32)
    code = encode_mu_law(sound).astype(np.float64) / 127
    decoded = np.sign(code) * np.expm1(np.abs(code) * np.log1p(MU)) / MU
    assert np.abs(decoded - sound).max() < 0.03 * 1
    assert np.abs(decoded - sound)[490:511].max() < 1e-3


def test_windows_hold_what_is_struck_in_them() -> None:
    events = np.array([[0.1 * i, 0, 0.5] for i in range(100)], np.float32)
    windows = cut_windows(events, np.array([100]))
    assert windows.shape[1:] == (MAX_EVENTS, 3)
    first = windows[0][windows[0, :, 1] >= 0]
    assert first[0, 0] == pytest.approx(0.05)
    assert len(first) == pytest.approx(WINDOW_S * 10, abs=1)


def test_grooves_are_recorded_with_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cambiata.data.soundfont.installed_fonts", list)
    (tmp_path / "data").mkdir()
    config = DrumGroovesConfig(str(tiny_groove_data(tmp_path / "data")), "", n_synthetic=2)
    grooves = record_drum_grooves(config, tmp_path / "set")
    assert len(grooves) > 0
    assert len(grooves.validation()) > 0
    bank = grooves.bank()
    assert bank.names == ("synthetic-0-0", "synthetic-0-1")
    assert grooves.rooms().shape[0] == 1
    assert (grooves[0][:, 1] <= max(ARTICULATION_OF_KEY.values())).all()
    with pytest.raises(InputError, match=r"examples.source: names no folder"):
        record_drum_grooves(DrumGroovesConfig(), tmp_path / "other")
