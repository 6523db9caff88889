"""Timbres in files: captured once, stored, mixed, played with again and again.

A ``.timbre`` file is a zip archive of NumPy arrays (``numpy.load`` opens it; nothing in it is
code). The array ``about`` is JSON in UTF-8: the format and its version, the system, the hash of the
weights that it belongs to, and the weight of each voice. The arrays of voice ``i`` are named
``i/NAME``; which there are is the system's affair.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.aliases import current_name
from cambiata.archives import Arrays, read_arrays
from cambiata.audio.sound import Audio
from cambiata.audio.source import Source
from cambiata.errors import InputError, check_numbers, check_type
from cambiata.files import TIMBRE, check_not_input, check_output, write_bytes
from cambiata.inputs import read_input
from cambiata.keywords import checked_keywords
from cambiata.named_timbres.named import open_recording, stands_for_file
from cambiata.registry import DEFAULT_TRANSFER, Job, find_system, system_names, transfer_system
from cambiata.score.rolls import note_name
from cambiata.system import PlaySystem, StyleSystem, make_system, read_style, warn_of_no_pitch
from cambiata.weights import weights_checked

SUFFIX = ".timbre"

# A voice has half a megabyte; a damaged or hostile archive states any size.
_MOST_BYTES, _MOST_VOICES = 64 * 2**20, 128
_SHARES_TOLERANCE = 1e-3  # of rounding in mixes of mixes
_FORMAT, _VERSION = "cambiata timbre", 2
# What version 2 added to the arrays may be missing: files of version 1 play as they did.
_READABLE_VERSIONS = (1, 2)
_GAP_S = 0.1  # silence between recordings captured together: no note runs from one into the next
_CURE = "capture it again with `cambiata.capture_timbre`"


@dataclass(frozen=True, eq=False, repr=False)
class Timbre:
    """Captured sound of an instrument, apart from the system that plays it.

    ``len(timbre)`` is the number of its voices, and ``timbre[0]`` the first alone.

    Parameters
    ----------
    name : str
        Name of it in messages.
    system : str
        The system it belongs to.
    weights : str
        SHA-256 of that system's weights.
    voices : tuple
        Weights, which add up to 1, and arrays by name: one voice of a captured sound, several of a
        mixture.
    sources : tuple of str
        Names of the recordings that it was captured from, where known.
    duration_s : float
        Seconds of them that were used; 0 where not known.

    Examples
    --------
    >>> Timbre("violin", "oneshot", "0" * 64, ((1.0, {}),))
    <Timbre violin: 1 voice for oneshot>
    """

    name: str
    system: str
    weights: str
    voices: tuple[tuple[float, Arrays], ...]
    sources: tuple[str, ...] = ()
    duration_s: float = 0.0

    def __repr__(self) -> str:
        return f"<Timbre {self._description}>"

    @property
    def _description(self) -> str:
        n = len(self.voices)
        origin = f", from {', '.join(self.sources)}" if self.sources else ""
        return f"{self.name}: {n} voice{'s' * (n != 1)} for {self.system}{origin}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{share:.0%}</td><td>{escape(_described(arrays))}</td></tr>"
            for share, arrays in self.voices
        )
        return (
            f"<table><caption>{escape(self._description)}</caption>"
            f"<tr><th>share</th><th>holds</th></tr>{rows}</table>"
        )

    def __len__(self) -> int:
        return len(self.voices)

    def __getitem__(self, voice: int) -> "Timbre":
        return replace(self, voices=((1.0, self.voices[voice][1]),))

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the timbre to a file, which appears whole or not at all.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write; its name ends in ".timbre".
        force : bool
            Replace one that exists.

        Raises
        ------
        InputError
            It cannot be written there.
        """
        place = check_output(path, TIMBRE, force=force)
        about = {
            "format": _FORMAT,
            "version": _VERSION,
            "system": self.system,
            "weights": self.weights,
            "voices": [weight for weight, _ in self.voices],
            "sources": list(self.sources),
            "duration_s": self.duration_s,
        }
        arrays = {
            f"{i}/{name}": array
            for i, (_, each) in enumerate(self.voices)
            for name, array in each.items()
        }
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        buffer = BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, about=text, **arrays)
        write_bytes(place, buffer.getvalue(), force=force)

    def for_system(self, system: StyleSystem[Any, Any]) -> Any:
        """Timbre as a system renders with it.

        Parameters
        ----------
        system : StyleSystem
            The one that is to play.

        Returns
        -------
        object
            As its `capture` returns it.

        Raises
        ------
        InputError
            It belongs to another system, or to other weights.
        """
        if (system.timbre_system or system.name) != self.system:
            raise InputError(self.name, f"is of {self.system}", self._cure(system))
        if system.weights_sha256 != self.weights:
            raise InputError(self.name, "belongs to other weights", _CURE)
        try:
            return system.timbre_from_arrays(self.voices)
        except (LookupError, ValueError, TypeError) as error:
            raise InputError(self.name, "is not whole", _CURE) from error

    def _cure(self, system: StyleSystem[Any, Any]) -> str:
        """A system of the same job that plays this timbre, if there is one."""
        job: Job = "play" if isinstance(system, PlaySystem) else "transfer"
        for name in system_names(job):
            found = find_system(name, job)
            if self.system in (name, getattr(found, "timbre_system", "")):
                return f'use `system="{name}"`'
        return "give the recording that it was captured from"


