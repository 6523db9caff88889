"""Knobs of sets of sounds: what each moves, and how near a set's directions come to other sounds.

``python benchmarks/knobs.py`` fits knobs to notes of two sound fonts (FluidR3, by which constants
were chosen, and TimGM6mb, which is reported only) and to recorded instruments, plays every knob at
keys that it was not fitted at, and measures all descriptors. Baselines move the same sound: an
equaliser's tilt, the one descriptor's own gradient, and the principal component most like it.
Then each sound of a font is left out, and made again of the directions of the others. Needs
FluidSynth with both fonts; ``--recordings FOLDER`` names folders of an instrument's notes.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.audio.source import pad_or_trim
from cambiata.data.soundfont import RENDER_RATE_HZ, Renderer, SoundFont
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.instrument.recorded import find_onset
from cambiata.knobs.api import Knobs, fit_knobs
from cambiata.knobs.collection import MeasuredSound, open_set
from cambiata.knobs.descriptors import NAMES, describe
from cambiata.knobs.directions import PathFinder, main_directions, scales_of
from cambiata.knobs.parameters import Array, SoundParameters
from cambiata.knobs.playing import play_notes
from cambiata.knobs.rendering import LEAD_S, SAMPLE_RATE, render_note
from cambiata.performance.api import play
from cambiata.score.midi import Note, Part, Score
from instrument import Bank, log_mel_lsd
from machine import machine, table

# Thirty-four programs that have a pitch, of all families.
_PROGRAMS = "0 4 6 8 11 12 16 19 21 22 24 25 27 32 40 42 45 46 48 52 56 57 60 64 68 71 73 75 79"
PROGRAMS = tuple(map(int, (_PROGRAMS + " 104 105 107 108 110").split()))
KEY, HELD_S, COMPARED_S = 60, 3.5, 2.0
# Semitones from the set's middle key: the fit knows -7, 0 and 7.
OTHER_KEYS = (-10, -4, 3, 11)
POSITIONS = np.linspace(0, 1, 5)
DESCRIBED_S = 0.8
PARTS = ("effects", "again", "exports", "speed")
N_DIRECTIONS = (1, 2, 3, 6, 12)


def font_notes(name: str) -> list[Audio]:
    """One note of each program of a font."""
    bank = Bank(name)
    found = []
    for program in PROGRAMS:
        note = bank.note(program, KEY)[: round(HELD_S * RENDER_RATE_HZ)]
        if np.abs(note).max() > 1e-3:
            found.append(Audio(note, RENDER_RATE_HZ, name=f"program {program} C4.wav"))
    return found


# --- what knobs move -----------------------------------------------------------------------------

Way = Callable[[float, int], Samples]
"""Sound of a held note at a position and a key."""


def held(sound: SoundParameters, key: int) -> Samples:
    """A note without its lead."""
    return render_note(sound, key, DESCRIBED_S)[round(LEAD_S * SAMPLE_RATE) :]


def measured(way: Way, keys: Sequence[int]) -> Array:
    """Descriptors at positions and keys [5, K, NAMES]."""
    return np.array(
        [[describe(way(p, k), SAMPLE_RATE, k, DESCRIBED_S) for k in keys] for p in POSITIONS]
    )


def tilted(note: Samples, db_per_octave: float) -> Samples:
    """A note through an equaliser that tilts about 1 kHz."""
    spectrum = np.fft.rfft(note)
    hz = np.fft.rfftfreq(len(note), 1 / SAMPLE_RATE)
    octaves = np.log2(np.clip(hz, 30, 18000) / 1000)
    return np.fft.irfft(spectrum * 10 ** (db_per_octave * octaves / 20), len(note)).astype(
        np.float32
    )


def ways_of(knobs: Knobs, name: str, finder: PathFinder, gradients: Array) -> dict[str, Way]:
    """The knob, and the baselines, over as much of the own descriptor where they can.

    The main direction goes over the set's own range of it.
    """
    found = knobs.fitted
    own, mean = NAMES.index(name), found.main.mean
    path = next(path for path in found.paths if path.name == name)
    low, high = path.described[[0, -1], own]
    middle = found.keys[1]

    def along(direction: Array) -> Way:
        """A straight line on which the own descriptor goes from the knob's low to its high."""

        def at(amount: float) -> SoundParameters:
            return SoundParameters.of(mean + amount * direction)

        def off(amount: float, wanted: float) -> float:
            value = describe(held(at(amount), middle), SAMPLE_RATE, middle, DESCRIBED_S)[own]
            return float(value - wanted)

        ends = [_reached(off, wanted) for wanted in (low, high)]
        return lambda p, key: held(at(float(np.interp(p, (0, 0.5, 1), (ends[0], 0, ends[1])))), key)

    scores = found.main.scores
    likeness = [np.corrcoef(scores[:, i], found.described[:, own])[0, 1] for i in range(6)]
    best = int(np.argmax(np.abs(likeness)))
    ways: dict[str, Way] = {
        "knob": lambda p, key: held(found.sound({name: p}), key),
        "its gradient alone": along(gradients[:, own] * finder.scales),
        "orthogonal, in one straight line": along(_straight(finder, gradients, own)),
        "main direction most like it": lambda p, key: held(
            found.sound({f"main-{best + 1}": p if likeness[best] > 0 else 1 - p}), key
        ),
    }
    if name == "brightness":

        def off(db: float, wanted: float) -> float:
            note = tilted(held(SoundParameters.of(mean), middle), db)
            return float(describe(note, SAMPLE_RATE, middle, DESCRIBED_S)[own] - wanted)

        tilts = [_reached(off, wanted, 12.0) for wanted in (low, high)]

        def equalised(p: float, key: int) -> Samples:
            tilt = float(np.interp(p, (0, 0.5, 1), (tilts[0], 0, tilts[1])))
            return tilted(held(SoundParameters.of(mean), key), tilt)

        ways["equaliser's tilt"] = equalised
    return ways


