"""Sound that libsndfile does not know, through the program ffmpeg: both ways, by a pipe."""

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.source import BLOCK_SAMPLES
from cambiata.errors import CambiataError, InputError

INSTALL = "apt install ffmpeg, brew install ffmpeg or winget install ffmpeg"

# Nothing takes so long for six seconds of sound; a damaged file may take for ever.
_STALL_S = 60.0
# The most that ffmpeg may ask for at once: a damaged file states sizes of gigabytes.
_MAX_ALLOCATION_BYTES = 256 * 2**20
_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info")
# Headers that state a duration may be out by a packet or two.
_DURATION_TOLERANCE_S = 0.25
# Names of ffmpeg's decoders whose sound comes out as it went in, and what it is stored as.
_LOSSLESS = re.compile(r"Audio: (?:alac|flac|pcm_\w+|wavpack|tta|ape|truehd|mlp|shorten|als)\b")
_SUBTYPES = ((r"\bs16p?\b", "PCM_16"), (r"\bfltp?\b", "FLOAT"))


def find() -> str | None:
    """Path of ffmpeg, where it is on the PATH."""
    return shutil.which("ffmpeg")


class FfmpegFile:
    """Sound in a file that ffmpeg decodes; decoded once to know how long it is."""

    def __init__(self, path: Path, name: str, program: str) -> None:
        self._path, self._name, self._program = path, name, program
        self.subtype, self.problem = "PCM_24", ""
        self.sample_rate = self.n_channels = self.n_samples = 0
        for block in self._decoded():
            self.n_samples += block.shape[1]

    def blocks(self) -> Iterator[Samples]:
        """Read it all, once more, as blocks [C, T]."""
        left = self.n_samples
        for block in self._decoded():
            yield block[:, :left]
            left -= block.shape[1]
            if left <= 0:
                return

    def _decoded(self) -> Iterator[Samples]:
        """Blocks [C, T] as ffmpeg decodes them; rate, channels and problems are noted."""
        # "file:" so that no name is taken for an option or an address; no other protocol, so that
        # a playlist cannot make it fetch anything.
        safely = ("-max_alloc", str(_MAX_ALLOCATION_BYTES), "-protocol_whitelist", "file,pipe")
        source = ("-i", f"file:{self._path}", "-map", "0:a:0", "-map_metadata", "-1")
        target = ("-c:a", "pcm_f32be", "-f", "au", "pipe:1")
        n_samples = 0
        with tempfile.TemporaryFile() as log:
            command = [self._program, *_QUIET, *safely, *source, *target]
            with _running(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, log=log
            ) as run:
                for block in self._read_au(run):
                    n_samples += block.shape[1]
                    yield block
            log.seek(0)
            self._note(log.read().decode(errors="replace"), n_samples, run.returncode)

    def _read_au(self, run: "subprocess.Popen[bytes]") -> Iterator[Samples]:
        """Blocks [C, T] from an AU stream: a header of numbers, then floats, highest byte first."""
        head = self._read(run, 24)
        if len(head) < 24 or head[:4] != b".snd":
            return
        numbers = [int.from_bytes(head[i : i + 4], "big") for i in range(4, 24, 4)]
        self._read(run, max(0, numbers[0] - 24))
        self.sample_rate, self.n_channels = numbers[3], numbers[4]
        frame_bytes = 4 * self.n_channels
        while data := self._read(run, BLOCK_SAMPLES * frame_bytes):
            whole = len(data) // frame_bytes * frame_bytes
            block = np.frombuffer(data[:whole], ">f4").reshape(-1, self.n_channels).T
            if block.shape[1]:
                yield np.ascontiguousarray(block, np.float32)

    def _read(self, run: "subprocess.Popen[bytes]", n_bytes: int) -> bytes:
        """So many bytes of its output, fewer at the end; a run that gives nothing is ended."""
        assert run.stdout is not None
        watch = threading.Timer(_STALL_S, run.kill)
        watch.start()
        try:
            return run.stdout.read(n_bytes)
        finally:
            watch.cancel()

    def _note(self, log: str, n_samples: int, exit_code: int) -> None:
        """Refuse a file of which nothing was decoded; else note a problem, or none."""
        errors = re.findall(r"\[(?:error|fatal|panic)\] (.*)", log)
        if exit_code and n_samples and not errors:  # it was ended, or died
            errors = ["it ended early"]
        first = _shortened(errors[0]) if errors else "nothing was decoded"
        if not n_samples:
            if "matches no streams" in log:
                first = "it holds no sound"
            raise InputError(
                self._name,
                f"is not readable as sound (ffmpeg: {first})",
                "convert it to wav, flac, ogg, mp3 or aiff",
            )
        stream = next(iter(re.findall(r"Stream #0:\d+.*Audio:.*", log)), "")
        if _LOSSLESS.search(stream):
            kinds = (kind for pattern, kind in _SUBTYPES if re.search(pattern, stream))
            self.subtype = next(kinds, "PCM_24")
        duration = re.search(r"Duration: (\d+):(\d\d):(\d\d\.\d+)", log)
        at_s = n_samples / self.sample_rate
        if duration and "Estimating duration" not in log:
            hours, minutes, seconds = map(float, duration.groups())
            missing_s = 3600 * hours + 60 * minutes + seconds - at_s
            if missing_s > _DURATION_TOLERANCE_S and errors:
                self.problem = f"breaks off at {at_s:.2f} s: {missing_s:.2f} s are missing"
                return
        if errors:
            self.problem = f"is damaged: of its {at_s:.2f} s not all could be decoded ({first})"


