"""What every way of restyling a melody has in common: wishes, and the order they are granted in."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.melody.bars import STEPS, Bar, Counting, Event, Line, Pattern


@dataclass(frozen=True)
class Amounts:
    """How far a melody is turned.

    Parameters
    ----------
    rhythm, pitch : float
        Shares of the changes that are made, 0 to 1.

    Examples
    --------
    >>> Amounts(0.0, 0.0).is_nothing
    True
    """

    rhythm: float = 1.0
    pitch: float = 1.0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is changed."""
        return self.rhythm == self.pitch == 0


class Restyler(ABC):
    """A way of turning a melody towards a style.

    Attributes
    ----------
    name : str
        What to call it.
    summary : str
        What it does, in one line.
    paper : str
        Where it comes from.
    trained : bool
        Whether it has weights.

    Examples
    --------
    >>> from cambiata.melody.api import restyler
    >>> isinstance(restyler("retrieval"), Restyler)
    True
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    trained: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def configured(cls, settings: Mapping[str, str]) -> "Restyler":
        """It, with some settings changed.

        Parameters
        ----------
        settings : mapping of str to str
            Values by name.

        Returns
        -------
        Restyler
            It.

        Raises
        ------
        InputError
            There is no such setting, or a value does not fit it.
        """

    @abstractmethod
    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Styles that it knows by name, and the kinds of bars each is at home in."""

    @abstractmethod
    def restyled(
        self,
        line: Line,
        style: str | Sequence[Line],
        amounts: Amounts,
        seed: int,
        source: Line | None = None,
    ) -> Line:
        """A melody turned towards a style.

        Parameters
        ----------
        line : Line
            The melody.
        style : str or sequence of Line
            One of `styles`, or melodies that show it.
        amounts : Amounts
            How far.
        seed : int
            Of what is drawn.
        source : Line, optional
            The melody in its own metre, where `line` is it in another.

        Returns
        -------
        Line
            As many bars; those that were equal still are.
        """


def weights_of(settings: Mapping[str, str]) -> dict[str, str]:
    """The one setting that baselines have.

    Parameters
    ----------
    settings : mapping of str to str
        Values by name.

    Returns
    -------
    dict of str to str
        The weights, where they are given.

    Raises
    ------
    InputError
        Something else is given.

    Examples
    --------
    >>> weights_of({"weights": "mine.onnx"})
    {'weights': 'mine.onnx'}
    """
    for name in settings:
        if name != "weights":
            raise InputError(name, "is no setting", "use weights")
    return dict(settings)


def granted(
    wishes: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], amount: float
) -> npt.NDArray[np.bool_]:
    """Which of the wished changes are made: the most wanted first, up to a share of them.

    Parameters
    ----------
    wishes : numpy.ndarray
        How much each change is wanted; not above 0: it is not wanted at all.
    weights : numpy.ndarray
        How often each change would be heard, of the same shape.
    amount : float
        Share of what is wanted, 0 to 1; what is granted at less is granted at more.

    Returns
    -------
    numpy.ndarray
        Of the same shape.

    Examples
    --------
    >>> granted(np.array([3.0, -1.0, 1.0, 2.0]), np.ones(4), 0.5).tolist()
    [True, False, False, True]
    """
    made = np.zeros(wishes.shape, bool)
    wanted = np.flatnonzero(wishes.ravel() > 0)
    order = wanted[np.argsort(-wishes.ravel()[wanted], kind="stable")]
    heard = np.cumsum(weights.ravel()[order])
    if len(order):
        # A change is made once half of it is paid for.
        half = heard - weights.ravel()[order] / 2
        made.ravel()[order[half <= amount * heard[-1]]] = True
    return made if amount > 0 else np.zeros(wishes.shape, bool)


def tones_of(line: Line, bar: Bar) -> list[tuple[int, Event]]:
    """What sounds in a bar, each with its step.

    Parameters
    ----------
    line : Line
        The melody.
    bar : Bar
        One of its bars.

    Returns
    -------
    list of tuple
        Its tones, without rests.

    Examples
    --------
    >>> from cambiata.score.midi import Metre
    >>> line = Line((), Metre(), Counting(4, False))
    >>> [step for step, _ in tones_of(line, (Event(Fraction(0), 60), Event(Fraction(2), None)))]
    [0]
    """
    return [(step, event) for step, event in line.steps(bar) if event.is_tone]


