"""A run's folder read: its test sets, rows and scores, and how each measure is shown."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cambiata.audio.sound import load
from cambiata.errors import InputError
from cambiata.evaluate.testset import Clips
from cambiata.score.midi import Note

# Rows that say what the scale means, and do not compete for the best value.
REFERENCE_KINDS = ("ceiling", "copy")


@dataclass(frozen=True)
class Metric:
    """Name, unit and better side of a measure, for tables."""

    label: str
    unit: str = ""  # empty for a plain number
    better: Literal["lower", "higher"] | None = None  # None where that is not known
    digits: int = 3  # decimals
    about: str = ""  # one line
    # Median over pairs instead of the mean: few pairs have values that outweigh all others.
    median: bool = False
    goal: tuple[float, float] | None = None  # lowest and highest of a pair that is as it should be

    @property
    def goal_text(self) -> str:
        """The goal in words, as "-1 to 1 dB"; empty without one."""
        if self.goal is None:
            return ""
        low, high = self.goal
        unit = f" {self.unit}" if self.unit else ""
        if math.isinf(low):
            return f"at most {high:g}{unit}"
        if math.isinf(high):
            return f"at least {low:g}{unit}"
        return f"{low:g} to {high:g}{unit}"

    @property
    def heading(self) -> str:
        """Label, unit, "median" where that is shown, and an arrow to the better side."""
        notes = ", ".join(filter(None, (self.unit, "median" if self.median else "")))
        return (
            self.label
            + (f" ({notes})" if notes else "")
            + {"lower": " ↓", "higher": " ↑", None: ""}[self.better]
        )


METRICS: dict[str, Metric] = {
    "paper_lsd": Metric(
        "LSD as in the paper",
        "dB",
        "lower",
        2,
        "Log-spectral distance to the target, computed as Cífka et al. 2021 do.",
    ),
    "lsd": Metric("LSD", "dB", "lower", 2, "Log-spectral distance to the target."),
    "mss": Metric(
        "Multi-scale spectral",
        "",
        "lower",
        2,
        "Distance of magnitudes, plain and logarithmic, to the target over several window lengths.",
    ),
    "mss_floor": Metric(
        "Multi-scale spectral, floor -80 dB",
        "",
        "lower",
        2,
        "The same, all that is more than 80 dB down counted as equally silent.",
    ),
    "timbre": Metric(
        "Timbre distance",
        "",
        "lower",
        4,
        "Learnt distance of timbres: to the target among artificial pairs, to the style among "
        "real ones.",
    ),
    "pitch": Metric(
        "Pitch distance",
        "",
        "lower",
        4,
        "Jaccard distance of the sets of pitches, frame by frame: to the target among artificial "
        "pairs, to the content among real ones.",
    ),
    "onset_f1": Metric(
        "Note onset F1, 50 ms",
        "",
        "higher",
        3,
        "Share of notes whose pitch and onset are found again within 50 ms (F1 of precision and "
        "recall).",
    ),
    "extra_attacks": Metric(
        "Attacks too many",
        "%",
        "lower",
        1,
        "Share of the output's attacks (peaks of spectral flux) without even a faint one of the "
        "content within 70 ms.",
    ),
    "missing_attacks": Metric(
        "Attacks missing",
        "%",
        "lower",
        1,
        "Share of the content's attacks without even a faint one of the output within 70 ms.",
    ),
    "extra_floor_db": Metric(
        "Floor above the style's",
        "dB",
        "lower",
        1,
        "How far what lies between partials while notes sound is above the style's, mean over "
        "bands from 0.7 to 16 kHz.",
        median=True,
        goal=(-math.inf, 3),
    ),
    "range_ratio": Metric(
        "Range over the content's",
        "",
        None,
        2,
        "Spread of levels of 50 ms over the content's, where the content is active.",
        median=True,
        goal=(0.8, 1.25),
    ),
    "gap_fill_db": Metric(
        "Gaps filled",
        "dB",
        "lower",
        1,
        "By how much gaps between two notes are less deep than the content's.",
        median=True,
        goal=(-math.inf, 3),
    ),
    "silence_excess_db": Metric(
        "Silences louder",
        "dB",
        None,
        1,
        "By how much the output is louder in the content's silences.",
        median=True,
        goal=(-3, 3),
    ),
    "spectrum_way": Metric(
        "Long-term spectrum",
        "%",
        "higher",
        0,
        "Share of the way from the content's long-term spectrum to the style's.",
        median=True,
        goal=(55, math.inf),
    ),
    "centroid_ratio": Metric(
        "Centroid over the style's",
        "",
        None,
        2,
        "Centre of gravity of the long-term spectrum over the style's.",
        median=True,
    ),
    "widening_db": Metric(
        "Width",
        "dB",
        None,
        1,
        "Side over mid of a stereo output less that of its content.",
        median=True,
        goal=(-1, 1),
    ),
    "vibrato_ratio": Metric(
        "Vibrato over the content's",
        "",
        None,
        2,
        "Depth of vibrato in held tones over the content's, where that is 10 cents or more.",
        median=True,
    ),
    "piano_found": Metric(
        "Piano found",
        "",
        "higher",
        2,
        "Share of outputs that are nearest, in log-mel frames, to the true piano's render of the "
        "score, of the renders of all pianos of the set.",
    ),
    "domain_found": Metric(
        "Domain found",
        "",
        "higher",
        2,
        "Share of outputs that are nearest, by the timbre metric and in the mean over twelve clips "
        "of each, to the domain wanted, of all ten.",
    ),
    "loudness_db": Metric(
        "Loudness error", "dB", "lower", 2, "How far the loudness is from what it should be."
    ),
    "real_time_factor": Metric(
        "Real-time factor", "", "lower", 2, "Time taken over length of the sound; below 1 is live."
    ),
    "peak_mib": Metric("Peak memory", "MiB", "lower", 0, "Most memory held while it ran."),
}


def find_metric(name: str) -> Metric:
    """The metric of a name; a plain one where the name is not known."""
    return METRICS.get(name, Metric(name))


def file_stem(row: str) -> str:
    """Name of a row's files in a run's folder, without extension."""
    return re.sub(r"[^\w.-]", "-", row)


@dataclass(frozen=True)
class RunRow:
    """A system or a baseline of a run."""

    name: str  # in scores and file names
    label: str = ""  # in tables
    about: str = ""  # one line
    kind: str = "system"  # or "ceiling" or "copy", for reference

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.name)

    @property
    def competes(self) -> bool:
        """True where its values may be called the best."""
        return self.kind not in REFERENCE_KINDS

    @property
    def file_stem(self) -> str:
        """Name of its sounds' files in a run's folder, without extension."""
        return file_stem(self.name)


@dataclass(frozen=True)
class PairSide:
    """The content or the style of a pair."""

    label: str = ""  # instrument or program
    source: str = ""  # recording or score


@dataclass(frozen=True)
class RunPair:
    """A content and a style that were put together."""

    id: str  # its name, a folder's too
    bin: str = ""  # group that it was drawn for
    content: PairSide = field(default_factory=PairSide)
    style: PairSide = field(default_factory=PairSide)


@dataclass(frozen=True)
class Outcome:
    """Scores of a row's output for a pair, or its error."""

    # By metric; None where it could not be measured.
    scores: Mapping[str, float | None] = field(default_factory=dict)
    elapsed_s: float | None = None
    error: str = ""  # empty where there is a result

    @property
    def failed(self) -> bool:
        """True where there is no result."""
        return bool(self.error)


