"""`cambiata evaluate groove`: ways between drummers' grooves, on sessions nobody learnt from.

Pairs of beats by different drummers, of one metre, genre and grid, each walked in eleven steps by
the exact way, the autoencoder's, and two naive cross-fades. A classifier of drummers, taught on
other sessions, says how far each step has come.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.data.grooves import GrooveRecording, read_recordings
from cambiata.errors import InputError
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.evaluate.run_facts import describe_machine
from cambiata.groove.grid import N_DRUMS, STRAIGHT, Groove, Strike, drum_strikes, replace_drums
from cambiata.groove.interpolation import (
    GrooveAmounts,
    Interpolation,
    Interpolator,
    fit_bars,
    nearest_phrases,
)
from cambiata.groove.vae import LatentInterpolation, encode_windows, split_windows
from cambiata.score.midi import Clock, Note, Part, Score

Array = npt.NDArray[np.float32]

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
AMOUNTS = tuple(i / 10 for i in range(11))
_MAX_BARS = 16
_TICKS = 960
_N_LOUD = 8  # bins of velocity in a style profile


@dataclass(frozen=True)
class GroovePair:
    """Two beats by different drummers."""

    a: Groove  # Where the way begins, at most 16 bars
    b: Groove  # Where it ends, in as many bars
    drummers: tuple[str, str]  # Who plays A and who plays B
    genre: str  # Of both
    same_music: bool  # Whether both play one notated groove (the dataset's evaluation sessions)


class CrossFade:
    """A's notes made softer, B's louder: what is shown for comparison."""

    def __init__(self, a: Groove, b: Groove) -> None:
        self._a, self._b = a.strikes, b.strikes

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """All notes of both whose velocity is not nought."""
        found = [
            strike._replace(velocity=loud)
            for strikes, share in ((self._a, 1 - amounts.hits), (self._b, amounts.hits))
            for strike in strikes
            if (loud := round(strike.velocity * share)) > 0
        ]
        return tuple(sorted(found))


class CoinFade:
    """Each note of A kept, and each of B there, by a throw of its own: another comparison."""

    def __init__(self, a: Groove, b: Groove, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._a = [(strike, rng.random()) for strike in a.strikes]
        self._b = [(strike, rng.random()) for strike in b.strikes]

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """What the throws leave."""
        from_a = [strike for strike, draw in self._a if draw >= amounts.hits]
        from_b = [strike for strike, draw in self._b if draw < amounts.hits]
        return tuple(sorted(from_a + from_b))


class DrummerClassifier:
    """Who plays a groove: multinomial logistic regression on windows of two bars."""

    def __init__(self, windows: Array, drummers: Sequence[str], penalty: float = 0.01) -> None:
        from scipy.optimize import minimize
        from scipy.special import log_softmax

        self.drummers = sorted(set(drummers))
        self._mean, self._scale = windows.mean(0), windows.std(0) + 0.05
        x = self._standard(windows)
        labels = np.array([self.drummers.index(who) for who in drummers])
        # Each drummer counts as much as another, however much there is of them.
        weight = 1 / np.bincount(labels)[labels] / len(self.drummers)
        one_hot = np.eye(len(self.drummers))[labels]
        shape = x.shape[1], len(self.drummers)

        def objective(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            matrix = flat.reshape(shape)
            log_probs = log_softmax(x @ matrix, axis=1)
            loss = -float(weight @ (log_probs * one_hot).sum(1))
            gradient = x.T @ ((np.exp(log_probs) - one_hot) * weight[:, None])
            loss += 0.5 * penalty * float((matrix[:-1] ** 2).sum())
            gradient[:-1] += penalty * matrix[:-1]
            return loss, gradient.ravel()

        result = minimize(
            objective,
            np.zeros(shape).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 300},
        )
        self._matrix = result.x.reshape(shape)

    def _standard(self, windows: Array) -> npt.NDArray[np.float64]:
        scaled = ((windows - self._mean) / self._scale).astype(np.float64)
        return np.concatenate([scaled, np.ones((len(scaled), 1))], 1)

    def log_likelihoods(self, windows: Array) -> npt.NDArray[np.float64]:
        """Of each drummer, up to a constant.

        windows: [N, 864]; returns [N, drummers].
        """
        return np.asarray(self._standard(windows) @ self._matrix)

    def posterior(self, windows: Array, a: str, b: str) -> float:
        """That B plays, and not A: the mean over the windows.

        windows: [N, 864].
        """
        log_probs = self.log_likelihoods(windows)
        apart = log_probs[:, self.drummers.index(b)] - log_probs[:, self.drummers.index(a)]
        return float((1 / (1 + np.exp(-apart))).mean())


def evaluate_groove(
    output: str | Path,
    data: str | Path,
    *,
    n_pairs: int = 160,
    weights: str = "groove",
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """How exact, monotone, straight and smooth the ways between grooves are."""
    report = progress or (lambda _stage, _share: None)
    beats = [each for each in read_recordings(data) if not each.is_fill]
    held_out = [each for each in beats if each.is_held_out]
    if len({each.drummer for each in held_out}) < 2:
        raise InputError(str(data), "has too few drummers held out", "use the whole dataset")
    trained_drummers = {each.drummer for each in beats if not each.is_held_out}
    grooves = [(each, each.groove()) for each in held_out if each.drummer in trained_drummers]
    report("read", 0.5)
    classifier, accuracy = _train_classifier(beats, grooves)
    report("read", 1.0)
    pairs = pair_grooves(grooves, n_pairs, seed)
    lines, curves = [], []
    for i, pair in enumerate(pairs):
        interpolators: dict[str, Interpolator] = {
            "exact": Interpolation(pair.a, pair.b),
            "vae": LatentInterpolation(pair.a, pair.b, weights),
            "cross-fade": CrossFade(pair.a, pair.b),
            "coin-fade": CoinFade(pair.a, pair.b, seed + i),
        }
        for name, interpolator in interpolators.items():
            path_grooves = _interpolate(pair, interpolator)
            posteriors = [_posterior(classifier, pair, groove) for groove in path_grooves]
            row: dict[str, Any] = {
                "way": name,
                "genre": pair.genre,
                "drummers": list(pair.drummers),
            }
            row |= {"ends": _has_exact_ends(pair, interpolator), "same_music": pair.same_music}
            lines.append(row | _scores(pair, path_grooves, posteriors))
            curves.append((name, posteriors))
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
    place = Path(output)
    place.mkdir(parents=True, exist_ok=True)
    (place / "groove.json").write_text(json.dumps(facts, indent=1) + "\n")
    (place / "groove.md").write_text(markdown(facts))
    return facts


def pair_grooves(
    grooves: Sequence[tuple[GrooveRecording, Groove]], n_pairs: int, seed: int
) -> list[GroovePair]:
    """Pairs of beats by different drummers, of one metre, genre and grid."""
    found: list[tuple[bool, GrooveRecording, Groove, GrooveRecording, Groove]] = []
    for i, (one, a) in enumerate(grooves):
        for j, (other, b) in enumerate(grooves):
            genre = one.style.split("/")[0] == other.style.split("/")[0]
            fits = a.metres[0] == b.metres[0] and a.steps_per_quarter == b.steps_per_quarter
            if i != j and one.drummer != other.drummer and genre and fits:
                both_eval = one.session.endswith("eval_session") == other.session.endswith(
                    "eval_session"
                )
                same = both_eval and "groove" in one.style and one.style == other.style
                found.append((same, one, a, other, b))
    order = np.random.default_rng(seed).permutation(len(found))
    # Each unordered pair of the same music once.
    chosen = [found[i] for i in order if found[i][0] and found[i][1].path < found[i][3].path]
    chosen += [found[i] for i in order if not found[i][0]]
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


def _features(groove: Groove) -> Array:
    windows = encode_windows(groove, split_windows(groove))
    whole = np.concatenate([each.reshape(len(each), -1) for each in windows], 1)
    struck: Array = whole[windows[0].any((1, 2))]
    return struck


def _train_classifier(
    beats: Sequence[GrooveRecording], held: Sequence[tuple[GrooveRecording, Groove]]
) -> tuple[DrummerClassifier, dict[str, Any]]:
    """Taught on the sessions that are not held out; and how well it does on those that are."""
    drummers = {each.drummer for each, _ in held}
    training = [x for x in beats if not x.is_held_out and x.drummer in drummers]
    features = [_features(each.groove()) for each in training]
    names = [x.drummer for x, own in zip(training, features, strict=True) for _ in own]
    classifier = DrummerClassifier(np.concatenate(features), names)
    correct: dict[str, list[bool]] = {}
    files: dict[str, list[bool]] = {}
    for each, groove in held:
        logits = classifier.log_likelihoods(_features(groove))
        at = classifier.drummers.index(each.drummer)
        correct.setdefault(each.drummer, []).extend((logits.argmax(1) == at).tolist())
        whole = (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).sum(0)
        files.setdefault(each.drummer, []).append(bool(whole.argmax() == at))
    return classifier, {
        "drummers": classifier.drummers,
        "n_windows_taught": len(names),
        "n_windows_held_out": sum(map(len, correct.values())),
        "balanced_accuracy": float(np.mean([np.mean(each) for each in correct.values()])),
        "balanced_accuracy_of_files": float(np.mean([np.mean(each) for each in files.values()])),
        "chance": 1 / len(classifier.drummers),
    }


def _groove_of_strikes(pair: GroovePair, strikes: Sequence[Strike]) -> Groove:
    """Strikes as a groove in the pair's bars."""
    seconds = Clock(metres=((0.0, pair.a.metres[0]),))
    notes = [
        Note(seconds.seconds(s.at), seconds.seconds(s.at + s.duration), s.pitch, s.velocity)
        for s in strikes
    ]
    if not notes:
        return replace(pair.a, hits=())
    score = Score((Part(tuple(notes), is_drum=True),), clock=seconds)
    groove = Groove.of(score, steps_per_quarter=pair.a.steps_per_quarter)
    hits = tuple(hit for hit in groove.hits if hit.bar < pair.a.n_bars)
    return replace(groove, metres=pair.a.metres, hits=hits)


