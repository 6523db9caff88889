"""Bars of the old collections' tunes, packed by `cambiata.melody.encoding`, in a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.data.scores import SCORE_CACHE
from cambiata.data.tunes import READER, Split, Tune, read_tunes
from cambiata.errors import InputError
from cambiata.files import write_text
from cambiata.melody.bars import MelodyLine
from cambiata.melody.encoding import Vocabulary, encode_bars
from cambiata.system import Progress

STYLES = ("reel", "hornpipe", "strathspey", "jig", "slip jig", "march", "air")
N_STYLE_BARS = 4  # bars of the same tune that show its style; more of short tunes would repeat


@dataclass(frozen=True)
class TunesConfig:
    """Settings of a recording of tunes."""

    least: int = 12  # times that a beat's rhythm must occur to be a word


def parse_lines(tunes: list[Tune]) -> list[tuple[Tune, MelodyLine]]:
    """Tunes in metres that are known, as lines."""
    lines = []
    for tune in tunes:
        sheet = tune.sheet
        try:
            line = MelodyLine.of(sheet.voices[0], sheet.metre, sheet.pickup, sheet.name)
        except InputError:
            continue
        lines.append((tune, line))
    return lines


class TuneBars:
    """Bars of tunes, each with others of its tune that show the style."""

    def __init__(self, folder: Path, split: Split) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        with np.load(folder / f"{split}.npz") as arrays:
            self.bars, self.tune, self.dance = arrays["bars"], arrays["tune"], arrays["dance"]
        self._first = np.searchsorted(self.tune, np.arange(self.tune.max() + 2))

    @property
    def words(self) -> Vocabulary:
        """Rhythms of beats."""
        return Vocabulary.from_json(self.facts["words"])

    def __len__(self) -> int:
        return len(self.bars)

    def __getitem__(self, index: int) -> npt.NDArray[np.int16]:
        """A bar, bars that show its style, its dance [1 + N_STYLE_BARS, N_NUMBERS + 1]."""
        tune = self.tune[index]
        others = np.arange(self._first[tune], self._first[tune + 1])
        others = others[others != index]
        chosen = np.random.default_rng([7, index]).choice(
            others, N_STYLE_BARS, len(others) < N_STYLE_BARS
        )
        rows = self.bars[[index, *chosen]]
        dance = np.full((len(rows), 1), self.dance[tune], np.int16)
        return np.concatenate([rows, dance], axis=1)

    def validation(self) -> "TuneBars":
        """Bars of other families."""
        return TuneBars(self.folder, "validation")


def record_tunes(
    config: TunesConfig, folder: str | Path | None = None, *, progress: Progress | None = None
) -> TuneBars:
    """Bars of the old collections' tunes, written into a folder where they are not there yet."""
    place = Path(folder) if folder else SCORE_CACHE / "examples" / f"tunes-{READER}-{config.least}"
    if not (place / "facts.json").exists():
        write_bars(parse_lines(read_tunes(progress=progress)), place, config.least)
    return TuneBars(place, "train")


def write_bars(tunes: list[tuple[Tune, MelodyLine]], place: Path, least: int) -> None:
    """Write tunes' bars into a folder."""
    words = Vocabulary.of((line for tune, line in tunes if tune.split == "train"), least)
    place.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for split in ("train", "validation", "test"):
        bars, tune_numbers = [], []
        dances: list[int] = []
        for tune, line in tunes:
            firsts = [group[0] for group in line.groups().values()]
            # A tune of two different bars has none left to show its style by.
            if tune.split != split or len(firsts) < 3:
                continue
            packed = encode_bars(line, firsts, words).packed()
            bars.append(packed)
            tune_numbers.append(np.full(len(packed), len(dances)))
            dances.append(STYLES.index(tune.dance) if tune.dance in STYLES else -1)
        np.savez_compressed(
            place / f"{split}.npz",
            bars=np.concatenate(bars),
            tune=np.concatenate(tune_numbers),
            dance=np.array(dances, np.int16),
        )
        counts[split] = len(dances)
    facts = {"words": words.to_json(), "banks": {"tunes": counts}, "least": least}
    write_text(place / "facts.json", json.dumps(facts))  # last: where it lies, the others do
