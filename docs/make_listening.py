"""Make the listening page: its sounds, its pictures, and `docs/listening.md` itself.

    python docs/make_listening.py --recordings FOLDER --before CHECKOUT

FOLDER holds `librosa/`, `sms-tools/` and `bach-violin/`: the public recordings that `SOURCES`
names, with their licences. CHECKOUT is a checkout of commit 81d6d9e, which makes the clips called
"before". What is made is committed, so that the site is built without them.
Nothing is chosen among several outputs: each is what the command below it gives, with seed 0.
"""

import argparse
import csv
import html
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import cambiata
from cambiata.score.pictures import draw_rolls
from cambiata.score.preview import preview

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
SOUNDS = DOCS / "_static" / "listening"
LENGTH_S = 8.0  # no clip is longer
FADE_S = 0.03  # where a clip is cut
PEAK = 0.75  # lossy coding of drums overshoots by 2 dB
LOUDNESS_RMS = 0.1  # -20 dB: clips are brought to one level, so that they can be compared

SOURCES = {
    "trumpet": (
        'Mihai Sorohan, "Jazz Trumpet Loops Pack in F 90 bpm", freesound.org/s/77711',
        "CC BY 3.0",
    ),
    "cello": ("Music Technology Group, Universitat Pompeu Fabra, sms-tools", "CC BY 4.0"),
    "piano": ("Music Technology Group, Universitat Pompeu Fabra, sms-tools", "CC BY 4.0"),
    "voice": ("Music Technology Group, Universitat Pompeu Fabra, sms-tools", "CC BY 4.0"),
    "violin": (
        "John Garner, J. S. Bach, Partita BWV 1002, Double of the Sarabande; Bach Violin Dataset",
        "CC BY 3.0",
    ),
    "strings": (
        "US Army Strings, Johannes Brahms, Hungarian Dance No. 5; Musopen",
        "public domain",
    ),
    "tune": ("Frère Jacques, traditional; our own encoding", "CC0"),
    "reel": (
        "The Flowers of Edinburgh, as in Ryan's Mammoth Collection, Boston 1883",
        "public domain",
    ),
    "rock": (
        "Groove MIDI Dataset 1.0.0, drummer 3 (Gillick et al. 2019, Google LLC)",
        "CC BY 4.0",
    ),
    "funk": (
        "Groove MIDI Dataset 1.0.0, drummer 5 (Gillick et al. 2019, Google LLC)",
        "CC BY 4.0",
    ),
    "cantus": ("Cantus firmus in D of Fux's Gradus ad Parnassum, 1725", "public domain"),
}


@dataclass
class Clip:
    """A player on the page: a sound, what it is called, and perhaps a picture of its score."""

    file: str
    caption: str
    sound: cambiata.Audio
    score: cambiata.Score | None = None


@dataclass
class Example:
    """A row of players, the command that makes the last of them, and what to listen for."""

    title: str
    clips: list[Clip]
    command: str
    remark: str
    sources: tuple[str, ...] = field(default=())


class Recordings:
    """The recordings and scores, each loaded as the page uses it."""

    def __init__(self, folder: Path, before: Path) -> None:
        self.before = before

        def part(path: Path, start_s: float, end_s: float | None) -> cambiata.Audio:
            return cambiata.load(path, start_s=start_s, end_s=end_s).mono()

        self.trumpet = part(EXAMPLES / "trumpet.ogg", 0, None)
        self.cello = part(EXAMPLES / "cello.flac", 0, None)
        self.piano = part(folder / "sms-tools" / "piano.wav", 0, None)
        self.voice = part(folder / "sms-tools" / "singing-female.wav", 0, None)
        violin = folder / "bach-violin" / "john-garner_bwv1002_mov6.mp3"
        self.violin = part(violin, 2.0, 9.0)  # what comes before is silent
        self.violin_long = part(violin, 2.0, 22.0)
        (strings,) = (folder / "librosa").glob("Hungarian_Dance*.ogg")
        self.strings = part(strings, 0.0, 7.0)
        self.violin_score = bach_score(
            folder / "bach-violin" / "john-garner_bwv1002_mov6.notes.csv"
        )
        self.tune, self.rock, self.funk = (
            cambiata.load_score(EXAMPLES / f"{name}.mid") for name in ("tune", "rock", "funk")
        )
        self.reel = cambiata.load_sheet(EXAMPLES / "reel.mid")
        self.cantus = cambiata.load_sheet(EXAMPLES / "cantus.mid")