def _interpolate(pair: GroovePair, interpolator: Interpolator) -> list[Groove]:
    return [
        _groove_of_strikes(pair, interpolator.at(GrooveAmounts.of(amount))) for amount in AMOUNTS
    ]


def _posterior(classifier: DrummerClassifier, pair: GroovePair, groove: Groove) -> float:
    windows = _features(groove)
    return classifier.posterior(windows, *pair.drummers) if len(windows) else 0.5


def _has_exact_ends(pair: GroovePair, interpolator: Interpolator) -> float:
    """Whether a file at 0 holds A's notes and at 1 B's, to the tick."""
    clock = Clock(((0.0, pair.a.quarters_per_minute),), ((0.0, pair.a.metres[0]),))
    empty = Score((Part((Note(0.0, 1.0, 36),), is_drum=True),), clock=clock)
    import io

    import mido

    for amount, expected in ((0.0, pair.a), (1.0, pair.b)):
        data = replace_drums(empty, interpolator.at(GrooveAmounts.of(amount))).to_bytes()
        decoded = drum_strikes(Score.of(mido.MidiFile(file=io.BytesIO(data))))
        if _ticks(decoded) != _ticks(expected.strikes):
            return 0.0
    return 1.0


def _ticks(strikes: Sequence[Strike]) -> list[tuple[int, int, int]]:
    return sorted((round(s.at * _TICKS), s.pitch, s.velocity) for s in strikes)


