"""Drums heard where hits are known: held-out grooves, played by kits never learnt from.

Grooves are of the sessions that are held out of every training (`cambiata.data.grooves.HELD_OUT`),
kits those of Debian's avldrums.lv2-soundfont (Glen MacArthur, CC BY-SA 3.0), many-layered
recordings of two acoustic sets, with which nothing is trained.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio
from cambiata.data.grooves import read_recordings
from cambiata.data.soundfont import FONT_FOLDERS, RENDER_RATE_HZ, Renderer, SoundFont
from cambiata.errors import InputError
from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.markdown import markdown_table, write_evaluation
from cambiata.score.midi import Note, load
from cambiata.transcription.drum_bands import DRUM_BANDS
from cambiata.transcription.drum_hits import GROUPS, pick_peaks
from cambiata.transcription.drums import drum_notes

TEST_FONTS = ("Black_Pearl_4_LV2.sf2", "Red_Zeppelin_4_LV2.sf2")
TOLERANCES_S = (0.05, 0.02)
_SECONDS = 30.0  # of each groove
_N_RESAMPLES = 1000
# The test kits' keys for those of the Groove MIDI Dataset's electronic kit: both sets have two
# toms and no china; the keys 50 and 58 are choked crashes there.
_KEY_OF = {22: 42, 26: 46, 35: 36, 48: 45, 50: 47, 58: 43, 52: 57, 59: 59}
_GROUP_OF = {
    "kick": (36, 35),
    "snare": (38, 40, 37),
    "closed hat": (42, 44, 22),
    "open hat": (46, 26),
    "tom": (41, 43, 45, 47, 48, 50, 58),
    "cymbal": (49, 51, 52, 53, 55, 57, 59),
}
# Bands of the baseline in Hz, by drum; it does not tell open hats, toms or cymbals.
_BASELINE_HZ = {"kick": (30, 110), "snare": (180, 5000), "closed hat": (7000, 17000)}
# Least rise of a band's mean level, as a share of its largest in the recording; by validation
# (grooves of the dataset's validation files, GeneralUser GS's kit).
_BASELINE_SHARE = {"kick": 0.7, "snare": 0.2, "closed hat": 0.15}


@dataclass(frozen=True)
class PlayedGroove:
    """A groove that a kit plays."""

    name: str
    kit: str
    sound: Audio
    notes: tuple[Note, ...]


def held_out_grooves(data: str | Path, *, seconds: float = _SECONDS) -> Iterator[PlayedGroove]:
    """Beats of the held-out sessions, each by one of the test kits in turn."""
    recordings = [
        each
        for each in read_recordings(data)
        if each.is_held_out and each.split == "test" and not each.is_fill
    ]
    fonts = [_find_test_font(name) for name in TEST_FONTS]
    for number, font in enumerate(fonts):
        with Renderer(SoundFont(font)) as renderer:
            for each in recordings[number :: len(fonts)]:
                notes = tuple(
                    note
                    for part in load(each.path, keys=True).parts
                    for note in part.notes
                    if note.start_s < seconds
                )
                played = sorted(
                    Note(n.start_s, n.start_s + 1.0, _KEY_OF.get(n.pitch, n.pitch), n.velocity)
                    for n in notes
                )
                sound = renderer.render(played, 0, seconds + 1)
                sound = sound / max(float(np.abs(sound).max()), 1e-6) * np.float32(0.9)
                audio = Audio(sound, RENDER_RATE_HZ)
                yield PlayedGroove(each.path.stem, font.stem, audio, notes)


def _find_test_font(name: str) -> Path:
    for folder in FONT_FOLDERS:
        if (folder / name).is_file():
            return folder / name
    raise InputError(name, "is not installed", "apt-get install avldrums.lv2-soundfont")


def baseline_notes(sound: Audio) -> list[Note]:
    """Hits where the level of a drum's band rises: what can be had without learning."""
    mono = sound.samples.mean(axis=0)
    levels = DRUM_BANDS.levels(mono / max(float(np.abs(mono).max()), 1e-6))
    hz = DRUM_BANDS.filters.argmax(axis=1) * DRUM_BANDS.sample_rate / DRUM_BANDS.n_fft
    notes = []
    for name, (low, high) in _BASELINE_HZ.items():
        band = levels[(hz >= low) & (hz < high)].mean(axis=0)
        # Over two frames: the window spreads an attack over four.
        rise = np.maximum(band[2:] - band[:-2], 0)
        rise = np.pad(rise / max(float(rise.max()), 1e-6), 1).astype(np.float32)
        places, _ = pick_peaks(rise, _BASELINE_SHARE[name])
        key = _GROUP_OF[name][0]
        times_s = places * DRUM_BANDS.frame_s
        notes += [Note(float(t), float(t) + 0.05, key) for t in times_s]
    return sorted(notes)


