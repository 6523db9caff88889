"""What work with data needs: what of it is on this machine, and how to get what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from cambiata.data.bank import BANK_FOLDER, Bank
from cambiata.data.clip_examples import PACK_FOLDER
from cambiata.data.note_pack import NotePack
from cambiata.data.scores import COLLECTIONS, SCORE_CACHE
from cambiata.data.soundfont import (
    KNOWN_FONTS,
    SoundFont,
    cure,
    fluidsynth_bindings,
    installed_fonts,
)
from cambiata.data.synthesisers.banks import SYNTHESISERS
from cambiata.errors import InputError


@dataclass(frozen=True)
class Item:
    """A thing that work with data needs."""

    kind: str  # "package", "library", "sound font", "synthesiser", "bank", "pack" or "scores"
    name: str
    present: bool
    about: str  # its use and licence, or its place
    cure: str  # how to get it; empty where it is present


# Package, module, what it is for, how to get it.
_PACKAGES = (
    ("pyfluidsynth", "fluidsynth", "renders sound fonts (LGPL)", 'pip install "cambiata[train]"'),
    ("music21", "music21", "scores (BSD)", 'pip install "cambiata[train]"'),
    ("torch", "torch", "training (BSD)", 'pip install "cambiata[train]"'),
    ("mir_eval", "mir_eval", "note scores (MIT)", 'pip install "cambiata[eval]"'),
    ("matplotlib", "matplotlib", "the report's pictures (PSF)", 'pip install "cambiata[eval]"'),
    (
        "essentia",
        "essentia",
        "multi-pitch tracker of the evaluation (AGPL); else basic-pitch stands in",
        'CPython 3.11 on Linux: pip install "cambiata[eval]"',
    ),
    (
        "basic-pitch",
        "basic_pitch",
        "transcriber of the evaluation (Apache-2.0)",
        "pip install --no-deps basic-pitch==0.4.0",
    ),
)


def inventory(bank_folder: str | Path = BANK_FOLDER) -> list[Item]:
    """Everything that work with data needs, present or not."""
    sources = (*_fonts(), *_synthesisers(), *_banks(Path(bank_folder)), _pack(), *_scores())
    return [*_packages(), _library(), *sources]


def _packages() -> Iterator[Item]:
    for name, module, about, install in _PACKAGES:
        try:
            present = find_spec(module) is not None
            description = f"{version(name)}: {about}" if present else about
        except PackageNotFoundError:
            present, description = False, about
        yield Item("package", name, present, description, "" if present else install)


def _library() -> Item:
    about, how = "FluidSynth itself (LGPL)", "apt-get install libfluidsynth3"
    try:
        fluidsynth_bindings()
    except InputError:
        return Item("library", "libfluidsynth", False, about, how)
    return Item("library", "libfluidsynth", True, about, "")


def _fonts() -> Iterator[Item]:
    here = {path.name: path for path in installed_fonts()}
    for name, source in KNOWN_FONTS.items():
        about = f"{source.licence}; for {source.use}"
        if name not in here:
            yield Item("sound font", source.name, False, about, cure(name))
            continue
        try:
            font = SoundFont(here[name])
        except InputError as error:
            yield Item("sound font", source.name, False, str(error), cure(name))
            continue
        place = f"{len(font.presets)} programs; {about}; {font.path}"
        yield Item("sound font", source.name, True, place, "")


def _synthesisers() -> Iterator[Item]:
    for each in SYNTHESISERS.values():
        tool = f"{each.package} {each.version}".strip()
        about = f"{each.about}; {tool} ({each.licence}), a tool; for train"
        yield Item("synthesiser", each.name, each.present, about, "" if each.present else each.cure)


def _banks(folder: Path) -> Iterator[Item]:
    for place in sorted(folder.glob("*/bank.json")):
        name = place.parent.name
        try:
            bank = Bank(place.parent)
        except InputError as error:
            yield Item("bank", name, False, error.problem, error.cure)
            continue
        about = f"{len(bank.instruments)} instruments; {bank.source.licence}; for {bank.source.use}"
        yield Item("bank", name, True, f"{about}; {place.parent}", "")
    if not any(folder.glob("*/bank.json")):
        yield Item("bank", "any", False, f"none in {folder}", "cambiata data bank FONT")


def _pack() -> Item:
    """The pack of notes where trainings look for it."""
    try:
        facts = NotePack.load(PACK_FOLDER).facts
    except InputError:
        return Item("pack", "notes", False, f"none in {PACK_FOLDER}", "cambiata data pack")
    about = f"{facts['notes']} notes of {facts['timbres']} timbres; for train; {PACK_FOLDER}"
    return Item("pack", "notes", True, about, "")


def _scores() -> Iterator[Item]:
    readable = find_spec("music21") is not None
    for collection in COLLECTIONS:
        parsed = any(SCORE_CACHE.glob(f"{collection.name}-music21-*.json.gz"))
        about = f"{collection.licence}; for {collection.use}"
        state = "parsed" if parsed else "will be parsed when first used"
        how = "" if readable else 'pip install "cambiata[train]"'
        yield Item("scores", collection.name, readable, f"{about}; {state}", how)
