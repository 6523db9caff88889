"""What `fuzz_readers.py` mutates, and what reads it: one entry of `READERS` a kind of file.

To add a kind: a function that writes whole files of it into a folder, one that reads a file as a
user's command would, and a line in `READERS`.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

import cambiata
from cambiata.archives import read_arrays
from cambiata.audio.sound import AudioFile
from cambiata.batches.inputs import read_table
from cambiata.batches.manifest import BatchItem, Manifest
from cambiata.data.soundfont import SoundFont
from cambiata.groove.api import load_drums
from cambiata.groove.grid import Groove
from cambiata.groove.phrases import fit_bars
from cambiata.instrument.samples import Sample, Zone
from cambiata.instrument.sf2 import write_sf2
from cambiata.knobs.descriptors import NAMES
from cambiata.knobs.directions import POSITIONS, Directions, NamedPath
from cambiata.knobs.knob_set import KnobSet
from cambiata.knobs.parameters import N_PARAMETERS
from cambiata.knobs.storing import read_set, write_set
from cambiata.melody.bars import melody_of_sheet
from cambiata.performance.controls import ControlledNotes
from cambiata.registry import DEFAULT_TRANSFER, transfer_system
from cambiata.score import notation
from cambiata.score.midi import Clock, Controls, Metre
from cambiata.score.notation import read_score
from cambiata.score.sheet import Sheet, Tone, Voice
from cambiata.system import make_system
from cambiata.translation.domains import FOLDER_VARIABLE, load_domain
from cambiata.weights import METADATA_KEY, forget_models, load_model, open_model, open_session

_RATE_HZ = 22050
_FFMPEG_SUFFIXES = ("m4a", "webm", "wma", "caf", "mp2", "ac3", "aac", "mka")


@dataclass(frozen=True)
class Reader:
    """A kind of file: how whole ones are made, and how one is read."""

    write_seeds: Callable[[Path], None]  # into an empty folder
    read: Callable[[Path], object]  # may raise CambiataError, nothing else


def _tune(pitches: tuple[int, ...] = (60, 64, 67, 72)) -> cambiata.Audio:
    """Half a second of decaying notes in two channels."""
    t = np.arange(_RATE_HZ // 8) / _RATE_HZ
    notes = [np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * t) * np.exp(-9 * t) for p in pitches]
    line = 0.3 * np.concatenate(notes)
    return cambiata.Audio(np.stack([line, line[::-1]]), _RATE_HZ, "PCM_16")


def _write_sounds(folder: Path) -> None:
    tune = _tune()
    for suffix in ("wav", "flac", "ogg", "mp3", "aiff"):
        tune.save(folder / f"tune.{suffix}")
    chained = (folder / "tune.ogg").read_bytes()
    (folder / "chained.ogg").write_bytes(2 * chained)
    if shutil.which("ffmpeg") is None:
        return
    start = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(folder / "tune.wav")]
    for suffix in _FFMPEG_SUFFIXES:
        subprocess.run([*start, str(folder / f"tune.{suffix}")], check=True)
    for name, *options in (
        ("bare.mp3", "-write_xing", "0", "-id3v2_version", "0"),
        ("blocks.wav", "-c:a", "adpcm_ima_wav"),
        ("large.wav", "-rf64", "always"),
        ("sony.w64",),
        ("sun.au",),
        ("lossless.m4a", "-c:a", "alac"),
        ("opus.ogg", "-c:a", "libopus", "-ar", "48000"),
    ):
        subprocess.run([*start, *options, str(folder / name)], check=True)


def _read_sound(path: Path) -> None:
    for _ in AudioFile(path).blocks():
        pass


def _write_midis(folder: Path) -> None:
    notes = [cambiata.Note(i / 2, i / 2 + 0.4, 60 + i, 80) for i in range(8)]
    parts = (cambiata.Part(tuple(notes), name="right"), cambiata.Part(tuple(notes[::2])))
    cambiata.save_score(cambiata.Score(parts, "tune"), folder / "tune.mid")
    bends = tuple((i / 4, i % 5 - 2.0) for i in range(16))
    swell = tuple((i / 4, 8.0 * i) for i in range(16))
    controls = Controls(bends, ((0.0, 90.0),), swell)
    drums = cambiata.Part(
        tuple(cambiata.Note(i / 4, i / 4 + 0.1, (36, 42, 38)[i % 3]) for i in range(16)),
        is_drum=True,
    )
    bent = replace(parts[0], controls=(controls,), pedal=((0.2, 1.0), (1.5, 3.0)))
    metres = Clock(((0.0, 90.0), (3.0, 140.0)), ((0.0, Metre(4, 4)),), "F#m")
    score = cambiata.Score((bent, drums), "all", metres)
    cambiata.save_score(score, folder / "all.mid")
    whole = (folder / "all.mid").read_bytes()
    riff = b"RMIDdata" + len(whole).to_bytes(4, "little") + whole
    (folder / "all.rmi").write_bytes(b"RIFF" + len(riff).to_bytes(4, "little") + riff)
    (folder / "patterns.mid").write_bytes(whole[:9] + b"\2" + whole[10:])
    (folder / "frames.smf").write_bytes(whole[:12] + b"\xe7\x28" + whole[14:])


def _write_musicxml(folder: Path) -> None:
    steps = "".join(
        f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration>"
        "<type>quarter</type></note>"
        for step in "CDEF"
    )
    (folder / "tune.musicxml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise version="4.0"><part-list>'
        '<score-part id="P1"><part-name>Flute</part-name></score-part></part-list>'
        '<part id="P1"><measure number="1"><attributes><divisions>1</divisions>'
        "<key><fifths>1</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time>"
        f"</attributes>{steps}</measure><measure number='2'>{steps}</measure></part>"
        "</score-partwise>\n",
        "utf-8",
    )

    (folder / "signs.musicxml").write_text(_SIGNS, "utf-16")
    timewise = _SIGNS.replace("partwise", "timewise").replace('<part id="P1">', "")
    timewise = re.sub(r'(<measure number="\d">)', r'\1<part id="P1">', timewise)
    timewise = timewise.replace("</measure>", "</part></measure>").replace(
        "</part></score", "</score"
    )
    (folder / "timewise.xml").write_text(timewise.replace("UTF-16", "UTF-8"), "utf-8")
    for name in ("tune", "signs"):
        sheet = notation.read(folder / f"{name}.musicxml")
        notation.write(sheet, folder / f"{name}.mxl")


# Transposition, repeats, endings, jumps, dynamics, wedges, pedal, voices, grace and cue notes.
_SIGNS = (
    '<?xml version="1.0" encoding="UTF-16"?>\n<!DOCTYPE score-partwise PUBLIC "-//X" "x.dtd">'
    '<score-partwise version="4.0"><work><work-title>Signs</work-title></work><part-list>'
    '<score-part id="P1"><part-name>Piano</part-name><midi-instrument id="I1"><midi-program>3'
    '</midi-program></midi-instrument></score-part></part-list><part id="P1"><measure number="1">'
    "<attributes><divisions>12</divisions><key><fifths>-3</fifths><mode>minor</mode></key><time>"
    "<beats>3+2</beats><beat-type>8</beat-type></time><transpose><diatonic>-1</diatonic>"
    "<chromatic>-2</chromatic><octave-change>-1</octave-change></transpose></attributes>"
    '<barline location="left"><repeat direction="forward"/></barline><direction><direction-type>'
    '<dynamics><pp/></dynamics></direction-type><sound tempo="96" dynamics="40"/></direction>'
    '<direction><direction-type><wedge type="crescendo"/></direction-type></direction><direction>'
    '<direction-type><pedal type="start"/></direction-type></direction><note><grace/><pitch>'
    "<step>B</step><octave>4</octave></pitch></note><note><pitch><step>C</step><alter>1</alter>"
    '<octave>5</octave></pitch><duration>12</duration><tie type="start"/></note><note><chord/>'
    "<pitch><step>E</step><octave>5</octave></pitch><duration>12</duration></note><note><cue/>"
    "<pitch><step>G</step><octave>4</octave></pitch><duration>6</duration></note><backup><duration>"
    "18</duration></backup><note><pitch><step>A</step><octave>3</octave></pitch><duration>30"
    '</duration><staff>2</staff></note></measure><measure number="2"><barline location="left">'
    '<ending number="1, 2" type="start"/></barline><note><pitch><step>C</step><octave>5</octave>'
    '</pitch><duration>30</duration><tie type="stop"/></note><direction><direction-type><metronome>'
    "<beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>60</per-minute></metronome>"
    '</direction-type></direction><barline location="right"><ending number="1, 2" type="stop"/>'
    '<repeat direction="backward" times="3"/></barline></measure><measure number="3"><direction>'
    '<direction-type><segno/></direction-type><sound segno="1"/></direction><note><rest '
    'measure="yes"/><duration>30</duration></note><sound fine="yes"/></measure><measure number="4">'
    "<note><unpitched/><duration>30</duration></note><direction><direction-type><words>D.S. al Fine"
    "</words></direction-type></direction></measure></part></score-partwise>"
)


def _write_abc(folder: Path) -> None:
    (folder / "tune.abc").write_text(
        "X:1\nT:Tune\nM:4/4\nL:1/8\nK:Dm\n|:^F2F2 _B2B2|1 F2B2 [CE]4-:|2 [CE]4 z4|]\n", "utf-8"
    )
    (folder / "signs.abc").write_text(
        "%abc-2.1\n%%MIDI program 40\nX:1\nT:Signs\nC:Anon.\nM:2+3/8\nL:1/16\nQ:1/4=96\nP:A2B\n"
        'm: ~g2 = {a}g{f}g\nV:1 clef=treble-8 name="One"\nV:2 transpose=-2\nK:HP\n'
        "P:A\n[V:1] !segno!|:(3ABc ~g2 d>e|[1,3 A4 Z2:|[2 [K:Dm]^c2_B3/2-B/ & x4 c4:|\n"
        "[V:2] |:+fermata+[CE]4- [CE]2 X|[1,3 z8:|[2 u.C4 T(D4):|\nP:B\n"
        "[V:1] [M:6/8]!pp!=f3 ^g3|!D.S.al fine! a6|]\n",
        "utf-16",
    )
    (folder / "book.abc").write_text(
        "".join(f"X:{i}\nT:Tune {i}\nM:6/8\nL:1/8\nK:G\nGAB dBd|G6:|\n\n" for i in (1, 2, 3))
    )


def _read_score(path: Path) -> None:
    cambiata.load_score(path)
    sheet = cambiata.load_sheet(path)
    with TemporaryDirectory() as folder:  # what is read can be written
        notation.write(sheet, Path(folder) / "out.musicxml")


def _read_midi(path: Path) -> None:
    """As load_score, play, melody and groove read it; these may refuse it for other reasons."""
    cambiata.load_score(path)
    for read in (_read_performance, _read_melody, _read_groove):
        with suppress(cambiata.CambiataError):
            read(path)


def _read_performance(path: Path) -> None:
    part = read_score(path, keys=True).merged().nearest_pitches()
    ControlledNotes.of(part.with_pedal())


def _read_melody(path: Path) -> None:
    melody_of_sheet(notation.read(path), track=1, skyline=True)


def _read_groove(path: Path) -> None:
    groove, other = (Groove.of(load_drums(path, drums), metre=Metre(4, 4)) for drums in (1, None))
    fit_bars(groove, other)


def _write_timbres(folder: Path) -> None:
    cambiata.capture_timbre([_tune((60, 64, 67, 72) * 4)], folder / "tune.timbre")


def _read_timbre(path: Path) -> None:
    timbre = cambiata.load_timbre(path)
    timbre.for_system(make_system(transfer_system(DEFAULT_TRANSFER)))


def _write_models(folder: Path) -> None:
    """The smallest models that ship, and the facts of others around a network that does nothing."""
    for place in (files("cambiata") / "shipped").iterdir():
        name, _, part = place.name.removesuffix(".onnx").partition(".")
        if name in ("groove", "pati2018"):
            (folder.parent if part else folder).joinpath(place.name).write_bytes(place.read_bytes())
    (folder.parent / "part.onnx").write_bytes(_PART)
    for name in ("melody", "drums", "listener"):
        (folder / f"{name}.onnx").write_bytes(_network(json.dumps(_facts(name)).encode()))


def _facts(name: str) -> dict[str, Any]:
    """Facts of a model that ships, with a part that does nothing and one style at most."""
    session = open_session(open_model(name)[0])
    facts = json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])
    facts = {key: fact for key, fact in facts.items() if key not in ("data", "begun from")}
    for key in ("styles", "quantiles"):  # long lists, of which one of a kind will do
        facts |= {key: dict(list(facts[key].items())[:1])} if key in facts else {}
    sha256 = hashlib.sha256(_PART).hexdigest()
    return facts | {"parts": {name: ["part.onnx", sha256] for name in facts["parts"]}}


def _network(facts: bytes) -> bytes:
    """The bytes of an ONNX model (onnx.proto3): one Identity, and metadata."""
    tensor = _field(1, _field(1, 1) + _field(2, _field(1, _field(1, 1))))
    node = _field(1, b"x") + _field(2, b"y") + _field(4, b"Identity")
    values = (_field(key, _field(1, name) + _field(2, tensor)) for key, name in _TENSORS)
    graph = _field(1, node) + _field(2, b"tiny") + b"".join(values)
    metadata = _field(1, METADATA_KEY.encode()) + _field(2, facts)
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 17)) + _field(14, metadata)


_TENSORS = ((11, b"x"), (12, b"y"))  # fields of the graph that have its input and its output


def _field(number: int, value: int | bytes) -> bytes:
    """A field of a protobuf message: an integer, or bytes after their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low = bytes([value & 127 | 128]) if value > 127 else bytes([value])
    return low + _varint(value >> 7) if value > 127 else low


