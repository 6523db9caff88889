"""Test sets: pairs of a content and a style, with the exact target where there is one.

The artificial set is built as Cífka et al. 2021 built theirs (their repository's
``data/lmd/audio_test``), from scores held out of training and a sound font held out of training.
We differ: scores are music21's public-domain works instead of the Lakh MIDI files, so programs are
drawn by the seed (evenly, of the 112 melodic ones, within the font's usable range) instead of
read from the files; clips are brought to one loudness.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio
from cambiata.data.scores import Work, load_corpus, notes_digest
from cambiata.data.soundfont import (
    KNOWN_FONTS,
    MELODIC_PROGRAMS,
    RENDER_RATE_HZ,
    Preset,
    Renderer,
    SoundFont,
    find_font,
    identify_source,
)
from cambiata.errors import InputError
from cambiata.score.midi import Note, Part

ItemT = TypeVar("ItemT")

# The paper's: length of a clip, number of pairs, segments of a program, and in how many of a
# window's eight seconds a note must begin.
CLIP_S = 8
N_PAIRS = 721
MAX_PER_PROGRAM = 4
_ACTIVE_S = 4
N_QUICK_PAIRS = 64  # of `--quick`: intervals three times as wide, in a tenth of the time
LOUDNESS_LUFS = -30.0  # room for outputs that peak higher than their inputs
TEST_FONT = "timgm6mb"


@dataclass(frozen=True)
class Segment:
    """Notes of a score and what plays them."""

    work: str
    part: int  # number of the part
    start_s: int  # of the window
    program: int  # of General MIDI
    digest: str  # `notes_digest` of the window's notes
    notes: tuple[Note, ...] = ()  # from the window's begin; not in manifests

    @property
    def label(self) -> str:
        """Name of the segment in a table."""
        return f"program {self.program}: {self.work} part {self.part} from {self.start_s} s"


@dataclass(frozen=True)
class SegmentPair:
    """A content, a style, and the bin that both belong to."""

    name: str  # in folders and tables
    bin: str  # "voices1_pitch2": below or above the median of mean voices and of mean pitch
    content: Segment
    style: Segment

    @property
    def target(self) -> Segment:
        """The content's notes by the style's program."""
        return replace(self.content, program=self.style.program)


@dataclass(frozen=True)
class Entry:
    """A pair in tables and pages."""

    name: str  # that of its folder too
    bin: str
    content: dict[str, str]  # "label" and "source"
    style: dict[str, str]


@dataclass(frozen=True)
class Clips:
    """The sounds of a pair."""

    content: Audio
    style: Audio
    target: Audio | None = None  # None where the right output is not known
    notes: tuple[Note, ...] | None = None  # of the content, where they are known
    name: str = ""  # of the pair, where it is one of a run's


class TestSet(Protocol):
    """Pairs to run systems on; picklable, as processes are sent it."""

    @property
    def name(self) -> str:
        """Name of its folder."""

    @property
    def title(self) -> str:
        """Name of the set in tables."""

    @property
    def about(self) -> str:
        """A paragraph on the set."""

    @property
    def facts(self) -> dict[str, Any]:
        """Sources, hashes and counts, for tables."""

    @property
    def entries(self) -> Sequence[Entry]:
        """Pairs of the set."""

    def clips(self, name: str) -> Clips:
        """The sounds of a pair."""


TestSet.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test's


# --- windows and bins -----------------------------------------------------------------------------


def find_windows(part: Part) -> list[int]:
    """Seconds at which 8 s windows may begin by the paper's onset rules."""
    begins = {int(note.start_s) for note in part.notes}
    return [
        at_s
        for at_s in range(int(part.end_s) - CLIP_S + 1)
        if at_s in begins and len(begins & set(range(at_s, at_s + CLIP_S))) >= _ACTIVE_S
    ]


def cut_notes(part: Part, start_s: int) -> tuple[Note, ...]:
    """Notes that begin in a window, cut where it ends.

    As the paper's tools do, notes begun before the window are left out.
    """
    end_s = start_s + CLIP_S
    return tuple(
        Note(n.start_s - start_s, min(n.end_s, end_s) - start_s, n.pitch, n.velocity)
        for n in part.notes
        if start_s <= n.start_s < end_s
    )


def assign_median_bins(voices: Sequence[float], pitches: Sequence[float]) -> list[str]:
    """Bins by two median splits: of mean voices, and of mean pitch."""
    if not len(voices):
        return []
    upper_voices, upper_pitch = _upper_half(np.asarray(voices)), _upper_half(np.asarray(pitches))
    return [
        f"voices{1 + int(v)}_pitch{1 + int(p)}"
        for v, p in zip(upper_voices, upper_pitch, strict=True)
    ]