def _straight(finder: PathFinder, gradients: Array, own: int) -> Array:
    pull = finder.covariance @ gradients
    wanted = np.eye(len(NAMES))[own]
    direction: Array = pull @ np.linalg.solve(gradients.T @ pull, wanted) * finder.scales
    return direction


def _reached(off: Callable[[float, float], float], wanted: float, most: float = 30.0) -> float:
    """Amount at which a descriptor is as wanted, or as near as it comes."""
    side = np.sign(-off(0.0, wanted))
    reached = 0.0
    for amount in side * np.geomspace(0.02 * most, most, 24):
        if np.sign(off(amount, wanted)) == side:
            return float(brentq(lambda x: off(x, wanted), reached, amount, xtol=1e-2 * most / 30))
        reached = amount
    return float(reached)


def print_effects(sets: dict[str, Knobs]) -> None:
    """What each knob and each baseline moves, over sets and keys."""
    rows = []
    finders = {
        title: PathFinder(knobs.fitted.parameters, knobs.fitted.described, knobs.fitted.keys)
        for title, knobs in sets.items()
    }
    gradients = {title: finder.gradients() for title, finder in finders.items()}
    for name in NAMES:
        found: dict[str, list[tuple[float, float, float]]] = {}
        for title, knobs in sets.items():
            if name not in knobs.names:
                continue
            own = NAMES.index(name)
            spreads = np.maximum(knobs.fitted.described.std(0, ddof=1), 1e-3)
            keys = [knobs.fitted.keys[1] + apart for apart in OTHER_KEYS]
            ways = ways_of(knobs, name, finders[title], gradients[title])
            for method, way in ways.items():
                values = measured(way, keys) / spreads
                for k in range(len(keys)):
                    others = np.delete(np.ptp(values[:, k], axis=0), own)
                    likeness = np.corrcoef(POSITIONS, values[:, k, own])[0, 1]
                    travel = values[-1, k, own] - values[0, k, own]
                    found.setdefault(method, []).append((likeness, travel, float(others.max())))
        for method, each in found.items():
            cells = []
            for column in np.array(each).T:
                low, high = bootstrap_interval(column)
                cells.append(f"{column.mean():.2f} [{low:.2f}, {high:.2f}]")
            worst = f"{min(x[0] for x in each):.2f}; {max(x[2] for x in each):.2f}"
            rows.append([name, method, *cells, worst])
        print(f"  {name}", flush=True)
    header = ["", "", "correlation", "own change", "others' largest change", "worst of both"]
    print("\nChanges from 0 to 1 in standard deviations over the set.\n")
    print(table(header, rows), flush=True)