@dataclass(frozen=True)
class RunSet:
    """A test set of a run, and its outcomes."""

    name: str  # of its folder
    title: str = ""  # in tables
    about: str = ""  # a paragraph on how it was made
    bins: Mapping[str, Any] = field(default_factory=dict)  # number of pairs by group
    facts: Mapping[str, Any] = field(default_factory=dict)  # values by heading
    pairs: tuple[RunPair, ...] = ()  # done or not
    # By pair id and row name; a pair not done has none.
    outcomes: Mapping[tuple[str, str], Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.name)

    def done(self, row: str) -> dict[str, Outcome]:
        """Outcomes of a row that have scores."""
        return {pair: out for pair, out in self._outcomes(row) if not out.failed}

    def errors(self, row: str) -> dict[str, str]:
        """Messages of a row's failures."""
        return {pair: out.error for pair, out in self._outcomes(row) if out.failed}

    def scores(self, row: str, metric: str) -> dict[str, float]:
        """Scores of a row that could be measured."""
        values = {pair: outcome.scores.get(metric) for pair, outcome in self.done(row).items()}
        return {pair: value for pair, value in values.items() if value is not None}

    def metrics(self) -> tuple[str, ...]:
        """Measures that any outcome names."""
        named = {metric for outcome in self.outcomes.values() for metric in outcome.scores}
        known = [metric for metric in METRICS if metric in named]
        return (*known, *sorted(named - set(known)))

    def _outcomes(self, row: str) -> Iterator[tuple[str, Outcome]]:
        for pair in self.pairs:
            if (pair.id, row) in self.outcomes:
                yield pair.id, self.outcomes[pair.id, row]


