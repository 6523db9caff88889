"""`cambiata evaluate melody`: tunes of held-out families restyled as other dance types."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.data.melody_bars import parse_lines
from cambiata.data.tunes import Tune, read_tunes
from cambiata.errors import InputError
from cambiata.evaluate.machine import describe_machine
from cambiata.evaluate.markdown import markdown_table, write_evaluation
from cambiata.evaluate.melody_measures import (
    DanceClassifier,
    Values,
    chroma_similarity,
    contour_similarity,
    cosine_similarity,
    repetition_f1,
    rhythm_profile,
    style_profile,
)
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.melody.api import melody_system
from cambiata.melody.bars import MelodyLine
from cambiata.melody.metres import change_metre
from cambiata.melody.system import MelodyAmounts, MelodySystem
from cambiata.score import notation
from cambiata.score.midi import Metre

# From one dance type to others in the same metre, and to one in another metre.
SAME_METRE_PAIRS = (
    ("reel", "hornpipe"), ("reel", "strathspey"), ("hornpipe", "reel"), ("hornpipe", "strathspey"),
    ("strathspey", "reel"), ("strathspey", "hornpipe"),
)  # fmt: skip
OTHER_METRE_PAIRS = (("jig", "reel"), ("jig", "hornpipe"), ("reel", "jig"), ("hornpipe", "jig"))

AMOUNTS = tuple(i / 10 for i in range(11))

METRICS = {
    "classifier": "classifier's p(style)",
    "named": "named as style",
    "profile": "style profile",
    "rhythm": "rhythm profile",
    "chroma": "chroma kept",
    "contour": "contour kept",
    "structure": "repeated bars F1",
}


@dataclass(frozen=True)
class _Judge:
    """Scores of outputs, by the tunes of the train split."""

    tunes: Sequence[tuple[Tune, MelodyLine]]

    @cached_property
    def classifier(self) -> DanceClassifier:
        dances = {dance for pair in (*SAME_METRE_PAIRS, *OTHER_METRE_PAIRS) for dance in pair}
        return DanceClassifier(
            [(line, tune.dance) for tune, line in self.tunes if tune.dance in dances]
        )

    @cached_property
    def profiles(self) -> dict[tuple[str, tuple[int, bool]], tuple[Values, Values]]:
        lines_by_kind: dict[tuple[str, tuple[int, bool]], list[MelodyLine]] = {}
        for tune, line in self.tunes:
            lines_by_kind.setdefault((tune.dance, line.counting.kind), []).append(line)
        return {
            key: (
                np.mean([style_profile(line) for line in lines], axis=0),
                np.mean([rhythm_profile(line) for line in lines], axis=0),
            )
            for key, lines in lines_by_kind.items()
        }

    def scores(self, content: MelodyLine, output: MelodyLine, style: str) -> dict[str, float]:
        of_style = self.profiles[style, output.counting.kind]
        probabilities = self.classifier.probabilities(output)
        return {
            "classifier": probabilities[style],
            "named": float(max(probabilities, key=lambda dance: probabilities[dance]) == style),
            "log odds": float(
                np.log(probabilities[style] + 1e-9) - np.log(1 - probabilities[style] + 1e-9)
            ),
            "profile": cosine_similarity(style_profile(output), of_style[0]),
            "rhythm": cosine_similarity(rhythm_profile(output), of_style[1]),
            "chroma": chroma_similarity(content, output),
            "contour": contour_similarity(content, output),
            "structure": repetition_f1(content, output),
        }


@dataclass(frozen=True)
class _Case:
    """A tune to restyle, and a tune of the other dance that shows the style."""

    set_name: str
    name: str
    style: str
    content: MelodyLine
    example: MelodyLine
    source: MelodyLine


def evaluate_melody(
    output: str | Path,
    *,
    rows: Sequence[str] = (
        "content", "real", "melody", "melody rhythm", "melody .5", "melody example", "retrieval",
        "pati2018",
    ),
    n_each: int = 30,
    nottingham: str | Path | None = None,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Style fit, content and structure of restyled melodies, beside baselines."""
    systems = {row: melody_system(row.split()[0]) for row in rows if row not in ("content", "real")}
    tunes = parse_lines(read_tunes())
    judge = _Judge([each for each in tunes if each[0].split == "train"])
    held_out = [each for each in tunes if each[0].split == "test"]
    cases = list(_cases(held_out, n_each, seed))
    if nottingham is not None:
        cases += _nottingham_cases(Path(nottingham), held_out, n_each, seed)
    lines = []
    for i, case in enumerate(cases):
        for row in rows:
            result = _make_output(case, row, systems, seed + i)
            scores = judge.scores(case.content, result, case.style)
            if row in ("melody", "retrieval"):
                scores |= _score_amounts(case, systems[row], judge)
            lines.append({"set": case.set_name, "case": case.name, "row": row, **scores})
        if progress is not None:
            progress("melody", (i + 1) / len(cases))
    dances = {dance for pair in (*SAME_METRE_PAIRS, *OTHER_METRE_PAIRS) for dance in pair}
    own = [
        float(judge.classifier.predict(line) == tune.dance)
        for tune, line in held_out
        if tune.dance in dances
    ]
    summary = _summary(lines, rows)
    facts = {
        "machine": describe_machine(),
        "seed": seed,
        "classifier on held-out tunes": [*_interval(own), len(own)],
        "summary": summary,
        "lines": lines,
    }
    write_evaluation(output, "melody", facts, markdown(facts))
    return facts


