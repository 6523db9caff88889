"""Notes of a timbre, played one by one by the project's own player."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.instrument.looping import make_loop, release_db_s
from cambiata.instrument.pitch import refine_pitch
from cambiata.instrument.recorded import decay_db_s, find_onset, is_decaying
from cambiata.instrument.samples import Sample
from cambiata.performance.api import play
from cambiata.score.midi import Note, Part, Score
from cambiata.system import Progress
from cambiata.timbre import Timbre

# A key is let go for 0.8 s, the player's release being one second at most; then the next follows.
_RELEASE_S, _LEAD_S = 0.8, 0.02
# A pitch measured further away is not the one that was played.
_SAME_CENTS = 60.0


@dataclass(frozen=True, eq=False)
class PlayedNote:
    """A note of a timbre: held, and let go."""

    key: int
    velocity: int
    samples: Samples  # [T], from where it begins
    held: int  # sample at which it is let go


def play_notes(
    timbre: Timbre | Audio,
    places: Sequence[tuple[int, int]],
    hold_s: float,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[list[PlayedNote], int]:
    """Notes of keys and velocities [N], at the levels that they have to each other; their rate."""
    slot_s = hold_s + _RELEASE_S
    notes = tuple(
        Note(i * slot_s + _LEAD_S, i * slot_s + _LEAD_S + hold_s, key, velocity)
        for i, (key, velocity) in enumerate(places)
    )
    sound = play(Score((Part(notes),)), timbre, tail_s=_RELEASE_S, seed=seed, progress=progress)
    rate = sound.sample_rate
    found = []
    for note in notes:
        begin, end = (round(at_s * rate) for at_s in (note.start_s - _LEAD_S, note.end_s))
        stop = begin + round(slot_s * rate)
        part = sound.samples[0, begin:stop]
        found.append(PlayedNote(note.pitch, note.velocity, part, end - begin))
    return found, rate


def played_samples(notes: Sequence[PlayedNote], rate: int) -> Iterator[Sample]:
    """Samples of an instrument, of notes that were played."""
    for note in notes:
        held = note.samples[: note.held]
        onset = find_onset(held)
        first = max(0, onset - rate // 200)
        midi = refine_pitch(held[onset:], rate, float(note.key))
        cents = 100 * (midi - note.key)
        decay = max(decay_db_s(held, rate), 0.5) if is_decaying(held, rate) else 0.0
        hz = 440 * 2 ** ((midi - 69) / 12)
        looped = make_loop(note.samples[first:], rate, hz, note.held - first, decay)
        yield Sample(
            f"{note.key:03d}-v{note.velocity:03d}",
            looped.samples,
            rate,
            note.key,
            cents if abs(cents) < _SAME_CENTS else 0.0,
            note.velocity,
            looped.loop,
            looped.loop[0] / rate if looped.loop else 0.0,
            looped.decay_db_s,
            release_db_s(note.samples, rate, note.held),
        )
