"""The real test set: recordings without a target, paired as the paper paired its own.

Cífka et al. 2021 used stems of Mixing Secrets (their ``data/mixing_secrets/test``); ours are
recordings that may be passed on. We differ: windows are 3 to 8 s instead of 8 s, as many of ours
are short; every window is a content once, so that few recordings give more pairs; content and
style are of two instruments.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.audio.sound import Audio, load
from cambiata.audio.source import SOUND_SUFFIXES
from cambiata.errors import CambiataError, InputError, warn
from cambiata.evaluate.testset import Clips, Entry, assign_median_bins, normalize_loudness
from cambiata.evaluate.tracking import PitchTracker

# Of a window: as long as the clips of Medley-solos-DB, and as the paper's.
SHORTEST_S, LONGEST_S = 3.0, 8.0
MAX_PER_FILE = 4  # windows, so that long recordings do not outweigh short ones
_SILENT_DB = -60.0  # below a recording's loudest tenth of a second; the paper's is absolute
_FRAME_S = 0.1
_MAX_SILENT_SHARE = 0.5  # of a window

# Medley-solos-DB's files tell their instrument by a number.
MEDLEY_SOLOS = (
    "clarinet",
    "distorted electric guitar",
    "female singer",
    "flute",
    "piano",
    "tenor saxophone",
    "trumpet",
    "violin",
)


@dataclass(frozen=True)
class Window:
    """A part of a recording."""

    path: str
    start_s: float
    end_s: float
    instrument: str
    voices: float  # mean number in frames with any, by a multi-pitch tracker
    pitch: float  # mean MIDI number, by the same

    @property
    def label(self) -> str:
        """Name of the window in a table."""
        return f"{self.instrument}: {Path(self.path).name}, {self.start_s:g} to {self.end_s:g} s"


@dataclass(frozen=True)
class RealSet:
    """Pairs of windows of recordings."""

    folder: str
    # Name, bin, content and style of each pair
    pairs: tuple[tuple[str, str, Window, Window], ...]
    n_files: int  # recordings used
    skipped: tuple[str, ...]  # recordings not used, each with the reason
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return "real"

    @property
    def title(self) -> str:
        """Name of the set in tables."""
        return "Real recordings"

    @property
    def about(self) -> str:
        """A paragraph on the set."""
        return (
            f"{len(self.pairs)} pairs of windows of {SHORTEST_S:g} to {LONGEST_S:g} s of "
            f"{self.n_files} recordings, two instruments of one bin (two median splits: mean "
            "voices, mean pitch, by a multi-pitch tracker). There is no target: timbre is compared "
            "with the style, pitches and notes with a transcription of the content. The floor of "
            "the pitch distance is what two timbres of the same notes measure: copy content's in "
            "the artificial set."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Facts that identify the set."""
        classes: dict[str, int] = {}
        for _, _, content, _ in self.pairs:
            classes[content.instrument] = classes.get(content.instrument, 0) + 1
        return {
            "target": False,
            "seed": self.seed,
            "windows of each instrument": dict(sorted(classes.items())),
            "not used": list(self.skipped),
        }

    @property
    def entries(self) -> list[Entry]:
        """Pairs of the set, for tables."""

        def side(window: Window) -> dict[str, str]:
            return {"label": window.instrument, "source": window.label}

        return [Entry(name, bin_, side(c), side(s)) for name, bin_, c, s in self.pairs]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair."""
        content, style = next(pair[2:] for pair in self.pairs if pair[0] == name)
        sound = _cut_window(content)
        # A content keeps its two channels, whose width a transfer is to keep, too.
        return Clips(
            normalize_loudness(sound if len(sound.samples) <= 2 else sound.mono()),
            normalize_loudness(_cut_window(style).mono()),
        )


def _cut_window(window: Window) -> Audio:
    return _load_once(window.path).cut(window.start_s, window.end_s)


@lru_cache(maxsize=4)
def _load_once(path: str) -> Audio:
    return load(path, strict=True)


def real_set(folder: str | Path, tracker: PitchTracker, *, seed: int = 0) -> RealSet:
    """Real test set of a folder of recordings, its subfolders included.

    Instruments are known by file names. Windows hold less than half silence and do not begin with
    it; a file gives at most four, which do not overlap.
    """
    place = Path(folder)
    if not place.is_dir():
        raise InputError(str(folder), "no such folder", "name a folder of recordings")
    windows: list[Window] = []
    skipped: list[str] = []
    n_files = 0
    for path in sorted(p for p in place.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES):
        try:
            chosen = _choose_windows(path, tracker, seed)
        except CambiataError as error:
            # Its problem alone: the error's own words name the whole path again.
            problem = error.problem if isinstance(error, InputError) else error
            skipped.append(f"{path.relative_to(place)}: {problem}")
            continue
        if chosen:
            n_files += 1
            windows += chosen
        else:
            skipped.append(f"{path.relative_to(place)}: no window of {SHORTEST_S:g} s that sounds")
    if skipped:
        warn(f"{len(skipped)} recordings not used: " + "; ".join(skipped[:5]))
    pairs = _pair_windows(windows, seed)
    if not pairs:
        raise InputError(str(folder), "gives no pair", "add recordings of other instruments")
    return RealSet(str(place), pairs, n_files, tuple(skipped), seed)


def guess_instrument(path: str | Path) -> str:
    """Instrument in the name of a file or its folder, else the file's stem."""
    place = Path(path)
    medley = re.match(r"Medley-solos-DB_\w+-([0-7])_", place.stem)
    if medley:
        return MEDLEY_SOLOS[int(medley.group(1))]
    # The folder's name where the file's has none: "bach-violin/bwv1002.mp3".
    for name in (place.stem, place.parent.name):
        words = re.split(r"[^a-z]+", name.lower())
        for instrument in (*_INSTRUMENTS, *MEDLEY_SOLOS):
            # The noun alone: an electric piano is no guitar.
            if instrument.split()[-1] in words:
                return instrument
    return place.stem


