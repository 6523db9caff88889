"""Knobs: a set of sounds in; main directions and named knobs out, to play, keep and export."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cambiata.audio.sound import Audio
from cambiata.audio.writing import Destination
from cambiata.errors import InputError, check_numbers, check_type
from cambiata.files import PICTURE, TIMBRE, check_not_input, check_output
from cambiata.instrument.places import check_places
from cambiata.keywords import checked_keywords
from cambiata.knobs.collection import SetKind, open_set
from cambiata.knobs.exporting import check_range, export_instrument, export_timbre
from cambiata.knobs.fitting import fit_set
from cambiata.knobs.knob_set import KnobSet
from cambiata.knobs.picture import draw
from cambiata.knobs.playing import Notes, play_notes, read_notes
from cambiata.knobs.rendering import SAMPLE_RATE
from cambiata.knobs.storing import KNOBS, read_set, write_set
from cambiata.score.midi import Score
from cambiata.system import Progress
from cambiata.timbre import SUFFIX, Timbre

__all__ = ["Knobs", "KnobsReport", "fit_knobs", "load_knobs"]

_OPENED = 0.4  # progress shown once the sounds are measured: an estimate
_RANGE = (36, 96)  # of what is exported: five octaves about middle C


@dataclass(frozen=True)
class KnobsReport:
    """Report of what was played or exported with knobs.

    Parameters
    ----------
    output : str
        Path of the file that was written.
    made : {"sound", "timbre", "instrument"}
        What it is.
    knobs : dict of str to float
        Positions of the knobs that were named; all others are at .5.
    descriptors : dict of str to float
        Descriptors of the sound, as measured on what it plays, in their units.
    n_notes : int
        Number of notes that were rendered.
    duration_s : float
        Seconds of sound.
    elapsed_s : float
        Seconds of work.
    real_time_factor : float
        `elapsed_s` over `duration_s`.
    samples : str or None
        Folder of an .sfz's samples.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(KnobsReport)[0].name
    'output'
    """

    output: str
    made: str
    knobs: dict[str, float] = field(default_factory=dict)
    descriptors: dict[str, float] = field(default_factory=dict)
    n_notes: int = 0
    duration_s: float = 0.0
    elapsed_s: float = 0.0
    real_time_factor: float = 0.0
    samples: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Knobs:
    """Knobs of a set of sounds, from `fit_knobs` or `load_knobs`.

    Every knob goes from 0 to 1 and stands at .5, the set's mean, where it is not named. Named
    knobs (brightness, attack, warmth, noisiness, inharmonicity) go from the lowest of the set to
    its highest, as far as the other descriptors can be held where they are; ``main-1``, ``main-2``,
    ... are the set's principal components.

    Parameters
    ----------
    name : str
        Name of it in messages.
    fitted : KnobSet
        What was found of the set.

    Examples
    --------
    >>> load_knobs("nowhere.knobs")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.knobs: no such file; check the path
    """

    name: str
    fitted: KnobSet

    def __repr__(self) -> str:
        return f"<Knobs {self.name}: {', '.join(self.names)} of {len(self.sounds)} sounds>"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the knobs."""
        return self.fitted.names

    @property
    def sounds(self) -> tuple[str, ...]:
        """Names of the set's sounds."""
        return self.fitted.sounds

    def facts(self) -> dict[str, Any]:
        """Knobs, their ranges, and where the set's sounds lie.

        Returns
        -------
        dict
            ``sounds``, ``keys`` (MIDI numbers at which descriptors are measured) and ``knobs``: of
            each its ``name``, the ``sounds``' positions, and the ``unit``, ``low``, ``mean`` and
            ``high`` of a named knob's descriptor and its range in the ``set``, or the share of
            variance that a main direction has ``explained``.
        """
        return self.fitted.facts()

    def describe(self, values: Mapping[str, float] | None = None) -> dict[str, float]:
        """Descriptors of the sound at positions of knobs, measured on what it plays.

        Parameters
        ----------
        values : mapping of str to float, optional
            Positions, 0 to 1, by the knobs' names.

        Returns
        -------
        dict
            Spectral centroid in Hz, attack time in seconds, warmth and noisiness in dB,
            inharmonicity of middle C.

        Raises
        ------
        InputError
            There is no such knob, or a position is out of range.
        """
        return self.fitted.describe(values or {})

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the knobs to a file, which appears whole or not at all.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write; its name ends in ".knobs".
        force : bool
            Replace one that exists.

        Raises
        ------
        InputError
            It cannot be written there.
        """
        write_set(check_output(path, KNOBS, force=force), self.fitted, force=force)

    @checked_keywords
    def play(
        self,
        notes: Notes,
        values: Mapping[str, float] | None = None,
        *,
        duration_s: float = 1.0,
        velocity: int = 96,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Audio:
        """Notes, played with the sound at positions of knobs.

        Parameters
        ----------
        notes : str, sequence, pathlib.Path or Score
            "C3,E3,G3" are three notes one after the other, "C3+E3+G3" is a chord; or a sequence of
            such texts and of MIDI numbers; or a score, or its file. 21 to 108, middle C is C4 or
            60. A score's pitch bends are not followed.
        values : mapping of str to float, optional
            Positions, 0 to 1, by the knobs' names.
        duration_s : float
            Seconds for which each note is held, 0.05 to 60; a score's have their own.
        velocity : int
            How hard each is struck, 1 to 127, likewise.
        seed : int
            Seed of everything random.
        progress : callable, optional
            Called with the share of the work that is done.

        Returns
        -------
        Audio
            One channel at 44.1 kHz, until the last note has rung. Peaks may exceed full scale:
            saving turns them down.

        Raises
        ------
        InputError
            A note, a knob or an option cannot be used.
        """
        check_type("notes", notes, str | Path | Score | Sequence, "notes, as in C3,E3, or a score")
        check_numbers("a number of seconds, as in 1.5", duration_s=duration_s)
        _check_seed(seed)
        sound = self.fitted.sound(values or {})
        read, name = read_notes(notes, duration_s, velocity)
        samples = play_notes(sound, read, seed, progress)
        return Audio(samples, SAMPLE_RATE, name=name)

    @checked_keywords
    def play_file(
        self,
        notes: Notes,
        output: str | Path,
        values: Mapping[str, float] | None = None,
        *,
        duration_s: float = 1.0,
        velocity: int = 96,
        seed: int = 0,
        sample_rate: int | None = None,
        subtype: str | None = None,
        force: bool = False,
        progress: Progress | None = None,
    ) -> KnobsReport:
        """Like `play`, to a file.

        Parameters
        ----------
        notes : str, sequence, pathlib.Path or Score
            As for `play`.
        output : str or pathlib.Path
            File to write, its extension choosing the format; "-" is a wav on standard output.
        values : mapping of str to float, optional
            As for `play`, as all that is not named here.
        duration_s, velocity, seed : optional
            As for `play`.
        sample_rate : int, optional
            Samples per second of the output, else 44,100.
        subtype : str, optional
            Storage of its samples, else 24 bit.
        force : bool
            Replace an output that exists.
        progress : callable, optional
            Called with the share of the work that is done.

        Returns
        -------
        KnobsReport
            Facts about the output and the work.

        Raises
        ------
        InputError
            A note, a knob, the output or an option cannot be used; nothing has been written then.
        """
        began = time.perf_counter()
        check_not_input(output, "the knobs", self.name)
        if isinstance(notes, str | Path):
            check_not_input(output, "the score", notes)
        shape = Audio([0.0], SAMPLE_RATE)  # type: ignore[arg-type]
        to = {"sample_rate": sample_rate, "subtype": subtype, "force": force}
        Destination(output, like=shape, **to)  # type: ignore[arg-type]  # refused before any work
        positions = self.fitted.checked(values or {})
        sound = self.fitted.sound(positions)
        read, name = read_notes(notes, duration_s, velocity)
        _check_seed(seed)
        played = Audio(play_notes(sound, read, seed, progress), SAMPLE_RATE, name=name)
        Destination(output, like=played, **to).write(played.blocks())  # type: ignore[arg-type]
        return self._report(str(output), "sound", positions, len(read), played.duration_s, began)

    @checked_keywords
    def export(
        self,
        output: str | Path,
        values: Mapping[str, float] | None = None,
        *,
        keys: tuple[int, int] = _RANGE,
        velocities: int = 4,
        step: int = 3,
        hold_s: float = 2.0,
        seed: int = 0,
        force: bool = False,
        progress: Progress | None = None,
    ) -> KnobsReport:
        """The sound at positions of knobs as a timbre, or as an instrument for samplers.

        Parameters
        ----------
        output : str or pathlib.Path
            File to write: ".timbre", for `transfer`, `play` and `mix_timbres`, or ".sfz" or ".sf2"
            (`make_instrument`).
        values : mapping of str to float, optional
            Positions, 0 to 1, by the knobs' names.
        keys : tuple of int
            First and last key, MIDI numbers 21 to 108; of a timbre, those that it is captured from.
        velocities : int
            Number of velocity layers of an instrument, 1 to 16.
        step : int
            Semitones between its samples at most, 1 to 12.
        hold_s : float
            Seconds for which its notes are held, 0.5 to 20, before they are looped.
        seed : int
            Seed of everything random.
        force : bool
            Replace an output that exists.
        progress : callable, optional
            Called with the share of the work that is done.

        Returns
        -------
        KnobsReport
            Facts about the output and the work.

        Raises
        ------
        InputError
            A knob, the output or an option cannot be used; nothing has been written then.
        """
        began = time.perf_counter()
        check_range(keys, velocities, step, hold_s, seed)
        positions = self.fitted.checked(values or {})
        sound = self.fitted.sound(positions)
        suffix = Path(output).suffix.lower()
        if suffix == SUFFIX:
            check_output(output, TIMBRE, force=force)
            name = self._called(positions)
            timbre = export_timbre(sound, name, output, keys, seed=seed, force=force)
            n_notes = _count_notes(timbre)
            return self._report(str(output), "timbre", positions, n_notes, timbre.duration_s, began)
        if suffix not in (".sfz", ".sf2"):
            problem = "is neither a timbre nor an instrument"
            raise InputError(str(output), problem, "name it .timbre, .sfz or .sf2")
        check_places(output, force)
        made = export_instrument(
            *(sound, output, keys, velocities, step, hold_s),
            seed=seed,
            force=force,
            progress=progress,
        )
        return self._report(
            *(str(output), "instrument", positions, made.n_samples, made.duration_s, began),
            samples=made.samples,
        )

    def timbre(self, values: Mapping[str, float] | None = None, *, seed: int = 0) -> Timbre:
        """The sound at positions of knobs as a timbre in memory, for `transfer` and `play`.

        Parameters
        ----------
        values : mapping of str to float, optional
            Positions, 0 to 1, by the knobs' names.
        seed : int
            Seed of everything random.

        Returns
        -------
        Timbre
            For the default system.

        Raises
        ------
        InputError
            There is no such knob, or a position is out of range.
        """
        _check_seed(seed)
        positions = self.fitted.checked(values or {})
        sound = self.fitted.sound(positions)
        return export_timbre(sound, self._called(positions), None, _RANGE, seed=seed, force=False)

    def draw(
        self,
        picture: str | Path,
        values: Mapping[str, float] | None = None,
        *,
        force: bool = False,
    ) -> None:
        """Write a map of the set: its sounds by the two main directions, and its knobs.

        Parameters
        ----------
        picture : str or pathlib.Path
            Picture to write, .png or .svg.
        values : mapping of str to float, optional
            Positions, 0 to 1, by the knobs' names: where the map shows the sound.
        force : bool
            Replace a picture that exists.

        Raises
        ------
        InputError
            It cannot be written there, or there is no such knob.
        """
        check_not_input(picture, "the knobs", self.name)
        place = check_output(picture, PICTURE, force=force)
        positions = self.fitted.checked(values or {})
        draw(self.fitted, positions, self._called(positions)).write(place, force=force)

    def _called(self, positions: Mapping[str, float]) -> str:
        named = [f"{name}={value:g}" for name, value in positions.items()]
        return " ".join([Path(self.name).name, *named])

    def _report(
        self,
        output: str,
        made: str,
        positions: dict[str, float],
        n_notes: int,
        duration_s: float,
        began: float,
        samples: str | None = None,
    ) -> KnobsReport:
        descriptors = self.fitted.describe(positions)
        elapsed_s = time.perf_counter() - began
        rtf = elapsed_s / max(duration_s, 1e-9)
        return KnobsReport(
            *(output, made, positions, descriptors, n_notes, duration_s, elapsed_s, rtf, samples)
        )


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= 2**31:
        raise InputError(f"seed {seed}", "is out of range", f"use 0 to {2**31}")


def _count_notes(timbre: Timbre) -> int:
    return sum(len(arrays.get("pitches", ())) for _, arrays in timbre.voices)


@checked_keywords
def fit_knobs(
    sounds: str | Path | Sequence[str | Path | Audio | Timbre],
    output: str | Path | None = None,
    *,
    kind: SetKind = "auto",
    strict: bool = False,
    picture: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Knobs:
    """Knobs of a set of sounds: its main directions, and named ones.

    Each sound becomes a few dozen parameters (levels of partials, decay, attack, noise, release,
    inharmonicity). The main directions are principal components of these, of which each aspect
    counts by a weight of its own. A named knob walks from the set's mean where its own descriptor
    moves and the others stay, among such ways the one most like the set (by its covariance, Ledoit
    & Wolf 2004); descriptors are those of the literature (Peeters et al. 2011, "The Timbre
    Toolbox", JASA 130), measured on the notes that are rendered.

    Parameters
    ----------
    sounds : str, pathlib.Path or sequence
        A folder: each recording, each .timbre file, and each folder of recordings of an
        instrument's notes in it is a sound. Or files, names of timbres that ship, and sounds.
    output : str or pathlib.Path, optional
        File to write as well, ".knobs".
    kind : {"auto", "notes", "phrases"}
        What recordings are: single notes, or phrases, whose timbre is captured; by default each is
        what it seems to be.
    strict : bool
        Refuse sounds that cannot be used, that are unfinished or damaged, rather than leave them
        out or use what is there of them.
    picture : str or pathlib.Path, optional
        Picture to write, .png or .svg: the map of the set.
    force : bool
        Replace an output that exists.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    Knobs
        To play, save and export.

    Raises
    ------
    InputError
        Fewer than three sounds can be used, they are all alike, or an output cannot be written.

    Examples
    --------
    >>> fit_knobs("nowhere")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere: no such folder; name a folder of sounds
    """
    if output is not None:
        check_output(output, KNOBS, force=force)
    if picture is not None:
        check_output(picture, PICTURE, force=force)

    def show(share: float) -> None:
        if progress is not None:
            progress(share)

    measured = open_set(sounds, kind, strict=strict, progress=lambda s: show(_OPENED * s))
    subject = str(sounds) if isinstance(sounds, str | Path) else "sounds"
    fitted = fit_set(measured, subject, lambda share: show(_OPENED + (1 - _OPENED) * share))
    knobs = Knobs(str(output or "knobs"), fitted)
    if picture is not None:
        knobs.draw(picture, force=force)
    if output is not None:
        knobs.save(output, force=force)
    return knobs


def load_knobs(path: str | Path) -> Knobs:
    """Knobs from a file.

    Parameters
    ----------
    path : str or pathlib.Path
        File that `fit_knobs` wrote.

    Returns
    -------
    Knobs
        Named by its path.

    Raises
    ------
    InputError
        There is no such file, or it is not one, or of another version.

    Examples
    --------
    >>> load_knobs("nowhere.knobs")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.knobs: no such file; check the path
    """
    return Knobs(str(path), read_set(path))