def bach_score(table: Path, quarter_s: float = 0.356) -> cambiata.Score:
    """The first notes of the dataset's score, in the recording's mean tempo.

    Its times are counted in 24ths of a quarter note.
    """
    notes = []
    with table.open() as file:
        for row in csv.DictReader(file):
            start_s, end_s = (int(row[key]) / 24 * quarter_s for key in ("onset", "offset"))
            if start_s < LENGTH_S:
                notes.append(cambiata.Note(start_s, end_s, int(row["pitch"]), int(row["velocity"])))
    return cambiata.Score((cambiata.Part(tuple(notes)),))


def sheet_score(sheet: cambiata.Sheet) -> cambiata.Score:
    """Written music as a score in seconds, by way of a MIDI file."""
    with tempfile.TemporaryDirectory() as folder:
        cambiata.save_sheet(sheet, Path(folder) / "sheet.mid")
        return cambiata.load_score(Path(folder) / "sheet.mid")


def beginning(score: cambiata.Score, end_s: float = LENGTH_S) -> cambiata.Score:
    """The notes that begin before a time."""
    parts = []
    for part in score.parts:
        notes = tuple(note for note in part.notes if note.start_s < end_s - 0.1)
        parts.append(replace(part, notes=notes))
    return replace(score, parts=tuple(parts))


def sketch(file: str, caption: str, score: cambiata.Score) -> Clip:
    """A score played by plain oscillators, as `--listen` does, with its piano roll."""
    return Clip(file, caption, preview(score), score)


def transfers(given: Recordings) -> Iterator[Example]:
    """Timbre transfer: easy, compared, and hard."""
    trumpet, cello = given.trumpet, given.cello
    yield Example(
        "A trumpet phrase by a cello",
        [
            Clip("trumpet", "Content: trumpet", trumpet),
            Clip("cello", "Style: cello", cello),
            Clip("trumpet-cello-half", "amount 0.5", cambiata.transfer(trumpet, cello, amount=0.5)),
            Clip("trumpet-cello", "amount 1", cambiata.transfer(trumpet, cello)),
        ],
        "cambiata transfer trumpet.ogg cello.flac -o out.wav --amount 1",
        "Notes, timing and bends are the trumpet's. Attacks are softer than either instrument's.",
        ("trumpet", "cello"),
    )
    violin, piano = given.violin, given.piano
    yield Example(
        "Three systems: a violin by a piano",
        [
            Clip("violin", "Content: violin", violin),
            Clip("piano", "Style: piano", piano),
            Clip("violin-piano", "oneshot (default)", cambiata.transfer(violin, piano)),
            Clip(
                "violin-piano-musaicing",
                "musaicing, preset shifted",
                cambiata.transfer(violin, piano, system="musaicing", preset="shifted"),
            ),
            Clip("violin-piano-vqvae", "vqvae", cambiata.transfer(violin, piano, system="vqvae")),
        ],
        "cambiata transfer violin.wav piano.wav -o out.wav --system oneshot",
        "The style holds a few seconds. The mosaic has the piano's true sound and loses many "
        "notes; the network of 2021 is blurred and stops at 8 kHz.",
        ("violin", "piano"),
    )
    strings = given.strings
    yield Example(
        "Hard cases: a voice by a trumpet, a string orchestra by a piano",
        [
            Clip("voice", "Content: voice", given.voice),
            Clip("voice-trumpet", "by the trumpet", cambiata.transfer(given.voice, trumpet)),
            Clip("strings", "Content: string orchestra", strings),
            Clip("strings-piano", "by the piano", cambiata.transfer(strings, piano)),
        ],
        "cambiata transfer voice.wav trumpet.ogg -o out.wav",
        "Vibrato is followed, but where the voice glides (at 3 s) the trumpet plays steps. Of the "
        "orchestra, melody and bass are there and inner voices are missing; what bows sustain, a "
        "piano strikes once.",
        ("voice", "trumpet", "strings", "piano"),
    )