def aligned(given: Sequence[int], wanted: Sequence[int]) -> list[tuple[int, bool]]:
    """Which of some given tones each wanted one comes from, in order.

    Tones are matched by how near they are in time; each one left out, and each one used again,
    costs an eighth note.

    Parameters
    ----------
    given, wanted : sequence of int
        Steps at which tones begin, rising; the first not empty.

    Returns
    -------
    list of tuple
        For every wanted tone the number of the given one, and whether it is there again: an added
        tone.

    Examples
    --------
    >>> aligned([0, 12, 24, 36], [0, 18, 24, 42])
    [(0, False), (1, False), (2, False), (3, False)]
    >>> aligned([0, 24], [0, 12, 24])
    [(0, False), (0, True), (1, False)]
    """
    n, m = len(given), len(wanted)
    if not m:
        return []
    cost = np.full((m, n), np.inf)
    came = np.zeros((m, n), int)
    for j in range(n):
        cost[0, j] = abs(wanted[0] - given[j]) + _LEFT_OUT * j
    for i in range(1, m):
        for j in range(n):
            # From the same tone again, from the one before, or from one further back.
            steps = [
                cost[i - 1, k] + (_LEFT_OUT if k == j else _LEFT_OUT * (j - k - 1))
                for k in range(j + 1)
            ]
            came[i, j] = int(np.argmin(steps))
            cost[i, j] = steps[came[i, j]] + abs(wanted[i] - given[j])
    j = int(np.argmin(cost[-1] + _LEFT_OUT * np.arange(n)[::-1]))
    found = [j]
    for i in range(m - 1, 0, -1):
        j = int(came[i, j])
        found.append(j)
    found.reverse()
    # Of tones from one, that which is nearest to it is it; the others are added.
    kept = {
        j: min((i for i in range(m) if found[i] == j), key=lambda i: (abs(wanted[i] - given[j]), i))
        for j in set(found)
    }
    return [(j, kept[j] != i) for i, j in enumerate(found)]


_LEFT_OUT = 12.0


@dataclass(frozen=True)
class Draft:
    """A bar in a new rhythm, its pitches to be decided.

    Parameters
    ----------
    steps : tuple of int
        Where something begins, in steps of the bar.
    tones : tuple
        What does: a tone of the bar as it was, or none for a rest.
    added : tuple of bool
        Whether a tone was not there before.

    Examples
    --------
    >>> Draft((0,), (None,), (False,)).n_tones
    0
    """

    steps: tuple[int, ...]
    tones: tuple[Event | None, ...]
    added: tuple[bool, ...]

    @property
    def n_tones(self) -> int:
        """How many tones begin."""
        return sum(tone is not None for tone in self.tones)


def drafted(line: Line, bar: Bar, sounding: int | None, patterns: Sequence[Pattern]) -> Draft:
    """A bar in a new rhythm, each tone from the one it was.

    Parameters
    ----------
    line : Line
        The melody.
    bar : Bar
        The bar as it was.
    sounding : int or None
        Pitch that goes on into it.
    patterns : sequence of Pattern
        The rhythm of each beat.

    Returns
    -------
    Draft
        Where there was no tone at all, new ones have the pitch that went on.

    Examples
    --------
    >>> from cambiata.score.midi import Metre
    >>> line = Line((), Metre(2, 4), Counting(2, False))
    >>> made = drafted(line, (Event(Fraction(0), 60), Event(Fraction(1), 62)), None,
    ...                (((0, True), (12, True)), ((0, True),)))
    >>> made.steps, [tone.pitch for tone in made.tones], made.added
    ((0, 12, 24), [60, 60, 62], (False, True, False))
    """
    events = [
        (beat * line.counting.beat_steps + at, is_tone)
        for beat, pattern in enumerate(patterns)
        for at, is_tone in pattern
    ]
    given = tones_of(line, bar)
    if not given and sounding is not None:
        given = [(0, Event(Fraction(0), sounding))]
    if not given:  # silence stays silence
        return Draft((0,), (None,), (False,))
    wanted = [step for step, is_tone in events if is_tone]
    matches = iter(aligned([step for step, _ in given], wanted))
    tones: list[Event | None] = []
    added = []
    for _, is_tone in events:
        number, is_added = next(matches) if is_tone else (0, False)
        tones.append(given[number][1] if is_tone else None)
        added.append(is_added)
    return Draft(tuple(step for step, _ in events), tuple(tones), tuple(added))


def bar_of(counting: Counting, draft: Draft, pitches: Sequence[int | None]) -> Bar:
    """A bar as it is written.

    Parameters
    ----------
    counting : Counting
        How steps are counted.
    draft : Draft
        What begins where.
    pitches : sequence of int or None
        A pitch for each of the draft's events, none for rests.

    Returns
    -------
    Bar
        Its events.

    Examples
    --------
    >>> bar_of(Counting(4, False), Draft((0,), (Event(Fraction(0), 60),), (False,)), [62])[0].pitch
    62
    """
    return tuple(
        Event(
            Fraction(step, STEPS) / counting.scale,
            pitch,
            tone.velocity if tone is not None else 100,
        )
        for step, tone, pitch in zip(draft.steps, draft.tones, pitches, strict=True)
    )


def closed(before: Bar, after: Bar) -> Bar:
    """A last bar that ends where it did.

    Parameters
    ----------
    before, after : Bar
        The tune's last bar as it was and as it is.

    Returns
    -------
    Bar
        What begins after a last rest did is left out, and a rest where there was none.

    Examples
    --------
    >>> short = (Event(Fraction(0), 60), Event(Fraction(3), None))
    >>> closed(short, (Event(Fraction(2), 62), Event(Fraction(7, 2), 64)))[-1].at
    Fraction(3, 1)
    """
    if not before or before[-1].is_tone:
        n_kept = max((i + 1 for i, event in enumerate(after) if event.is_tone), default=0)
        return after[:n_kept]
    rest = before[-1]
    return (*(event for event in after if event.at < rest.at), rest)
