"""`cambiata evaluate transcribe`: our transcriber beside basic-pitch, on known notes."""

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.errors import InputError
from cambiata.evaluate.contours import (
    RATE_HZ,
    Curve,
    Tracker,
    contour_markdown,
    evaluate_contours,
    make_contours,
    pitch_of_notes,
    swift_f0_tracker,
)
from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.markdown import markdown_table, write_evaluation
from cambiata.evaluate.metrics import bootstrap_interval, note_f1s, velocity_error
from cambiata.evaluate.play import make_play_set, render_piano
from cambiata.evaluate.testset import load_artificial_set, render_clip
from cambiata.evaluate.tracking import Transcriber
from cambiata.partials.posteriors import BANDS
from cambiata.score.midi import Note, Score
from cambiata.transcription.api import transcribe

METRICS = {
    "onset_f1": "Onset F1",
    "offset_f1": "Onset + offset F1",
    "velocity_f1": "Onset + offset + velocity F1",
    "velocity_error": "Velocity error, of 127",
}
_EXCERPT_S = 20.0  # of a recording: one value of a mean each
_MAX_SHIFT_S = 2.0  # of an alignment; the one that is wrong is so by a second
_LEVEL_FLOOR_DB = -40  # below the sound's RMS: softer bands are noise
# Frames before and after an onset between which a band's level rises: 70 ms.
_REACH_FRAMES = 3


@dataclass(frozen=True)
class KnownRecording:
    """A recording whose notes are known."""

    group: str  # of the table
    name: str
    sound: Callable[[], Audio]
    notes: tuple[Note, ...]
    instrument: str = "any"
    has_velocities: bool = True