def _described(arrays: Arrays) -> str:
    """What a voice was measured of: its notes, where it has any, and its size."""
    pitches = np.asarray(arrays.get("pitches", ()))
    size = f"{sum(np.asarray(array).nbytes for array in arrays.values()) / 1000:.0f} kB"
    if not pitches.size:
        return size
    span = f"{note_name(int(pitches.min()))} to {note_name(int(pitches.max()))}"
    return f"{pitches.size} notes, {span}; {size}"


def load_timbre(path: str | Path) -> Timbre:
    """Timbre from a file, or of an instrument that ships.

    Parameters
    ----------
    path : str or pathlib.Path
        File that `capture_timbre` or `mix_timbres` wrote, or a name that `timbres` lists, whose
        recording is captured then for the default system.

    Returns
    -------
    Timbre
        Named by its path.

    Raises
    ------
    InputError
        There is no such file, or it is not one, or of another version.

    Examples
    --------
    >>> load_timbre("oboe")
    <Timbre oboe: 1 voice for oneshot, from oboe>
    >>> load_timbre("nowhere.timbre")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.timbre: no such file; check the path
    """
    if not stands_for_file(path):
        return replace(capture_timbre([path]), name=str(path))
    data = read_input(path, "a timbre", most_bytes=_MOST_BYTES)
    try:
        about, arrays = _read_archive(data)
        version, shares = about["version"], [float(x) for x in about["voices"]]
        system, weights = str(about["system"]), str(about["weights"])
        # Files of earlier versions do not say where they come from.
        sources = tuple(str(source) for source in about.get("sources", ()))
        duration_s = float(about.get("duration_s", 0.0))
    except MemoryError:
        raise
    except Exception as error:  # whatever NumPy and json make of damaged bytes
        raise InputError(str(path), "is not a .timbre file", _CURE) from error
    system = current_name("system", system)
    if version not in _READABLE_VERSIONS:
        raise InputError(str(path), f"is of version {version}, not 1 or {_VERSION}", _CURE)
    if len(shares) > _MOST_VOICES:
        raise InputError(str(path), f"has {len(shares)} voices", f"mix {_MOST_VOICES} at most")
    if not min(shares, default=-1) >= 0 or not abs(sum(shares) - 1) < _SHARES_TOLERANCE:
        raise InputError(str(path), "has voices whose shares do not add up to 1", _CURE)
    voices = []
    for i, share in enumerate(shares):
        start = f"{i}/"
        voice_arrays = {n.removeprefix(start): x for n, x in arrays.items() if n.startswith(start)}
        voices.append((share, voice_arrays))
    return Timbre(str(path), system, weights, tuple(voices), sources, duration_s)


