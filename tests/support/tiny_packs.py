"""Packs of a few computed notes: what clips are mixed of, without any font."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from sounds import tone

from cambiata.data.clip_examples import EXCERPTS, ROOM_SAMPLES, ROOMS, excerpt_rows
from cambiata.data.note_pack import NotePack, PackWriter
from cambiata.score.midi import Note

PACK_RATE = 44100
PACK_PITCHES = range(40, 91, 10)
ORGAN, PLUCKED, HELD_OUT, DRUM = range(4)  # timbres of `varied_pack`
EXCERPT = tuple(Note(0.1 + 0.2 * i, 0.28 + 0.2 * i, 60 + i, 80) for i in range(5))


def tiny_pack(folder: Path, n_timbres: int = 3) -> Path:
    """A pack on disk: timbres of four notes, the last one held out."""
    writer = PackWriter()
    for timbre in range(n_timbres):
        for pitch in (48, 60, 72, 84):
            sound = tone(pitch, 0.6 + 0.2 * timbre, 1 + timbre, rate=44100)
            writer.add(sound, pitch, 80, timbre, held_out=timbre == n_timbres - 1)
    pack: NotePack = writer.pack([{"name": "tones", "licence": "no samples: computed"}])
    pack.save(folder)
    return folder


@lru_cache(maxsize=1)
def varied_pack() -> NotePack:
    """A timbre that sustains, one that decays, one held out and a drum."""
    writer = PackWriter()
    t = np.arange(round(2.2 * PACK_RATE)) / PACK_RATE
    for timbre, decay, n_partials in ((ORGAN, 0.0, 4), (PLUCKED, 4.0, 8), (HELD_OUT, 0.0, 2)):
        for pitch in PACK_PITCHES:
            hz = 440 * 2 ** ((pitch - 69) / 12)
            sound = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, n_partials + 1))
            writer.add(sound * np.exp(-decay * t), pitch, 100, timbre, held_out=timbre == HELD_OUT)
    burst = np.random.default_rng(0).normal(size=PACK_RATE // 4)
    writer.add(burst * np.exp(-30 * t[: len(burst)]), -1, 100, DRUM)
    return writer.pack([{"name": "tones", "licence": "none"}])


def training_pack(folder: Path) -> Path:
    """The varied pack with an excerpt of a score and a room, as a training finds them."""
    varied_pack().save(folder)
    np.save(folder / EXCERPTS, excerpt_rows([EXCERPT]))
    echo = np.zeros((1, ROOM_SAMPLES), np.float32)
    echo[0, 4410] = 1
    np.save(folder / ROOMS, echo)
    return folder