def _profile(groove: Groove) -> Array:
    """Style profile: which drum on which sixteenth of the bar, and which drum how loud.

    After Cífka et al. 2020 (Groove2Groove), who use onsets by pitch and by velocity.
    """
    per_bar = int(groove.metres[0].bar * STRAIGHT)
    places, velocities = np.zeros((per_bar, N_DRUMS)), np.zeros((_N_LOUD, N_DRUMS))
    for hit in groove.hits:
        if hit.drum < N_DRUMS:
            places[groove.cell(hit) % per_bar, hit.drum] += 1
            velocities[hit.velocity * _N_LOUD // 128, hit.drum] += 1
    parts = [each.ravel() / (np.linalg.norm(each) or 1.0) for each in (places, velocities)]
    return np.concatenate(parts).astype(np.float32)


def _bar_similarity(groove: Groove) -> float:
    """How alike a groove's bars are: share of hits that two of them have in common, on average."""
    bars = groove.straight_hits.reshape(groove.n_bars, -1)
    bars = bars[bars.any(1)]
    if len(bars) < 2:
        return 1.0
    common, n_hits = bars @ bars.T, bars.sum(1)
    dice = 2 * common / (n_hits[:, None] + n_hits)
    return float(dice[~np.eye(len(bars), dtype=bool)].mean())


def _cosine(one: Groove, other: Groove) -> float:
    a, b = _profile(one), _profile(other)
    return float(a @ b / ((np.linalg.norm(a) * np.linalg.norm(b)) or 1.0))


def _scores(
    pair: GroovePair, grooves: Sequence[Groove], posteriors: Sequence[float]
) -> dict[str, Any]:
    from scipy.stats import spearmanr

    arrays = [groove.arrays() for groove in grooves]
    (hits_a, loud_a, late_a), (hits_b, loud_b, late_b) = (g.arrays() for g in (pair.a, pair.b))
    common = (hits_a > 0) & (hits_b > 0)
    hit_changes = [float(np.abs(x[0] - y[0]).sum()) for x, y in pairwise(arrays)]
    velocity_changes = [float(np.abs(x[1] - y[1]).sum()) for x, y in pairwise(arrays)]
    timing_changes = [
        float(np.abs(x[2] - y[2])[common & (x[0] > 0) & (y[0] > 0)].sum())
        for x, y in pairwise(arrays)
    ]
    whole = [
        float(np.abs(hits_a - hits_b).sum()),
        float(np.abs(loud_a - loud_b).sum()),
        float(np.abs(late_a - late_b)[common].sum()),
    ]
    p = np.array(posteriors)
    line = p[0] + (p[-1] - p[0]) * np.array(AMOUNTS)
    middle = grooves[len(grooves) // 2]
    ends = (len(pair.a.hits) + len(pair.b.hits)) / 2
    steps = {
        name: max(moved) / total if total > 0 else None
        for name, moved, total in zip(
            ("hits_step", "velocity_step", "timing_step"),
            (hit_changes, velocity_changes, timing_changes),
            whole,
            strict=True,
        )
    }
    return steps | {
        "order": float(spearmanr(AMOUNTS, p).statistic) if np.ptp(p) > 0 else 0.0,
        "rising": float((np.diff(p) >= -1e-9).mean()),
        "bend": float(np.abs(p - line).mean()),
        "density": len(middle.hits) / ends,
        "hits_path": sum(hit_changes) / whole[0] if whole[0] else None,
        "structure": _bar_similarity(middle)
        / ((_bar_similarity(pair.a) + _bar_similarity(pair.b)) / 2 or 1.0),
        "to_a": _cosine(middle, pair.a),
        "to_b": _cosine(middle, pair.b),
        "p_at_a": float(p[0]),
        "p_at_b": float(p[-1]),
        "ends_cosine": _cosine(pair.a, pair.b),
    }


def _tally(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}


def _interval(values: Sequence[float]) -> list[float]:
    """Mean, and its bootstrap interval."""
    return [float(np.mean(values)), *(bootstrap_interval(values) if len(values) > 1 else ())]


def _summary(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    # Where the classifier itself tells B from A the right way round, its judgement means something.
    groups: dict[str, Callable[[Mapping[str, Any]], bool]] = {
        "all pairs": lambda _line: True,
        "pairs whose ends the classifier tells apart": lambda x: x["p_at_b"] - x["p_at_a"] > 0.1,
    }
    for group, holds in groups.items():
        for way in dict.fromkeys(line["way"] for line in lines):
            own = [x for x in lines if x["way"] == way and holds(x)]
            row: dict[str, Any] = {"group": group, "way": way, "n": len(own)}
            for metric in (*METRICS, "p_at_a", "p_at_b", "ends_cosine"):
                values = [x[metric] for x in own if x[metric] is not None]
                row[metric] = _interval(values) if values else None
            found.append(row)
    return found


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
    found: dict[str, dict[str, list[float]]] = {}
    for way in ("exact", "vae"):
        posteriors: dict[str, list[float]] = {name: [] for name in settings}
        for pair in pairs:
            interpolator: Interpolator = (
                Interpolation(pair.a, pair.b)
                if way == "exact"
                else LatentInterpolation(pair.a, pair.b, weights)
            )
            for name, amounts in settings.items():
                groove = _groove_of_strikes(pair, interpolator.at(amounts))
                posteriors[name].append(_posterior(classifier, pair, groove))
        found[way] = {name: _interval(values) for name, values in posteriors.items()}
    return found


def _score_towards_drummers(
    classifier: DrummerClassifier, grooves: Sequence[tuple[GrooveRecording, Groove]], seed: int
) -> dict[str, Any]:
    """p(B) on the exact way to a drummer, all of whose held-out beats are B."""
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
            _groove_of_strikes(pair, interpolator.at(GrooveAmounts.of(amount)))
            for amount in AMOUNTS
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
        lines += _table(
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
    lines += _table(
        ["way", *(f"{amount:g}" for amount in AMOUNTS)],
        [[way, *(f"{p:.3f}" for p in curve)] for way, curve in facts["curves"].items()],
    )
    lines += ["", "p(B) where one slider alone is at 1", ""]
    names = list(next(iter(facts["sliders"].values()), {}))
    lines += _table(
        ["way", *names],
        [[way, *(_cell(own[name]) for name in names)] for way, own in facts["sliders"].items()],
    )
    towards = facts["drummers"]
    lines += ["", f"Towards a drummer, exact way ({towards['n']} grooves)", ""]
    lines += _table(
        ["amount", "p(B)"],
        [[f"{s:g}", _cell(p)] for s, p in zip(AMOUNTS, towards["p"], strict=False)],
    )
    return "\n".join(lines) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]


def _cell(value: Sequence[float] | None) -> str:
    if value is None:
        return "-"
    mean, *ends = (f"{x:.3f}" for x in value)
    return mean + (f" [{ends[0]}, {ends[1]}]" if ends else "")