def evaluate_drums(
    output: str | Path,
    data: str | Path,
    *,
    weights: str = "drums",
    seconds: float = _SECONDS,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """F-measures of hits by drum on held-out grooves of the dataset in the folder `data`."""
    lines = []
    for i, groove in enumerate(held_out_grooves(data, seconds=seconds)):
        try:
            ours = drum_notes(groove.sound, weights=weights)[0]
        except InputError:  # no drum heard
            ours = []
        for name, notes in (("cambiata", ours), ("band energy", baseline_notes(groove.sound))):
            line = {"groove": groove.name, "kit": groove.kit, "transcriber": name}
            lines.append(line | {"drums": count_by_drum(notes, groove.notes)})
        if progress is not None:
            progress("drums", i + 1)
    summary = summarize(lines)
    facts = {"machine": describe_machine(), "summary": summary, "lines": lines}
    write_evaluation(output, "drums", facts, _markdown(summary))
    return facts


def count_by_drum(found: Sequence[Note], true: Sequence[Note]) -> dict[str, dict[str, Any]]:
    """By drum how many hits are true, found, and right at each tolerance; errors of velocity."""
    import mir_eval.util

    counts: dict[str, dict[str, Any]] = {}
    for name, keys in _GROUP_OF.items():
        reference = [note for note in true if note.pitch in keys]
        estimate = [note for note in found if note.pitch in keys]
        right, errors = [], list[float]()
        for tolerance_s in TOLERANCES_S:
            pairs = mir_eval.util.match_events(
                np.array([note.start_s for note in reference]),
                np.array([note.start_s for note in estimate]),
                tolerance_s,
            )
            right.append(len(pairs))
            if tolerance_s == TOLERANCES_S[0]:
                errors = [abs(reference[i].velocity - estimate[j].velocity) for i, j in pairs]
        counts[name] = {
            "true": len(reference),
            "found": len(estimate),
            "right": right,
            "velocity_error": float(np.sum(errors)),
        }
    return counts


def summarize(lines: Sequence[dict[str, Any]], seed: int = 0) -> dict[str, Any]:
    """F1 of all hits of a drum with 95 % intervals over grooves, by transcriber and tolerance."""
    rng = np.random.default_rng(seed)
    summary: dict[str, Any] = {}
    for transcriber in dict.fromkeys(line["transcriber"] for line in lines):
        own = [line["drums"] for line in lines if line["transcriber"] == transcriber]
        draws = rng.integers(0, len(own), (_N_RESAMPLES, len(own)))
        rows: dict[str, Any] = {}
        for name in GROUPS:
            table = np.array([[x[name]["true"], x[name]["found"], *x[name]["right"]] for x in own])
            rows[name] = {
                "n_true": int(table[:, 0].sum()),
                "precision": float(table[:, 2].sum() / max(1, table[:, 1].sum())),
                "recall": float(table[:, 2].sum() / max(1, table[:, 0].sum())),
                "velocity_error": sum(x[name]["velocity_error"] for x in own)
                / max(1, int(table[:, 2].sum())),
            }
            for i, tolerance_s in enumerate(TOLERANCES_S):
                f1s = _f1(table[draws].sum(axis=1), i)
                rows[name][f"f1_{round(1000 * tolerance_s)}_ms"] = [
                    float(_f1(table.sum(axis=0)[None], i)[0]),
                    *(float(x) for x in np.quantile(f1s, (0.025, 0.975))),
                ]
        summary[transcriber] = rows
    return summary


def _f1(counts: npt.NDArray[np.int64], tolerance: int) -> npt.NDArray[np.float64]:
    """F1 of rows of counts: true, found, right at each tolerance."""
    f1: npt.NDArray[np.float64] = (
        2 * counts[:, 2 + tolerance] / np.maximum(counts[:, 0] + counts[:, 1], 1)
    )
    return f1


def _markdown(summary: dict[str, Any]) -> str:
    columns = [f"f1_{round(1000 * tolerance_s)}_ms" for tolerance_s in TOLERANCES_S]
    rows = []
    for transcriber, drums in summary.items():
        for name, row in drums.items():
            if transcriber != "cambiata" and name not in _BASELINE_HZ:
                continue
            f1s = ["{:.3f} [{:.3f}, {:.3f}]".format(*row[column]) for column in columns]
            rows.append(
                [transcriber, name, str(row["n_true"]), *f1s,
                 f"{row['precision']:.3f}", f"{row['recall']:.3f}", f"{row['velocity_error']:.1f}"]
            )  # fmt: skip
    header = ["transcriber", "drum", "hits", "F1, 50 ms", "F1, 20 ms", "precision", "recall",
              "velocity error"]  # fmt: skip
    return "\n".join(markdown_table(header, rows)) + "\n"