def _read_archive(data: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """What a file says about itself, and its arrays."""
    arrays = read_arrays(data, most_bytes=_MOST_BYTES)
    about = json.loads(arrays.pop("about").tobytes().decode())
    if about["format"] != _FORMAT:
        raise ValueError("another format")
    return about, arrays


@checked_keywords
def capture_timbre(
    styles: str | Path | Audio | Sequence[str | Path | Audio],
    output: str | Path | None = None,
    *,
    system: str = DEFAULT_TRANSFER,
    preset: str | None = None,
    settings: Mapping[str, object] | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    strict: bool = False,
    force: bool = False,
) -> Timbre:
    """Timbre of one recording, or of several of the same sound.

    Parameters
    ----------
    styles : str, pathlib.Path, Audio or a sequence of them
        Sound files, names of timbres that ship (`timbres`) or sounds; each is brought to the same
        level, and as much of each is used as the system uses of a style
        (`TransferConfig.style_s`).
    output : str or pathlib.Path, optional
        File to write as well.
    system : str
        The system that will play it.
    preset : str, optional
        As for a transfer.
    settings : mapping, optional
        As for a transfer.
    start_s : float, optional
        Start of the region that is used of each recording, in seconds.
    end_s : float, optional
        Its end.
    strict : bool
        Refuse files that are unfinished or damaged, rather than use what is there of them.
    force : bool
        Replace an output that exists.

    Returns
    -------
    Timbre
        One voice, as `TransferSystem.capture` hears the recordings one after the other.

    Raises
    ------
    InputError
        A sound cannot be used, the system stores no timbres, or the output cannot be written.

    Examples
    --------
    >>> t = np.arange(44100) / 44100
    >>> tone = Audio(np.sin(2 * np.pi * 440 * t) * np.exp(-3 * t), 44100)
    >>> len(capture_timbre([tone]).voices)
    1
    """
    if isinstance(styles, str | Path | Audio):
        styles = [styles]
    if output is not None:
        check_output(output, TIMBRE, force=force)
        for style in styles:
            if isinstance(style, str | Path):
                check_not_input(output, "a recording", style)
    for style in styles:
        check_type("styles", style, str | Path | Audio, "sounds (cambiata.load(path)) or files")
    if not styles:
        raise InputError("styles", "are none", "give at least one recording")
    player = make_system(transfer_system(system), preset, settings)
    rate = player.config.sample_rate
    clips: list[npt.NDArray[Any]] = []
    names: list[str] = []
    gap = np.zeros(round(_GAP_S * rate), np.float32)
    for style in styles:
        source: Source
        source = style if isinstance(style, Audio) else open_recording(style, strict=strict)
        clip, _ = read_style(source, player, start_s, end_s)
        names.append(Path(source.name).name)
        clips += [clip / np.sqrt(np.mean(np.square(clip))), gap]
    sound = np.concatenate(clips[:-1]).astype(np.float32)
    with weights_checked():
        captured = player.capture(sound)
    warn_of_no_pitch(", ".join(names), player, captured)
    voices = tuple(player.timbre_arrays(captured))
    timbre = Timbre(
        str(output or "timbre"),
        player.name,
        player.weights_sha256,
        voices,
        tuple(names),
        round(len(sound) / rate, 3),
    )
    if output is not None:
        timbre.save(output, force=force)
    return timbre


@checked_keywords
def mix_timbres(
    shares: Sequence[tuple[Timbre | str | Path, float]],
    output: str | Path | None = None,
    *,
    force: bool = False,
) -> Timbre:
    """Timbre between others.

    Parameters
    ----------
    shares : sequence of tuple
        Timbres, or what `load_timbre` takes, and their shares; what they add up to does not matter.
    output : str or pathlib.Path, optional
        File to write as well.
    force : bool
        Replace an output that exists.

    Returns
    -------
    Timbre
        Voices of all, weighted by their shares.

    Raises
    ------
    InputError
        The timbres do not belong together, or a share is below 0, or none is above.

    Examples
    --------
    >>> low, high = (Timbre(name, "x", "", ((1.0, {}),)) for name in ("low", "high"))
    >>> [weight for weight, _ in mix_timbres([(low, 1), (high, 3)]).voices]
    [0.25, 0.75]
    """
    if output is not None:
        check_output(output, TIMBRE, force=force)
        for timbre, _ in shares:
            if isinstance(timbre, str | Path):
                check_not_input(output, "one of the timbres", timbre)
    takes = "a Timbre (cambiata.capture_timbre(sound)), a file or a name (cambiata.timbres())"
    for timbre, share in shares:
        check_type("a timbre of shares", timbre, Timbre | str | Path, takes)
        check_numbers("a number, as in 0.5", share=share)
    parts = [
        (timbre if isinstance(timbre, Timbre) else load_timbre(timbre), share)
        for timbre, share in shares
    ]
    if (n := sum(len(timbre.voices) for timbre, share in parts if share > 0)) > _MOST_VOICES:
        raise InputError("mix", f"has {n} voices", f"mix {_MOST_VOICES} at most")
    total = sum(share for _, share in parts)
    for timbre, share in parts:
        if not 0 <= share < np.inf or not np.isfinite(total):
            raise InputError(timbre.name, f"its share is {share:g}", "use 0 or more")
        first = parts[0][0]
        if (timbre.system, timbre.weights) != (first.system, first.weights):
            raise InputError(timbre.name, f"does not go with {first.name}", _CURE)
    if total <= 0:
        raise InputError("mix", "no share is above 0", "give at least one timbre a share")
    voices = tuple(
        (weight * share / total, arrays)
        for timbre, share in parts
        if share > 0
        for weight, arrays in timbre.voices
    )
    used = [timbre for timbre, share in parts if share > 0]
    mixed = replace(
        parts[0][0],
        name=str(output or "mix"),
        voices=voices,
        sources=tuple(dict.fromkeys(source for timbre in used for source in timbre.sources)),
        duration_s=sum(timbre.duration_s for timbre in used),
    )
    if output is not None:
        mixed.save(output, force=force)
    return mixed
