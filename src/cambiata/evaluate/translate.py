"""`cambiata evaluate translate`: music of a font that nothing was trained on, to domains.

The pairs are those of the artificial set whose style is a program that a shipped domain stands for.
Three sets: contents by programs that domains stand for, and contents by any other, both with the
artificial set's own targets; and the latter with the notes by the domain's own players as the
target, which is what a perfect translator would return, and a clip of the domain as the style of
those who need one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio, load
from cambiata.audio.source import resample
from cambiata.data.domains import DomainComposer, DomainsConfig
from cambiata.data.soundfont import RENDER_RATE_HZ, find_font
from cambiata.errors import InputError
from cambiata.evaluate.metrics import METRIC_RATE_HZ
from cambiata.evaluate.rows import Row, find_row
from cambiata.evaluate.run import run
from cambiata.evaluate.runfolder import file_stem
from cambiata.evaluate.scoring import add_scores
from cambiata.evaluate.testset import (
    LOUDNESS_LUFS,
    TEST_FONT,
    ArtificialSet,
    Clips,
    Entry,
    SegmentPair,
    load_artificial_set,
    spread_evenly,
)
from cambiata.evaluate.timbre_metric import Embedding, TimbreMetric
from cambiata.registry import system_names, translate_system
from cambiata.translation.api import translate

ROWS = (
    "target",
    "copy-content",
    "copy-style",
    "domain-render",
    "oneshot",
    "musaicing",
    "translation",
    "translation:mor2018-small",
)
PROGRAMS = {
    "grand-piano": (0, 1),
    "harpsichord": (6,),
    "church-organ": (19,),
    "nylon-guitar": (24,),
    "sitar": (104,),
    "pizzicato-strings": (45,),
    "string-quartet": (40, 41, 42),
    "string-orchestra": (48, 49),
    "wind-quintet": (73, 68, 71, 60, 70),
    "brass-quartet": (56, 57, 58),
}
"""General MIDI programs that each shipped domain stands for in the test set."""

_N_REFERENCES = 12  # clips of each domain that its timbre is the mean of


def find_domain(program: int) -> str:
    """The domain that stands for a program."""
    return next((name for name, programs in PROGRAMS.items() if program in programs), "")


@dataclass(frozen=True)
class TranslateSet:
    """Pairs to be translated."""

    name: str  # of its folder
    title: str  # in tables
    artificial: ArtificialSet
    rendered: bool = False  # targets and styles are the domain's own

    @property
    def about(self) -> str:
        """A paragraph on the set."""
        target = (
            "the target is what the domain's own players make of the content's notes, and the "
            "style another clip of them"
            if self.rendered
            else "targets and styles are those of the artificial set"
        )
        return f"{len(self.artificial.pairs)} pairs of the artificial set; {target}."

    @property
    def facts(self) -> dict[str, Any]:
        """Facts that identify the set."""
        return self.artificial.facts | {"rendered": self.rendered}

    @property
    def entries(self) -> list[Entry]:
        """Its pairs, the bin being the domain."""
        domains = {
            _pair_name(pair): find_domain(pair.style.program) for pair in self.artificial.pairs
        }
        return [
            replace(entry, name=name, bin=domain)
            for entry, (name, domain) in zip(self.artificial.entries, domains.items(), strict=True)
        ]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair."""
        clips = self.artificial.clips(name.partition(".")[2])
        if not self.rendered:
            return clips
        domain, number = name.partition(".")[0], int(name.partition(".")[2][:4])
        return replace(
            clips,
            target=_normalize_loudness(render_domain(domain, clips)),
            style=_normalize_loudness(sample_domain_clips(domain)[number % _N_REFERENCES]),
        )


def _pair_name(pair: SegmentPair) -> str:
    return f"{find_domain(pair.style.program)}.{pair.name}"


def _normalize_loudness(sound: Samples) -> Audio:
    """The sound at the test set's loudness; silence, which a domain may make of notes, as it is."""
    meter = LoudnessMeter(RENDER_RATE_HZ)
    meter.add(sound[None])
    gain_db = LOUDNESS_LUFS - meter.loudness_db()
    gain = 10 ** (gain_db / 20) if np.isfinite(gain_db) else 1.0
    return Audio(sound * np.float32(gain), RENDER_RATE_HZ)


@lru_cache(maxsize=1)
def _composer() -> DomainComposer:
    return DomainComposer(DomainsConfig(), True)


@lru_cache(maxsize=16)
def sample_domain_clips(domain: str) -> tuple[Samples, ...]:
    """Clips of a domain playing works that nothing was trained on."""
    composer = _composer()
    names = composer.config.domains
    numbers = [len(names) * i + names.index(domain) for i in range(_N_REFERENCES)]
    return tuple(composer.example(number).sounds[0] for number in numbers)