class FfmpegWriter:
    """File that ffmpeg encodes, written block by block; used as a context."""

    def __init__(
        self, path: Path, sample_rate: int, n_channels: int, encoding: tuple[str, ...]
    ) -> None:
        raw = ("-f", "f32le", "-ar", str(sample_rate), "-ac", str(n_channels), "-i", "pipe:0")
        quiet = [part for part in _QUIET if part != "-nostdin"]
        # Where there is no ffmpeg, the output was refused before any work.
        self._command = [find() or "ffmpeg", *quiet, "-y", *raw, *encoding, f"file:{path}"]
        self._name = path.name
        self._open = ExitStack()

    def __enter__(self) -> "FfmpegWriter":
        self._log = self._open.enter_context(tempfile.TemporaryFile())
        running = _running(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, log=self._log
        )
        self._run = self._open.enter_context(running)
        return self

    def write(self, samples: Samples) -> None:
        """Append samples [T, C]."""
        assert self._run.stdin is not None
        try:
            self._run.stdin.write(np.ascontiguousarray(samples, "<f4").tobytes())
        except OSError:
            self._fail()

    def __exit__(self, kind: object, *_rest: object) -> None:
        with self._open:
            if kind is None:
                assert self._run.stdin is not None
                with suppress(OSError):
                    self._run.stdin.close()
                if self._run.wait():
                    self._fail()

    def _fail(self) -> None:
        self._run.wait()
        self._log.seek(0)
        errors = re.findall(r"\[(?:error|fatal)\] (.*)", self._log.read().decode(errors="replace"))
        reason = _shortened(errors[0]) if errors else "it ended early"
        raise CambiataError(f"{self._name}: could not be written (ffmpeg: {reason})")


@contextmanager
def _running(
    command: list[str], *, stdin: int, stdout: int, log: IO[bytes]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process, ended when the block ends."""
    run = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=log)
    try:
        yield run
        if run.stdout:
            run.wait()
    finally:
        run.kill()
        for stream in (run.stdin, run.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()
        run.wait()


def _shortened(words: str) -> str:
    """One line of ffmpeg's without the path, which stands in front of ours already."""
    return " ".join(re.sub(r"^file:.*: ", "", words).split())[:120]
