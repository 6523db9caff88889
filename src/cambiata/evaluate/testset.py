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
from typing import Any, TypeVar

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

CLIP_S = 8
N_PAIRS = 721
N_QUICK_PAIRS = 64
MAX_PER_PROGRAM = 4
_ACTIVE_S = 4
LOUDNESS_LUFS = -30.0  # room for outputs that peak higher than their inputs
TEST_FONT = "timgm6mb"


@dataclass(frozen=True)
class Segment:
    """Notes of a score and what plays them.

    Parameters
    ----------
    work : str
        Name of the work.
    part : int
        Which of its parts.
    start_s : int
        Where the window begins, in seconds.
    program : int
        General MIDI program.
    digest : str
        `notes_digest` of the window's notes.
    notes : tuple of Note
        The notes, the window's begin being 0; not stored in manifests.

    Examples
    --------
    >>> Segment("bach/bwv66.6.mxl", 0, 8, 56, "").label
    'program 56: bach/bwv66.6.mxl part 0 from 8 s'
    """

    work: str
    part: int
    start_s: int
    program: int
    digest: str
    notes: tuple[Note, ...] = ()

    @property
    def label(self) -> str:
        """What to call it in a table."""
        return f"program {self.program}: {self.work} part {self.part} from {self.start_s} s"


@dataclass(frozen=True)
class SegmentPair:
    """A content, a style, and the bin that both belong to.

    Parameters
    ----------
    name : str
        Its name in folders and tables.
    bin : str
        "voices1_pitch2": below or above the median of mean voices and of mean pitch.
    content : Segment
        What is to be played; the target is the same notes by the style's program.
    style : Segment
        What it is to sound like.

    Examples
    --------
    >>> part = Segment("w", 0, 0, 1, "")
    >>> SegmentPair("0001", "voices1_pitch1", part, replace(part, program=2)).target.program
    2
    """

    name: str
    bin: str
    content: Segment
    style: Segment

    @property
    def target(self) -> Segment:
        """The content's notes by the style's program."""
        return replace(self.content, program=self.style.program)


@dataclass(frozen=True)
class Entry:
    """A pair as tables and pages speak of it.

    Parameters
    ----------
    name : str
        Its name, that of its folder too.
    bin : str
        The bin that it belongs to.
    content, style : dict of str to str
        "label" and "source" of each.

    Examples
    --------
    >>> Entry("0001", "all", {"label": "a", "source": ""}, {"label": "b", "source": ""}).bin
    'all'
    """

    name: str
    bin: str
    content: dict[str, str]
    style: dict[str, str]


@dataclass(frozen=True)
class Clips:
    """The sounds of a pair.

    Parameters
    ----------
    content, style : Audio
        The two inputs.
    target : Audio or None
        What the output ought to be, where that is known.
    notes : tuple of Note or None
        The content's true notes, where they are known.
    name : str
        The pair's, where it is one of a run's.

    Examples
    --------
    >>> tone = Audio(np.ones(8000, np.float32), 8000)
    >>> Clips(tone, tone).target is None
    True
    """

    content: Audio
    style: Audio
    target: Audio | None = None
    notes: tuple[Note, ...] | None = None
    name: str = ""


# --- windows and bins -----------------------------------------------------------------------------


def find_windows(part: Part) -> list[int]:
    """Where 8 s windows may begin by the paper's onset rules.

    Parameters
    ----------
    part : Part
        The notes.

    Returns
    -------
    list of int
        Whole seconds at which a window's first second has an onset and at least four of its
        eight have; windows end before the part does.

    Examples
    --------
    >>> find_windows(Part(tuple(Note(t, t + 1, 60) for t in range(9))))
    [0, 1]
    """
    begins = {int(note.start_s) for note in part.notes}
    return [
        at_s
        for at_s in range(int(part.end_s) - CLIP_S + 1)
        if at_s in begins and len(begins & set(range(at_s, at_s + CLIP_S))) >= _ACTIVE_S
    ]


def cut_notes(part: Part, start_s: int) -> tuple[Note, ...]:
    """Notes that begin in a window, cut where it ends.

    As the paper's tools do, notes begun before the window are left out.

    Parameters
    ----------
    part : Part
        The notes.
    start_s : int
        Where the window begins.

    Returns
    -------
    tuple of Note
        The window's begin being 0.

    Examples
    --------
    >>> cut_notes(Part((Note(0, 9, 60), Note(1, 12, 62))), 1)
    (Note(start_s=0, end_s=8, pitch=62, velocity=100),)
    """
    end_s = start_s + CLIP_S
    return tuple(
        Note(n.start_s - start_s, min(n.end_s, end_s) - start_s, n.pitch, n.velocity)
        for n in part.notes
        if start_s <= n.start_s < end_s
    )