def repairs(given: Recordings) -> Iterator[Example]:
    """Recordings as they were played before and as they are."""
    trumpet, cello = given.trumpet, given.cello
    violin, strings = shortened(given.violin), shortened(given.strings)
    for name, title, content, style, remark, sources in (
        (
            "violin-cello",
            "Hiss: a violin by a cello",
            violin,
            cello,
            "Before, a hiss came and went with the notes, 11 dB above the cello's own; now it is "
            "3 dB below that. The beginning of each note still has some.",
            ("violin", "cello"),
        ),
        (
            "violin-trumpet",
            "Between strokes: a violin by a trumpet",
            violin,
            trumpet,
            "Before, noise filled the time between the bow's strokes, 5 dB above the trumpet's; "
            "now it is as loud as the trumpet's.",
            ("violin", "trumpet"),
        ),
        (
            "strings-violin",
            "Many voices: a string orchestra by a violin",
            strings,
            given.violin,
            "What was missed of the inner voices was noise before, 14 dB above the violin's; 10 dB "
            "are left, and the voices are still missing.",
            ("strings", "violin"),
        ),
    ):
        yield Example(
            title,
            [
                Clip(f"{name}-before", "before", earlier(given.before, content, style)),
                Clip(f"{name}-now", "now", cambiata.transfer(content, style)),
            ],
            "cambiata transfer content.wav style.wav -o out.wav",
            remark,
            sources,
        )


def shortened(sound: cambiata.Audio, end_s: float = 5.0) -> cambiata.Audio:
    """The beginning of a sound."""
    return replace(sound, samples=sound.samples[:, : round(end_s * sound.sample_rate)])


