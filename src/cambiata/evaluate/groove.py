"""`cambiata evaluate groove`: interpolation between drummers' grooves, on held-out sessions.

Pairs of beats by different drummers, of one metre, genre and grid, each in eleven steps by exact
interpolation, by the autoencoder, and by two naive cross-fades. A classifier of drummers, trained
on other sessions, measures how far each step has come.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.data.grooves import GrooveRecording, read_recordings
from cambiata.errors import InputError
from cambiata.evaluate.drummer_classifier import (
    DrummerClassifier,
    train_classifier,
    window_features,
)
from cambiata.evaluate.groove_measures import (
    AMOUNTS,
    GroovePair,
    groove_of_strikes,
    has_exact_ends,
    measure_path,
)
from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.markdown import markdown_table, write_evaluation
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.groove.grid import Groove, Strike
from cambiata.groove.interpolation import Interpolation
from cambiata.groove.phrases import fit_bars, nearest_phrases
from cambiata.groove.system import GrooveAmounts, Interpolator
from cambiata.groove.vae import LatentInterpolation

METRICS = {
    "ends": "note-for-note at both ends",
    "order": "Spearman of p(B) and amount",
    "rising": "steps on which p(B) does not fall",
    "bend": "p(B) beside its straight line",
    "hits_step": "largest step of hits",
    "hits_path": "path of hits (1: straight)",
    "velocity_step": "largest step of velocities",
    "timing_step": "largest step of timing",
    "density": "notes at 0.5, of the ends' mean",
    "structure": "likeness of bars at 0.5, of the ends' mean",
    "to_a": "profile cosine to A at 0.5",
    "to_b": "profile cosine to B at 0.5",
}
# Of a beat: phrases of two, four and eight bars repeat within them. More cost time alone.
_MAX_BARS = 16


class CrossFade:
    """A's notes made softer, B's louder: a baseline."""

    def __init__(self, a: Groove, b: Groove) -> None:
        self._a, self._b = a.strikes, b.strikes

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """All notes of both whose velocity is not 0."""
        strikes_left = [
            strike._replace(velocity=velocity)
            for strikes, share in ((self._a, 1 - amounts.hits), (self._b, amounts.hits))
            for strike in strikes
            if (velocity := round(strike.velocity * share)) > 0
        ]
        return tuple(sorted(strikes_left))


class CoinFade:
    """Each note of A stays and each of B comes at a random amount of its own: a baseline."""

    def __init__(self, a: Groove, b: Groove, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._a = [(strike, rng.random()) for strike in a.strikes]
        self._b = [(strike, rng.random()) for strike in b.strikes]

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """Notes of A that are still there, and of B that have come."""
        from_a = [strike for strike, draw in self._a if draw >= amounts.hits]
        from_b = [strike for strike, draw in self._b if draw < amounts.hits]
        return tuple(sorted(from_a + from_b))


def evaluate_groove(
    output: str | Path,
    data: str | Path,
    *,
    n_pairs: int = 160,
    weights: str = "groove",
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Exactness, monotony, straightness and smoothness of interpolation between grooves."""
    report = progress or (lambda _stage, _share: None)
    beats = [each for each in read_recordings(data) if not each.is_fill]
    held_out = [each for each in beats if each.is_held_out]
    if len({each.drummer for each in held_out}) < 2:
        raise InputError(str(data), "has too few drummers held out", "use the whole dataset")
    trained_drummers = {each.drummer for each in beats if not each.is_held_out}
    grooves = [(each, each.groove()) for each in held_out if each.drummer in trained_drummers]
    report("read", 0.5)
    classifier, accuracy = train_classifier(beats, grooves)
    report("read", 1.0)
    pairs = pair_grooves(grooves, n_pairs, seed)
    lines, curves = [], []
    for i, pair in enumerate(pairs):
        for line, posteriors in _score_pair(pair, classifier, weights, seed + i):
            lines.append(line)
            curves.append((line["way"], posteriors))
        report("walk", (i + 1) / len(pairs))
    facts = {
        "machine": describe_machine(),
        "seed": seed,
        "n_pairs": len(pairs),
        "n_same_music": sum(pair.same_music for pair in pairs),
        "n_grids": _tally([pair.a.grid for pair in pairs]),
        "classifier": accuracy,
        "summary": _summary(lines),
        "curves": {
            name: np.mean([c for own, c in curves if own == name], 0).round(4).tolist()
            for name in dict.fromkeys(name for name, _ in curves)
        },
        "sliders": _sliders(classifier, pairs, weights),
        "drummers": _score_towards_drummers(classifier, grooves, seed),
        "lines": lines,
    }
    write_evaluation(output, "groove", facts, markdown(facts))
    return facts