def evaluate_transcribe(
    output: str | Path,
    *,
    n_pairs: int = 64,
    n_each: int = 3,
    real: str | Path | None = None,
    rival: bool = True,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """F-measures of transcribers on unseen fonts, pianos and recordings with known scores."""
    recordings = list(_read_recordings(Path(real))) if real is not None else []
    recordings += _artificial_recordings(n_pairs) + _piano_recordings(n_each, seed)
    transcribers: dict[str, Callable[[Audio, str], Sequence[Note]]] = {"cambiata": _transcribe_ours}
    if rival:
        basic_pitch = Transcriber(n_threads=2)
        transcribers["basic-pitch"] = lambda sound, _kind: basic_pitch.notes(
            sound.mono().samples[0], sound.sample_rate
        )
    lines = []
    for i, each in enumerate(recordings):
        sound = each.sound()
        for name, transcriber in transcribers.items():
            start_s = time.perf_counter()
            notes = transcriber(sound, each.instrument)
            elapsed_s = time.perf_counter() - start_s
            scores: dict[str, float | None] = {**note_f1s(notes, each.notes)}
            error = velocity_error(notes, each.notes) if each.has_velocities else float("nan")
            scores["velocity_error"] = error if np.isfinite(error) else None
            lines.append(
                {
                    "group": each.group,
                    "name": each.name,
                    "transcriber": name,
                    **scores,
                    "real_time_factor": elapsed_s / sound.duration_s,
                }
            )
        if progress is not None:
            progress("transcribe", (i + 1) / len(recordings))
    summary, contours = _summary(lines), _evaluate_contours(real, rival)
    facts = {"machine": describe_machine(), "seed": seed, "lines": lines, "summary": summary}
    facts["contours"] = contours
    write_evaluation(output, "transcribe", facts, markdown(summary, contours))
    return facts


def _evaluate_contours(real: str | Path | None, rival: bool) -> list[dict[str, Any]]:
    """Rows for the pitch of single voices; those recorded if the recordings are there."""
    trackers: dict[str, Tracker] = {"cambiata": _follow_pitch}
    swift_f0 = swift_f0_tracker() if rival else None
    if swift_f0 is not None:
        trackers["swift-f0"] = swift_f0
    return evaluate_contours(make_contours(recordings=real), trackers)


def _transcribe_ours(sound: Audio, instrument: str) -> Sequence[Note]:
    try:
        return transcribe(sound, instrument=instrument).notes  # type: ignore[arg-type]
    except InputError:  # no note found
        return ()


def _follow_pitch(samples: Samples) -> Curve:
    try:
        return pitch_of_notes(transcribe(Audio(samples, RATE_HZ), bends=True))
    except InputError:  # no note found
        return pitch_of_notes(Score(()))


def _artificial_recordings(n_pairs: int) -> list[KnownRecording]:
    artificial = load_artificial_set(n_pairs)
    return [
        KnownRecording(
            "unseen font, all instruments",
            pair.name,
            partial(render_clip, artificial.font, pair.content.notes, pair.content.program),
            pair.content.notes,
        )
        for pair in artificial.pairs
    ]


def _piano_recordings(n_each: int, seed: int) -> list[KnownRecording]:
    return [
        KnownRecording(
            "unseen pianos",
            pair.name,
            partial(render_piano, pair.piano, pair.notes),
            pair.notes,
            "piano",
        )
        for pair in make_play_set(n_each, seed=seed).pairs
    ]


def _read_recordings(folder: Path) -> Iterator[KnownRecording]:
    """Excerpts of recordings: pitches of the score, times of the alignment."""
    place = folder / "bach-violin"
    if not place.is_dir():
        raise InputError(str(folder), "has no bach-violin folder", "name the recordings' folder")
    for sound in sorted(place.glob("*.mp3")):
        with sound.with_suffix(".notes.csv").open() as scores:
            pitches = [int(float(row["pitch"])) for row in csv.DictReader(scores)]
        with sound.with_suffix(".alignments.csv").open() as alignments:
            times = [(float(r["start"]), float(r["end"])) for r in csv.DictReader(alignments)]
        notes = [
            Note(start, max(end, start + 0.01), pitch)
            for pitch, (start, end) in zip(pitches, times, strict=False)
        ]
        shift_s = find_alignment_shift_s(load(sound), notes)
        notes = [note.shifted(max(shift_s, -note.start_s)) for note in notes]
        last_s = max(note.end_s for note in notes)
        for begin in np.arange(0, last_s - _EXCERPT_S / 2, _EXCERPT_S):
            end = begin + _EXCERPT_S
            inside = tuple(
                Note(n.start_s - begin, min(n.end_s, end) - begin, n.pitch)
                for n in notes
                if begin <= n.start_s < end
            )
            if inside:
                yield KnownRecording(
                    "recorded violin, aligned scores",
                    f"{sound.stem} {begin:.0f} s",
                    partial(load, sound, start_s=float(begin), end_s=min(end, last_s)),
                    inside,
                    has_velocities=False,
                )


def find_alignment_shift_s(sound: Audio, notes: Sequence[Note]) -> float:
    """Delay of a recording's notes against its alignment, in seconds.

    One of the movements lies a second later in the file than in its alignment. The shift is the one
    at which the bands of the notes' pitches rise most at their onsets: no transcriber has a say.
    """
    samples = sound.mono().resampled(BANDS.sample_rate).samples[0]
    level = np.maximum(BANDS.level_db(samples), _LEVEL_FLOOR_DB)
    rows = np.array([3 * (note.pitch - BANDS.lowest_pitch) + 1 for note in notes])
    begins = np.array([note.start_s for note in notes]) / BANDS.frame_s
    reach = round(_MAX_SHIFT_S / BANDS.frame_s)

    def level_rise(shift: int) -> float:
        at = np.round(begins).astype(np.int64) + shift
        inside = (at > _REACH_FRAMES) & (at < level.shape[1] - _REACH_FRAMES - 1)
        after, before = (
            level[rows[inside], at[inside] + by] for by in (_REACH_FRAMES, -_REACH_FRAMES)
        )
        return float((after - before).sum())

    shifts = range(-reach, reach + 1)
    level_rises = [level_rise(shift) for shift in shifts]
    return shifts[int(np.argmax(level_rises))] * BANDS.frame_s if max(level_rises) > 0 else 0.0


def _summary(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for group in dict.fromkeys(line["group"] for line in lines):
        for name in dict.fromkeys(line["transcriber"] for line in lines):
            own = [x for x in lines if (x["group"], x["transcriber"]) == (group, name)]
            row: dict[str, Any] = {"group": group, "transcriber": name, "n": len(own)}
            for metric in METRICS:
                values = [line[metric] for line in own if line[metric] is not None]
                ends = bootstrap_interval(values) if len(values) > 1 else (None, None)
                row[metric] = [float(np.mean(values)) if values else None, *ends]
            row["real_time_factor"] = float(np.median([x["real_time_factor"] for x in own]))
            rows.append(row)
    return rows


def markdown(summary: Sequence[dict[str, Any]], contours: Sequence[dict[str, Any]] = ()) -> str:
    """The tables."""
    heads = ["set", "transcriber", *METRICS.values(), "times real time"]
    rows = []
    for row in summary:
        cells = [f"{row['group']} ({row['n']})", row["transcriber"]]
        for metric in METRICS:
            mean, *ends = (_cell(x, metric) for x in row[metric])
            cells.append(mean + (f" [{ends[0]}, {ends[1]}]" if ends[0] else ""))
        rows.append([*cells, f"{1 / row['real_time_factor']:.0f}"])
    table = "\n".join(markdown_table(heads, rows)) + "\n"
    return table + "\n" + contour_markdown(contours) if contours else table


def _cell(value: float | None, metric: str) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if metric == "velocity_error" else f"{value:.3f}".lstrip("0")