_PART = _network(b"{}")


def _read_model(path: Path) -> None:
    system = path.stem.rpartition("-")[0]
    forget_models()
    load_model(str(path), system)
    if system in ("pati2018", "melody"):
        settings = {"weights": str(path)}
        tones = tuple(Tone(Fraction(i, 2), Fraction(1, 2), 60 + i % 5) for i in range(16))
        cambiata.restyle(Sheet((Voice(tones),)), "reel", system=system, settings=settings)
    if system in ("drums", "listener"):
        is_drums = system == "drums"
        instrument: Literal["any", "drums"] = "drums" if is_drums else "any"
        cambiata.transcribe(_tune(), instrument=instrument, weights=str(path))


def _write_facts(folder: Path) -> None:
    (folder.parent / "part.onnx").write_bytes(_PART)
    for name in ("melody", "drums", "listener", "translation-domains"):
        (folder / f"{name}.json").write_text(json.dumps(_facts(name)))


def _read_facts(path: Path) -> None:
    """The facts of a model that is whole otherwise, as the system looks at it that uses it."""
    with TemporaryDirectory(dir=path.parent) as folder:
        shutil.copy(path.parent / "part.onnx", folder)
        made = Path(folder) / path.with_suffix(".onnx").name
        made.write_bytes(_network(path.read_bytes()))
        if "domain" in path.name:
            _look_at_domain(made)
        else:
            _read_model(made)


