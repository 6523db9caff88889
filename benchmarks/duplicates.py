"""Training instruments that share samples with a test source; writes the list of exclusions.

Usage: python benchmarks/duplicates.py [BANK_FOLDER]
"""

import sys
from pathlib import Path

import numpy as np

import cambiata.data
from cambiata.data.bank import BANK_FOLDER, Bank
from cambiata.data.duplicates import (
    THRESHOLD,
    Duplicate,
    find_duplicates,
    similarities,
    write_exclusions,
)
from machine import table

# GeneralUser GS programs whose loops, compared byte by byte in the files, are another font's
# (the data's SOURCES.md); where layers hide the loop, waveforms do not show it.
LISTED = (
    *(5, 8, 10, 12, 31, 33, 34, 35, 36, 37, 38, 39, 42, 43, 62, 63, 80, 81, 82, 87, 88, 92, 98),
    *(106, 114),
)


def main() -> None:
    """Print a histogram for every two sources and write the exclusions."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else BANK_FOLDER
    banks = [Bank(path.parent) for path in sorted(folder.glob("*/bank.json"))]
    training = [bank for bank in banks if bank.source.use == "train"]
    test = [bank for bank in banks if bank.source.use == "test"]
    edges = np.arange(0, 1.01, 0.1)
    rows = []
    for bank in training:
        for other in banks:
            if other is bank or len(bank.instruments) < 2:
                continue
            best = similarities(bank, other).max(axis=1)
            counts, _ = np.histogram(best, edges)
            rows.append([bank.source.name, other.source.name, *map(str, counts)])
    header = ["source", "other", *(f"{low:.1f}" for low in edges[:-1])]
    print(table(header, rows))
    found = [duplicate for bank in training for duplicate in find_duplicates(bank, test)]
    have = {(duplicate.source, duplicate.program) for duplicate in found}
    for bank in training:
        if bank.source.name == "generaluser-gs":
            found += [
                Duplicate(bank.source.name, i.program, i.name, "listed in SOURCES.md", 1.0)
                for i in bank.instruments
                if i.program in LISTED and (bank.source.name, i.program) not in have
            ]
    print(f"\n{len(found)} instruments at {THRESHOLD} or above, or listed")
    write_exclusions(found, Path(cambiata.data.__path__[0]) / "exclusions.json")


if __name__ == "__main__":
    main()
