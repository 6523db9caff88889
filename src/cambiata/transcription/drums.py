"""Drums of a recording: which drum is struck when and how hard, as a score on MIDI's channel 10."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.audio.chunks import cut, split_with_context
from cambiata.audio.downmix import MonoSource
from cambiata.audio.source import Source, resample
from cambiata.errors import InputError
from cambiata.score.midi import Clock, Note, Part, Score
from cambiata.score.piano_roll import MAX_VELOCITY
from cambiata.system import Progress, SystemFacts
from cambiata.transcription.drum_bands import DRUM_BANDS
from cambiata.transcription.drum_beats import drum_grid
from cambiata.transcription.drum_hits import GROUPS, DrumHit, decode_hits
from cambiata.transcription.finishing import Wishes
from cambiata.transcription.grid import quantise_notes
from cambiata.transcription.hearing import mono, refuse_short, refuse_silent
from cambiata.transcription.tempo import BeatGrid
from cambiata.weights import load_model

DRUM_WEIGHTS = "drums"
# A minute is a whole number of frames and of samples at every common rate; the network sees 0.65 s
# to either side and a frame's window 23 ms, so that chunks give what the whole would.
_CHUNK_S, _CONTEXT_S = 60.0, 1.0
# Drums have no end that a key would have; drum machines take any, and a sixteenth at 150 a minute
# keeps notes of one drum apart.
_NOTE_S = 0.1
_MIN_NOTE_S = 0.01


class DrumTranscriber(SystemFacts):
    """Facts about the network that hears drums, for the registry."""

    name: ClassVar[str] = "drums"
    summary: ClassVar[str] = "hears kick, snare, hats, toms and cymbals; 44.1 kHz"
    paper: ClassVar[str] = "this project, after Vogl et al. 2018: docs/models/drums.md"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"


def drum_notes(
    source: Source,
    onset_threshold: float | None = None,
    weights: str = DRUM_WEIGHTS,
    progress: Progress | None = None,
) -> tuple[list[Note], float]:
    """Notes of the drums of a recording, General MIDI's keys, and the threshold of onsets.

    Without a threshold of the user's own every drum has the one that served best in validation;
    their mean is returned.
    """
    source = MonoSource(source)
    model = load_model(weights, "drums")
    thresholds = np.array(model.about["thresholds"])
    if onset_threshold is not None:
        thresholds = np.full(len(GROUPS), onset_threshold)
    outputs = np.concatenate(list(_outputs_by_chunk(source, model.part(""), progress)), axis=1)
    hits = decode_hits(outputs, thresholds)
    if not hits:
        raise InputError(
            source.name,
            "no drum was heard in it",
            "choose a recording of drums, or a lower threshold",
        )
    return _notes(hits), float(thresholds.mean())


def transcribe_drums(
    source: Source,
    onset_threshold: float | None,
    wishes: Wishes,
    weights: str,
    progress: Progress | None,
) -> tuple[Score, float, BeatGrid | None]:
    """Score of the drums of a recording, the threshold, and beats where they are wished for."""
    if wishes.pedal or wishes.bends:
        raise InputError(
            "instrument drums", "has no pedal and no bends", "leave out `pedal` and `bends`"
        )
    notes, threshold = drum_notes(source, onset_threshold, weights, progress)
    grid = drum_grid(source.name, notes, wishes.tempo)
    if grid is not None and wishes.step is not None:
        notes = [note for note, _ in quantise_notes(notes, grid, wishes.step)]
    part = Part(tuple(notes), name="drums", is_drum=True)
    clock = Clock() if grid is None else grid.clock
    return Score((part,), source.name, clock), threshold, grid


def _notes(hits: list[DrumHit]) -> list[Note]:
    """Hits as notes, each over when its drum is struck again."""
    notes: list[Note] = []
    following: dict[int, float] = {}
    for hit in reversed(hits):
        end_s = min(hit.onset_s + _NOTE_S, following.get(hit.key, np.inf))
        following[hit.key] = hit.onset_s
        velocity = int(np.clip(round(hit.velocity * MAX_VELOCITY), 1, MAX_VELOCITY))
        end_s = max(end_s, hit.onset_s + _MIN_NOTE_S)
        notes.append(Note(hit.onset_s, end_s, hit.key, velocity))
    return sorted(notes)


def _outputs_by_chunk(
    source: Source, network: Any, progress: Progress | None
) -> Iterator[npt.NDArray[np.float32]]:
    """Outputs [17, L] of the network, chunk by chunk."""
    rate, n_samples = source.sample_rate, source.n_samples
    refuse_short(source)
    peak = max(float(np.abs(block).max(initial=0.0)) for block in source.blocks())
    refuse_silent(source, peak)
    chunks = split_with_context(n_samples, round(_CHUNK_S * rate), round(_CONTEXT_S * rate))
    n_frames = round(_CHUNK_S / DRUM_BANDS.frame_s)
    sounds = cut(source.blocks(), [span for _, span in chunks])
    for (start, (first, last)), chunk in zip(chunks, sounds, strict=True):
        samples = resample(mono(chunk) / np.float32(peak), rate, DRUM_BANDS.sample_rate)
        [outputs] = network(DRUM_BANDS.levels(samples)[None])
        lead = round((start - first) / rate / DRUM_BANDS.frame_s)
        yield outputs[0][:, lead : None if last == n_samples else lead + n_frames]
        if progress is not None:
            progress(last / n_samples)