def _upper_half(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    median = np.median(values)
    return values > median if median == values.min() else values >= median


# --- the artificial set ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ArtificialSet:
    """Pairs of scores, and the font that renders them."""

    font: str  # path or short name
    font_sha256: str
    seed: int
    pairs: tuple[SegmentPair, ...]  # with their notes

    @property
    def name(self) -> str:
        """Name of its folder."""
        return "artificial"

    @property
    def title(self) -> str:
        """Name of the set in tables."""
        return f"Artificial: {identify_source(self.font).name}"

    @property
    def about(self) -> str:
        """A paragraph on the set."""
        return (
            f"{len(self.pairs)} pairs of 8 s windows of scores held out by work, rendered by "
            f"{identify_source(self.font).name}{_held_out_note(self.font)}. Content and style are "
            "two different programs of one bin (two median splits: mean voices, mean pitch); the "
            "target is the content's notes by the style's program. All mono, 44.1 kHz, "
            f"{LOUDNESS_LUFS:g} LUFS."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Facts that identify the set."""
        name = identify_source(self.font).name
        return {"font": name, "font_sha256": self.font_sha256, "seed": self.seed}

    @property
    def entries(self) -> list[Entry]:
        """Pairs of the set, for tables."""
        names = {p.program: p.name for p in SoundFont(find_font(self.font)).presets.values()}

        def side(segment: Segment) -> dict[str, str]:
            label = f"{names.get(segment.program, 'program')} ({segment.program})"
            end_s = segment.start_s + CLIP_S
            source = f"{segment.work} part {segment.part}, {segment.start_s} to {end_s} s"
            return {"label": label, "source": source}

        return [Entry(p.name, p.bin, side(p.content), side(p.style)) for p in self.pairs]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair."""
        pair = next(pair for pair in self.pairs if pair.name == name)
        content, style, target = (
            render_clip(self.font, segment.notes, segment.program)
            for segment in (pair.content, pair.style, pair.target)
        )
        return Clips(content, style, target, pair.content.notes)

    def manifest(self) -> dict[str, Any]:
        """JSON that rebuilds the set, without a note of any score."""
        rows = [
            {
                "name": pair.name,
                "bin": pair.bin,
                "content": _without_notes(pair.content),
                "style": _without_notes(pair.style),
            }
            for pair in self.pairs
        ]
        return {"font": self.font, "sha256": self.font_sha256, "seed": self.seed, "pairs": rows}

    def quick(self, n_pairs: int = N_QUICK_PAIRS) -> "ArtificialSet":
        """A subset that keeps the bins' shares: every so-many-th pair."""
        return replace(self, pairs=tuple(spread_evenly(self.pairs, n_pairs)))


def spread_evenly(items: Sequence[ItemT], n_items: int) -> list[ItemT]:
    """Some of many, as evenly spread over them as can be."""
    if n_items >= len(items):
        return list(items)
    return [items[int(at)] for at in np.linspace(0, len(items) - 1, n_items).round()]


def _held_out_note(font: str) -> str:
    for_tests = {source.name for source in KNOWN_FONTS.values() if source.use == "test"}
    return ", a sound font held out of training" if identify_source(font).name in for_tests else ""


def _without_notes(segment: Segment) -> dict[str, Any]:
    row = asdict(segment)
    del row["notes"]
    return row


def sample_set(
    works: Sequence[Work], font: SoundFont, *, seed: int = 0, n_pairs: int = N_PAIRS
) -> ArtificialSet:
    """Artificial test set drawn from scores, as the paper drew its.

    Parts are sorted into four bins by median splits; in each, every part gives at most one window
    of each of its thirds and each program at most four; two segments of different programs make a
    pair, if the style's program can play the content's notes.
    """
    parts = [
        (work, index, part)
        for work in works
        if work.split == "test"
        for index, part in enumerate(work.parts)
        if find_windows(part)
    ]
    bins: dict[str, list[tuple[Work, int, Part]]] = defaultdict(list)
    names = assign_median_bins(
        [part.mean_voices for *_, part in parts], [part.mean_pitch for *_, part in parts]
    )
    for name, part in zip(names, parts, strict=True):
        bins[name].append(part)
    presets = [font.presets[p] for p in MELODIC_PROGRAMS if p in font.presets]
    sampled = {
        name: _sample_pairs(bins[name], presets, np.random.default_rng([seed, index]))
        for index, name in enumerate(sorted(bins))
    }
    total = sum(map(len, sampled.values()))
    if not total:
        raise InputError("test set", "the scores give no pair", "add longer or more scores")
    # The same share of each bin.
    share = min(1.0, n_pairs / total)
    chosen = [
        (name, pair)
        for name, pairs in sampled.items()
        for pair in pairs[: _share_of(len(pairs), share)]
    ]
    chosen += [
        (name, pair)
        for name, pairs in sampled.items()
        for pair in pairs[_share_of(len(pairs), share) :]
    ][: max(0, min(n_pairs, total) - len(chosen))]
    chosen.sort(key=lambda named: named[0])
    pairs = tuple(
        SegmentPair(f"{number:04}-{content.digest[:4]}{style.digest[:4]}", name, content, style)
        for number, (name, (content, style)) in enumerate(chosen)
    )
    return ArtificialSet(str(font.source.name), font.digest, seed, pairs)


def _share_of(n: int, share: float) -> int:
    return int(n * share)


def _sample_pairs(
    parts: list[tuple[Work, int, Part]], presets: list[Preset], rng: np.random.Generator
) -> list[tuple[Segment, Segment]]:
    by_program = _sample_segments(parts, presets, rng)
    playable = {preset.program: set(preset.pitches) for preset in presets}
    pairs = []
    for _ in range(sum(map(len, by_program.values()))):
        programs = [program for program, segments in by_program.items() if segments]
        if len(programs) < 2:
            break
        first, second = (int(p) for p in rng.choice(programs, 2, replace=False))
        content, style = by_program[first][-1], by_program[second][-1]
        if {note.pitch for note in content.notes} <= playable[second]:
            by_program[first].pop()
            by_program[second].pop()
            pairs.append((content, style))
    return pairs


def _sample_segments(
    parts: list[tuple[Work, int, Part]], presets: list[Preset], rng: np.random.Generator
) -> dict[int, list[Segment]]:
    """Segments by program: windows in random order, each to one that has its pitches and room."""
    by_program: dict[int, list[Segment]] = {preset.program: [] for preset in presets}
    # One window of each third of a part, so that a long movement counts for more than a tune.
    candidates = [
        (work, index, part, int(rng.choice(third)))
        for work, index, part in parts
        for third in np.array_split(find_windows(part), 3)
        if len(third)
    ]
    for at in rng.permutation(len(candidates)):
        work, index, part, start_s = candidates[at]
        notes = cut_notes(part, start_s)
        pitches = {note.pitch for note in notes}
        playable = [
            preset.program
            for preset in presets
            if len(by_program[preset.program]) < MAX_PER_PROGRAM and pitches <= set(preset.pitches)
        ]
        if playable:
            # The programs with the fewest first: all shall have their four.
            fewest = min(len(by_program[program]) for program in playable)
            program = int(rng.choice([p for p in playable if len(by_program[p]) == fewest]))
            digest = notes_digest(notes)
            by_program[program].append(Segment(work.name, index, start_s, program, digest, notes))
    return by_program


def load_artificial_set(n_pairs: int | None = None) -> ArtificialSet:
    """The project's own artificial set: 721 pairs of TimGM6mb, from the manifest in the package."""
    manifest = json.loads(files("cambiata.evaluate").joinpath("artificial.json").read_text())
    if n_pairs is not None:
        manifest["pairs"] = spread_evenly(manifest["pairs"], n_pairs)
    sides = [row[side] for row in manifest["pairs"] for side in ("content", "style")]
    names = {side["work"] for side in sides}
    return parse_set(manifest, load_corpus(names=names) if names else [])


def parse_set(manifest: dict[str, Any], works: Iterable[Work]) -> ArtificialSet:
    """Artificial set of a manifest."""
    by_name = {work.name: work for work in works}

    def segment(row: dict[str, Any]) -> Segment:
        work = by_name.get(row["work"])
        if work is None or row["part"] >= len(work.parts):
            raise InputError(row["work"], "this score is missing", "install music21 as pinned")
        notes = cut_notes(work.parts[row["part"]], row["start_s"])
        if notes_digest(notes) != row["digest"]:
            raise InputError(
                row["work"],
                "has other notes than the test set's manifest",
                "use the music21 version of constraints.txt",
            )
        return Segment(**row, notes=notes)

    pairs = tuple(
        SegmentPair(row["name"], row["bin"], segment(row["content"]), segment(row["style"]))
        for row in manifest["pairs"]
    )
    return ArtificialSet(manifest["font"], manifest["sha256"], manifest["seed"], pairs)


@lru_cache(maxsize=2)
def open_renderer(font: str) -> Renderer:
    """Renderer of a font, one a process."""
    return Renderer(SoundFont(find_font(font)))


def render_clip(font: str, notes: Sequence[Note], program: int) -> Audio:
    """A clip of a test set: notes by a program of a font."""
    stereo = open_renderer(font).render(notes, program, CLIP_S)
    name = f"{font} program {program}"
    return normalize_loudness(Audio(stereo.mean(axis=0), RENDER_RATE_HZ, name=name))


def normalize_loudness(audio: Audio, loudness_lufs: float = LOUDNESS_LUFS) -> Audio:
    """The same sound at a loudness."""
    meter = LoudnessMeter(audio.sample_rate)
    meter.add(audio.samples)
    loudness = meter.loudness_db()
    if not np.isfinite(loudness):
        raise InputError(audio.name, "is silent", "leave it out")
    gain = 10 ** ((loudness_lufs - loudness) / 20)
    gain = min(gain, 0.99 / float(np.abs(audio.samples).max()))
    return replace(audio, samples=audio.samples * np.float32(gain))
