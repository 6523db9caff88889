"""Packs of a few computed notes: what clips are mixed of, without any font."""

from pathlib import Path

from sounds import tone

from cambiata.data.note_pack import NotePack, PackWriter


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