@dataclass(frozen=True)
class Run:
    """A run's folder in memory."""

    folder: Path
    facts: Mapping[str, Any]  # run.json without its sets and rows
    rows: tuple[RunRow, ...]  # in the order of display
    sets: tuple[RunSet, ...]

    def row_named(self, name: str) -> RunRow:
        """The row of a name."""
        for row in self.rows:
            if row.name == name:
                return row
        known = ", ".join(row.name for row in self.rows)
        raise InputError(str(self.folder), f"has no row {name}", f"choose one of {known}")

    def set_named(self, name: str) -> RunSet:
        """The set of a name."""
        for candidate in self.sets:
            if candidate.name == name:
                return candidate
        known = ", ".join(candidate.name for candidate in self.sets)
        raise InputError(str(self.folder), f"has no set {name}", f"choose one of {known}")

    def in_use(self, test_set: RunSet) -> tuple[RunRow, ...]:
        """Rows that were tried on a set."""
        tried = {row for _, row in test_set.outcomes}
        return tuple(row for row in self.rows if row.name in tried)


def read_run(folder: str | Path) -> Run:
    """A run's folder, finished or not.

    Scores of pairs and rows that the run no longer lists are left out.
    """
    folder = Path(folder)
    path = folder / "run.json"
    facts = _read_json(path)
    try:
        rows = tuple(_parse_row(entry) for entry in facts.pop("rows"))
        sets = tuple(
            _parse_set(folder / _check_folder_name(name), rows, entry)
            for name, entry in facts.pop("sets").items()
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_a_run(path, error) from error
    return Run(folder, facts, rows, sets)


def _parse_row(entry: Mapping[str, Any]) -> RunRow:
    return RunRow(
        str(entry["name"]),
        str(entry.get("label") or ""),
        str(entry.get("about") or ""),
        str(entry.get("kind") or "system"),
    )


def _parse_set(folder: Path, rows: Sequence[RunRow], entry: Mapping[str, Any]) -> RunSet:
    pairs = _read_pairs(folder / "pairs.json") if folder.exists() else ()
    return RunSet(
        folder.name,
        str(entry.get("title") or ""),
        str(entry.get("about") or ""),
        dict(entry.get("bins") or {}),
        dict(entry.get("facts") or {}),
        pairs,
        _read_outcomes(folder / "scores.jsonl", {p.id for p in pairs}, {row.name for row in rows}),
    )


def _read_pairs(path: Path) -> tuple[RunPair, ...]:
    try:
        return tuple(
            RunPair(
                _check_folder_name(entry["id"]),
                str(entry.get("bin") or ""),
                _parse_side(entry.get("content")),
                _parse_side(entry.get("style")),
            )
            for entry in _read_json(path)
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_a_run(path, error) from error


def _parse_side(entry: Mapping[str, Any] | None) -> PairSide:
    entry = entry or {}
    return PairSide(str(entry.get("label") or ""), str(entry.get("source") or ""))


def _read_outcomes(path: Path, pairs: set[str], rows: set[str]) -> dict[tuple[str, str], Outcome]:
    if not path.exists():
        return {}
    outcomes = {}
    for number, line in enumerate(path.read_text("utf-8", errors="replace").split("\n"), start=1):
        try:
            entry = json.loads(line)
        except ValueError:  # torn by a crash: its pair counts as missing until it is run again
            continue
        try:
            key = str(entry["pair"]), str(entry["row"])
            outcome = _parse_outcome(entry)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                str(path), f"line {number} is not a score ({error})", "delete that line"
            ) from error
        if key[0] in pairs and key[1] in rows:
            outcomes[key] = outcome
    return outcomes


def _parse_outcome(entry: Mapping[str, Any]) -> Outcome:
    elapsed_s = entry.get("elapsed_s")
    if entry.get("error") is not None:
        return Outcome(elapsed_s=elapsed_s, error=str(entry["error"]) or "failed")
    scores = {str(name): _parse_value(value) for name, value in entry["scores"].items()}
    return Outcome(scores, elapsed_s)


def _parse_value(value: float | None) -> float | None:
    # Infinite is what some measures are for silence: not a number to average either.
    return float(value) if value is not None and math.isfinite(value) else None


def _check_folder_name(name: str) -> str:
    """The name itself, where it is one folder's and cannot lead anywhere else."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise ValueError(f"{name!r} cannot name a folder")
    return name


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(str(path), "no such file", "name the folder of a run") from error
    except (OSError, ValueError) as error:
        raise _not_a_run(path, error) from error


def _not_a_run(path: Path, error: Exception) -> InputError:
    reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
    return InputError(str(path), f"is not what a run writes ({reason})", "run it again")


def load_clips(folder: Path) -> Clips:
    """The sounds of a pair, from its folder in a run's."""
    target, notes = folder / "target.flac", folder / "notes.json"
    return Clips(
        load(folder / "content.flac"),
        load(folder / "style.flac"),
        load(target) if target.exists() else None,
        tuple(Note(*row) for row in json.loads(notes.read_text())) if notes.exists() else None,
        folder.name,
    )