_INSTRUMENTS = ("cello", "organ", "orchestra", "soprano", "oboe", "viola", "guitar", "bass")


def _choose_windows(path: Path, tracker: PitchTracker, seed: int) -> list[Window]:
    audio = load(path, strict=True).mono()
    frame = round(_FRAME_S * audio.sample_rate)
    n_frames = audio.n_samples // frame
    power = np.mean(audio.samples[0, : n_frames * frame].reshape(n_frames, frame) ** 2, axis=1)
    silent = power <= power.max(initial=0.0) * 10 ** (_SILENT_DB / 10)
    length = min(round(LONGEST_S / _FRAME_S), n_frames)
    # A file a hair under three seconds is meant to be three.
    if length < round(SHORTEST_S / _FRAME_S) - 1:
        return []
    starts, at = [], 0
    while at + length <= n_frames:
        if not silent[at] and silent[at : at + length].mean() < _MAX_SILENT_SHARE:
            starts.append(at)
            at += length
        else:
            at += 1
    name = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:8])
    rng = np.random.default_rng([seed, name])
    chosen = sorted(rng.permutation(len(starts))[:MAX_PER_FILE])
    chosen_windows = []
    for index in chosen:
        start_s = round(starts[index] * _FRAME_S, 1)
        end_s = round(min(start_s + length * _FRAME_S, audio.duration_s), 3)
        pitches = tracker.pitches(audio.cut(start_s, end_s).samples[0], audio.sample_rate)
        sounding = [frame for frame in pitches if frame]
        if sounding:
            voices = float(np.mean([len(frame) for frame in sounding]))
            pitch = float(np.mean([p for frame in sounding for p in frame]))
            instrument = guess_instrument(path)
            chosen_windows.append(Window(str(path), start_s, end_s, instrument, voices, pitch))
    return chosen_windows


def _pair_windows(
    windows: Sequence[Window], seed: int
) -> tuple[tuple[str, str, Window, Window], ...]:
    """Every window, as a content, with a style of its bin by another instrument, used evenly."""
    if not windows:
        return ()
    bins = assign_median_bins([w.voices for w in windows], [w.pitch for w in windows])
    pairs: list[tuple[str, str, Window, Window]] = []
    for index, name in enumerate(sorted(set(bins))):
        rng = np.random.default_rng([seed, index])
        members = [w for w, b in zip(windows, bins, strict=True) if b == name]
        used = dict.fromkeys(range(len(members)), 0)
        for at in rng.permutation(len(members)):
            content = members[at]
            others = [i for i, w in enumerate(members) if w.instrument != content.instrument]
            if others:
                fewest = min(used[i] for i in others)
                style = int(rng.choice([i for i in others if used[i] == fewest]))
                used[style] += 1
                pairs.append((f"{len(pairs):04}", name, content, members[style]))
    return tuple(pairs)
