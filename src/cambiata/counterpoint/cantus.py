"""The cantus: refusals of a voice that is none, its mode, and its transposition to white notes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cambiata.counterpoint.rules import is_white, pitch_name
from cambiata.errors import InputError
from cambiata.score.sheet import Tone, Voice

# Notes of a cantus (Fux's have 10 to 14). With fewer there is nothing between opening and cadence;
# the upper limit is chosen, since the solver's time grows with the length.
MIN_NOTES, MAX_NOTES = 5, 24
# Modes by the pitch class of their final; there is none on B, whose fifth is diminished.
_FINALS = {2: "Dorian", 4: "Phrygian", 5: "Lydian", 7: "Mixolydian", 9: "Aeolian", 0: "Ionian"}
# Fifths of each major key's signature.
_MAJOR = {"C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5, "F#": 6, "C#": 7}
_MAJOR |= {"F": -1, "Bb": -2, "Eb": -3, "Ab": -4, "Db": -5, "Gb": -6, "Cb": -7}
_MAX_SPAN = (
    16  # semitones of a tenth: what a voice sings with ease, as of a counterpoint (`rules.TENTH`)
)


@dataclass(frozen=True)
class Cantus:
    """A cantus in white notes, with its own key and note values."""

    pitches: tuple[int, ...]  # MIDI numbers in white notes, one a bar
    length: Fraction  # of each note, in quarter notes
    last: Fraction  # length of the last one, which may be longer
    start: Fraction  # in quarter notes
    shift: int  # semitones by which it was transposed up
    fifths: int  # sharps of its signature, or flats as a negative number
    name: str = "cantus"  # for messages

    @property
    def final(self) -> int:
        """Its last pitch."""
        return self.pitches[-1]

    @property
    def mode(self) -> str:
        """Name of its mode, and of the note that it ends on."""
        return f"{pitch_name(self.final, self.fifths)} {_FINALS[self.final % 12]}"

    def name_of(self, pitch: int) -> str:
        """Name of a pitch in white notes as it sounds, in the cantus' own key: "Bb3"."""
        name = pitch_name(pitch, self.fifths)
        accidentals = name.count("#") - name.count("b")
        return f"{name}{(pitch - self.shift - accidentals) // 12 - 1}"

    def bars(self, place: Fraction) -> Fraction:
        """A place in quarter notes as quarters of a bar (four to a note of the cantus)."""
        return (place - self.start) / self.length * 4

    @classmethod
    def of(cls, voice: Voice, name: str, key: str = "") -> "Cantus":
        """The cantus that a voice is; `key` settles the mode where several are possible."""
        tones = voice.tones
        length = _note_length(tones, name)
        pitches = [tone.pitch for tone in tones]
        if not MIN_NOTES <= len(tones) <= MAX_NOTES:
            problem = f"has {len(tones)} note{'s' * (len(tones) != 1)}"
            raise InputError(name, problem, f"a cantus has {MIN_NOTES} to {MAX_NOTES}")
        if max(pitches) - min(pitches) > _MAX_SPAN:
            raise InputError(name, "spans more than a tenth", "choose a cantus that can be sung")
        if (pitches[0] - pitches[-1]) % 12:
            raise InputError(
                name, "does not end on the note that it begins with", "a cantus does, on its final"
            )
        if not 1 <= abs(pitches[-1] - pitches[-2]) <= 2:
            raise InputError(
                name,
                "its last note is not reached by step",
                "end the cantus with a step down to its final, as re-ut",
            )
        shift = _shift(pitches, key)
        if shift is None:
            raise InputError(
                name,
                "is in no mode: it is chromatic, or ends on a wrong note",
                "use the notes of one scale, and end on its D, E, F, G, A or C",
            )
        down = -shift * 7 % 12
        return cls(
            tuple(pitch + shift for pitch in pitches),
            length,
            tones[-1].length,
            tones[0].start,
            shift,
            down - 12 if down > 6 else down,
            name,
        )


def has_equal_notes(voice: Voice) -> bool:
    """Whether a voice is of equal notes, as a cantus is."""
    try:
        _note_length(voice.tones, "")
    except InputError:
        return False
    return True


def _note_length(tones: Sequence[Tone], name: str) -> Fraction:
    """Length of the notes of a line of equal notes; the last may be longer."""
    if not tones:
        raise InputError(name, "has no notes", "choose a cantus with notes")
    length = tones[0].length
    for number, (tone, after) in enumerate(itertools.pairwise(tones), 1):
        if after.start < tone.end:
            raise InputError(
                name,
                f"sounds several notes at once (note {number + 1})",
                "a cantus is a single line",
            )
        if after.start > tone.end:
            raise InputError(name, f"rests after note {number}", "a cantus has no rests")
    for number, tone in enumerate(tones, 1):
        if tone.length != length and not (number == len(tones) and tone.length > length):
            raise InputError(
                name,
                f"note {number} is not as long as the first",
                "a cantus has notes of one length; only the last may be longer",
            )
    return length


def _shift(pitches: Sequence[int], key: str) -> int | None:
    """Semitones, -6 to 5, that make all white: the signature's, else with fewest accidentals."""
    fits: list[tuple[bool, int, int]] = []
    signature = _signature(key)
    for fifths in range(-6, 7):
        shift = (-fifths * 7 + 6) % 12 - 6
        white = all(is_white(pitch + shift) for pitch in pitches)
        if white and (pitches[-1] + shift) % 12 in _FINALS:
            fits.append((fifths != signature, abs(fifths), shift))
    return min(fits)[2] if fits else None


def _signature(key: str) -> int | None:
    """Fifths of a key's signature; None where there is no such key."""
    if key.endswith("m"):
        major = _MAJOR.get(key[:-1])
        return None if major is None else major - 3
    return _MAJOR.get(key)