def assign_median_bins(voices: Sequence[float], pitches: Sequence[float]) -> list[str]:
    """Bins by two median splits.

    Parameters
    ----------
    voices : sequence of float
        Mean voices of each part.
    pitches : sequence of float
        Mean pitch of each, in MIDI numbers.

    Returns
    -------
    list of str
        "voices1_pitch1" to "voices2_pitch2". At the median counts as above, as the paper has it,
        unless the median is the least of all: more than half of the parts may have one voice.

    Examples
    --------
    >>> assign_median_bins([1.0, 1.0, 2.0, 2.0], [50, 70, 50, 70])
    ['voices1_pitch1', 'voices1_pitch2', 'voices2_pitch1', 'voices2_pitch2']
    """
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
    """Pairs of scores, and the font that renders them.

    Parameters
    ----------
    font : str
        Path or short name of the sound font.
    font_sha256 : str
        SHA-256 of its file.
    seed : int
        Seed of every draw.
    pairs : tuple of Pair
        The pairs, with their notes.

    Examples
    --------
    >>> ArtificialSet("timgm6mb", "", 0, ()).pairs
    ()
    """

    font: str
    font_sha256: str
    seed: int
    pairs: tuple[SegmentPair, ...]

    @property
    def name(self) -> str:
        """Its folder's name."""
        return "artificial"

    @property
    def title(self) -> str:
        """Its name in tables."""
        return f"Artificial: {identify_source(self.font).name}"

    @property
    def about(self) -> str:
        """A paragraph on it."""
        return (
            f"{len(self.pairs)} pairs of 8 s windows of scores held out by work, rendered by "
            f"{identify_source(self.font).name}{_held_out_note(self.font)}. Content and style are two "
            "different programs of one bin (two median splits: mean voices, mean pitch); the "
            "target is the content's notes by the style's program. All mono, 44.1 kHz, "
            f"{LOUDNESS_LUFS:g} LUFS."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What identifies it."""
        name = identify_source(self.font).name
        return {"font": name, "font_sha256": self.font_sha256, "seed": self.seed}

    @property
    def entries(self) -> list[Entry]:
        """Its pairs, for tables."""
        names = {p.program: p.name for p in SoundFont(find_font(self.font)).presets.values()}

        def side(segment: Segment) -> dict[str, str]:
            label = f"{names.get(segment.program, 'program')} ({segment.program})"
            end_s = segment.start_s + CLIP_S
            source = f"{segment.work} part {segment.part}, {segment.start_s} to {end_s} s"
            return {"label": label, "source": source}

        return [Entry(p.name, p.bin, side(p.content), side(p.style)) for p in self.pairs]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair.

        Parameters
        ----------
        name : str
            The pair's.

        Returns
        -------
        Clips
            Mono, 44.1 kHz, 8 s, at -30 LUFS.

        Raises
        ------
        InputError
            The font renders one of them silent, or is missing.
        """
        pair = next(pair for pair in self.pairs if pair.name == name)
        content, style, target = (
            render_clip(self.font, segment.notes, segment.program)
            for segment in (pair.content, pair.style, pair.target)
        )
        return Clips(content, style, target, pair.content.notes)

    def manifest(self) -> dict[str, Any]:
        """What rebuilds the set, without a note of any score.

        Returns
        -------
        dict
            For JSON.
        """
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
        """A subset that keeps the bins' shares: every so-many-th pair.

        Parameters
        ----------
        n_pairs : int
            How many pairs.

        Returns
        -------
        ArtificialSet
            At most that many pairs.
        """
        return replace(self, pairs=tuple(spread_evenly(self.pairs, n_pairs)))


def spread_evenly(items: Sequence[ItemT], n_items: int) -> list[ItemT]:
    """Some of many, as evenly spread over them as can be.

    Parameters
    ----------
    items : sequence
        All.
    n_items : int
        How many to choose; all where there are no more.

    Returns
    -------
    list
        In their order.

    Examples
    --------
    >>> spread_evenly("abcdefghi", 3)
    ['a', 'e', 'i']
    """
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

    Parameters
    ----------
    works : sequence of Work
        Scores; those of the "train" split are left out.
    font : SoundFont
        What will render them.
    seed : int
        Seed of every draw.
    n_pairs : int
        How many pairs to keep; fewer where the scores give fewer.

    Returns
    -------
    ArtificialSet
        The pairs, with notes, in the order of their bins.

    Raises
    ------
    InputError
        The scores give no pair at all.

    Examples
    --------
    >>> sample_set([], SoundFont("nowhere.sf2"))
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.sf2: no such file; check the path
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
    # Each bin keeps the same share.
    keep = min(1.0, n_pairs / total)
    chosen = [
        (name, pair)
        for name, pairs in sampled.items()
        for pair in pairs[: _share_of(len(pairs), keep)]
    ]
    chosen += [
        (name, pair)
        for name, pairs in sampled.items()
        for pair in pairs[_share_of(len(pairs), keep) :]
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
    """Windows in random order, each given to a program that has its pitches and still has room."""
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
    """The project's own artificial set: 721 pairs of TimGM6mb, from the manifest in the package.

    Parameters
    ----------
    n_pairs : int, optional
        A subset of so many, as `ArtificialSet.quick` chooses it; all where not given. Only the
        scores that it needs are parsed.

    Returns
    -------
    ArtificialSet
        Its pairs, the notes cut from music21's works and checked against the manifest's hashes.

    Raises
    ------
    InputError
        music21 is missing, or its works are not those of the manifest.

    Examples
    --------
    >>> load_artificial_set(0).facts["font"]
    'timgm6mb'
    """
    manifest = json.loads(files("cambiata.evaluate").joinpath("artificial.json").read_text())
    if n_pairs is not None:
        manifest["pairs"] = spread_evenly(manifest["pairs"], n_pairs)
    sides = [row[side] for row in manifest["pairs"] for side in ("content", "style")]
    names = {side["work"] for side in sides}
    return parse_set(manifest, load_corpus(names=names) if names else [])


def parse_set(manifest: dict[str, Any], works: Iterable[Work]) -> ArtificialSet:
    """Artificial set of a manifest.

    Parameters
    ----------
    manifest : dict
        As `ArtificialSet.manifest` made it.
    works : iterable of Work
        The scores that it speaks of.

    Returns
    -------
    ArtificialSet
        Its pairs, with notes.

    Raises
    ------
    InputError
        A work is missing or has other notes than those hashed.

    Examples
    --------
    >>> parse_set({"font": "timgm6mb", "sha256": "", "seed": 0, "pairs": []}, []).pairs
    ()
    """
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
    """The renderer of a font, kept for the process.

    Parameters
    ----------
    font : str
        Path or short name.

    Returns
    -------
    Renderer
        It.

    Raises
    ------
    InputError
        The font is missing, or FluidSynth is.

    Examples
    --------
    >>> open_renderer("nowhere.sf2")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.sf2: no such sound font; name an .sf2 or .sf3 file
    """
    return Renderer(SoundFont(find_font(font)))


def render_clip(font: str, notes: Sequence[Note], program: int) -> Audio:
    """A clip of a test set: notes by a program of a font.

    Parameters
    ----------
    font : str
        Path or short name.
    notes : sequence of Note
        What to play.
    program : int
        General MIDI program.

    Returns
    -------
    Audio
        Mono, 44.1 kHz, 8 s, at -30 LUFS.

    Raises
    ------
    InputError
        The font lacks the program, or renders the notes silent.

    Examples
    --------
    >>> render_clip("nowhere.sf2", [Note(0, 1, 60)], 40)
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.sf2: no such sound font; name an .sf2 or .sf3 file
    """
    stereo = open_renderer(font).render(notes, program, CLIP_S)
    name = f"{font} program {program}"
    return normalize_loudness(Audio(stereo.mean(axis=0), RENDER_RATE_HZ, name=name))


def normalize_loudness(audio: Audio, loudness_lufs: float = LOUDNESS_LUFS) -> Audio:
    """The same sound at a loudness.

    Parameters
    ----------
    audio : Audio
        The sound.
    loudness_lufs : float
        Integrated loudness wanted (ITU-R BS.1770).

    Returns
    -------
    Audio
        Scaled, and never over full scale: a spiky sound may stay quieter.

    Raises
    ------
    InputError
        It is silent.

    Examples
    --------
    >>> noise = Audio(np.random.default_rng(0).normal(0, 0.3, 44100), 44100)
    >>> meter = LoudnessMeter(44100)
    >>> meter.add(normalize_loudness(noise).samples)
    >>> round(meter.loudness_db(), 1)
    -30.0
    """
    meter = LoudnessMeter(audio.sample_rate)
    meter.add(audio.samples)
    loudness = meter.loudness_db()
    if not np.isfinite(loudness):
        raise InputError(audio.name, "is silent", "leave it out")
    gain = 10 ** ((loudness_lufs - loudness) / 20)
    gain = min(gain, 0.99 / float(np.abs(audio.samples).max()))
    return replace(audio, samples=audio.samples * np.float32(gain))