def print_reach(sets: dict[str, Knobs]) -> None:
    """Share of a set's range that each knob covers, and the share of variance of directions."""
    rows = []
    for title, knobs in sets.items():
        cells = []
        for name in NAMES:
            path = [path for path in knobs.fitted.paths if path.name == name]
            own = NAMES.index(name)
            spans = knobs.fitted.described[:, own]
            share = np.ptp(path[0].described[[0, -1], own]) / np.ptp(spans) if path else np.nan
            cells.append(f"{share:.0%}" if path else "-")
        explained = np.cumsum(knobs.fitted.main.explained)
        rows.append(
            [title, str(len(knobs.sounds)), *cells, f"{explained[1]:.0%}, {explained[-1]:.0%}"]
        )
    print("\nShare of the set's range that a knob covers; variance in two and in six directions.\n")
    print(table(["", "sounds", *NAMES, "variance"], rows), flush=True)


# --- sounds made again ---------------------------------------------------------------------------


def made_again(notes: list[Audio], opened: list[MeasuredSound]) -> dict[str, list[float]]:
    """Log-mel distances of every sound from what is made of the others."""
    n = round(COMPARED_S * SAMPLE_RATE)
    parameters = np.stack([each.parameters for each in opened])
    true, rendered = [], []
    by_name = {Path(note.name).stem: note for note in notes}
    for each in opened:
        note = by_name[each.name].samples[0]
        true.append(pad_or_trim(note[max(0, find_onset(note) - 220) :], n))
        rendered.append(_at(each.parameters, each.pitches[0], n))
    found: dict[str, list[float]] = {}
    for i, each in enumerate(opened):
        rest = np.delete(parameters, i, axis=0)
        scales = scales_of(rest)
        main = main_directions(rest, most=max(N_DIRECTIONS))
        axes = main.directions / scales
        off = (each.parameters - main.mean) / scales
        outcomes = {"its own parameters (ceiling)": rendered[i]}
        for k in N_DIRECTIONS:
            scores = axes[:k] @ off / (axes[:k] ** 2).sum(1)
            made = main.mean + scores @ main.directions[:k]
            outcomes[f"{k} direction{'s' * (k > 1)}"] = _at(made, each.pitches[0], n)
        outcomes["the others' mean (floor)"] = _at(main.mean, each.pitches[0], n)
        for name, sound in outcomes.items():
            found.setdefault(name, []).append(log_mel_lsd(sound, true[i]))
        away = [j for j in range(len(opened)) if j != i]
        nearest = min(
            away,
            key=lambda j: float(
                ((parameters[j] - each.parameters) / scales)
                @ ((parameters[j] - each.parameters) / scales)
            ),
        )
        found.setdefault("nearest sound, by parameters", []).append(
            log_mel_lsd(_at(parameters[nearest], each.pitches[0], n), true[i])
        )
        found.setdefault("nearest recording, by this very distance", []).append(
            min(log_mel_lsd(true[j], true[i]) for j in away)
        )
    return found


def _at(parameters: Array, midi: float, n: int) -> Samples:
    return pad_or_trim(render_note(SoundParameters.of(parameters), midi, COMPARED_S + 0.5), n)


def print_made_again(font: str, notes: list[Audio]) -> None:
    """Table of distances, and of how much nearer than the nearest sound."""
    opened = open_set(notes, "notes")
    found = made_again(notes, opened)
    near = np.array(found["nearest sound, by parameters"])
    rows = []
    for name, values in found.items():
        low, high = bootstrap_interval(values)
        less = np.array(values) - near
        ends = bootstrap_interval(less)
        difference = f"{less.mean():+.2f} [{ends[0]:+.2f}, {ends[1]:+.2f}]"
        rows.append([name, f"{np.mean(values):.2f} [{low:.2f}, {high:.2f}]", difference])
    print(f"\n{font}: each of {len(opened)} sounds made of the others, log-mel LSD in dB\n")
    print(table(["", "LSD", "less the nearest sound's"], rows), flush=True)


