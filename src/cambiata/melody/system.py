"""What every way of restyling a melody has in common: wishes, and the order they are granted in."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.melody.bars import STEPS, Bar, Counting, Event, MelodyLine, Pattern
from cambiata.system import SystemFacts


@dataclass(frozen=True)
class MelodyAmounts:
    """How far a melody is turned.

    Parameters
    ----------
    rhythm, pitch : float
        Shares of the changes that are made, 0 to 1.

    Examples
    --------
    >>> MelodyAmounts(0.0, 0.0).is_nothing
    True
    """

    rhythm: float = 1.0
    pitch: float = 1.0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is changed."""
        return self.rhythm == self.pitch == 0


class MelodySystem(SystemFacts, ABC):
    """A way of turning a melody towards a style.

    Examples
    --------
    >>> from cambiata.melody.api import restyler
    >>> isinstance(restyler("retrieval"), MelodySystem)
    True
    """

    @classmethod
    @abstractmethod
    def configured(cls, settings: Mapping[str, str]) -> "MelodySystem":
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
    def restyle(
        self,
        line: MelodyLine,
        style: str | Sequence[MelodyLine],
        amounts: MelodyAmounts,
        seed: int,
        source: MelodyLine | None = None,
    ) -> MelodyLine:
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


def weights_setting(settings: Mapping[str, str]) -> dict[str, str]:
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
    >>> weights_setting({"weights": "mine.onnx"})
    {'weights': 'mine.onnx'}
    """
    for name in settings:
        if name != "weights":
            raise InputError(name, "is no setting", "use weights")
    return dict(settings)


def select_changes(
    gains: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], amount: float
) -> npt.NDArray[np.bool_]:
    """Which of the wished changes are made: the most wanted first, up to a share of them.

    Parameters
    ----------
    gains : numpy.ndarray
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
    >>> select_changes(np.array([3.0, -1.0, 1.0, 2.0]), np.ones(4), 0.5).tolist()
    [True, False, False, True]
    """
    selected = np.zeros(gains.shape, bool)
    candidates = np.flatnonzero(gains.ravel() > 0)
    order = candidates[np.argsort(-gains.ravel()[candidates], kind="stable")]
    cumulative = np.cumsum(weights.ravel()[order])
    if len(order):
        # A change is made once half of it is paid for.
        midpoint = cumulative - weights.ravel()[order] / 2
        selected.ravel()[order[midpoint <= amount * cumulative[-1]]] = True
    return selected if amount > 0 else np.zeros(gains.shape, bool)


def tones_with_steps(line: MelodyLine, bar: Bar) -> list[tuple[int, Event]]:
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
    >>> line = MelodyLine((), Metre(), Counting(4, False))
    >>> [step for step, _ in tones_with_steps(line, (Event(Fraction(0), 60), Event(Fraction(2), None)))]
    [0]
    """
    return [(step, event) for step, event in line.steps(bar) if event.is_tone]


def align_tones(source_steps: Sequence[int], target_steps: Sequence[int]) -> list[tuple[int, bool]]:
    """Which of some given tones each wanted one comes from, in order.

    Tones are matched by how near they are in time; each one left out, and each one used again,
    costs an eighth note.

    Parameters
    ----------
    source_steps, target_steps : sequence of int
        Steps at which tones begin, rising; the first not empty.

    Returns
    -------
    list of tuple
        For every wanted tone the number of the given one, and whether it is there again: an added
        tone.

    Examples
    --------
    >>> align_tones([0, 12, 24, 36], [0, 18, 24, 42])
    [(0, False), (1, False), (2, False), (3, False)]
    >>> align_tones([0, 24], [0, 12, 24])
    [(0, False), (0, True), (1, False)]
    """
    n, m = len(source_steps), len(target_steps)
    if not m:
        return []
    costs = np.full((m, n), np.inf)
    back_pointers = np.zeros((m, n), int)
    for j in range(n):
        costs[0, j] = abs(target_steps[0] - source_steps[j]) + _SKIP_COST * j
    for i in range(1, m):
        for j in range(n):
            # From the same tone again, from the one before, or from one further back.
            steps = [
                costs[i - 1, k] + (_SKIP_COST if k == j else _SKIP_COST * (j - k - 1))
                for k in range(j + 1)
            ]
            back_pointers[i, j] = int(np.argmin(steps))
            costs[i, j] = steps[back_pointers[i, j]] + abs(target_steps[i] - source_steps[j])
    j = int(np.argmin(costs[-1] + _SKIP_COST * np.arange(n)[::-1]))
    sources = [j]
    for i in range(m - 1, 0, -1):
        j = int(back_pointers[i, j])
        sources.append(j)
    sources.reverse()
    # Of tones from one, that which is nearest to it is it; the others are added.
    nearest_targets = {
        j: min(
            (i for i in range(m) if sources[i] == j),
            key=lambda i: (abs(target_steps[i] - source_steps[j]), i),
        )
        for j in set(sources)
    }
    return [(j, nearest_targets[j] != i) for i, j in enumerate(sources)]


_SKIP_COST = 12.0


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


def draft_bar(
    line: MelodyLine, bar: Bar, sounding: int | None, patterns: Sequence[Pattern]
) -> Draft:
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
    >>> line = MelodyLine((), Metre(2, 4), Counting(2, False))
    >>> made = draft_bar(line, (Event(Fraction(0), 60), Event(Fraction(1), 62)), None,
    ...                (((0, True), (12, True)), ((0, True),)))
    >>> made.steps, [tone.pitch for tone in made.tones], made.added
    ((0, 12, 24), [60, 60, 62], (False, True, False))
    """
    events = [
        (beat * line.counting.beat_steps + onset, is_tone)
        for beat, pattern in enumerate(patterns)
        for onset, is_tone in pattern
    ]
    source_tones = tones_with_steps(line, bar)
    if not source_tones and sounding is not None:
        source_tones = [(0, Event(Fraction(0), sounding))]
    if not source_tones:  # silence stays silence
        return Draft((0,), (None,), (False,))
    target_steps = [step for step, is_tone in events if is_tone]
    matches = iter(align_tones([step for step, _ in source_tones], target_steps))
    tones: list[Event | None] = []
    added = []
    for _, is_tone in events:
        number, is_added = next(matches) if is_tone else (0, False)
        tones.append(source_tones[number][1] if is_tone else None)
        added.append(is_added)
    return Draft(tuple(step for step, _ in events), tuple(tones), tuple(added))


def write_bar(counting: Counting, draft: Draft, pitches: Sequence[int | None]) -> Bar:
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
    >>> write_bar(Counting(4, False), Draft((0,), (Event(Fraction(0), 60),), (False,)), [62])[0].pitch
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


def close_last_bar(before: Bar, after: Bar) -> Bar:
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
    >>> close_last_bar(short, (Event(Fraction(2), 62), Event(Fraction(7, 2), 64)))[-1].onset
    Fraction(3, 1)
    """
    if not before or before[-1].is_tone:
        n_left = max((i + 1 for i, event in enumerate(after) if event.is_tone), default=0)
        return after[:n_left]
    last_rest = before[-1]
    return (*(event for event in after if event.onset < last_rest.onset), last_rest)
