"""The predicates that rules are made of, in closed form."""

from collections.abc import Callable
from typing import Any

import pytest

from cambiata.counterpoint import rules

CASES: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
    (rules.pitch_name, (61,), "C#"),
    (rules.pitch_name, (70,), "Bb"),
    (rules.pitch_name, (71, -1), "E"),
    (rules.is_white, (60,), True),
    (rules.is_white, (61,), False),
    (rules.steps_between, (60, 64), 2),
    (rules.steps_between, (65, 59), -4),
    (rules.interval_name, (64, 60), "third"),
    (rules.interval_name, (40, 76), "22th"),
    (rules.is_consonant, (60, 67), True),
    (rules.is_consonant, (60, 65), False),
    (rules.is_consonant, (59, 65), False),
    (rules.is_fifth, (60, 79), True),
    (rules.is_fifth, (59, 65), False),
    (rules.is_octave, (60, 60), True),
    (rules.is_octave, (60, 84), True),
    (rules.is_imperfect, (60, 64), True),
    (rules.is_imperfect, (60, 67), False),
    (rules.is_step, (60, 62), True),
    (rules.is_step, (58, 61), False),
    (rules.is_leap, (60, 64), True),
    (rules.is_leap, (60, 60), False),
    (rules.may_follow, (64, 72), True),
    (rules.may_follow, (72, 64), False),
    (rules.must_turn, (64, 72), True),
    (rules.must_turn, (60, 67), False),
    (rules.is_turn, (60, 64, 62), True),
    (rules.leaps_too_far, (60, 67, 74), True),
    (rules.leaps_too_far, (60, 67, 72), False),
    (rules.leaps_on, (60, 64, 67), True),
    (rules.leaps_on, (60, 64, 65), False),
    (rules.outlines_tritone, (65, 71, 69), True),
    (rules.outlines_tritone, (77, 71, 72), False),
    (rules.parallel, ((60, 67), (62, 69)), "parallel-fifths"),
    (rules.parallel, ((60, 72), (60, 72)), None),
    (rules.direct, ((60, 64), (65, 72)), "direct-fifths"),
    (rules.direct, ((65, 69), (60, 72)), None),
    (rules.is_similar, ((60, 64), (62, 65)), True),
    (rules.resolves, (64, 74, 73), True),
    (rules.resolves, (64, 74, 76), False),
    (rules.resolves, (60, 62, 60), False),
    (rules.opens, (62, 69), True),
    (rules.opens, (62, 55), False),
    (rules.leading_note, (64, 62), 1),
    (rules.leading_note, (65, 64), 2),
    (rules.leading_note, (59, 60), 2),
    (rules.is_false_relation, (70, 59), True),
    (rules.max_range, (1,), 16),
    (rules.max_range, (3,), 19),
]


@pytest.mark.parametrize(
    ("predicate", "arguments", "answer"), CASES, ids=[f"{f.__name__}{a}" for f, a, _ in CASES]
)
def test_predicates(predicate: Callable[..., Any], arguments: tuple[Any, ...], answer: Any) -> None:
    assert predicate(*arguments) == answer


def test_the_leading_note_is_raised_before_the_end_alone() -> None:
    assert rules.in_mode(61, 62, before_last=True)
    assert not rules.in_mode(61, 62, before_last=False)


def test_rules_are_found_by_name() -> None:
    assert rules.rule_named("overlap").species == (1,)
    assert rules.rule_named("eighths").sentence == "eighths are reached and left by step"
    with pytest.raises(KeyError):
        rules.rule_named("battuta")
