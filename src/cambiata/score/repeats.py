"""Order in which bars are played: repeats, endings, D.C., D.S., coda, Fine and named parts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

# Bars that are played, repeats counted: an hour of 2/4 at 240 a minute has 7200.
MAX_BARS = 50_000
MAX_TURNS = 64  # of one repeat


class TooManyRepeatsError(ValueError):
    """More bars than any music has."""


@dataclass(slots=True)
class Marks:
    """Signs of a bar that send the player elsewhere.

    Parameters
    ----------
    opens : int
        Whether a repeat begins before it; 2 where it is played three times, and so on.
    closes : int
        Whether a repeat ends after it, likewise.
    endings : tuple of int
        Turns in which it is played; all where it is in no ending.
    begins_ending : bool
        Whether it is the first bar of its ending.
    double : bool
        Whether a double bar line follows it.
    segno : bool
        Whether the sign that D.S. goes back to stands before it.
    coda : bool
        Whether the coda's sign stands before it.
    to_coda : bool
        Whether a player who came back leaves for the coda after it.
    fine : bool
        Whether a player who came back ends after it.
    jump : {"", "capo", "segno"}
        D.C. or D.S. after it.

    Examples
    --------
    >>> Marks(closes=1).repeats
    True
    """

    opens: int = 0
    closes: int = 0
    endings: tuple[int, ...] = ()
    begins_ending: bool = False
    double: bool = False
    segno: bool = False
    coda: bool = False
    to_coda: bool = False
    fine: bool = False
    jump: Literal["", "capo", "segno"] = ""

    def merged(self, other: "Marks") -> "Marks":
        """Signs of both: of a bar that two voices share.

        Parameters
        ----------
        other : Marks
            Signs of the other voice.

        Returns
        -------
        Marks
            The larger of each.
        """
        return Marks(*(max(getattr(self, each), getattr(other, each)) for each in self.__slots__))

    @property
    def repeats(self) -> bool:
        """Whether it has a repeat sign or lies in an ending."""
        return bool(self.opens or self.closes or self.endings)


@dataclass(frozen=True)
class Form:
    """Bars as they are written, with their signs, and the order in which they are played.

    Parameters
    ----------
    marks : tuple of Marks
        Signs of each bar.
    order : tuple of int
        Numbers of bars in the order in which they are played, from 0.
    lengths : tuple of fractions.Fraction
        Length of each bar in quarter notes.

    Examples
    --------
    >>> form = Form((Marks(closes=1),), (0, 0), (Fraction(4),))
    >>> form.is_repeated
    True
    """

    marks: tuple[Marks, ...]
    order: tuple[int, ...]
    lengths: tuple[Fraction, ...]

    @property
    def is_repeated(self) -> bool:
        """Whether a bar is played more often than once, or not at all."""
        return self.order != tuple(range(len(self.marks)))


def playing_order(marks: Sequence[Marks]) -> list[int]:
    """Numbers of bars in the order in which they are played.

    A repeat goes back to the last sign that opens one; where there is none, to the bar after the
    repeat before it, or after the last double bar since, as abc2midi does. It is played as often as
    its signs or endings say. After D.C. or D.S. repeats are not taken, the last ending is played,
    and Fine or the coda's sign are obeyed.

    Parameters
    ----------
    marks : sequence of Marks
        Signs of each bar.

    Returns
    -------
    list of int
        Numbers of bars, from 0.

    Raises
    ------
    TooManyRepeatsError
        More than fifty thousand bars would be played.

    Examples
    --------
    >>> playing_order([Marks(), Marks(closes=1), Marks()])
    [0, 1, 0, 1, 2]
    """
    order = _walk(marks, 0, takes_repeats=True)
    if not order or not marks[order[-1]].jump:
        return order
    last = order[-1]
    segno = [i for i in range(last + 1) if marks[i].segno]
    start = segno[-1] if marks[last].jump == "segno" and segno else 0
    again = _walk(marks, start, takes_repeats=False, jumps=False)
    codas = [i for i, each in enumerate(marks) if each.coda]
    if len(codas) > 1 and not any(each.to_coda for each in marks):
        marks[codas[0] - 1].to_coda = codas[0] > 0  # the first of two signs: leave here
    leaves = next((at for at, i in enumerate(again) if marks[i].to_coda), None)
    if leaves is not None and codas and codas[-1] > again[leaves]:
        again = again[: leaves + 1] + _walk(marks, codas[-1], takes_repeats=True, jumps=False)
    ends = next((at for at, i in enumerate(again) if marks[i].fine), len(again) - 1)
    return _checked(order + again[: ends + 1])


def _walk(
    marks: Sequence[Marks], start: int, *, takes_repeats: bool, jumps: bool = True
) -> list[int]:
    """Bars from one on to the last, or to the first D.C. or D.S. if they are obeyed."""
    order: list[int] = []
    i = opened = start
    turn, turns = 1, _turns(marks, opened)
    while i < len(marks):
        bar = marks[i]
        is_last_turn = turn == turns or not takes_repeats
        left = is_last_turn and _left_endings(marks, i)
        if i > opened and (bar.opens or left or _parts(marks, opened, i)):
            opened, turn, turns = i, 1, _turns(marks, i)
        playing = turn if takes_repeats else turns
        if bar.endings and playing not in bar.endings:
            # An ending without a sign at its end goes back where the next turn's ending begins.
            follows = i > opened and marks[i - 1].endings and order and order[-1] == i - 1
            if takes_repeats and follows and not marks[i - 1].closes and turn < turns:
                turn, i = turn + 1, opened
            else:
                i += 1
            continue
        order.append(i)
        _checked(order)
        if bar.jump and jumps and (not bar.closes or turn >= turns or not takes_repeats):
            return order
        if bar.closes and takes_repeats and turn < turns:
            turn, i = turn + 1, opened
            continue
        if bar.closes and not _goes_on(marks, i, turns):
            opened, turn, turns = i + 1, 1, _turns(marks, i + 1)
        i += 1
    return order


def _goes_on(marks: Sequence[Marks], i: int, turns: int) -> bool:
    """Whether further endings of the same repeat follow a bar."""
    return (
        bool(marks[i].endings) and i + 1 < len(marks) and marks[i + 1].begins_ending and turns > 1
    )


def _parts(marks: Sequence[Marks], opened: int, i: int) -> bool:
    """Whether the double bar before a bar begins a repeat: not the first, and none has its sign."""
    return opened > 0 and marks[i - 1].double and not marks[opened].opens and not marks[i].endings


def _left_endings(marks: Sequence[Marks], i: int) -> bool:
    """Whether a bar is the first after a repeat's endings."""
    return i > 0 and bool(marks[i - 1].endings) and not marks[i].endings


