"""Banks made of sound fonts, note by note; and the one call that makes a bank of anything."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.bank import BANK_FOLDER, HOLD_S, N_HOLD, Bank, BankedNote
from cambiata.data.bank_writing import SILENCE_AMPLITUDE, BankWriter, find_onset, trim_note
from cambiata.data.procedural import build_pianos
from cambiata.data.recorded_notes import build_from_recordings
from cambiata.data.soundfont import (
    KNOWN_FONTS,
    MELODIC_PROGRAMS,
    RENDER_RATE_HZ,
    Preset,
    Renderer,
    SoundFont,
    SoundSource,
    Use,
    find_font,
    identify_source,
)
from cambiata.data.synthesisers.banks import SYNTHESISERS, build_from_synthesiser
from cambiata.engines.engine import n_cores, run_all
from cambiata.errors import InputError
from cambiata.score.midi import Note
from cambiata.system import Progress

# Soft, middle and loud: between them levels are interpolated (`Instrument.sustained`). More makes
# banks larger; most fonts have but one or two samples over all velocities.
VELOCITIES = (40, 80, 120)
_ONSET_DB = -60.0  # below the peak: before a note fonts have digital silence
_LEAD_S = 0.25  # most samples begin to sound within it; others are rendered again with more
# 80 dB in 13 ms, heard as a cut; also where too little sounds on to measure a release.
_FASTEST_RELEASE_DB_S = 6000.0
# A note is let go after half a second, past most attacks, and its release measured over one more.
_LET_GO_S, _RELEASE_LENGTH_S = 0.5, 1.5


def build_bank(
    source: str | Path,
    folder: str | Path | None = None,
    *,
    programs: Sequence[int] | None = None,
    velocities: Sequence[int] | None = None,
    n_timbres: int | None = None,
    seed: int | None = None,
    licence: str = "unknown: the user's own",
    use: Use = "train",
    n_workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Bank:
    """Bank of a sound font, a folder of recorded notes, a synthesiser, or computed pianos."""
    if str(source) in SYNTHESISERS and not Path(source).is_dir():
        if programs or velocities:
            raise InputError(
                str(source),
                "has random timbres at velocities of its own",
                "leave `programs` and `velocities` out",
            )
        return build_from_synthesiser(
            str(source),
            folder,
            n_timbres=24 if n_timbres is None else n_timbres,  # as procedural-pianos
            seed=seed or 0,
            n_workers=n_workers,
            force=force,
            progress=progress,
        )
    if n_timbres is not None or seed is not None:
        raise InputError(str(source), "has no random timbres", "leave `n_timbres` and `seed` out")
    if Path(source).is_dir():
        if programs or velocities:
            raise InputError(str(source), "is a folder of recordings", "leave programs out")
        place = Path(source).resolve()
        provenance = SoundSource(place.name, licence, use)
        return build_from_recordings(
            place, folder or BANK_FOLDER / provenance.name, provenance, force=force
        )
    if str(source) == "procedural-pianos":
        if programs or velocities:
            raise InputError(str(source), "are always the same", "leave programs out")
        return build_pianos(folder, n_workers=n_workers or 2, force=force, progress=progress)
    font = find_font(str(source))
    known = identify_source(font)
    if known not in KNOWN_FONTS.values():
        known = replace(known, licence=licence, use=use)
    return build_from_font(
        font,
        folder or BANK_FOLDER / known.name,
        source=known,
        programs=programs,
        velocities=velocities or VELOCITIES,
        n_workers=n_workers,
        force=force,
        progress=progress,
    )


def build_from_font(
    font: str | Path,
    folder: str | Path,
    *,
    programs: Sequence[int] | None = None,
    velocities: Sequence[int] = VELOCITIES,
    source: SoundSource | None = None,
    n_workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Bank:
    """Bank of a sound font's melodic programs, rendered note by note.

    An unfinished build goes on where it stopped; a finished one of the same font and settings is
    returned as it is. Notes that the font renders silent are left out.
    """
    sound_font = SoundFont(font)
    chosen = [sound_font.preset(program) for program in programs or ()] or [
        sound_font.presets[p] for p in MELODIC_PROGRAMS if p in sound_font.presets
    ]
    if not chosen:
        raise InputError(str(font), "has no melodic program", "name `programs`, or another font")
    _check_velocities(velocities)
    writer = BankWriter(
        Path(folder),
        source or sound_font.source,
        sound_font.digest,
        [{"program": p.program, "name": p.name, "samples": p.samples} for p in chosen],
        tuple(velocities),
    )
    missing = writer.find_missing(force=force)
    if missing:
        # What FluidSynth refuses is refused here, before anything is written.
        with Renderer(sound_font) as renderer:
            writer.start(missing)
            todo = [preset for preset in chosen if preset.program in missing]
            n_workers = min(n_workers or n_cores(), len(todo))
            if n_workers == 1:
                for done, preset in enumerate(todo, 1):
                    _render_program(writer, renderer, preset)
                    if progress:
                        progress(done / len(todo))
            else:
                work = partial(_render_in_worker, writer, renderer.font.path)
                run_all(work, todo, n_workers, str(font), progress)
    return writer.finish()


def _check_velocities(velocities: Sequence[int]) -> None:
    if not velocities or list(velocities) != sorted(set(velocities)):
        raise InputError("velocities", "must ascend", "write them like 40 80 120")
    if not 1 <= velocities[0] <= velocities[-1] <= 127:
        raise InputError("velocities", "must be 1 to 127", "write them like 40 80 120")


@cache
def _open_renderer(font: Path) -> Renderer:
    """One renderer for all that a worker does, as loading takes time; it ends with the process."""
    return Renderer(SoundFont(font))


def _render_in_worker(writer: BankWriter, font: Path, preset: Preset) -> int:
    return _render_program(writer, _open_renderer(font), preset)


def _render_program(writer: BankWriter, renderer: Renderer, preset: Preset) -> int:
    return writer.store(preset.program, _render_notes(renderer, preset, writer.velocities))


def _render_notes(
    renderer: Renderer, preset: Preset, velocities: tuple[int, ...]
) -> Iterator[BankedNote]:
    for pitch in preset.pitches:
        release_db_s = None
        for velocity in velocities:
            sustained, first = _render_sustained(renderer, preset.program, pitch, velocity)
            if np.abs(sustained).max() < SILENCE_AMPLITUDE:
                continue
            if release_db_s is None:  # the font's envelope: the same for all velocities
                release_db_s = _release_db_s(renderer, preset.program, pitch, velocity, sustained)
            yield BankedNote(pitch, velocity, trim_note(sustained, first)[:N_HOLD], release_db_s)


def _render_sustained(
    renderer: Renderer, program: int, pitch: int, velocity: int
) -> tuple[Samples, int]:
    """A note held down, and where it begins to sound; at least `HOLD_S` follow that."""
    note = Note(0.0, 3 * HOLD_S, pitch, velocity)
    for lead_s in (_LEAD_S, HOLD_S):
        sustained = renderer.render([note], program, HOLD_S + lead_s).mean(axis=0)
        first = find_onset(sustained, _ONSET_DB)
        if first + N_HOLD <= len(sustained):
            break
    return sustained, first


def _release_db_s(
    renderer: Renderer, program: int, pitch: int, velocity: int, sustained: Samples
) -> float:
    """Decay of a note once let go, in dB a second, measured against the same note held.

    FluidSynth's release is a straight line in dB over the sample, which goes on. So the gain that
    turns the held note into the released one, taken over 10 ms frames, falls along that line.
    """
    released = renderer.render(
        [Note(0.0, _LET_GO_S, pitch, velocity)], program, _RELEASE_LENGTH_S
    ).mean(axis=0)
    frame = RENDER_RATE_HZ // 100  # 10 ms
    begin = round(_LET_GO_S * RENDER_RATE_HZ)
    n_frames = (len(released) - begin) // frame
    after = released[begin : begin + n_frames * frame].reshape(n_frames, frame)
    before = sustained[begin : begin + n_frames * frame].reshape(n_frames, frame)
    energy = (before**2).sum(1)
    gain = np.abs((after * before).sum(1)) / (energy + 1e-20)
    # Below -90 dB the held note is rounding, and 50 dB down the released one is.
    usable = (energy > 1e-9 * frame) & (gain > 10 ** (-50 / 20))
    t = (np.arange(n_frames) + 0.5) * frame / RENDER_RATE_HZ
    if usable.sum() < 3:
        return _FASTEST_RELEASE_DB_S
    # Through 0 dB at the moment it is let go.
    fall = -20 * np.log10(np.minimum(gain[usable], 1.0))
    return float(np.clip((fall @ t[usable]) / (t[usable] @ t[usable]), 0, _FASTEST_RELEASE_DB_S))