def render_domain(domain: str, clips: Clips) -> Samples:
    """A content's true notes by a domain's own players, [T]."""
    if domain not in PROGRAMS:
        raise InputError(domain, "is not a domain", "use one of " + ", ".join(PROGRAMS))
    composer = _composer()
    players = composer.players[composer.config.domains.index(domain)]
    n_samples = round(clips.content.duration_s * RENDER_RATE_HZ)
    sound = np.zeros(n_samples, np.float32)
    notes = clips.notes or ()
    median_pitch = float(np.median([note.pitch for note in notes])) if notes else 60.0
    order = sorted(players, key=lambda p: abs((p[0].lowest + p[0].highest) / 2 - median_pitch))
    for note in notes:
        for _, player in order:
            if note.pitch in player.pitches:
                sound += player.play([note], n_samples)
                break
    return sound


@dataclass(frozen=True)
class _Translate:
    """A translation to a pair's domain; a class, so that processes can be sent it."""

    options: dict[str, Any]

    def __call__(self, clips: Clips) -> Audio:
        return translate(clips.content, clips.name.partition(".")[0], **self.options)


def _domain_render(clips: Clips) -> Audio:
    return _normalize_loudness(render_domain(clips.name.partition(".")[0], clips))


def find_translate_row(name: str) -> Row:
    """The row of a name."""
    if name == "domain-render":
        about = "the true notes by the domain's own players: what a perfect translator returns"
        return Row(name, "render of the domain", about, "ceiling", _domain_render)
    system_name, _, preset = name.partition(":")
    if system_name not in system_names("translate"):
        return find_row(name)
    system = translate_system(system_name)
    preset = preset or next(iter(system.presets))
    if preset not in system.presets:
        raise InputError(
            system_name, f"has no preset {preset}", "use one of " + ", ".join(system.presets)
        )
    domains = tuple(system(system.presets[preset]).domain_names())
    return Row(
        name,
        f"{system_name} ({preset})",
        f"{system.summary}; {system.paper}",
        "system",
        _Translate({"system": system_name, "preset": preset}),
        domains=domains if set(PROGRAMS) - set(domains) else None,
    )


def evaluate_translate(
    output: str | Path,
    *,
    rows: Sequence[str] = ROWS,
    limit: int | None = None,
    n_rendered: int = 40,
    n_workers: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[str]:
    """Rows over contents of seen and unseen domains, in a run folder; what failed."""
    chosen = [find_translate_row(name) for name in dict.fromkeys(rows)]
    if not chosen:
        raise InputError("rows", "none is named", "name one, like translation")
    if limit is not None and limit < 1:
        raise InputError(f"limit {limit}", "leaves no pair", "give at least 1")
    whole = replace(load_artificial_set(), font=str(find_font(TEST_FONT)))
    in_domains = [pair for pair in whole.pairs if find_domain(pair.style.program)]
    seen = [pair for pair in in_domains if find_domain(pair.content.program)]
    unseen = [pair for pair in in_domains if not find_domain(pair.content.program)]
    some = spread_evenly(unseen, min(n_rendered, len(unseen)))

    def subset(pairs: Sequence[SegmentPair], most: int | None) -> ArtificialSet:
        return replace(
            whole, pairs=tuple(spread_evenly(pairs, min(most or len(pairs), len(pairs))))
        )

    sets = [
        TranslateSet("seen", "Contents by instruments of the domains", subset(seen, limit)),
        TranslateSet("unseen", "Contents by other instruments", subset(unseen, limit)),
        TranslateSet("rendered", "Targets by the domains' own players", subset(some, None), True),
    ]
    failures = run(output, sets, chosen, n_workers=n_workers, progress=progress)
    for test_set in sets:
        here = Path(output) / test_set.name
        failures += add_scores(
            here, "domain_found", partial(_identify_domains, here), n_workers or 2
        )
    return failures


@lru_cache(maxsize=1)
def _reference_embeddings() -> tuple[TimbreMetric, dict[str, list[Embedding]]]:
    metric = TimbreMetric()
    return metric, {
        name: [
            metric.embedding(resample(clip, RENDER_RATE_HZ, METRIC_RATE_HZ))
            for clip in sample_domain_clips(name)
        ]
        for name in _composer().config.domains
    }


def _identify_domains(here: Path, rows: Sequence[str], name: str) -> dict[str, float]:
    """1 for each row whose output is nearest to the pair's domain, of all domains."""
    metric, references = _reference_embeddings()
    hits = {}
    for row in rows:
        place = here / "audio" / name / f"{file_stem(row)}.flac"
        if place.exists():
            sound = load(place)
            embedding = metric.embedding(
                resample(sound.samples[0], sound.sample_rate, METRIC_RATE_HZ)
            )
            distances = {
                domain: float(np.mean([metric.distance(embedding, each) for each in clips]))
                for domain, clips in references.items()
            }
            hits[row] = float(min(distances, key=distances.__getitem__) == name.partition(".")[0])
    return hits