def _score_pair(
    pair: GroovePair, classifier: DrummerClassifier, weights: str, seed: int
) -> Iterator[tuple[dict[str, Any], list[float]]]:
    """Measures of each interpolation between two grooves, and p(B) along it."""
    interpolators: dict[str, Interpolator] = {
        "exact": Interpolation(pair.a, pair.b),
        "vae": LatentInterpolation(pair.a, pair.b, weights),
        "cross-fade": CrossFade(pair.a, pair.b),
        "coin-fade": CoinFade(pair.a, pair.b, seed),
    }
    for name, interpolator in interpolators.items():
        grooves = _interpolate(pair, interpolator)
        posteriors = [_posterior(classifier, pair, groove) for groove in grooves]
        row: dict[str, Any] = {"way": name, "genre": pair.genre, "drummers": list(pair.drummers)}
        row |= {"ends": has_exact_ends(pair, interpolator), "same_music": pair.same_music}
        yield row | measure_path(pair, grooves, posteriors), posteriors


def pair_grooves(
    grooves: Sequence[tuple[GrooveRecording, Groove]], n_pairs: int, seed: int
) -> list[GroovePair]:
    """Pairs of beats by different drummers, of one metre, genre and grid."""
    candidates: list[tuple[bool, GrooveRecording, Groove, GrooveRecording, Groove]] = []
    for i, (one, a) in enumerate(grooves):
        for j, (other, b) in enumerate(grooves):
            genre = one.style.split("/")[0] == other.style.split("/")[0]
            fits = a.metres[0] == b.metres[0] and a.steps_per_quarter == b.steps_per_quarter
            if i != j and one.drummer != other.drummer and genre and fits:
                both_eval = one.session.endswith("eval_session") == other.session.endswith(
                    "eval_session"
                )
                same = both_eval and "groove" in one.style and one.style == other.style
                candidates.append((same, one, a, other, b))
    order = np.random.default_rng(seed).permutation(len(candidates))
    # Each unordered pair of the same music once.
    chosen = [
        candidates[i]
        for i in order
        if candidates[i][0] and candidates[i][1].path < candidates[i][3].path
    ]
    chosen += [candidates[i] for i in order if not candidates[i][0]]
    pairs = []
    for same, one, a, other, b in chosen[:n_pairs]:
        shorter = [_first_bars(groove) for groove in (a, b)]
        try:
            first, second, _ = fit_bars(shorter[0], shorter[1])
        except InputError:  # one is silent so long
            continue
        drummers = one.drummer, other.drummer
        pairs.append(GroovePair(first, second, drummers, one.style.split("/")[0], same))
    return pairs


def _first_bars(groove: Groove) -> Groove:
    """The first bars, from where it begins to play."""
    first = groove.hits[0].bar
    return groove.bars(range(first, min(first + _MAX_BARS, groove.n_bars)))


def _interpolate(pair: GroovePair, interpolator: Interpolator) -> list[Groove]:
    return [
        groove_of_strikes(pair, interpolator.at(GrooveAmounts.of(amount))) for amount in AMOUNTS
    ]


def _posterior(classifier: DrummerClassifier, pair: GroovePair, groove: Groove) -> float:
    windows = window_features(groove)
    return classifier.posterior(windows, *pair.drummers) if len(windows) else 0.5


def _tally(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}


def _interval(values: Sequence[float]) -> list[float]:
    """Mean, and its bootstrap interval."""
    return [float(np.mean(values)), *(bootstrap_interval(values) if len(values) > 1 else ())]


