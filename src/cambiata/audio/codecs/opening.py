"""Sound files decoded: by libsndfile, part by part as they really are, else by ffmpeg."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile

from cambiata.arrays import Samples
from cambiata.audio.codecs import chunk_headers, ffmpeg, flac_frames, mpeg_frames, ogg_pages
from cambiata.audio.codecs.ffmpeg import FfmpegFile
from cambiata.audio.codecs.layout import Layout, Part, Window
from cambiata.audio.codecs.spliced import SplicedFile
from cambiata.audio.source import BLOCK_SAMPLES, libsndfile_path, resample_blocks
from cambiata.errors import STDERR, InputError, warn
from cambiata.files import MUSICXML_SUFFIXES, is_midi

# Where a stretch cannot be decoded, so many samples are left out at a time: a quarter of FLAC's
# usual frame.
_SALVAGE_SAMPLES = 1024
# After a long loss more: an eighth of it at most is lost beyond its end, and a header that claims
# hours is not tried a thousand times for each second.
_LOST_PER_SKIP = 8
_ADVICE = "what is there is used"
_PLAY_IT = "play it with `cambiata.play`"


@contextmanager
def score_refused(cure: str) -> Iterator[None]:
    """Where a score cannot be meant: it is refused with this cure, not with a hint at playing."""
    try:
        yield
    except InputError as error:
        if error.cure != _PLAY_IT:
            raise
        raise InputError(error.subject, error.problem, cure) from error


class DecodedFile(Protocol):
    """A sound file, its header no longer trusted."""

    sample_rate: int
    n_channels: int
    n_samples: int
    subtype: str
    problem: str  # in words that follow "NAME: "; empty where all is well

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks [C, T]."""


def open_sound(path: Path, name: str, *, strict: bool = False) -> DecodedFile:
    """A sound file, decoded by whatever knows it; what is missing is refused or said."""
    file = _open(path, name, strict)
    if file.problem:
        if strict:
            raise InputError(name, file.problem, "copy it or export it again")
        warn(f"{name}: {file.problem}; {_ADVICE}")
    return file


def _open(path: Path, name: str, strict: bool) -> DecodedFile:
    with path.open("rb") as file:
        window = Window(file)
        head = window.at(0, 512)
        if not head:
            raise InputError(name, "is empty", "record or export it again")
        modules = (chunk_headers, flac_frames, ogg_pages, mpeg_frames)
        found = (layout for module in modules if (layout := module.examine(window)))
        layout = next(found, None)
    if is_midi(head):
        raise InputError(name, "is a MIDI file, not a recording", _PLAY_IT)
    try:
        return LibsndfileFile(path, name, layout or Layout(), strict)
    except (soundfile.LibsndfileError, TypeError) as error:
        program = ffmpeg.find()
        if path.suffix.lower() in (*MUSICXML_SUFFIXES, ".abc"):
            raise InputError(name, "is a score, not a recording", _PLAY_IT) from error
        if _is_text(head):
            cure = "convert it to wav, flac, ogg, mp3 or aiff"
            raise InputError(name, "is not readable as sound", cure) from error
        if program is None:
            given = path.name if name == str(path) else "FILE"  # a pipe has no name
            raise InputError(
                name,
                "is not readable as sound without ffmpeg",
                f"install it ({ffmpeg.INSTALL}), or convert the file elsewhere: "
                f"ffmpeg -i {_quoted(given)} {_quoted(Path(given).stem + '.wav')}",
            ) from error
        decoded = FfmpegFile(path, name, program)
        if layout and layout.breaks_off and not decoded.problem:
            decoded.problem = _break(decoded, layout)
        return decoded


def _break(file: DecodedFile, layout: Layout) -> str:
    """Where a file breaks off, in words that follow its name."""
    at_s = file.n_samples / max(1, file.sample_rate)
    missing_s = at_s * layout.missing_share
    rest = f": {missing_s:.2f} s are missing" if missing_s else ", before its end"
    return f"breaks off at {at_s:.2f} s{rest}"


def _is_text(head: bytes) -> bool:
    """Whether a file is text: a page or a playlist, which ffmpeg would follow."""
    return not set(head) - set(range(32, 256)) - {9, 10, 13}


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