def _turns(marks: Sequence[Marks], opened: int) -> int:
    """How often the repeat that begins with a bar is played."""
    if opened >= len(marks):
        return 1
    turns, in_endings = 1, False
    for i in range(opened, len(marks)):
        bar = marks[i]
        if (i > opened and bar.opens) or (in_endings and not bar.endings):
            break
        if bar.begins_ending and 1 in bar.endings and in_endings:
            break  # the endings of another repeat
        in_endings = in_endings or bool(bar.endings)
        if bar.closes:
            turns = max(turns, bar.closes + 1, marks[opened].opens + 1)
        turns = max(turns, *bar.endings, 1)
        if bar.closes and not bar.endings:
            break
    return min(turns, MAX_TURNS)


def part_order(text: str, labels: Mapping[str, object]) -> list[str]:
    """Labels of parts in the order that ABC's P field gives, "A2(BC)3".

    Parameters
    ----------
    text : str
        The field.
    labels : mapping
        Labels that the music has.

    Returns
    -------
    list of str
        Labels, repeats written out; none where the field names no order.

    Raises
    ------
    TooManyRepeatsError
        More than fifty thousand parts would be played.

    Examples
    --------
    >>> part_order("A2B", {"A": 0, "B": 1})
    ['A', 'A', 'B']
    """
    compact = re.sub(r"[\s.,]", "", text)
    if not re.fullmatch(r"[A-Za-z\d()]+", compact):
        return []
    stack: list[list[str]] = [[]]
    last: list[str] = []
    for token in re.findall(r"\d{1,3}|.", compact):
        if token == "(":
            stack.append([])
            last = []
        elif token == ")" and len(stack) > 1:
            last = stack.pop()
            stack[-1] += last
        elif token.isdecimal():
            stack[-1] += last * (int(token) - 1)
            if int(token) == 0 and last:
                del stack[-1][-len(last) :]
        elif token != ")":
            last = [token]
            stack[-1].append(token)
        if sum(map(len, stack)) > MAX_BARS:
            raise TooManyRepeatsError
    found = [each for level in stack for each in level]
    return found if found and any(each in labels for each in found) else []


def _checked(order: list[int]) -> list[int]:
    if len(order) > MAX_BARS:
        raise TooManyRepeatsError
    return order
