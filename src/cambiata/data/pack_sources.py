"""What a pack of single notes can be made of: fonts, banks, recordings, synthesisers, drum hits."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.sound import load
from cambiata.audio.source import SOUND_SUFFIXES
from cambiata.data.bank import BANK_FOLDER, Bank
from cambiata.data.duplicates import read_exclusions
from cambiata.data.note_pack import (
    PACK_HOLD_S,
    NotePack,
    PackWriter,
    distinct_layers,
    font_packs,
    pack_bank,
)
from cambiata.data.procedural import SOURCE as PIANOS
from cambiata.data.procedural import Piano
from cambiata.data.recorded_notes import build_from_recordings
from cambiata.data.soundfont import (
    KNOWN_FONTS,
    MELODIC_PROGRAMS,
    RENDER_RATE_HZ,
    SoundFont,
    SoundSource,
    find_font,
    fluidsynth_bindings,
    identify_source,
    installed_fonts,
)
from cambiata.data.synthesisers.banks import SYNTHESISERS, candidates, render_every
from cambiata.engines.engine import run_tasks
from cambiata.engines.failure import Failure
from cambiata.errors import InputError, warn

Kind = Literal["font", "recorded", "pianos", "synthesiser", "drums", "pack"]

# How often a timbre is drawn, against a font's program (1). Chosen by hand, fitted to nothing. The
# piano-like programs of fonts are what most of what is transcribed is played on; recorded
# instruments are few, and all that no renderer has touched; computed pianos are many and of one
# make. Synthesised timbres are the least like instruments, and as the listener was trained three
# quarters of all: at a quarter they are a third of what is drawn.
_FONT, _FONT_PIANO, _RECORDED, _COMPUTED, _SYNTHESISED = 1.0, 4.0, 4.0, 1.5, 0.25
# One instrument recorded at four velocities or more (Salamander's) is worth some thirty: nothing
# else has the change of timbre from soft to loud.
_LAYERED, _MANY_LAYERS = 30.0, 4
_PIANO_PROGRAMS = 8
# To validate with. Of one font an instrument of every family of General MIDI; of ten recorded
# instruments one; of thirty synthesised timbres one; the last two computed pianos.
_HELD_FONT, _HELD_PROGRAMS = "generaluser-gs", frozenset(range(3, 112, 8))
_HELD_RECORDED, _HELD_SYNTHESISED, _HELD_PIANOS = (10, 3), frozenset(range(7, 1000, 30)), (38, 39)
# Pitches that are taken of a bank, every so many semitones. Those of recordings are recorded at
# every third or less; those of synthesisers are rendered at every third.
_STEPS: dict[Kind, int] = {"font": 5, "recorded": 3, "pianos": 6, "synthesiser": 9}
_N_PIANOS, _PIANO_SEED = 40, 18
# As many timbres of each as the shipped listener was trained with; by how different they are.
N_TIMBRES = {"amsynth": 350, "dx7": 200, "vital": 200, "stk": 150, "faust": 80}
_SYNTHESISER_STEP, _SYNTHESISER_VELOCITIES = 8, (48, 108)
# A hit is no note: it has no pitch (-1), is cut at 2 s, and as loud as the others of its clip.
_HIT_S, _HIT_DB, _HIT_SILENCE = 2.0, -20.0, 1e-3


@dataclass(frozen=True)
class Making:
    """What it takes to make a source's notes."""

    held_out: Container[int]  # numbers of its timbres to validate with
    scratch: Path  # folder for what is needed on the way
    n_workers: int


@dataclass(frozen=True)
class NoteSource:
    """Something that a pack takes notes of."""

    name: str
    licence: str
    kind: Kind
    packs: Callable[[Making], Iterator[NotePack]]
    n_packs: int  # that it gives, for the progress
    sha256: str = ""  # of a font

    @property
    def facts(self) -> dict[str, Any]:
        """What the pack says of it."""
        facts = {"name": self.name, "kind": self.kind, "licence": self.licence, "use": "train"}
        return facts | ({"sha256": self.sha256} if self.sha256 else {})


def open_source(
    source: str | Path, *, licence: str, n_timbres: int | None = None, seed: int = 0
) -> NoteSource:
    """A source by its name or path, refused where it may not be trained on."""
    name, place = str(source), Path(source)
    if (place / "bank.json").is_file():
        return _bank_source(place)
    if (place / "pack.json").is_file():
        pack = NotePack.load(place)
        return NoteSource(place.resolve().name, "see its own", "pack", lambda _: iter([pack]), 1)
    if place.is_dir():
        _sound_files(place)
        packs = partial(_recorded_packs, place.resolve(), licence)
        return NoteSource(place.resolve().name, licence, "recorded", packs, 1)
    if name in SYNTHESISERS:
        return _synthesiser_source(name, n_timbres, seed)
    if name == PIANOS.name:
        return NoteSource(name, PIANOS.licence, "pianos", _piano_packs, _N_PIANOS)
    return _font_source(find_font(name), licence)