def _cases(held_out: Sequence[tuple[Tune, MelodyLine]], n_each: int, seed: int) -> Iterator[_Case]:
    rng = np.random.default_rng(seed)
    for set_name, pairs in (("metre kept", SAME_METRE_PAIRS), ("metre changed", OTHER_METRE_PAIRS)):
        for dance, style in pairs:
            contents = _select_dance(held_out, dance)
            examples = _select_dance(held_out, style)
            for number in rng.permutation(len(contents))[:n_each]:
                tune, line = contents[int(number)]
                example = examples[int(rng.integers(len(examples)))][1]
                content = line
                if set_name == "metre changed":
                    content = change_metre(line, Metre(6, 8) if style == "jig" else Metre(4, 4))
                yield _Case(set_name, f"{tune.name} -> {style}", style, content, example, line)


def _select_dance(
    tunes: Sequence[tuple[Tune, MelodyLine]], dance: str
) -> list[tuple[Tune, MelodyLine]]:
    """Tunes of a dance in the metre that is usual for it."""
    kind = (2, True) if dance == "jig" else (4, False)
    return [each for each in tunes if each[0].dance == dance and each[1].counting.kind == kind]


def _nottingham_cases(
    folder: Path, held_out: Sequence[tuple[Tune, MelodyLine]], n_each: int, seed: int
) -> list[_Case]:
    """Tunes of a collection that nothing was trained on, towards each dance of their metre."""
    files = sorted(folder.rglob("*.abc"))
    if not files:
        raise InputError(str(folder), "holds no ABC files", "name the collection's folder")
    rng = np.random.default_rng(seed)
    cases: list[_Case] = []
    for file in files:
        if not any(word in file.stem for word in ("reels", "hpps", "morris")):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sheets = notation.read_all(file)[: 3 * n_each]
        for sheet in sheets:
            if len(sheet.voices) != 1 or not sheet.voices[0].is_melody or sheet.n_bars < 8:
                continue
            try:
                line = MelodyLine.of(sheet.voices[0], sheet.metre, sheet.pickup, sheet.name)
            except InputError:
                continue
            if line.counting.kind != (4, False):
                continue
            style = ("strathspey", "hornpipe", "reel")[int(rng.integers(3))]
            examples = _select_dance(held_out, style)
            example = examples[int(rng.integers(len(examples)))][1]
            cases.append(
                _Case("Nottingham", f"{sheet.name} -> {style}", style, line, example, line)
            )
    order = rng.permutation(len(cases))[: 2 * n_each]
    return [cases[i] for i in sorted(order)]


def _make_output(case: _Case, row: str, systems: dict[str, MelodySystem], seed: int) -> MelodyLine:
    if row == "content":
        return case.content
    if row == "real":
        return _fit_bars(case.example, case.content)
    setting = row.partition(" ")[2]
    amounts = {
        "": MelodyAmounts(),
        "example": MelodyAmounts(),
        "rhythm": MelodyAmounts(1.0, 0.0),
    }.get(setting)
    if amounts is None:
        amounts = MelodyAmounts(float(setting), float(setting))
    style: Any = [case.example] if setting == "example" else case.style
    return systems[row].restyle(case.content, style, amounts, seed, case.source)


