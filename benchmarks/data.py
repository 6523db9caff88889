"""The data engine: how fast banks are rendered and pairs composed, and how exact onsets are.

Usage: python benchmarks/data.py [FONT ...]      (the installed fonts where none is named)
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cambiata.data.bank import Bank, Instrument
from cambiata.data.bank_building import build_from_font
from cambiata.data.pairs import PairComposer, PairConfig, Treatment
from cambiata.data.soundfont import (
    RENDER_RATE_HZ,
    Renderer,
    SoundFont,
    find_font,
    identify_source,
    installed_fonts,
)
from cambiata.score.midi import Note
from machine import machine, table

PROGRAMS = (0, 6, 11, 24, 40, 45, 46, 56, 73, 81)
STRUCK = (0, 6, 11, 24, 45, 46)  # where the onset is a moment: struck and plucked
AT_S = 0.25
N_EXAMPLES = 40


def onsets_ms(instrument: Instrument) -> list[float]:
    """Delay of each note in ms: the first sample within 40 dB of the peak of its first 50 ms."""
    delays_ms: list[float] = []
    for pitch in instrument.pitches[::3]:
        sound = np.abs(instrument.play([Note(AT_S, AT_S + 0.5, pitch, 100)], RENDER_RATE_HZ))
        at = round(AT_S * RENDER_RATE_HZ)
        peak = sound[at : at + RENDER_RATE_HZ // 20].max()
        delays_ms.append(1000 * float(np.argmax(sound >= 0.01 * peak) - at) / RENDER_RATE_HZ)
    return delays_ms


def bank_row(path: Path, folder: Path) -> tuple[Bank, list[str]]:
    """Build a bank of ten programs on one core."""
    font = SoundFont(path)
    start_s = time.process_time()
    with Renderer(font):
        loaded_s = time.process_time() - start_s
    start_s = time.process_time()
    bank = build_from_font(path, folder, programs=PROGRAMS, n_workers=1)
    cpu_s = time.process_time() - start_s
    seconds = sum(instrument.table["length"].sum() for instrument in bank.instruments)
    seconds /= RENDER_RATE_HZ
    notes = sum(len(instrument.table) for instrument in bank.instruments)
    size = sum(place.stat().st_size for place in folder.iterdir()) / 2**20
    delays_ms = [ms for i in bank.instruments if i.program in STRUCK for ms in onsets_ms(i)]
    return bank, [
        identify_source(path).name,
        f"{loaded_s:.2f}",
        str(notes),
        f"{seconds / cpu_s:.0f}",
        f"{size / len(bank.instruments):.0f}",
        f"{np.median(delays_ms):.2f} / {np.percentile(delays_ms, 95):.2f} / {max(delays_ms):.2f}",
    ]


def main() -> None:
    """Print the tables."""
    paths = [find_font(name) for name in sys.argv[1:]] or installed_fonts()
    print(machine(), end="\n\n")
    with tempfile.TemporaryDirectory() as name:
        banks = [bank_row(path, Path(name) / identify_source(path).name) for path in paths]
        header = ["font", "load s", "notes", "audio s per core s", "MiB a program"]
        print(table([*header, "onset late ms, median / 95 % / most"], [row for _, row in banks]))
        rows = []
        treatments: tuple[Treatment, ...] = ("none", "paper", "wide")
        for treatment in treatments:
            config = PairConfig(treatment=treatment)
            composer = PairComposer([bank for bank, _ in banks], config=config, allow_test=True)
            composer.example(0)
            start_s = time.process_time()
            for number in range(1, N_EXAMPLES + 1):
                composer.example(number)
            cpu_s = time.process_time() - start_s
            seconds = 3 * config.duration_s * N_EXAMPLES
            rows.append([treatment, f"{cpu_s / N_EXAMPLES:.3f}", f"{seconds / cpu_s:.0f}"])
        print()
        print(table(["effects", "core s an example", "audio s per core s"], rows))


if __name__ == "__main__":
    main()