def earlier(checkout: Path, content: cambiata.Audio, style: cambiata.Audio) -> cambiata.Audio:
    """A transfer by the code of another checkout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content.save(folder / "content.wav")
        style.save(folder / "style.wav")
        files = [folder / f"{each}.wav" for each in ("content", "style", "out")]
        subprocess.run(
            [sys.executable, "-m", "cambiata", "transfer", *files[:2], "-o", files[2]],
            env={**os.environ, "PYTHONPATH": str((checkout / "src").resolve())},
            cwd=folder,
            check=True,
        )
        return cambiata.load(files[2])


def timbres(given: Recordings) -> Iterator[Example]:
    """A mixture of two captured timbres."""
    trumpet = cambiata.capture_timbre([given.trumpet])
    cello = cambiata.capture_timbre([given.cello])
    clips = []
    for share in (0.3, 0.7):
        mixed = cambiata.mix_timbres([(trumpet, 1 - share), (cello, share)])
        sound = cambiata.transfer(given.trumpet, mixed)
        clips.append(Clip(f"mix-{round(100 * share)}", f"{round(100 * share)} % cello", sound))
    yield Example(
        "Between two sounds",
        clips,
        "cambiata timbre mix trumpet.timbre=0.3 cello.timbre=0.7 -o between.timbre",
        "The same trumpet phrase with a mixture of both timbres: one sound, not two at once.",
        ("trumpet", "cello"),
    )


def performances(given: Recordings) -> Iterator[Example]:
    """Scores played with recorded sounds."""
    tune = beginning(given.tune)
    yield Example(
        "A round by a cello and by a trumpet",
        [
            Clip("tune-cello", "by the cello", cambiata.play(tune, given.cello), tune),
            Clip("tune-trumpet", "by the trumpet", cambiata.play(tune, given.trumpet)),
        ],
        "cambiata play tune.mid cello.flac -o out.wav",
        "Every note is played as the recording's notes near it sound; the lowest ones lie outside "
        "the trumpet's range and are guessed.",
        ("tune", "cello", "trumpet"),
    )
    bach = beginning(given.violin_score)
    yield Example(
        "Bach's notes by a piano",
        [
            Clip("violin", "the violinist", given.violin),
            Clip("bach-piano", "the score by the piano", cambiata.play(bach, given.piano), bach),
        ],
        "cambiata play bwv1002.mid piano.wav -o out.wav",
        "A score has no phrasing: the piano plays the notes evenly. Its recording lasts four "
        "seconds.",
        ("violin", "piano"),
    )
    yield Example(
        "Three players: the round by a piano",
        [
            Clip(f"tune-piano-{system}", name, cambiata.play(tune, given.piano, system=system))
            for system, name in (
                ("player", "player (default)"),
                ("performancenet", "performancenet"),
                ("wavenet", "wavenet"),
            )
        ],
        "cambiata play tune.mid piano.wav -o out.wav --system wavenet",
        "The two published designs, small and trained for hours where their authors had days. "
        "performancenet plays the notes, a little blurred, with the colour of a mean keyboard; "
        "wavenet knows one piano, at 2 kHz, and one voice better than two hands.",
        ("tune", "piano"),
    )


def transcriptions(given: Recordings) -> Iterator[Example]:
    """Recordings written down, and the notes as a sketch."""
    violin, strings = cambiata.transcribe(given.violin), cambiata.transcribe(given.strings)
    yield Example(
        "A violin and a string orchestra",
        [
            Clip("violin", "the violin", given.violin),
            sketch("violin-notes", "its notes, as a sketch", violin),
            Clip("strings", "the orchestra", given.strings),
            sketch("strings-notes", "its notes, as a sketch", strings),
        ],
        "cambiata transcribe violin.wav -o notes.mid",
        "The sketch is plain oscillators, so that only the notes count. Nearly all of the violin's "
        "notes are there; of the orchestra's, melody and bass are, and most inner voices are not.",
        ("violin", "strings"),
    )


def translations(given: Recordings) -> Iterator[Example]:
    """Domains that ship."""
    yield Example(
        "A trumpet as a string quartet and as a sitar",
        [
            Clip(
                "trumpet-quartet",
                "string-quartet",
                cambiata.translate(given.trumpet, "string-quartet"),
            ),
            Clip("trumpet-sitar", "sitar", cambiata.translate(given.trumpet, "sitar")),
        ],
        "cambiata translate trumpet.ogg --to string-quartet -o out.wav",
        "One line in, one line out: nothing is harmonised. The quartet's instruments take turns by "
        "register.",
        ("trumpet",),
    )
    yield Example(
        "A string orchestra as a wind quintet and as an organ",
        [
            Clip(
                "strings-winds", "wind-quintet", cambiata.translate(given.strings, "wind-quintet")
            ),
            Clip(
                "strings-organ", "church-organ", cambiata.translate(given.strings, "church-organ")
            ),
        ],
        "cambiata translate strings.ogg --to wind-quintet -o out.wav",
        "Dense music: what the transcription misses is missing here, too.",
        ("strings",),
    )
    yield Example(
        "The trumpet by the published network",
        [
            Clip(
                f"trumpet-mor2018-{domain}",
                domain,
                cambiata.translate(given.trumpet, domain, preset="mor2018-small"),
            )
            for domain in ("church-organ", "wind-quintet")
        ],
        "cambiata translate trumpet.ogg --to church-organ -o out.wav --preset mor2018-small",
        "Mor et al. 2018, small, at 2 kHz, trained for four and a half hours of one core where its "
        "authors had three days of 48 GPUs: loudness and register are followed, of the notes a "
        "few.",
        ("trumpet",),
    )


def melodies(given: Recordings) -> Iterator[Example]:
    """A reel in other dance rhythms."""
    reel = sheet_score(given.reel)
    strathspey = sheet_score(cambiata.restyle(given.reel, "strathspey"))
    half = sheet_score(cambiata.restyle(given.reel, "strathspey", amount=0.5))
    jig = sheet_score(cambiata.restyle(given.reel, "jig", metre="style"))
    reel, strathspey, half, jig = map(beginning, (reel, strathspey, half, jig))
    yield Example(
        "A reel as a strathspey and as a jig",
        [
            sketch("reel", "the reel", reel),
            sketch("strathspey-half", "strathspey, amount 0.5", half),
            sketch("strathspey", "strathspey, amount 1", strathspey),
            sketch("jig", "jig, in 6/8", jig),
        ],
        "cambiata melody reel.mid --style strathspey -o out.mid --listen out.wav",
        "Dotted rhythms come in where the style is strongest. Pitches that are added repeat a "
        "neighbour more often than a fiddler would.",
        ("reel",),
    )
    yield Example(
        "The strathspey by a violin",
        [Clip("strathspey-violin", "by the violin", cambiata.play(strathspey, given.violin_long))],
        "cambiata play strathspey.mid violin.wav -o out.wav",
        "The verbs work together: restyled first, then played with a recorded sound.",
        ("reel", "violin"),
    )


def grooves(given: Recordings) -> Iterator[Example]:
    """A drum part at 0, 30 and 100 % of the way, and its feel alone."""
    rock, funk = given.rock, given.funk

    def at(file: str, caption: str, **options: float) -> Clip:
        return sketch(file, caption, beginning(cambiata.morph_groove(rock, funk, **options)))

    yield Example(
        "From rock to funk",
        [
            at("groove-0", "0 %: the rock part", amount=0.0),
            at("groove-30", "30 %", amount=0.3),
            at("groove-100", "100 %: the funk part", amount=1.0),
        ],
        "cambiata groove rock.mid funk.mid --amount 0.3 -o out.mid --listen out.wav",
        "The tempo stays the first part's. At 30 % the strongest changes are in; hits come and go "
        "one by one.",
        ("rock", "funk"),
    )
    yield Example(
        "The feel alone",
        [
            at(
                "groove-feel",
                "rock's hits, funk's dynamics and timing",
                hits=0.0,
                velocity=1.0,
                timing=1.0,
            ),
            at(
                "groove-hits",
                "funk's hits, rock's dynamics and timing",
                hits=1.0,
                velocity=0.0,
                timing=0.0,
            ),
        ],
        "cambiata groove rock.mid funk.mid --hits 0 --velocity 1 --timing 1 -o out.mid",
        "The sketch's drums are noise and sweeps: timing is easy to hear, loudness less so.",
        ("rock", "funk"),
    )


def counterpoints(given: Recordings) -> Iterator[Example]:
    """A cantus firmus with solutions."""
    faster = 3.0  # an exercise's whole notes would fill the clip with three bars

    def solved(file: str, caption: str, species: int) -> Clip:
        (best, *_) = cambiata.solve_counterpoint(given.cantus, species=species)
        sheet = best.sheet
        return sketch(file, caption, beginning(hurried(sheet_score(sheet), faster)))

    cantus = beginning(hurried(sheet_score(given.cantus), faster))
    yield Example(
        "Fux's Dorian cantus firmus",
        [
            sketch("cantus", "the cantus", cantus),
            solved("species-1", "first species above", 1),
            solved("species-3", "third species above", 3),
            solved("species-5", "fifth species above", 5),
        ],
        "cambiata counterpoint solve cantus.mid --species 3 -o out.mid --listen out.wav",
        "Played three times as fast as written. The best solution by what Bach's chorales do; all "
        "rules kept.",
        ("cantus",),
    )


def hurried(score: cambiata.Score, times: float) -> cambiata.Score:
    """A score played faster."""
    parts = []
    for part in score.parts:
        notes = tuple(
            cambiata.Note(n.start_s / times, n.end_s / times, n.pitch, n.velocity)
            for n in part.notes
        )
        parts.append(cambiata.Part(notes))
    return cambiata.Score(tuple(parts))


SECTIONS: dict[str, tuple[str, Callable[[Recordings], Iterator[Example]]]] = {
    "Timbre transfer": ("transfer", transfers),
    "Recordings, before and now": ("transfer", repairs),
    "Mixed timbres": ("timbre", timbres),
    "Scores to audio": ("play", performances),
    "Transcription": ("transcribe", transcriptions),
    "Translation": ("translate", translations),
    "Melodies": ("melody", melodies),
    "Grooves": ("groove", grooves),
    "Counterpoint": ("counterpoint", counterpoints),
}


def save(clip: Clip) -> None:
    """Write a clip as mono ogg at one level, cut to length, and its piano roll."""
    sound = clip.sound.mono()
    samples = sound.samples[0, : round(LENGTH_S * sound.sample_rate)].astype(np.float64)
    n_fade = round(FADE_S * sound.sample_rate)
    samples[-n_fade:] *= np.linspace(1, 0, n_fade)
    level = np.sqrt(np.mean(samples**2)) or 1.0
    samples *= min(LOUDNESS_RMS / level, PEAK / np.abs(samples).max())
    place = SOUNDS / f"{clip.file}.ogg"
    cambiata.Audio(samples.astype(np.float32)[None], sound.sample_rate).save(place, force=True)
    if clip.score is not None:
        draw_rolls({"": clip.score}, SOUNDS / f"{clip.file}.svg", force=True)


def player(clip: Clip) -> str:
    """HTML of one clip."""
    caption, source = html.escape(clip.caption), f"_static/listening/{clip.file}"
    picture = f'<a href="{source}.svg"><img src="{source}.svg" alt="Piano roll: {caption}"></a>'
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<audio controls preload="metadata" src="{source}.ogg"></audio>'
        f"{picture if clip.score else ''}</figure>"
    )


def page(sections: dict[str, list[Example]]) -> str:
    """The page's text."""
    lines = [
        "<!-- Written by docs/make_listening.py; change that, not this. -->",
        "",
        "# Listen",
        "",
        "Two or three examples for every job, the hard ones among them. Each is what the command",
        "below it gives, with default settings unless it says otherwise; nothing was chosen among",
        "several outputs. All clips are mono and brought to one level to be compared.",
        "",
    ]
    for title, examples in sections.items():
        verb = SECTIONS[title][0]
        lines += [f"## {title}", "", f"How to: [{verb}](how-to/{verb}.md).", ""]
        for example in examples:
            lines += [f"### {example.title}", "", '<div class="clips">']
            lines += [player(clip) for clip in example.clips]
            lines += ["</div>", "", f"`{example.command}`", "", example.remark, ""]
    lines += [
        "## Who played",
        "",
        "Recordings and scores that went in. What came out of recordings under CC BY bears the",
        "same attribution.",
        "",
        "| name here | source | licence |",
        "|---|---|---|",
        *(f"| {name} | {source} | {licence} |" for name, (source, licence) in SOURCES.items()),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Make everything anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, default=DOCS.parent.parent / "shared/data/real")
    parser.add_argument("--before", type=Path, required=True, help="a checkout of 81d6d9e")
    arguments = parser.parse_args()
    SOUNDS.mkdir(parents=True, exist_ok=True)
    given = Recordings(arguments.recordings, arguments.before)
    sections: dict[str, list[Example]] = {}
    for title, (_, make) in SECTIONS.items():
        sections[title] = list(make(given))
        for example in sections[title]:
            print(f"{title}: {example.title}", flush=True)
            for clip in example.clips:
                save(clip)
    (DOCS / "listening.md").write_text(page(sections))
    size = sum(place.stat().st_size for place in SOUNDS.iterdir())
    print(f"{len(list(SOUNDS.glob('*.ogg')))} sounds, {size / 2**20:.1f} MiB with pictures")


if __name__ == "__main__":
    main()
