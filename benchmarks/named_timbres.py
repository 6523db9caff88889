"""Named timbres: how near a transfer and a played score come to the instrument itself.

``python benchmarks/named_timbres.py RECORDINGS [NAME ...]``: the example tune, its melody alone and
both its parts, is rendered by another instrument (content) and by the named one (target); the
content is transferred, and the score played, with the recording that ships. RECORDINGS holds the
single notes of `cambiata.data.shipped_timbres`; Fluid R3 and FluidSynth are needed.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio
from cambiata.data.shipped_timbres import RECIPES, play_notes
from cambiata.data.soundfont import RENDER_RATE_HZ, Renderer, SoundFont, find_font
from cambiata.evaluate.metrics import METRIC_RATE_HZ, note_onset_f1, paper_lsd
from cambiata.score.midi import Note, Part, Score
from machine import machine, table
from speed import EXAMPLES

TAIL_S = 1.0
# Contents come from another family, so that there is something to change.
CLARINET, VIOLIN = 71, 40
WINDS = {"clarinet", "flute", "oboe", "recorder", "bassoon", "saxophone"}


def notes_for(lowest: int, highest: int, *, melody: bool) -> list[Note]:
    """Notes of the tune, by octaves as near to the middle of a range as can be."""
    parts = cambiata.load_score(EXAMPLES / "tune.mid").parts[: 1 if melody else None]
    notes = [note for part in parts for note in part.notes]
    middle = np.median([note.pitch for note in notes])
    octaves = round(float((lowest + highest) / 2 - middle) / 12)
    moved = [note.shifted(0.0, semitones=12 * octaves) for note in notes]
    return [note for note in moved if lowest - 3 <= note.pitch <= highest + 3]  # as banks have it


def level_db(sound: Audio) -> float:
    """Integrated loudness in LUFS."""
    meter = LoudnessMeter(sound.sample_rate)
    meter.add(sound.samples)
    return meter.loudness_db()


def distance(sound: Audio, target: Audio) -> float:
    """LSD of the SS-VQ-VAE paper, in dB."""
    first, second = (x.mono().resampled(METRIC_RATE_HZ).samples[0] for x in (sound, target))
    return paper_lsd(first, second)


def audio(samples: Samples) -> Audio:
    """Sound at half of full scale."""
    return Audio(samples / np.abs(samples).max() / 2, RENDER_RATE_HZ)


def judge(name: str, renderer: Renderer, recordings: Path, keep: Path | None) -> list[str]:
    """A row of the table."""
    recipe, row = RECIPES[name], [name]
    style = cambiata.timbre_named(name)
    for melody in (True, False):
        notes = notes_for(recipe.lowest, recipe.highest, melody=melody)
        duration_s = max(note.end_s for note in notes) + TAIL_S
        other = VIOLIN if name in WINDS else CLARINET
        content = audio(renderer.render(notes, other, duration_s).mean(axis=0))
        target = audio(play_notes(recipe, notes, duration_s, renderer, recordings))
        transferred = cambiata.transfer(content, style)
        played = cambiata.play(Score((Part(tuple(sorted(notes))),)), style, tail_s=TAIL_S)
        heard = cambiata.transcribe(transferred)
        row += [
            f"{distance(content, target):.1f}",
            f"{distance(transferred, target):.1f}",
            f"{distance(played, target):.1f}",
            f"{note_onset_f1(heard.merged().notes, notes):.2f}",
            f"{note_onset_f1(cambiata.transcribe(target).merged().notes, notes):.2f}",
            f"{level_db(transferred) - level_db(content):+.1f}",
        ]
        if keep is not None:
            for role, sound in (
                ("content", content),
                ("target", target),
                ("transfer", transferred),
                ("play", played),
            ):
                sound.save(
                    keep / f"{name}-{'melody' if melody else 'both'}-{role}.flac", force=True
                )
    return row


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("recordings", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    one = ["content LSD", "transfer", "play", "notes kept", "in target", "level"]
    rows = [["timbre", *(f"{x}, melody" for x in one), *(f"{x}, two parts" for x in one)]]
    with Renderer(SoundFont(find_font("fluid-r3"))) as open_renderer:
        for each in arguments.names or RECIPES:
            rows.append(judge(each, open_renderer, arguments.recordings, arguments.keep))
            print(*rows[-1], flush=True)
    print(machine())
    print(table(rows[0], rows[1:]))