def default_sources() -> tuple[list[str | Path], list[str]]:
    """Every source that is here and may be trained on; names of known ones that are missing."""
    try:
        fluidsynth_bindings()
        fonts = {identify_source(path).name: path for path in installed_fonts()}
    except InputError:
        fonts = {}
    known = [source.name for source in KNOWN_FONTS.values() if source.use == "train"]
    found: list[str | Path] = [fonts[name] for name in known if name in fonts]
    recorded = [place for place in sorted(BANK_FOLDER.glob("*")) if _is_recorded(place)]
    found += recorded
    found += [PIANOS.name, *(each.name for each in SYNTHESISERS.values() if each.present)]
    missing = [name for name in known if name not in fonts]
    missing += [each.name for each in SYNTHESISERS.values() if not each.present]
    return found, missing + ([] if recorded else ["recorded instruments"])


def _is_recorded(place: Path) -> bool:
    """Whether a folder is a bank of recordings that may be trained on."""
    try:
        bank = Bank(place)
    except InputError:
        return False
    return bank_kind(bank) == "recorded" and bank.source.use == "train"


def bank_kind(bank: Bank) -> Kind:
    """Where a bank's sounds come from; only recordings have no velocities in common."""
    if bank.source.name in SYNTHESISERS:
        return "synthesiser"
    if bank.source.name == PIANOS.name:
        return "pianos"
    return "font" if bank.facts.get("velocities") else "recorded"


def held_out(source: NoteSource, sources: Sequence[NoteSource]) -> Container[int]:
    """Numbers of the timbres of one of several sources to validate with."""
    alike = [each for each in sources if each.kind == source.kind]
    if source.kind == "font":
        chosen = next((each for each in alike if each.name == _HELD_FONT), alike[0])
        return _HELD_PROGRAMS if source is chosen else ()
    if source.kind == "recorded":
        every, number = _HELD_RECORDED
        return range(128) if alike.index(source) % every == number else ()
    return {"pianos": _HELD_PIANOS, "synthesiser": _HELD_SYNTHESISED}.get(source.kind, ())


def weigh(kind: Kind, notes: npt.NDArray[Any]) -> None:
    """Set how often the timbre of a table of notes is drawn, in place; a pack's stay."""
    if kind == "font":
        notes["weight"] = np.where(notes["timbre"] < _PIANO_PROGRAMS, _FONT_PIANO, _FONT)
    elif kind == "recorded":
        is_layered = len(np.unique(notes["velocity"])) >= _MANY_LAYERS
        notes["weight"] = _LAYERED if is_layered else _RECORDED
    elif kind in ("pianos", "synthesiser"):
        notes["weight"] = _COMPUTED if kind == "pianos" else _SYNTHESISED


def _check_use(source: SoundSource) -> None:
    if source.use != "train":
        raise InputError(source.name, "is for tests, never to be trained on", "leave it out")


def _font_source(path: Path, licence: str) -> NoteSource:
    source = identify_source(path)
    _check_use(source)
    font, excluded = SoundFont(path), read_exclusions()
    programs = [
        p for p in MELODIC_PROGRAMS if p in font.presets and (source.name, p) not in excluded
    ]
    if not programs:
        raise InputError(str(path), "has no melodic program to learn from", "leave it out")
    known = source in KNOWN_FONTS.values()
    return NoteSource(
        source.name,
        source.licence if known else licence,
        "font",
        lambda making: font_packs(font, programs, making.held_out),
        len(programs),
        font.digest,
    )


def _bank_source(place: Path) -> NoteSource:
    bank, excluded = Bank(place), read_exclusions()
    _check_use(bank.source)
    kind, name = bank_kind(bank), bank.source.name
    bank = Bank(place, [e.program for e in bank.instruments if (name, e.program) not in excluded])
    if not bank.instruments:
        raise InputError(str(place), "has no instrument to learn from", "leave it out")
    return NoteSource(
        name,
        bank.source.licence,
        kind,
        lambda making: pack_bank(bank, _STEPS[kind], making.held_out),
        len(bank.instruments),
    )