def _summary(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    # Where the classifier itself takes B for B rather than A, its figures mean something.
    groups: dict[str, Callable[[Mapping[str, Any]], bool]] = {
        "all pairs": lambda _line: True,
        "pairs whose ends the classifier tells apart": lambda x: x["p_at_b"] - x["p_at_a"] > 0.1,
    }
    for group, holds in groups.items():
        for method in dict.fromkeys(line["way"] for line in lines):
            own = [x for x in lines if x["way"] == method and holds(x)]
            row: dict[str, Any] = {"group": group, "way": method, "n": len(own)}
            for metric in (*METRICS, "p_at_a", "p_at_b", "ends_cosine"):
                values = [x[metric] for x in own if x[metric] is not None]
                row[metric] = _interval(values) if values else None
            rows.append(row)
    return rows


def _sliders(
    classifier: DrummerClassifier, pairs: Sequence[GroovePair], weights: str
) -> dict[str, dict[str, list[float]]]:
    """p(B) where one slider alone is at its end."""
    settings = {
        "none": GrooveAmounts(0, 0, 0),
        "hits": GrooveAmounts(1, 0, 0),
        "velocity": GrooveAmounts(0, 1, 0),
        "timing": GrooveAmounts(0, 0, 1),
        "all": GrooveAmounts(1, 1, 1),
    }
    posteriors_by_method: dict[str, dict[str, list[float]]] = {}
    for method in ("exact", "vae"):
        posteriors: dict[str, list[float]] = {name: [] for name in settings}
        for pair in pairs:
            interpolator: Interpolator = (
                Interpolation(pair.a, pair.b)
                if method == "exact"
                else LatentInterpolation(pair.a, pair.b, weights)
            )
            for name, amounts in settings.items():
                groove = groove_of_strikes(pair, interpolator.at(amounts))
                posteriors[name].append(_posterior(classifier, pair, groove))
        posteriors_by_method[method] = {
            name: _interval(values) for name, values in posteriors.items()
        }
    return posteriors_by_method


def _score_towards_drummers(
    classifier: DrummerClassifier, grooves: Sequence[tuple[GrooveRecording, Groove]], seed: int
) -> dict[str, Any]:
    """p(B) along exact interpolation to a drummer, all of whose held-out beats are B."""
    rng = np.random.default_rng(seed)
    by_drummer: dict[str, list[Groove]] = {}
    for each, groove in grooves:
        by_drummer.setdefault(each.drummer, []).append(groove)
    rows = []
    for each, groove in grooves:
        others = [name for name in sorted(by_drummer) if name != each.drummer]
        b = others[int(rng.integers(len(others)))]
        a = _first_bars(groove)
        try:
            target = nearest_phrases(a, by_drummer[b], b)
        except InputError:  # nothing in that metre
            continue
        pair = GroovePair(a, target, (each.drummer, b), each.style, False)
        interpolator = Interpolation(a, target, by_drummer[b])
        path_grooves = [
            groove_of_strikes(pair, interpolator.at(GrooveAmounts.of(amount))) for amount in AMOUNTS
        ]
        rows.append([_posterior(classifier, pair, one) for one in path_grooves])
    return {
        "n": len(rows),
        "p": [_interval([row[i] for row in rows]) for i in range(len(AMOUNTS))],
    }


def markdown(facts: Mapping[str, Any]) -> str:
    """The tables."""
    lines = []
    for group in dict.fromkeys(row["group"] for row in facts["summary"]):
        own = [row for row in facts["summary"] if row["group"] == group]
        lines += [f"{group.capitalize()} ({own[0]['n']})", ""]
        lines += markdown_table(
            ["way", *METRICS.values()],
            [[row["way"], *(_cell(row[metric]) for metric in METRICS)] for row in own],
        )
        first = own[0]
        lines += [
            "",
            f"The ends themselves: p(B) of A {_cell(first['p_at_a'])}, of B "
            f"{_cell(first['p_at_b'])}; profile cosine of A and B {_cell(first['ends_cosine'])}.",
            "",
        ]
    lines += ["Mean p(B) by amount", ""]
    lines += markdown_table(
        ["way", *(f"{amount:g}" for amount in AMOUNTS)],
        [[way, *(f"{p:.3f}" for p in curve)] for way, curve in facts["curves"].items()],
    )
    lines += ["", "p(B) where one slider alone is at 1", ""]
    names = list(next(iter(facts["sliders"].values()), {}))
    lines += markdown_table(
        ["way", *names],
        [[way, *(_cell(own[name]) for name in names)] for way, own in facts["sliders"].items()],
    )
    towards = facts["drummers"]
    lines += ["", f"Towards a drummer, exact way ({towards['n']} grooves)", ""]
    lines += markdown_table(
        ["amount", "p(B)"],
        [[f"{s:g}", _cell(p)] for s, p in zip(AMOUNTS, towards["p"], strict=False)],
    )
    return "\n".join(lines) + "\n"


def _cell(value: Sequence[float] | None) -> str:
    if value is None:
        return "-"
    mean, *ends = (f"{x:.3f}" for x in value)
    return mean + (f" [{ends[0]}, {ends[1]}]" if ends else "")
