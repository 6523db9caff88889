"""Banks of synthesised timbres: what `cambiata data bank amsynth|vital|dx7|stk|faust` makes."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.bank import BANK_FOLDER, HOLD_S, Bank, BankedNote
from cambiata.data.bank_writing import BankWriter, trim_note
from cambiata.data.recorded_notes import fill_pitches
from cambiata.data.soundfont import SoundSource
from cambiata.data.synthesisers.rendering import measure_release, render_note
from cambiata.data.synthesisers.timbres import Timbre
from cambiata.engines.engine import run_all
from cambiata.errors import InputError
from cambiata.system import Progress

_VELOCITIES = (40, 80, 120)  # as of the fonts' banks
# Every third pitch is rendered, the others are resampled from it: a semitone is no other sound.
_STEP = 3
# Candidates that a timbre is chosen from, before it is given up: at most one in three is refused.
_N_TRIES = 12
# A timbre stands where this share of its notes have the pitch that was asked.
_USABLE_SHARE = 0.5
# A model without dampers rings on: a hand would stop it so.
_UNDAMPED_DB_S, _HAND_DB_S = 60.0, 250.0
# Longer than a bank's notes, since those transposed upwards get shorter.
_RENDERED_S = 1.3 * HOLD_S


@dataclass(frozen=True)
class Synthesiser:
    """A synthesiser that renders training data; never a dependency of what is trained."""

    name: str
    package: str  # of the Python package index
    module: str
    licence: str  # of the tool: what it sounds is ours
    about: str
    plugin: Path | None = None  # what else must be on the machine
    plugin_package: str = ""  # of Debian, that brings it

    @property
    def present(self) -> bool:
        """True where it can be used."""
        return find_spec(self.module) is not None and (self.plugin is None or self.plugin.exists())

    @property
    def version(self) -> str:
        """Version of the Python package, empty where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""

    @property
    def cure(self) -> str:
        """How to install it."""
        pip = 'pip install "cambiata[synths]"'
        return f"apt-get install {self.plugin_package} && {pip}" if self.plugin else pip

    @property
    def source(self) -> SoundSource:
        """Provenance of its bank."""
        tool = f"{self.package} {self.version}, {self.licence}, as a tool"
        return SoundSource(
            self.name, f"no samples: rendered with {tool}; the sound is ours", "train"
        )


SYNTHESISERS = {
    each.name: each
    for each in (
        Synthesiser(
            "amsynth",
            "dawdreamer",
            "dawdreamer",
            "GPL-3.0; amsynth and its presets: GPL-2.0 or later",
            "subtractive synthesis, amsynth's 3,482 presets",
            Path("/usr/lib/vst/amsynth_vst.so"),
            "amsynth",
        ),
        Synthesiser("vital", "vita", "vita", "GPL-3.0", "wavetables, random settings of Vital"),
        Synthesiser("dx7", "dexed-py", "dexed", "GPL-3.0", "FM, random patches for Dexed"),
        Synthesiser(
            "stk",
            "synthesistoolkit",
            "synthesistoolkit",
            "GPL-3.0",
            "physical models of the Synthesis ToolKit",
        ),
        Synthesiser(
            "faust", "dawdreamer", "dawdreamer", "GPL-3.0", "physical models of Faust's library"
        ),
    )
}


def build_from_synthesiser(
    name: str,
    folder: str | Path | None = None,
    *,
    n_timbres: int,
    seed: int,
    n_workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Bank:
    """Bank of random timbres of a synthesiser, each of them pitched, in tune and one note a key.

    Timbre N is the first usable one of candidates N, N + `n_timbres`, N + 2 `n_timbres`, and so on,
    so that it is the same however many processes render.
    """
    synthesiser = SYNTHESISERS[name]
    if not synthesiser.present:
        raise InputError(name, "is not installed", synthesiser.cure)
    if not 1 <= n_timbres <= 999:
        raise InputError("n_timbres", f"is {n_timbres}", "choose 1 to 999")
    place = BANK_FOLDER / name if folder is None else Path(folder)
    writer = BankWriter(
        place,
        synthesiser.source,
        _digest(synthesiser, seed, n_timbres),
        [{"program": i, "name": f"{name} {i}", "samples": []} for i in range(n_timbres)],
        _VELOCITIES,
    )
    missing = writer.find_missing(force=force)
    if missing:
        writer.start(missing)
        work = partial(_build_timbre, writer, name, seed, n_timbres)
        run_all(work, sorted(missing), n_workers, str(place), progress)
    return writer.finish()


def _digest(synthesiser: Synthesiser, seed: int, n_timbres: int) -> str:
    """What makes the bank what it is; another version of the tool is another make."""
    plugin = synthesiser.plugin
    which = f" {hashlib.sha256(plugin.read_bytes()).hexdigest()}" if plugin else ""
    tool = f"{synthesiser.package} {synthesiser.version}{which}"
    return f"{tool}, seed {seed}, {n_timbres} timbres"


def candidate(name: str, seed: int, number: int) -> Timbre:
    """A timbre of a synthesiser before anything is known of its sound."""
    made = import_module(f"cambiata.data.synthesisers.{name}").timbre(seed, number)
    assert isinstance(made, Timbre)
    return made


def _build_timbre(writer: BankWriter, name: str, seed: int, n_timbres: int, program: int) -> int:
    for timbre in candidates(name, seed, n_timbres, program):
        notes = list(render_notes(timbre))
        if notes:
            return writer.store(program, notes)
    return writer.store(program, [])


def candidates(name: str, seed: int, n_timbres: int, number: int) -> Iterator[Timbre]:
    """Timbres of which the first usable one is that of a number."""
    for turn in range(_N_TRIES):
        yield candidate(name, seed, number + turn * n_timbres)


def render_notes(timbre: Timbre) -> Iterator[BankedNote]:
    """Every note of a timbre as a bank has it; none of a timbre that cannot be used."""
    rendered = render_every(timbre, _STEP, _VELOCITIES, _RENDERED_S)
    if rendered is not None:
        yield from fill_pitches(*rendered)


def render_every(
    timbre: Timbre, step: int, velocities: Sequence[int], hold_s: float
) -> tuple[list[tuple[int, int, Samples]], float] | None:
    """Pitch, velocity and sound of every `step`-th note, and how fast a timbre's notes die once
    let go, in dB a second; None of a timbre that cannot be used.
    """
    pitches = range(timbre.pitches[0], timbre.pitches[1] + 1, step)
    middle, usual = pitches[len(pitches) // 2], velocities[len(velocities) // 2]
    first = render_note(timbre, middle, usual, hold_s)
    if first is None:
        return None
    recorded = []
    for pitch in pitches:
        layers = [render_note(timbre, pitch, v, hold_s, first[1]) for v in velocities]
        # A bank's note has all of its layers or is resampled from one that has.
        for velocity, layer in zip(velocities, layers, strict=True):
            if layer is not None and None not in layers:
                sound = trim_note(layer[0].samples, layer[0].onset)
                recorded.append((layer[0].pitch, velocity, sound))
    if len(recorded) < _USABLE_SHARE * len(velocities) * len(pitches):
        return None
    release_db_s = measure_release(timbre, middle, usual)
    if release_db_s < _UNDAMPED_DB_S:
        release_db_s = _HAND_DB_S
    # Full scale for the loudest: synthesisers are as loud as they like.
    gain = np.float32(0.5 / max(np.abs(sound).max() for _, _, sound in recorded))
    return [(pitch, velocity, sound * gain) for pitch, velocity, sound in recorded], release_db_s