def _recorded_packs(place: Path, licence: str, making: Making) -> Iterator[NotePack]:
    source = SoundSource(place.name, licence, "train")
    with TemporaryDirectory(dir=making.scratch) as scratch:
        bank = build_from_recordings(place, Path(scratch) / "bank", source)
        yield from pack_bank(bank, _STEPS["recorded"], making.held_out)


def _piano_packs(making: Making) -> Iterator[NotePack]:
    """Every sixth key of pianos by formula, from another one on in each; every other's soft too."""
    for number in range(_N_PIANOS):
        rng, writer = np.random.default_rng([_PIANO_SEED, number]), PackWriter()
        piano = Piano.sample(rng)
        for pitch in range(21 + number % 6, 109, 6):
            for velocity in (45, 100) if number % 2 else (75,):
                note = piano.note(pitch, velocity, rng)
                held = number in making.held_out
                writer.add(note.samples, pitch, velocity, number, note.release_db_s, held_out=held)
        yield writer.pack()


def _synthesiser_source(name: str, n_timbres: int | None, seed: int) -> NoteSource:
    synthesiser = SYNTHESISERS[name]
    if not synthesiser.present:
        raise InputError(name, "is not installed", synthesiser.cure)
    n = N_TIMBRES.get(name, 100) if n_timbres is None else n_timbres
    if not 1 <= n <= 999:
        raise InputError("n_timbres", f"is {n}", "choose 1 to 999")
    packs = partial(_synthesised_packs, name, seed, n)
    return NoteSource(name, synthesiser.source.licence, "synthesiser", packs, n)


def _synthesised_packs(name: str, seed: int, n: int, making: Making) -> Iterator[NotePack]:
    """Timbres in the order of their numbers, however many processes render them."""
    waiting: dict[int, NotePack] = {}
    following = 0
    for number, pack in run_tasks(partial(_synthesise, name, seed, n), range(n), making.n_workers):
        if isinstance(pack, Failure):
            raise InputError(name, pack.message, "correct that, or leave it out")
        pack.notes["held_out"] = number in making.held_out
        waiting[number] = pack
        while following in waiting:
            yield waiting.pop(following)
            following += 1


def _synthesise(name: str, seed: int, n_timbres: int, number: int) -> NotePack:
    """A timbre's notes; none where no candidate is usable."""
    writer = PackWriter()
    for timbre in candidates(name, seed, n_timbres, number):
        rendered = render_every(timbre, _SYNTHESISER_STEP, _SYNTHESISER_VELOCITIES, PACK_HOLD_S)
        if rendered is not None:
            for pitch, velocity, sound in distinct_layers(rendered[0]):
                writer.add(sound, pitch, velocity, number, rendered[1])
            break
    return writer.pack()


def open_drums(folder: str | Path, *, licence: str) -> NoteSource:
    """A folder of drum hits, its subfolders included."""
    files = _sound_files(Path(folder), deep=True)
    name = Path(folder).resolve().name
    return NoteSource(name, licence, "drums", lambda _: iter([_drum_pack(name, files)]), 1)


def _drum_pack(folder: str, files: Sequence[Path]) -> NotePack:
    writer = PackWriter()
    for number, sound in enumerate(read_sounds(files)):
        hit = sound.mean(axis=0)[: round(_HIT_S * RENDER_RATE_HZ)]
        if len(hit) and np.abs(hit).max() >= _HIT_SILENCE:
            writer.add(hit, -1, 100, number)
    pack = writer.pack()
    if not len(pack.notes):
        raise InputError(folder, "holds no usable hit", "name a folder of drum samples")
    pack.notes["level_db"], pack.notes["sustains"] = _HIT_DB, False
    return pack


def read_sounds(files: Sequence[Path]) -> Iterator[Samples]:
    """Sounds at 44.1 kHz [C, T] of those files that can be read; the others are named."""
    unreadable = []
    for path in files:
        try:
            sound = load(path).resampled(RENDER_RATE_HZ)
        except InputError as error:
            unreadable.append(f"{path.name}: {error.problem}")
            continue
        yield sound.samples
    if unreadable:
        warn(f"{len(unreadable)} of {len(files)} files not used: " + "; ".join(unreadable[:5]))


def _sound_files(place: Path, *, deep: bool = False) -> list[Path]:
    if not place.is_dir():
        raise InputError(str(place), "no such folder", "check the path")
    paths = place.rglob("*") if deep else place.iterdir()
    files = sorted(path for path in paths if path.suffix.lower() in SOUND_SUFFIXES)
    if not files:
        raise InputError(str(place), "holds no sound file", "name a folder of recordings")
    return files


def room_files(folder: str | Path) -> list[Path]:
    """Impulse responses of a folder, its subfolders included."""
    return _sound_files(Path(folder), deep=True)