# --- exports, speed ------------------------------------------------------------------------------


def print_exports(knobs: Knobs) -> None:
    """Whether a knob still moves what it says once it is a timbre or a sound font."""
    positions, rows = (0.0, 0.25, 0.5, 0.75, 1.0), []
    for name in ("brightness", "attack", "warmth", "noisiness"):
        own = NAMES.index(name)
        by_timbre, by_font = [], []
        for position in positions:
            timbre = knobs.timbre({name: position})
            part = Part((Note(0.1, 1.1, KEY, 96),))
            sound = play(Score((part,)), timbre, tail_s=0.5).samples[0]
            by_timbre.append(_described(sound[round(0.1 * SAMPLE_RATE) :])[own])
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "x.sf2"
                knobs.export(place, {name: position}, keys=(58, 62), velocities=1)
                with Renderer(SoundFont(place)) as renderer:
                    note = renderer.render([Note(0.0, 1.0, KEY, 96)], 0, 1.5).mean(0)
            by_font.append(_described(note)[own])
        cells = []
        span = np.ptp(next(p for p in knobs.fitted.paths if p.name == name).described[[0, -1], own])
        for values in (by_timbre, by_font):
            likeness = np.corrcoef(positions, values)[0, 1]
            cells.append(f"{likeness:.2f}, {(values[-1] - values[0]) / span:.0%}")
        rows.append([name, *cells])
    print("\nKnobs after export: correlation with the position, share of the knob's own change\n")
    print(table(["", ".timbre and the player", ".sf2 in FluidSynth"], rows), flush=True)


def _described(note: Samples) -> Array:
    return describe(note.astype(np.float32), SAMPLE_RATE, KEY, DESCRIBED_S)


def print_speed(knobs: Knobs, notes: list[Audio]) -> None:
    """Processor time and memory of fitting and of playing ten minutes of chords."""
    given_s = sum(note.duration_s for note in notes)
    began = time.process_time()
    fit_knobs(notes, kind="notes")
    fitted_s = time.process_time() - began
    print(
        f"\nfit: {fitted_s:.1f} s of processor time for {given_s:.0f} s, {fitted_s / given_s:.3f}"
    )
    rng = np.random.default_rng(0)
    piece = [
        Note(0.5 * i, 0.5 * i + 0.45, int(rng.integers(40, 84)), int(rng.integers(40, 120)))
        for i in range(1200)
        for _ in range(3)
    ]
    began = time.process_time()
    played = play_notes(knobs.fitted.sound({"brightness": 0.7}), piece, 0)
    took_s = time.process_time() - began
    print(f"play: 3,600 notes, real-time factor {took_s / (len(played) / SAMPLE_RATE):.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:.0f} MiB", flush=True)


def recorded_sets(folders: Sequence[Path]) -> list[Path]:
    """Folders of one instrument's notes."""
    return [
        each
        for folder in folders
        for each in ([folder] if any(folder.glob("*.ogg")) else sorted(folder.iterdir()))
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--fonts", nargs="+", default=["fluid-r3", "timgm6mb"])
    parser.add_argument("--recordings", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    print(machine())
    fonts = {name: font_notes(name) for name in options.fonts}
    if "again" in options.parts:
        for font, notes in fonts.items():
            print_made_again(font, notes)
    if options.parts == ["again"]:
        raise SystemExit
    sets = {name: fit_knobs(notes, kind="notes") for name, notes in fonts.items()}
    if options.recordings:
        sets["recorded"] = fit_knobs(recorded_sets(options.recordings))
    last = options.fonts[-1]
    if "effects" in options.parts:
        print_reach(sets)
        print_effects(sets)
    if "exports" in options.parts:
        print_exports(sets[last])
    if "speed" in options.parts:
        print_speed(sets[last], fonts[last])
