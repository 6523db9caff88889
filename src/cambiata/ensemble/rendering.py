"""A section made of a recording: read once, sung block by block, in a room, at its loudness."""

import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.downmix import MonoSource
from cambiata.audio.source import Source, crop_blocks, roomy_folder
from cambiata.ensemble.f0 import PitchTrack, track_pitch
from cambiata.ensemble.grains import Excerpt, VoiceGrains
from cambiata.ensemble.marks import find_marks
from cambiata.ensemble.singers import Singer
from cambiata.ensemble.stage import Place, responses
from cambiata.reverb.convolution import Convolver
from cambiata.reverb.rendering import Reverberant
from cambiata.scratch import room_needed

# What is sung at once, and what is tracked at once with a second around it: bounds memory.
_BLOCK_S, _TRACKED_S, _CONTEXT_S = 5.0, 60.0, 1.0
# Two singers at once: past that, two cores no longer gain.
_N_THREADS = 2


class Recording:
    """One channel in a scratch file, of which any part can be read."""

    def __init__(self, source: Source) -> None:
        self.name, self.subtype = source.name, source.subtype
        self.sample_rate, self.n_samples = source.sample_rate, source.n_samples
        self.n_channels = 1
        self.peak = 0.0
        folder = roomy_folder()
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (its own life)
        weakref.finalize(self, self._file.close)
        for block in MonoSource(source).blocks():
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
            with room_needed(folder):
                self._file.write(np.ascontiguousarray(block[0], np.float32).tobytes())

    def __len__(self) -> int:
        return self.n_samples

    def __getitem__(self, span: slice) -> Samples:
        first, last, _ = span.indices(self.n_samples)
        self._file.seek(4 * first)
        return np.frombuffer(self._file.read(4 * max(0, last - first)), np.float32)

    def blocks(self) -> Iterator[Samples]:
        """The sound [1, T], block by block."""
        step = round(_BLOCK_S * self.sample_rate)
        for first in range(0, self.n_samples, step):
            yield self[first : first + step][None]

    def around(self, start_s: float, end_s: float) -> Excerpt:
        """What lies between two times, silence before its beginning and after its end."""
        first, last = (int(each * self.sample_rate) for each in (start_s, end_s))
        sound = self[max(0, first) : max(0, min(last, self.n_samples))]
        before = max(0, -first)
        after = max(0, last - first - before - len(sound))
        return Excerpt(np.pad(sound, (before, after)), first, self.sample_rate)


def track_recording(recording: Recording) -> PitchTrack:
    """Pitch of a recording of any length."""
    rate = recording.sample_rate
    hz: list[npt.NDArray[np.float64]] = []
    likeness: list[npt.NDArray[np.float64]] = []
    n_frames = int(_TRACKED_S * 100)
    context = int(_CONTEXT_S * 100)
    total = recording.n_samples * 100 // rate + 1
    for first in range(0, total, n_frames):
        begin = max(0, first - context)
        span = slice(begin * rate // 100, (first + n_frames + context) * rate // 100)
        track = track_pitch(recording[span], rate, recording.peak)
        own = slice(first - begin, first - begin + min(n_frames, total - first))
        hz.append(track.hz[own])
        likeness.append(track.likeness[own])
    return PitchTrack(np.concatenate(hz), np.concatenate(likeness))


@dataclass(frozen=True, eq=False)
class Section:
    """Who sings, and from where."""

    singers: tuple[Singer, ...]
    places: tuple[Place, ...]
    room: str
    is_one_voice: bool  # whether the recording is, so that periods can be told apart


class Ensemble(Reverberant):
    """A recording sung by a section; a `Source` of two channels.

    `lead` is the share of the singer as recorded, who stays in the middle.
    """

    def __init__(
        self,
        recording: Recording,
        track: PitchTrack,
        section: Section,
        lead: float,
        tail_s: float,
        seed: int,
    ) -> None:
        super().__init__(recording, 1.0 - lead, tail_s)
        self._recording, self._track = recording, track
        self.section, self._seed = section, seed
        self.n_channels = 2

    def rendered(self) -> Iterator[Samples]:
        """All singers in their room [2, T]."""
        matrix, start = responses(
            list(self.section.places), self.section.room, self.sample_rate, self._seed
        )
        n_tail = self.n_samples - self.source.n_samples + start
        # Partitions of a short response would be very many.
        convolver = Convolver(matrix, None if matrix.shape[2] > 1 << 14 else 1 << 14)
        convolved = convolver.process(self._sung(), n_tail)
        return crop_blocks(convolved, start, start + self.n_samples)

    def _sung(self) -> Iterator[Samples]:
        """Each singer alone [N, T], block by block."""
        if self.section.is_one_voice:
            yield from self._of_grains()
            return
        for begin_s, end_s, n in self._spans():
            centre_s = begin_s + np.arange(n) / self.sample_rate
            source = self._recording.around(begin_s - 0.5, end_s + 0.5)
            rows = [
                singer.gain * source.at(singer.line.source_s(centre_s) * self.sample_rate)
                for singer in self.section.singers
            ]
            yield np.stack(rows).astype(np.float32)

    def _of_grains(self) -> Iterator[Samples]:
        # Here, as this much is only needed once there is something to sing.
        from concurrent.futures import ThreadPoolExecutor

        marks = find_marks(self._recording, self.sample_rate, self._track)
        voices = [VoiceGrains(marks, singer.line) for singer in self.section.singers]
        margin = round(0.1 * self.sample_rate)
        ringing = np.zeros((len(voices), 2 * margin))

        def sing(i: int, begin_s: float, end_s: float, n: int, source: Excerpt) -> Samples:
            out = np.zeros(n + 2 * margin)
            grains = voices[i].grains(begin_s, end_s)
            grains.add_to(out, begin_s - margin / self.sample_rate, source)
            out *= self.section.singers[i].gain
            out[: 2 * margin] += ringing[i]
            ringing[i] = out[n:]
            return out[:n].astype(np.float32)

        first = True
        with ThreadPoolExecutor(_N_THREADS) as pool:
            for begin_s, end_s, n in self._spans(extra=margin):
                spans = [voice.span_s(begin_s, end_s) for voice in voices]
                source = self._recording.around(min(a for a, _ in spans), max(b for _, b in spans))
                jobs = [pool.submit(sing, i, begin_s, end_s, n, source) for i in range(len(voices))]
                block = np.stack([job.result() for job in jobs])
                # Blocks come out as late as grains reach back.
                yield block[:, margin:] if first else block
                first = False

    def _spans(self, extra: int = 0) -> Iterator[tuple[float, float, int]]:
        """Times and lengths in samples of blocks, together longer by `extra`."""
        total, step = self.source.n_samples + extra, round(_BLOCK_S * self.sample_rate)
        for first in range(0, total, step):
            n = min(step, total - first)
            yield first / self.sample_rate, (first + n) / self.sample_rate, n


def single_voice(section: Section, i: int) -> Section:
    """One singer of a section alone, for measures."""
    return replace(section, singers=(section.singers[i],), places=(section.places[i],))
