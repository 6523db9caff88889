"""Pack pieces for training on a machine that is lent for minutes.

    python benchmarks/pack_pieces.py keyboards FOLDER [--pieces 320]
    python benchmarks/pack_pieces.py melodies FOLDER [--pieces 450]
    python benchmarks/pack_pieces.py piano FOLDER [--pieces 800]

Keyboards: programs 0 to 7 of the training fonts, chorales and generated phrases, half with the
pedal; Ogg Vorbis at 44.1 kHz. Melodies: one voice at a time by three of the domains, 8 kHz, Ogg
Vorbis of a finer quality. Piano: the same kinds of music by one grand piano, most of it one voice
at a time; a small network learns its notes sooner than those of all keyboards. Rendered by
FluidSynth, from fonts that may be trained on alone.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import music21
import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.source import resample
from cambiata.data.domains import DOMAINS, Member
from cambiata.data.duplicates import read_exclusions
from cambiata.data.packed import PackConfig, Piece, write_pack
from cambiata.data.phrases import PhraseConfig, sample_pedal, sample_phrase
from cambiata.data.scored_examples import PIANO_BANKS, PianoConfig
from cambiata.data.scores import SCORE_CACHE, Work, load_corpus
from cambiata.data.soundfont import RENDER_RATE_HZ, Renderer, SoundFont, find_font
from cambiata.score.midi import Note, Part

DURATION_S = 8.0
SCORE_SHARE = 0.5
# Of keyboard pieces that a second phrase is added to: without, at most four keys sound at a time,
# and PerformanceNet made one steady chord of pieces in which more do.
DENSE_SHARE = 0.5
LEVEL, PEAK = 0.1, 0.99  # RMS, and the peak that no sound exceeds
MELODY_DOMAINS = ("church-organ", "nylon-guitar", "wind-quintet")
MELODY_RATE_HZ = 8000
# Of one piano's pieces: those of one voice, and those that are windows of chorales.
SOLO_SHARE, PIANO_SCORE_SHARE = 0.65, 0.25
PIANO_KEYS = range(33, 91)  # A1 to F#6: where nearly all music lies
LINES = PhraseConfig(textures=(("line", 1.0),))
FONTS: tuple[str, ...] = ("fluid-r3", "musescore-general", "generaluser-gs")


def parsed_works() -> list[Work]:
    """Chorales that the cache has already: parsing all takes a quarter of an hour."""
    folder = SCORE_CACHE / f"scores-music21-{music21.__version__}"
    names = {
        place.name.removesuffix(".json.gz").replace("--", "/")
        for place in folder.glob("bach--*.json.gz")
    }
    return load_corpus(("chorales",), names=names or None)


def window(
    rng: np.random.Generator, works: Sequence[Work], pitches: set[int], *, solo: bool
) -> tuple[Note, ...]:
    """A window of a score, moved by octaves where it fits the pitches; none where it does not."""
    work = works[int(rng.integers(len(works)))]
    parts = [part for part in work.parts if part.notes and not (solo and "+" in (part.name or ""))]
    part = parts[int(rng.integers(len(parts)))]
    begin_s = float(rng.uniform(0, max(0.0, part.end_s - DURATION_S)))
    loudness = float(rng.uniform(0.5, 1.3))
    notes = [n for n in part.window(begin_s, begin_s + DURATION_S).notes if n.duration_s > 0.03]
    shifts = [by for by in (-24, -12, 0, 12, 24) if all(n.pitch + by in pitches for n in notes)]
    if not notes or not shifts:
        return ()
    by = int(rng.choice(shifts))
    return tuple(
        Note(n.start_s, n.end_s, n.pitch + by, int(np.clip(loudness * n.velocity, 20, 127)))
        for n in notes
    )


def add_notes(notes: Sequence[Note], further: Sequence[Note]) -> tuple[Note, ...]:
    """Both, without those of the second during which the same key is down already."""
    free = [
        new
        for new in further
        if all(
            new.pitch != old.pitch or new.start_s > old.end_s or new.end_s < old.start_s
            for old in notes
        )
    ]
    return tuple(sorted((*notes, *free), key=lambda note: note.start_s))


def set_level(sound: Samples) -> Samples:
    """The sound at the level of all, or as near to it as its peak lets it be."""
    rms, peak = np.sqrt(np.mean(sound**2)) + 1e-9, np.abs(sound).max() + 1e-9
    return sound * np.float32(min(LEVEL / rms, PEAK / peak))


def keyboards(n_pieces: int, n_validation: int, seed: int = 11) -> Iterator[Piece]:
    """Pieces by keyboards, one after another by each."""
    works = parsed_works()
    excluded, held_out = read_exclusions(), set(PianoConfig().held_out)
    learnt: list[tuple[str, int]] = []
    held: list[tuple[str, int]] = []
    renderers = {name: Renderer(SoundFont(find_font(name))) for name in FONTS}
    for name in PIANO_BANKS:
        font, _, programs = name.partition(":")
        for program in range(8) if font in FONTS and programs else ():
            if (font, program) not in excluded and program in renderers[font].font.presets:
                (held if f"{font}:{program}" in held_out else learnt).append((font, program))
    print(f"{len(learnt)} keyboards to learn from, {len(held)} held out")
    for is_validation, players, n in ((False, learnt, n_pieces), (True, held, n_validation)):
        split = [w for w in works if w.split == ("test" if is_validation else "train")]
        for number in range(n):
            font, program = players[number % len(players)]
            rng = np.random.default_rng([seed, int(is_validation), number])
            pitches = renderers[font].font.preset(program).pitches
            notes: tuple[Note, ...] = ()
            if rng.random() < SCORE_SHARE:
                notes = window(rng, split, set(pitches), solo=False)
            notes = notes or sample_phrase(rng, pitches, DURATION_S).notes
            if rng.random() < DENSE_SHARE:
                notes = add_notes(notes, sample_phrase(rng, pitches, DURATION_S).notes)
            pedal = sample_pedal(rng, DURATION_S) if rng.random() < 0.5 else ()
            keys = Part(notes, pedal=pedal)
            sound = renderers[font].render(keys.with_pedal().notes, program, DURATION_S)
            yield Piece(f"{font}:{program}", keys, set_level(sound.mean(axis=0)), is_validation)


def piano(n_pieces: int, n_validation: int, seed: int = 13) -> Iterator[Piece]:
    """Pieces by one grand piano."""
    works = parsed_works()
    renderer = Renderer(SoundFont(find_font("fluid-r3")))
    pitches = set(renderer.font.preset(0).pitches) & set(PIANO_KEYS)
    for is_validation, n in ((False, n_pieces), (True, n_validation)):
        split = [w for w in works if w.split == ("test" if is_validation else "train")]
        for number in range(n):
            rng = np.random.default_rng([seed, int(is_validation), number])
            solo = rng.random() < SOLO_SHARE
            notes: tuple[Note, ...] = ()
            if rng.random() < PIANO_SCORE_SHARE:
                notes = window(rng, split, pitches, solo=solo)
            if not notes:
                textures = LINES if solo else None
                notes = sample_phrase(rng, sorted(pitches), DURATION_S, textures).notes
            keys = Part(notes, pedal=() if solo else sample_pedal(rng, DURATION_S))
            sound = renderer.render(keys.with_pedal().notes, 0, DURATION_S).mean(axis=0)
            yield Piece("fluid-r3:0", keys, set_level(sound), is_validation)


def melodies(n_pieces: int, n_validation: int, seed: int = 12) -> Iterator[Piece]:
    """Melodies by three domains in turn, each by the member in whose range it lies."""
    works = parsed_works()
    renderer = Renderer(SoundFont(find_font("fluid-r3")))
    for is_validation, n in ((False, n_pieces), (True, n_validation)):
        split = [w for w in works if w.split == ("test" if is_validation else "train")]
        for number in range(n):
            domain = MELODY_DOMAINS[number % len(MELODY_DOMAINS)]
            rng = np.random.default_rng([seed, int(is_validation), number])
            members = DOMAINS[domain]
            assert all(member.bank == "fluid-r3" for member in members)
            member = members[int(rng.integers(len(members)))]
            notes: tuple[Note, ...] = ()
            if rng.random() < SCORE_SHARE:
                notes = window(rng, split, playable(member, renderer), solo=True)
            if not notes:
                pitches = sorted(playable(member, renderer))
                notes = sample_phrase(rng, pitches, DURATION_S, LINES).notes
            sound = renderer.render(notes, member.program, DURATION_S).mean(axis=0)
            sound = resample(sound, RENDER_RATE_HZ, MELODY_RATE_HZ)
            sound = sound[: round(DURATION_S * MELODY_RATE_HZ)]
            yield Piece(domain, Part(notes), set_level(sound), is_validation)


def playable(member: Member, renderer: Renderer) -> set[int]:
    """Pitches that are written for a member, as far as the font has them."""
    pitches = renderer.font.preset(member.program).pitches
    return {pitch for pitch in pitches if member.lowest <= pitch <= member.highest}


def main() -> None:
    """Pack one of the three kinds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["keyboards", "melodies", "piano"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pieces", type=int)
    parser.add_argument("--validation", type=int, default=24)
    parser.add_argument("--quality", type=float, help="Of the Ogg Vorbis, 0 to 1")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    if arguments.kind in ("keyboards", "piano"):
        make, n = (keyboards, 320) if arguments.kind == "keyboards" else (piano, 800)
        pieces = list(make(arguments.pieces or n, arguments.validation))
        config = PackConfig(DURATION_S, RENDER_RATE_HZ, tuple(sorted({p.player for p in pieces})))
        fonts, quality = FONTS if make is keyboards else FONTS[:1], 0.15
    else:
        pieces = list(melodies(arguments.pieces or 450, arguments.validation))
        config = PackConfig(DURATION_S, MELODY_RATE_HZ, MELODY_DOMAINS)
        fonts, quality = FONTS[:1], 0.6
    sources = [asdict(SoundFont(find_font(name)).source) for name in fonts]
    write_pack(pieces, arguments.folder, config, sources, quality=arguments.quality or quality)
    size = sum(place.stat().st_size for place in arguments.folder.iterdir())
    minutes = len(pieces) * DURATION_S / 60
    print(f"{minutes:.0f} minutes, {size / 2**20:.1f} MiB, {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
