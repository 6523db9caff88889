"""From notes that were heard to a score that musicians can use: beats, grid, pedal, bends."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cambiata.partials.posteriors import BANDS, NoteEvents
from cambiata.score.midi import Clock, Note, Part, Score
from cambiata.transcription.bends import deviation_curves, with_bends
from cambiata.transcription.grid import parse_step, quantise_notes
from cambiata.transcription.onset_events import Flux
from cambiata.transcription.pedal import find_pedal
from cambiata.transcription.tempo import BeatGrid, check_tempo, find_grid


@dataclass(frozen=True)
class Wishes:
    """What is found beside the notes; a grid needs a tempo."""

    tempo: float | str | None = None
    step: Fraction | None = None  # of the grid, in quarter notes
    pedal: bool = False
    bends: bool = False

    @classmethod
    def of(
        cls, tempo: float | str | None, quantise: str | None, pedal: bool, bends: bool
    ) -> "Wishes":
        """Wishes as users say them; what cannot be is refused."""
        check_tempo(tempo)
        step = None if quantise is None else parse_step(quantise)
        return cls("auto" if step and tempo is None else tempo, step, pedal, bends)


def finish(
    name: str, heard: Sequence[Note], events: NoteEvents, strength: Flux, wishes: Wishes
) -> tuple[Score, BeatGrid | None]:
    """Score of the notes of a recording, and its beats where they are wished for and found."""
    played = sorted(heard)
    grid = find_grid(name, played, strength, wishes.tempo)
    moved = [(note, i) for i, note in enumerate(played)]
    if grid is not None and wishes.step is not None:
        moved = quantise_notes(played, grid, wishes.step)
    pedal = find_pedal(played) if wishes.pedal else ()
    part = Part(
        tuple(note for note, _ in moved),
        name="transcription",
        pedal=pedal,
        tuning_cents=events.tuning_cents,
    )
    if wishes.bends:
        curves = deviation_curves(played, events)
        sources = [i for _, i in moved]
        own = [played[i] for i in sources], [curves[i] for i in sources]
        part = with_bends(part, *own, BANDS.frame_s)
    return Score((part,), name, Clock() if grid is None else grid.clock), grid
