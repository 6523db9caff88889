"""Written music: voices counted in quarter notes, and how a performance would be written."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import isfinite

from cambiata.score.midi import Clock, Metre, Note, Part, Score
from cambiata.score.repeats import Form

_COMMON = Metre()
# Grid of a quarter note on which performances are written: thirty-seconds and triplets of
# sixteenths fall on it. A finer one would write a player's timing as note values.
GRID = 24


@dataclass(frozen=True, order=True, slots=True)
class Tone:
    """A written note.

    Parameters
    ----------
    start : fractions.Fraction
        Where it begins, in quarter notes from the beginning.
    length : fractions.Fraction
        How long it lasts, in quarter notes, more than 0.
    pitch : int
        MIDI number.
    velocity : int
        How hard it is struck, 1 to 127.

    Examples
    --------
    >>> Tone(Fraction(1), Fraction(1, 2), 60).end
    Fraction(3, 2)
    """

    start: Fraction
    length: Fraction
    pitch: int
    velocity: int = 100

    @property
    def end(self) -> Fraction:
        """Its end, in quarter notes from the beginning."""
        return self.start + self.length


@dataclass(frozen=True)
class Voice:
    """The tones of one part.

    Parameters
    ----------
    tones : tuple of Tone
        In the order of their beginnings.
    name : str
        What the score calls it.
    program : int
        General MIDI program, 0 to 127.
    staff : int
        Staff of its part: one voice is on 1, and those that follow it on 2 and more are in the
        same part, as a piano's left hand is.

    Examples
    --------
    >>> Voice((Tone(Fraction(0), Fraction(1), 60), Tone(Fraction(1), Fraction(1), 62))).is_melody
    True
    """

    tones: tuple[Tone, ...]
    name: str = ""
    program: int = 0
    staff: int = 1

    @property
    def end(self) -> Fraction:
        """End of its last tone, in quarter notes."""
        return max((tone.end for tone in self.tones), default=Fraction(0))

    @property
    def is_melody(self) -> bool:
        """Whether no two tones sound at once."""
        return all(a.end <= b.start for a, b in pairwise(self.tones))

    def skyline(self) -> "Voice":
        """The melody on top: where several tones begin the highest, each until the next begins.

        Returns
        -------
        Voice
            Tones that do not overlap. What begins below a sounding higher tone is left out.

        Examples
        --------
        >>> low, high = (Tone(Fraction(0), Fraction(2), pitch) for pitch in (48, 60))
        >>> [tone.pitch for tone in Voice((low, high)).skyline().tones]
        [60]
        """
        melody: list[Tone] = []
        for tone in sorted(self.tones, key=lambda tone: (tone.start, -tone.pitch)):
            if melody and melody[-1].start == tone.start:
                continue
            if melody and melody[-1].end > tone.start:
                if melody[-1].pitch > tone.pitch:
                    continue
                melody[-1] = replace(melody[-1], length=tone.start - melody[-1].start)
            melody.append(tone)
        return replace(self, tones=tuple(melody))


@dataclass(frozen=True, repr=False)
class Sheet:
    """Voices that sound together, in one metre.

    Parameters
    ----------
    voices : tuple of Voice
        Its voices.
    metre : Metre
        How bars are counted.
    key : str
        Key signature as MIDI has it ("Bb", "F#m"); empty where nothing is said.
    qpm : float
        Quarter notes a minute.
    pickup : fractions.Fraction
        Length of the incomplete bar that it begins with, in quarter notes.
    name : str
        Name for messages.
    tempos : tuple of tuple
        Where the tempo changes after the beginning, in quarter notes, and the quarter notes a
        minute from there on.
    title, composer : str
        As the score names them; empty where it says nothing.
    form : Form, optional
        The written bars, where repeats were written out.

    Examples
    --------
    >>> Sheet((Voice((Tone(Fraction(0), Fraction(4), 60),)),)).n_bars
    1
    """

    voices: tuple[Voice, ...]
    metre: Metre = _COMMON
    key: str = ""
    qpm: float = 120.0
    pickup: Fraction = Fraction(0)
    name: str = field(default="sheet", compare=False)
    tempos: tuple[tuple[Fraction, float], ...] = ()
    title: str = field(default="", compare=False)
    composer: str = field(default="", compare=False)
    form: Form | None = field(default=None, compare=False)

    @property
    def end(self) -> Fraction:
        """End of its last tone, in quarter notes."""
        return max((voice.end for voice in self.voices), default=Fraction(0))

    def __repr__(self) -> str:
        counted = ((len(self.voices), "voice"), (self.n_bars, "bar"))
        voices, bars = (f"{n} {word}{'s' * (n != 1)}" for n, word in counted)
        return f"<Sheet {self.name}: {voices}, {bars} of {self.metre}>"

    def _repr_html_(self) -> str:
        return self.to_score()._repr_html_()

    @property
    def n_bars(self) -> int:
        """Full bars, begun ones among them; a pickup is none."""
        return -int((self.pickup - self.end) // self.metre.bar)

    def counted_anew(self, metre: Metre, pickup: Fraction) -> "Sheet":
        """The sheet without its voices in another metre, whose bars last as long.

        Parameters
        ----------
        metre : Metre
            The new metre.
        pickup : fractions.Fraction
            The new length of its incomplete first bar, in quarter notes.

        Returns
        -------
        Sheet
            Tempos are such that a bar lasts as many seconds as it did.
        """
        stretch = metre.bar / self.metre.bar

        def moved(at: Fraction) -> Fraction:
            return max(Fraction(0), pickup + (at - self.pickup) * stretch)

        form = self.form
        if form is not None:
            lengths = [length * stretch for length in form.lengths]
            form = replace(form, lengths=(pickup or lengths[0], *lengths[1:]))
        return replace(
            self,
            voices=(),
            metre=metre,
            pickup=pickup,
            qpm=self.qpm * float(stretch),
            tempos=tuple((moved(at), qpm * float(stretch)) for at, qpm in self.tempos),
            form=form,
        )

    def to_score(self) -> Score:
        """The sheet as a performance at its tempos.

        Returns
        -------
        Score
            Times in seconds; its clock has the metre, a pickup as a short bar.
        """
        metres: tuple[tuple[float, Metre], ...] = ((0.0, self.metre),)
        if self.pickup:
            short = self.pickup / 4
            metres = (
                (0.0, Metre(short.numerator, short.denominator)),
                (float(self.pickup), self.metre),
            )
        later = ((float(at), qpm) for at, qpm in self.tempos)
        clock = Clock(((0.0, self.qpm), *later), metres, self.key)
        parts = (
            Part(
                tuple(
                    Note(
                        clock.seconds(float(tone.start)),
                        clock.seconds(float(tone.end)),
                        tone.pitch,
                        tone.velocity,
                    )
                    for tone in voice.tones
                ),
                voice.program,
                name=voice.name,
            )
            for voice in self.voices
        )
        return Score(tuple(parts), self.name, clock)

    @classmethod
    def of(cls, score: Score) -> "Sheet":
        """A performance as it would be written, drums left out.

        Parameters
        ----------
        score : Score
            Notes in seconds, and a clock that says where quarter notes fall.

        Returns
        -------
        Sheet
            Tones on twenty-fourths of a quarter note. Rests shorter than an eighth triplet between
            tones are closed: they are how a note was let go. Its metre is the score's first, 4/4
            where the score says nothing.

        Examples
        --------
        >>> Sheet.of(Score((Part((Note(0.0, 0.49, 60), Note(0.5, 1.0, 62))),))).voices[0].tones[0]
        Tone(start=Fraction(0, 1), length=Fraction(1, 1), pitch=60, velocity=100)
        """
        metres = score.clock.metres or ((0.0, Metre()),)
        metre, pickup = metres[0][1], Fraction(0)
        if len(metres) > 1 and metres[1][0] == float(metre.bar) < float(metres[1][1].bar):
            pickup, metre = metre.bar, metres[1][1]
        voices = (
            Voice(_quantize_part(part, score.clock), part.name, part.program)
            for part in score.parts
            if not part.is_drum and part.notes
        )
        qpm = score.clock.tempos[0][1]
        tempos = {_quantize(at): later for at, later in score.clock.tempos[1:] if at}
        changes = tuple((at, later) for at, later in tempos.items() if isfinite(later))
        return cls(tuple(voices), metre, score.clock.key, qpm, pickup, score.name, changes)


@dataclass(frozen=True)
class Remark:
    """Words about a place in a sheet, to be written there.

    Parameters
    ----------
    at : fractions.Fraction
        The place, in quarter notes from the beginning.
    text : str
        The words.

    Examples
    --------
    >>> Remark(Fraction(4), "parallel fifths").text
    'parallel fifths'
    """

    at: Fraction
    text: str


def _quantize(quarters: float) -> Fraction:
    return Fraction(round(quarters * GRID), GRID)


def _quantize_part(part: Part, clock: Clock) -> tuple[Tone, ...]:
    tones = []
    starts = sorted({_quantize(clock.quarters(note.start_s)) for note in part.notes})
    following = dict(pairwise(starts))
    for note in part.notes:
        start = _quantize(clock.quarters(note.start_s))
        end = max(_quantize(clock.quarters(note.end_s)), start + Fraction(1, GRID))
        after = following.get(start)
        # A rest shorter than an eighth triplet, and than its note, is how the note was let go.
        if after is not None and 0 < after - end <= min(Fraction(1, 3), (after - start) / 2):
            end = after
        elif after is not None and 0 < end - after <= Fraction(1, 8):
            end = after  # legato: the key is let go a little late
        tones.append(Tone(start, end - start, note.pitch, note.velocity))
    return tuple(sorted(tones))