def _look_at_domain(path: Path) -> None:
    """As `cambiata domains list` and a translation do."""
    os.environ[FOLDER_VARIABLE] = str(path.parent)
    cambiata.domains()
    domain = load_domain(path.stem)
    domain.inharmonicity, domain.vibrato_cents  # noqa: B018


def _write_knobs(folder: Path) -> None:
    rng = np.random.default_rng(0)
    n, n_main, numbers = 3, 2, N_PARAMETERS
    ways = [rng.normal(size=(len(POSITIONS), k)) for k in (numbers, len(NAMES))]
    main = Directions(
        *(rng.normal(size=s) for s in ((numbers,), (n_main, numbers), (n, n_main), 2))
    )
    parameters, described = (rng.normal(size=(n, k)) for k in (numbers, len(NAMES)))
    paths = (NamedPath(NAMES[0], *ways), NamedPath(NAMES[1], *ways))
    found = KnobSet(("a", "b", "c"), parameters, described, (48, 60, 72), paths, main)
    write_set(folder / "set.knobs", found)


def _read_knobs(path: Path) -> None:
    """Whoever changes a file can change its hash, too."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        path.write_bytes(_with_its_hash(path.read_bytes()))
    knobs = read_set(path)
    knobs.facts()
    knobs.sound({knobs.names[0]: 0.3} if knobs.names else {})


def _with_its_hash(data: bytes) -> bytes:
    arrays = read_arrays(data, most_bytes=2**20)
    about = json.loads(arrays.pop("about").tobytes())
    digest = hashlib.sha256()
    for name in sorted(set(arrays) & _HASHED):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name], "<f8").tobytes())
    text = json.dumps(about | {"sha256": digest.hexdigest()}).encode()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, about=np.frombuffer(text, np.uint8), **arrays)
    return buffer.getvalue()


_HASHED = {
    *("parameters", "described", "mean", "directions", "scores", "explained"),
    *("paths", "paths_described"),
}


def _write_tables(folder: Path) -> None:
    manifest = Manifest(folder / "manifest.csv")
    for i in range(3):
        item = BatchItem(f"{i}.wav", f"out/{i}.wav", "done", 1.5, "", "transfer")
        manifest.put(replace(item, options={"amount": 0.5}, inputs={f"{i}.wav": "0" * 64}))
    manifest.save()
    rows = 'content,style,output,amount\n"a, b.wav",c.wav,d.wav,0.5\ne.wav,f.wav,g.wav,\n'
    (folder / "rows.csv").write_text(rows, "utf-8-sig")


def _read_table(path: Path) -> None:
    with suppress(cambiata.CambiataError):
        read_table(str(path))
    Manifest(path)


def _write_fonts(folder: Path) -> None:
    tone = _tune().samples[0, :500]
    samples = [Sample(f"s{k}", tone, _RATE_HZ, k, 0.0, 90, None, 1.0, 0.0, 60.0) for k in (50, 62)]
    zones = [Zone(samples[0], (40, 56), (1, 127)), Zone(samples[1], (57, 80), (1, 127))]
    write_sf2(folder / "font.sf2", "font", zones)


def _read_font(path: Path) -> None:
    font = SoundFont(path)
    for program in font.presets:
        font.preset(program).lowest  # noqa: B018


READERS = {
    "sound": Reader(_write_sounds, _read_sound),
    "midi": Reader(_write_midis, _read_midi),
    "musicxml": Reader(_write_musicxml, _read_score),
    "abc": Reader(_write_abc, _read_score),
    "timbre": Reader(_write_timbres, _read_timbre),
    "model": Reader(_write_models, _read_model),
    "facts": Reader(_write_facts, _read_facts),
    "knobs": Reader(_write_knobs, _read_knobs),
    "table": Reader(_write_tables, _read_table),
    "font": Reader(_write_fonts, _read_font),
}