def _fit_bars(line: MelodyLine, like: MelodyLine) -> MelodyLine:
    """A melody of as many bars as another, repeated or cut."""
    own = [line.bars[i] for i in line.full_bars]
    n = len(like.full_bars)
    bars = (own * (n // len(own) + 1))[:n]
    short = like.bars[: like.full_bars.start]
    pickup = like.pickup / like.metre.bar * line.metre.bar
    return MelodyLine((*short, *bars), line.metre, line.counting, pickup)


def _score_amounts(case: _Case, system: MelodySystem, judge: _Judge) -> dict[str, float]:
    """Rank correlation of the style's fit with the amount."""
    from scipy.stats import spearmanr

    outputs = [
        system.restyle(case.content, case.style, MelodyAmounts(x, x), 0, case.source)
        for x in AMOUNTS
    ]
    scores = [judge.scores(case.content, each, case.style) for each in outputs]
    result = {"exact at 0": float(outputs[0] == case.content)}
    differing = [_count_differing(case.content, each) for each in outputs]
    for name, values in (
        ("log odds", [each["log odds"] for each in scores]),
        ("profile", [each["profile"] for each in scores]),
        ("rhythm", [each["rhythm"] for each in scores]),
        ("changed", differing),
    ):
        if np.ptp(values) > 0:
            result[f"rank of {name}"] = float(spearmanr(AMOUNTS, values).statistic)
    return result


def _count_differing(a: MelodyLine, b: MelodyLine) -> float:
    """Number of events that are not in both."""
    n_differing = 0
    for one, other in zip(a.bars, b.bars, strict=True):
        n_differing += len({(e.onset, e.pitch) for e in one} ^ {(e.onset, e.pitch) for e in other})
    return float(n_differing)


def _summary(lines: Sequence[dict[str, Any]], rows: Sequence[str]) -> list[dict[str, Any]]:
    entries = []
    for set_name in dict.fromkeys(line["set"] for line in lines):
        of_set = [line for line in lines if line["set"] == set_name]
        ours = {line["case"]: line for line in of_set if line["row"] == "melody"}
        for row in rows:
            own = [line for line in of_set if line["row"] == row]
            entry: dict[str, Any] = {"set": set_name, "row": row, "n": len(own)}
            for metric in METRICS:
                entry[metric] = _interval([x[metric] for x in own if np.isfinite(x[metric])])
                against = [
                    ours[x["case"]][metric] - x[metric]
                    for x in own
                    if x["case"] in ours and np.isfinite(ours[x["case"]][metric] - x[metric])
                ]
                if against and row != "melody":
                    entry[f"{metric}, ours above"] = _interval(against)
            for name in ("log odds", "profile", "rhythm", "changed"):
                values = [x[f"rank of {name}"] for x in own if f"rank of {name}" in x]
                if values:
                    entry[f"rank of {name}"] = _interval(values)
                    # As good as monotone: of eleven amounts two neighbours may change places.
                    share = float(np.mean(np.array(values) >= 0.95))
                    entry[f"rank of {name}, at least .95"] = share
            exact = [x["exact at 0"] for x in own if "exact at 0" in x]
            if exact:
                entry["exact at 0"] = float(np.mean(exact))
            entries.append(entry)
    return entries


def _interval(values: Sequence[float]) -> list[float]:
    """Mean and its bootstrap interval."""
    return [float(np.mean(values)), *bootstrap_interval(values)]


def markdown(facts: dict[str, Any]) -> str:
    """The tables."""
    accuracy = facts["classifier on held-out tunes"]
    parts = [
        f"The classifier names {accuracy[0]:.3f} [{accuracy[1]:.3f}, {accuracy[2]:.3f}] of "
        f"{accuracy[3]} real tunes of held-out families rightly.\n"
    ]
    for set_name in dict.fromkeys(entry["set"] for entry in facts["summary"]):
        entries = [entry for entry in facts["summary"] if entry["set"] == set_name]
        parts += markdown_table(
            [set_name, *METRICS.values()],
            [
                [f"{entry['row']} ({entry['n']})", *(_cell(entry[metric]) for metric in METRICS)]
                for entry in entries
            ],
        )
        parts.append("")
        for entry in entries:
            ranks = [
                f"{name} {_cell(value)}, {entry[f'{name}, at least .95']:.2f} of tunes at least .95"
                for name, value in entry.items()
                if name.startswith("rank of") and isinstance(value, list)
            ]
            if ranks:
                parts.append(
                    f"{entry['row']}: exact at 0 in {entry['exact at 0']:.2f}; {'; '.join(ranks)}."
                )
        parts.append("")
    return "\n".join(parts)


def _cell(values: Sequence[float]) -> str:
    mean, low, high = (f"{value:.3f}".replace("0.", ".", 1) for value in values)
    return f"{mean} [{low}, {high}]"