class LibsndfileFile:
    """Sound in a file that libsndfile decodes, part after part."""

    def __init__(self, path: Path, name: str, layout: Layout, strict: bool) -> None:
        self._path, self._name, self._strict = path, name, strict
        self._parts: list[tuple[Part, int, int, int]] = []  # with samples, rate and channels
        for part in layout.parts:
            with self._opened(part) as file:
                n_samples = int(file.frames) if part.n_samples is None else part.n_samples
                filling = n_samples - (part.n_before_filling or n_samples)
                if 0 < filling < part.block_samples:
                    n_samples -= filling
                self._parts.append((part, n_samples, int(file.samplerate), int(file.channels)))
                if len(self._parts) == 1:
                    self.subtype = str(file.subtype)
        _, _, self.sample_rate, self.n_channels = self._parts[0]
        self.n_samples = sum(round(n * self.sample_rate / r) for _, n, r, _ in self._parts)
        self.problem = layout.problem
        if layout.breaks_off:
            self.problem = _break(self, layout)
        self._has_warned = False

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks [C, T]."""
        for part, n_samples, rate, n_channels in self._parts:
            blocks = self._part_blocks(part, n_samples, n_channels)
            if n_channels != self.n_channels:
                blocks = (_with_channels(block, self.n_channels) for block in blocks)
            yield from resample_blocks(blocks, rate, self.sample_rate, self.n_channels)

    def _part_blocks(self, part: Part, n_samples: int, n_channels: int) -> Iterator[Samples]:
        """Blocks [C, T] of a part; silence where it cannot be decoded."""
        # Never seeks: libsndfile's seek in Ogg Vorbis lands on other samples (measured, 1.2.2).
        at = 0
        with self._opened(part) as file:
            while at < n_samples:
                try:
                    block = _read(file, min(BLOCK_SAMPLES, n_samples - at))
                except soundfile.LibsndfileError:
                    break
                if not len(block):
                    break
                at += len(block)
                yield np.ascontiguousarray(block.T)
        n_lost = 0
        while at < n_samples:
            n_block = min(BLOCK_SAMPLES, n_samples - at)
            block, n_lost = self._salvaged(part, at, n_block, n_channels, n_lost)
            at += len(block)
            yield np.ascontiguousarray(block.T)

    def _salvaged(
        self, part: Part, start: int, n_samples: int, n_channels: int, n_lost: int
    ) -> tuple[Samples, int]:
        """Samples [T, C] of a damaged stretch: what can be decoded of it, the rest silent.

        With how many samples in a row are lost at its end; `n_lost` were before its start.
        """
        out = np.zeros((n_samples, n_channels), np.float32)
        at = 0
        first_lost: int | None = None
        while at < n_samples:
            try:
                with self._opened(part) as file:
                    with _silence_decoder():
                        file.seek(start + at)
                    while at < n_samples:
                        block = _read(file, min(_SALVAGE_SAMPLES, n_samples - at))
                        if not len(block):
                            raise soundfile.LibsndfileError(0)
                        out[at : at + len(block)] = block
                        at += len(block)
                        n_lost = 0
            except soundfile.LibsndfileError:
                first_lost = at if first_lost is None else first_lost
                n_skipped = min(max(_SALVAGE_SAMPLES, n_lost // _LOST_PER_SKIP), n_samples - at)
                n_lost += n_skipped
                at += n_skipped
        if first_lost is not None and not self._has_warned:
            self._has_warned = True
            self._warn_of_damage((start + first_lost) / self.sample_rate)
        return out, n_lost

    def _warn_of_damage(self, at_s: float) -> None:
        problem = f"is damaged at {at_s:.2f} s: a part cannot be decoded"
        if self._strict:
            raise InputError(self._name, problem, "copy it or export it again")
        warn(f"{self._name}: {problem} and is left silent")

    @contextmanager
    def _opened(self, part: Part) -> Iterator[Any]:
        presented = SplicedFile(self._path, part.pieces) if part.pieces else None
        try:
            with _silence_decoder():
                file = soundfile.SoundFile(presented or libsndfile_path(self._path))
            with file:
                yield file
        except soundfile.LibsndfileError as error:
            if self._path.exists():
                raise
            problem, cure = "was removed in the meantime", "put it back, then run this again"
            raise InputError(self._name, problem, cure) from error
        finally:
            if presented:
                presented.close()


def _with_channels(block: Samples, n_channels: int) -> Samples:
    """A later part of a file with the first one's channels."""
    if n_channels == 1:
        return np.asarray(block.mean(axis=0, keepdims=True))
    if block.shape[0] == 1:
        return np.repeat(block, n_channels, axis=0)
    missing = max(0, n_channels - block.shape[0])
    return np.pad(block[:n_channels], ((0, missing), (0, 0)))


def _read(file: Any, n_samples: int) -> Samples:
    """Samples [T, C] that come next."""
    try:
        # Of all decoders one prints; while it is silenced, so is every other thread.
        with _silence_decoder() if file.format == "MP3" else nullcontext():
            block: Samples = file.read(n_samples, dtype="float32", always_2d=True)
    except ValueError as error:  # soundfile's, where a decoder is beyond the length that it states
        raise soundfile.LibsndfileError(0) from error
    return block


@contextmanager
def _silence_decoder() -> Iterator[None]:
    """Keep the MP3 decoder's own messages off standard error: ours name the file and the cure."""
    if sys.__stderr__ is None:  # closed from the start: 2 is some other file, which is let be
        yield
        return
    with STDERR:
        try:
            stderr = os.dup(2)
        except OSError:  # no standard error to keep clean
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            os.close(nowhere)
