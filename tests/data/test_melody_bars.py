"""Bars of tunes, by splits that share no family."""

from pathlib import Path

import pytest
from tiny_tunes import sheet, tunes

from cambiata.data.melody_bars import (
    N_STYLE_BARS,
    TuneBars,
    parse_lines,
    write_bars,
)
from cambiata.data.tunes import Tune
from cambiata.melody.encoding import N_PACKED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bars")
    write_bars(parse_lines(tunes(20)), place, 1)
    return place


def test_splits_share_no_family(folder: Path) -> None:
    all_tunes = [Tune("", "", sheet("reel", 0), str(family)) for family in range(300)]
    shares = [sum(t.split == split for t in all_tunes) for split in ("train", "validation", "test")]
    assert shares == [pytest.approx(240, abs=25), *[pytest.approx(30, abs=18)] * 2]
    bars = TuneBars(folder, "train")
    assert len(bars.validation()) > 0
    assert bars[0].shape == (1 + N_STYLE_BARS, N_PACKED + 1)
