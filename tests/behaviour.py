"""What every verb of the command line does, recorded, and two records compared.

    PYTHONPATH=src python tests/behaviour.py record before.json
    PYTHONPATH=src python tests/behaviour.py compare before.json after.json [--renamed names.json]

The package under test is the one that PYTHONPATH names. Each case is a process in a scratch folder;
recorded are its exit code, what it prints (times and scratch paths taken out; JSON as keys and
values) and every file that it leaves (sounds as samples, timbres and networks as arrays). Records
hold for one machine: another processor or another version of a library rounds otherwise.

`--renamed` names what was changed on purpose: {"cases": [patterns of cases that are not compared],
"replace": {pattern before: text after}, "drop": [patterns of lines that only the new one prints],
"places": [patterns of places in a case that are not compared]}.
"""

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import mido
import numpy as np
import soundfile

EXAMPLES = Path(__file__).parent.parent / "examples"
RATE = 16000
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".aiff")

# What differs from run to run of the same code.
TIMES = re.compile(
    r"(?<=in )\d+(\.\d+)? s\b|(?<=real-time factor )[\d.]+|(?<=step \d, )\d+ s\b|\b\d+ s(?=: )"
)
TIME_KEYS = {
    *("elapsed_s", "real_time_factor", "seconds", "when", "date", "started", "host", "commit"),
    *("cpu", "threads", "versions", "peak_mib", "created", "packages", "machine", "platform"),
}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


# ------------------------------------------------------------------------------- inputs


def tone(pitches: list[int], rate: int = RATE, partials: int = 6) -> np.ndarray:
    """Half a second of each pitch, with partials that fade: [T]."""
    t = np.arange(rate // 2) / rate
    notes = []
    for pitch in pitches:
        f0 = 440 * 2 ** ((pitch - 69) / 12)
        shape = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, partials + 1))
        notes.append(0.2 * shape * np.exp(-3 * t) * np.minimum(1, t / 0.01))
    return np.concatenate(notes).astype(np.float32)


def write_midi(
    path: Path, tracks: list[list[tuple[float, float, int]]], channel: int = 0, metre: str = ""
) -> None:
    """A MIDI file of tracks of (onset, offset, pitch), in beats."""
    file = mido.MidiFile(ticks_per_beat=480)
    for i, notes in enumerate(tracks):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=f"part {i + 1}")])
        if metre and not i:
            top, bottom = map(int, metre.split("/"))
            track.append(mido.MetaMessage("time_signature", numerator=top, denominator=bottom))
        events = [(on, 1, pitch) for on, _, pitch in notes] + [(off, 0, p) for _, off, p in notes]
        at = 0
        for beat, kind, pitch in sorted(events):
            ticks = round(beat * 480) - at
            at += ticks
            name = "note_on" if kind else "note_off"
            track.append(
                mido.Message(name, note=pitch, velocity=80, time=ticks, channel=channel + (i % 2))
            )
        file.tracks.append(track)
    file.save(path)


def make_inputs(folder: Path) -> None:
    """Good and bad files, made without the package: the same for every version of it."""
    for path in EXAMPLES.iterdir():
        if path.suffix in (*SOUNDS, ".mid"):
            shutil.copy(path, folder / path.name)
    soundfile.write(folder / "content.wav", tone([60, 64, 67, 72]), RATE, "PCM_16")
    soundfile.write(folder / "style.wav", tone([55, 60, 62, 65, 69], partials=12), RATE, "PCM_16")
    soundfile.write(folder / "loud.wav", np.clip(6 * tone([60, 64]), -1, 1), RATE, "PCM_16")
    stereo = np.stack([tone([60, 64], 44100), tone([67, 72], 44100)], axis=1)
    soundfile.write(folder / "stereo.wav", stereo, 44100, "PCM_24")
    drums = np.random.default_rng(0).standard_normal(RATE) * np.tile(
        np.exp(-np.arange(RATE // 8) / 300), 8
    )
    soundfile.write(folder / "drums.wav", 0.1 * drums, RATE, "PCM_16")
    good = (folder / "content.wav").read_bytes()
    (folder / "truncated.wav").write_bytes(good[: len(good) // 2])
    (folder / "header.wav").write_bytes(good[:30])
    (folder / "text.wav").write_text("this is no sound")
    (folder / "empty.wav").touch()
    (folder / "folder.wav").mkdir()
    (folder / "exists.wav").write_bytes(good)
    silent = np.zeros(RATE, np.float32)
    nan = np.where(np.arange(RATE) == 9000, np.nan, 0.1)
    for name, samples, rate in [
        ("none.wav", silent[:0], RATE),
        ("silent.wav", silent, RATE),
        ("click.wav", silent[:100] + 0.5, RATE),
        ("nan.wav", nan, RATE),
        ("slow.wav", silent + 0.5, 100),
        ("many.wav", np.full((2000, 64), 0.1), RATE),
    ]:
        soundfile.write(folder / name, samples.astype(np.float32), rate, "FLOAT")
    (folder / "text.timbre").write_text("this is no timbre")
    (folder / "text.mid").write_text("this is no score")
    (folder / "text.pt").write_text("no")
    (folder / "nothing").mkdir()
    (folder / "recordings").mkdir()
    shutil.copy(folder / "content.wav", folder / "recordings" / "one.wav")
    (folder / "notes").mkdir()
    for pitch in (57, 60, 64):
        soundfile.write(folder / "notes" / f"{pitch}.wav", tone([pitch, pitch]), RATE, "PCM_16")

    line = [(float(i), i + 1.0, 60 + i % 5) for i in range(16)]
    low = [(float(i), i + 1.0, 48) for i in range(16)]
    write_midi(folder / "duet.mid", [line, low], metre="4/4")
    write_midi(folder / "chords.mid", [[*line, *low]], metre="4/4")
    write_midi(folder / "seven.mid", [line], metre="7/8")
    write_midi(folder / "short.mid", [line[:4]], metre="4/4")
    write_midi(folder / "high.mid", [[(0, 1, 60), (1, 2, 120), (2, 3, 3)]], metre="4/4")
    write_midi(folder / "unplayed.mid", [[]])
    beats = [(i / 2, i / 2 + 0.1, (36, 42, 38, 42)[i % 4]) for i in range(32)]
    write_midi(folder / "beats.mid", [beats], channel=9, metre="4/4")
    cantus = [62, 65, 64, 62, 67, 65, 69, 67, 65, 64, 62]
    whole = [(4.0 * i, 4.0 * i + 4, pitch) for i, pitch in enumerate(cantus)]
    fifths = [(on, off, pitch + 7) for on, off, pitch in whole]
    write_midi(folder / "fifths.mid", [fifths, whole], metre="4/4")


def make_examples(folder: Path) -> None:
    """Examples as training records them: [content, style, target], one second of 16 kHz each."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    t = np.arange(RATE) / RATE
    for name, n_examples in (("training", 8), ("validation", 4)):
        sounds = np.empty((n_examples, 3, RATE))
        for example in sounds:
            first, second = 220 * 2 ** (rng.integers(0, 12, size=2) / 12)
            for place, (f0, n) in enumerate([(first, 2), (second, 12), (first, 12)]):
                wave = np.sum([np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, n + 1)], axis=0)
                example[place] = 0.2 * wave
        shards = np.round(sounds * 32767).astype(np.int16).reshape(-1, 4, 3, RATE)
        for i, shard in enumerate(shards):
            np.save(folder / f"{name}-{i:04d}.npy", shard)
    (folder / "examples.json").write_text('{"banks": []}')


# -------------------------------------------------------------------------------- cases

FAST = (
    "--system musaicing --set sample_rate=16000 --set n_fft=1024 --set hop_length=256 "
    "--set iterations=5 --set phase_iterations=3"
)
TINY_TRAINING = " ".join(
    f"--set {setting}"
    for setting in (
        *("task.shape.width=8", "task.shape.n_codes=16", "task.shape.n_components=6"),
        *("task.crop_s=0.5", "examples.banks=", "examples.collections=", "examples.held_out="),
        *("examples.n_examples=8", "examples.n_validation=4", "examples.n_shard=4"),
        *("examples.duration_s=1", "loop.batch_size=4", "loop.max_steps=4"),
    )
)

# (name, command line, standard input). Names begin with the verb; files that a case leaves are
# there for those after it, until a case of another group begins.
GOOD = f"""
transfer/default: transfer content.wav style.wav -o out.wav
transfer/examples: transfer trumpet.ogg cello.flac -o out.wav --end 2
transfer/oneshot-json: transfer content.wav style.wav -o out.wav --system oneshot --json --seed 3
transfer/half: transfer content.wav style.wav -o out.wav --amount 0.5
transfer/nothing: transfer content.wav style.wav -o out.wav --amount 0
transfer/stereo: transfer stereo.wav style.wav -o out.wav --end 1
transfer/drums: transfer content.wav drums.wav -o out.wav
transfer/dynamics: transfer content.wav style.wav -o out.wav --dynamics style --octave -1
transfer/octave-auto: transfer content.wav style.wav -o out.wav --octave auto --quiet
transfer/region: transfer content.wav style.wav -o out.wav --start 0.5 --end 1 --in-place --json
transfer/regions: transfer cello.flac trumpet.ogg -o o.wav --end 1 --style-start 1 --style-end 4
transfer/tail: transfer content.wav style.wav -o out.flac --end 1 --tail 1 --rate 48000 \
--channels 2 --subtype PCM_24 --json
transfer/short-style: transfer content.wav cello.flac -o out.wav --set style_s=2
transfer/musaicing: transfer content.wav style.wav -o out.wav --system musaicing --json
transfer/driedger2015: transfer content.wav style.wav -o o.wav --system musaicing \
--preset driedger2015
transfer/shifted: transfer content.wav style.wav -o out.wav --system musaicing --preset shifted
transfer/cifka2021: transfer content.wav style.wav -o out.wav --system musaicing --preset cifka2021
transfer/vqvae: transfer content.wav style.wav -o out.wav --system vqvae --json
transfer/vqvae-supervised: transfer content.wav style.wav -o o.wav --system vqvae \
--preset supervised
transfer/vqvae-self: transfer content.wav style.wav -o o.wav --system vqvae \
--preset self-supervised
transfer/ulyanov: transfer content.wav style.wav -o o.wav --system ulyanov --set iterations=5 --json
transfer/ulyanov-high: transfer content.wav style.wav -o o.wav --system ulyanov \
--preset high-style --set iterations=1
transfer/fast-wav: transfer content.wav style.wav -o out.wav {FAST} --json
transfer/fast-flac: transfer content.wav style.wav -o out.flac {FAST}
transfer/fast-ogg: transfer content.wav style.wav -o out.ogg {FAST}
transfer/fast-mp3: transfer content.wav style.wav -o out.mp3 {FAST}
transfer/fast-aiff: transfer content.wav style.wav -o out.aiff {FAST}
transfer/fast-float: transfer content.wav style.wav -o out.wav --subtype FLOAT {FAST}
transfer/fast-half: transfer content.wav style.wav -o out.wav --amount 0.5 --seed 7 {FAST}
transfer/fast-chunks: transfer cello.flac style.wav -o o.wav --end 3 --set chunk_s=1 {FAST}
transfer/fast-loud: transfer loud.wav style.wav -o out.wav {FAST}
transfer/fast-quiet: transfer loud.wav style.wav -o out.wav --quiet {FAST}
transfer/fast-force: transfer content.wav style.wav -o exists.wav --force {FAST}
transfer/fast-pipe: transfer - style.wav -o - --json {FAST} < content.wav
timbre/capture: timbre capture style.wav -o a.timbre --json
timbre/capture-two: timbre capture content.wav cello.flac -o b.timbre
timbre/capture-vqvae: timbre capture style.wav -o v.timbre --system vqvae --json
timbre/mix: timbre mix a.timbre=0.3 b.timbre=0.7 -o mixed.timbre --json
timbre/mix-again: timbre mix a.timbre=1 -o mixed.timbre --force
timbre/transfer: transfer content.wav mixed.timbre -o out.wav
timbre/transfer-half: transfer content.wav a.timbre -o half.wav --amount 0.5 --json
timbre/play: play short.mid mixed.timbre -o played.wav --json
timbre/recording: play content.wav a.timbre -o again.wav --midi heard.mid
timbre/wrong-system: transfer content.wav a.timbre -o out2.wav --system vqvae
timbre/wrong-player: play short.mid a.timbre -o out2.wav --system performancenet
timbre/mix-no-share: timbre mix a.timbre -o m2.timbre
timbre/mix-zero: timbre mix a.timbre=0 -o m2.timbre
timbre/there-is-one: timbre capture style.wav -o a.timbre
play/default: play short.mid cello.flac -o out.wav --json
play/examples: play tune.mid cello.flac -o out.flac --tempo 2 --seed 1
play/track: play duet.mid cello.flac -o out.wav --track 2 --tempo 4
play/no-pedal: play short.mid style.wav -o out.wav --no-pedal --tail 1 --rate 16000 --channels 2
play/high: play high.mid style.wav -o out.wav
play/strict: play high.mid style.wav -o out.wav --strict
play/performancenet: play short.mid cello.flac -o out.wav --system performancenet --json
play/wavenet: play short.mid cello.flac -o out.wav --system wavenet --tempo 8 --json
play/recording: play content.wav style.wav -o out.wav --midi heard.mid --json
play/recording-piano: play content.wav style.wav -o out.ogg --instrument piano
play/pipe: play short.mid style.wav -o - --quiet
transcribe/default: transcribe trumpet.ogg -o out.mid --json
transcribe/piano: transcribe content.wav -o out.mid --instrument piano
transcribe/threshold: transcribe content.wav -o out.mid --onset-threshold 0.3 --quiet
transcribe/silent: transcribe silent.wav -o out.mid
translate/default: translate content.wav --to brass-quartet -o out.wav --json
translate/blend: translate trumpet.ogg --to church-organ=0.6 --to sitar=0.4 -o o.wav --amount 0.8
translate/region: translate cello.flac --to sitar -o o.wav --start 1 --end 2 --in-place --octave 1
translate/tail: translate content.wav --to grand-piano -o o.flac --tail 0.5 --rate 22050 --json
translate/mor2018: translate content.wav --to wind-quintet -o o.wav --preset mor2018-small \
--end 0.5 --json
domains/list: domains list
domains/list-json: domains list --json
systems/list: systems
systems/list-json: systems --json
melody/strathspey: melody reel.mid --style strathspey -o out.mid --listen o.wav --picture o.svg \
--json
melody/half: melody reel.mid --style hornpipe --amount 0.5 -o half.mid
melody/rhythm: melody reel.mid --style hornpipe --rhythm 1 --pitch 0 -o rhythm.mid
melody/as-that: melody reel.mid --style rhythm.mid -o as-that.mid
melody/jig: melody reel.mid --style jig --metre style -o jig.musicxml --json
melody/from-musicxml: melody jig.musicxml --style reel --metre style -o reel-again.mid
melody/zero: melody reel.mid --style hornpipe --amount 0 -o zero.mid
melody/track: melody duet.mid --track 1 --style reel -o track.mid
melody/skyline: melody chords.mid --skyline --style reel -o skyline.mid --seed 2
melody/pati2018: melody reel.mid --style hornpipe --system pati2018 -o pati.mid --json
melody/retrieval: melody reel.mid --style hornpipe --system retrieval -o retrieval.mid --json
groove/thirty: groove rock.mid funk.mid --amount 0.3 -o out.mid --listen o.wav --picture o.svg \
--json
groove/feel: groove rock.mid funk.mid --hits 0 --velocity 1 --timing 1 -o feel.mid
groove/vae: groove rock.mid funk.mid --amount 0.5 --system vae -o vae.mid --json
groove/one: groove rock.mid funk.mid --amount 1 -o one.mid
groove/metre: groove beats.mid funk.mid --metre 4/4 -o metre.mid --quiet
counterpoint/solve: counterpoint solve cantus.mid -o out.mid --json
counterpoint/third: counterpoint solve cantus.mid --species 3 --position above -o s3.mid \
--listen s3.wav --picture s3.svg
counterpoint/second: counterpoint solve cantus.mid --species 2 --position below -o s2.musicxml
counterpoint/fourth: counterpoint solve cantus.mid --species 4 -o s4.mid
counterpoint/fifth: counterpoint solve cantus.mid --species 5 -o s5.mid
counterpoint/three-voices: counterpoint solve cantus.mid --voices 3 -o v3.mid --seed 1
counterpoint/best: counterpoint solve cantus.mid --best 3 -o best.mid --json
counterpoint/check: counterpoint check s3.mid
counterpoint/check-example: counterpoint check worksheet.mid --json
counterpoint/breaches: counterpoint check fifths.mid
counterpoint/breaches-json: counterpoint check fifths.mid --json --species 1 --position above
data/check: data check
data/check-json: data check --json
data/bank: data bank timgm6mb --programs 40 --velocities 60,100 -o violins --jobs 1 --json
data/bank-notes: data bank notes -o mine --licence CC0 --use train --jobs 1
data/render: data render short.mid -o pianos --fonts timgm6mb --programs 0,4 --json
train/run: train run vqvae -o RUN --examples examples --json {TINY_TRAINING}
train/resume: train resume RUN --quiet
train/export: train export RUN -o mine.onnx --json
train/use: transfer content.wav style.wav -o out.wav --system vqvae --set weights=mine.onnx
evaluate/transfer: evaluate transfer -o run --rows target,copy-content,{{musaicing}} --limit 1 \
--jobs 1 --json
evaluate/report: evaluate report run -o report --n-random 1
evaluate/again: evaluate transfer -o run --rows target,copy-content --limit 1 --jobs 1
""".replace("{musaicing}", "oneshot")

BAD = """
transfer: transfer missing.wav style.wav -o x.wav
transfer: transfer content.wav missing.wav -o x.wav
transfer: transfer folder.wav style.wav -o x.wav
transfer: transfer text.wav style.wav -o x.wav
transfer: transfer header.wav style.wav -o x.wav
transfer: transfer truncated.wav style.wav -o x.wav
transfer: transfer empty.wav style.wav -o x.wav
transfer: transfer none.wav style.wav -o x.wav
transfer: transfer silent.wav style.wav -o x.wav
transfer: transfer content.wav silent.wav -o x.wav
transfer: transfer click.wav style.wav -o x.wav
transfer: transfer content.wav nan.wav -o x.wav
transfer: transfer slow.wav style.wav -o x.wav
transfer: transfer many.wav style.wav -o x.wav
transfer: transfer content.wav style.wav -o no/x.wav
transfer: transfer content.wav style.wav -o exists.wav
transfer: transfer content.wav style.wav -o content.wav --force
transfer: transfer content.wav style.wav -o folder.wav --force
transfer: transfer content.wav style.wav -o x
transfer: transfer content.wav style.wav -o x.xyz
transfer: transfer content.wav style.wav -o x.mp3 --rate 96000
transfer: transfer content.wav style.wav -o x.wav --rate 0
transfer: transfer content.wav style.wav -o x.wav --channels 64
transfer: transfer content.wav style.wav -o x.wav --subtype PCM_99
transfer: transfer content.wav style.wav -o x.wav --amount 2
transfer: transfer content.wav style.wav -o x.wav --amount much
transfer: transfer content.wav style.wav -o x.wav --start 9
transfer: transfer content.wav style.wav -o x.wav --start 1 --end 0.5
transfer: transfer content.wav style.wav -o x.wav --tail -1
transfer: transfer content.wav style.wav -o x.wav --in-place --rate 8000
transfer: transfer content.wav style.wav -o x.wav --system nope
transfer: transfer content.wav style.wav -o x.wav --system player
transfer: transfer content.wav style.wav -o x.wav --system translation
transfer: transfer content.wav style.wav -o x.wav --preset nope
transfer: transfer content.wav style.wav -o x.wav --set nope=1
transfer: transfer content.wav style.wav -o x.wav --set n_fft
transfer: transfer content.wav style.wav -o x.wav --set style_s=x
transfer: transfer content.wav style.wav -o x.wav --set sample_rate=16000
transfer: transfer content.wav style.wav -o x.wav --set weights=none.onnx
transfer: transfer content.wav style.wav -o x.wav --system musaicing --set hop_length=4096
transfer: transfer content.wav style.wav -o x.wav --system musaicing --octave 1
transfer: transfer content.wav style.wav -o x.wav --octave 9
transfer: transfer content.wav style.wav -o x.wav --dynamics loud
transfer: transfer content.wav text.timbre -o x.wav
transfer: transfer content.wav style.wav -o x.wav --nope
transfer: transfer content.wav style.wav
transfer: transfer content.wav
transfer: transfer - style.wav -o x.wav
transfer: transfer - - -o x.wav
timbre: timbre capture text.wav -o x.timbre
timbre: timbre capture style.wav -o x.wav
timbre: timbre capture style.wav -o x.timbre --system musaicing
timbre: timbre capture style.wav -o x.timbre --system nope
timbre: timbre mix text.timbre=1 -o x.timbre
play: play missing.mid style.wav -o x.wav
play: play text.mid style.wav -o x.wav
play: play unplayed.mid style.wav -o x.wav
play: play beats.mid style.wav -o x.wav
play: play duet.mid style.wav -o x.wav --track 3
play: play short.mid silent.wav -o x.wav
play: play short.mid style.wav -o x.wav --tempo 0
play: play short.mid style.wav -o x.wav --system oneshot
play: play short.mid style.wav -o x.wav --system nope
play: play short.mid style.wav -o x.wav --preset nope
play: play short.mid style.wav -o x.wav --midi x.mid
play: play short.mid style.wav -o exists.wav
play: play short.mid style.wav -o short.mid --force
play: play short.mid style.wav -o x.wav --tail -1
transcribe: transcribe missing.wav -o x.mid
transcribe: transcribe text.wav -o x.mid
transcribe: transcribe content.wav -o x.wav
transcribe: transcribe content.wav -o short.mid
transcribe: transcribe content.wav -o x.mid --onset-threshold 2
transcribe: transcribe content.wav -o x.mid --instrument flute
translate: translate content.wav --to grand-paino -o x.wav
translate: translate content.wav --to sitar=much -o x.wav
translate: translate content.wav --to sitar --to sitar -o x.wav
translate: translate content.wav --to sitar=0 -o x.wav
translate: translate content.wav -o x.wav
translate: translate silent.wav --to sitar -o x.wav
translate: translate content.wav --to sitar -o content.wav --force
translate: translate content.wav --to sitar -o x.wav --preset fast
translate: translate content.wav --to sitar -o x.wav --system vqvae
translate: translate content.wav --to sitar -o x.wav --octave 9
domains: domains add sitar recordings
domains: domains add a/b recordings
domains: domains add mine nowhere
domains: domains add mine nothing
domains: domains add mine recordings
domains: domains add mine recordings --minutes 0
melody: melody duet.mid --style reel -o x.mid
melody: melody chords.mid --style reel -o x.mid
melody: melody seven.mid --style reel -o x.mid
melody: melody unplayed.mid --style reel -o x.mid
melody: melody beats.mid --style reel -o x.mid
melody: melody text.mid --style reel -o x.mid
melody: melody missing.mid --style reel -o x.mid
melody: melody reel.mid --style bebop -o x.mid
melody: melody reel.mid --style nothing -o x.mid
melody: melody reel.mid --style jig -o x.mid
melody: melody reel.mid --style reel --amount 2 -o x.mid
melody: melody reel.mid --style reel --metre x -o x.mid
melody: melody reel.mid --style reel --system x -o x.mid
melody: melody reel.mid --style reel --set speed=1 -o x.mid
melody: melody reel.mid --style reel -o x.mid --picture x.gif
melody: melody reel.mid --style reel -o x.wav
melody: melody reel.mid --style reel -o reel.mid --force
melody: melody reel.mid --style reel -o short.mid
groove: groove reel.mid funk.mid -o x.mid
groove: groove rock.mid nothing -o x.mid
groove: groove rock.mid funk.mid -o x.mid --amount 2
groove: groove rock.mid funk.mid -o x.mid --metre x
groove: groove rock.mid funk.mid -o x.wav
groove: groove rock.mid funk.mid -o x.mid --system nope
groove: groove rock.mid funk.mid -o rock.mid --force
counterpoint: counterpoint solve duet.mid -o x.mid
counterpoint: counterpoint solve beats.mid -o x.mid
counterpoint: counterpoint solve cantus.mid -o x.mid --species 6
counterpoint: counterpoint solve cantus.mid -o x.mid --species 2 --voices 3
counterpoint: counterpoint solve cantus.mid -o x.wav
counterpoint: counterpoint solve cantus.mid -o x.mid --best 0
counterpoint: counterpoint check reel.mid
counterpoint: counterpoint check text.mid
data: data bank nope -o x
data: data bank nothing -o x
data: data pack nope -o x
data: data pack timgm6mb -o x
data: data bank timgm6mb --programs 128 -o x
data: data bank timgm6mb --velocities 100,1 -o x
data: data render text.mid -o x
data: data render short.mid -o x --fonts nope
train: train run nope -o R
train: train run vqvae -o nothing
train: train run vqvae -o R --set loop.speed=1
train: train run vqvae -o R --set loop.batch_size=x
train: train run vqvae -o R
train: train run vqvae -o R --minutes -1
train: train resume nothing
train: train export nothing -o x.onnx
train: train export text.pt -o x.onnx
train: train export nothing -o x.bin
evaluate: evaluate transfer -o R --rows nope
evaluate: evaluate transfer -o R --limit 0
evaluate: evaluate report nothing -o x
evaluate: evaluate play -o R --rows nope
evaluate: evaluate translate -o R --rows nope
evaluate: evaluate melody -o R --rows nope
evaluate: evaluate groove nothing -o R
"""

HELPS = """
transfer play transcribe translate domains domains/list domains/add systems timbre timbre/capture
timbre/mix melody groove counterpoint counterpoint/solve counterpoint/check data data/check
data/bank data/render train train/run train/resume train/export evaluate evaluate/transfer
evaluate/play evaluate/translate evaluate/transcribe evaluate/melody evaluate/groove
evaluate/counterpoint evaluate/report
"""


def cases() -> list[tuple[str, str]]:
    """Every case's name and command line, in order."""
    found = [("help", "--help"), ("nothing", ""), ("version", "--version")]
    found += [(f"help/{name}", f"{name.replace('/', ' ')} --help") for name in HELPS.split()]
    for line in GOOD.strip().splitlines():
        name, _, call = line.partition(": ")
        found.append((name, call))
    for line in BAD.strip().splitlines():
        group, _, call = line.partition(": ")
        found.append((f"bad/{group}: {call.partition(' ')[2]}", call))
    return found


# ------------------------------------------------------------------------------- records


class Scratch:
    """A folder with the inputs, in which cases run; what they leave is recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        make_inputs(self.folder)
        make_examples(self.folder / "examples")
        home = folder / "home"
        home.mkdir()
        drop = {"CAMBIATA_FONTS", "CAMBIATA_DOMAINS", "XDG_CACHE_HOME", "COLUMNS"}
        self.env = {key: value for key, value in os.environ.items() if key not in drop}
        # One thread: sums of several threads may round in another order.
        self.env |= {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "CAMBIATA_DOMAINS": str(home / "domains"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "100",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        # Relative entries of the path would be those of the scratch folder.
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        self.env["PYTHONPATH"] = os.pathsep.join(str(Path(p).resolve()) for p in paths if p)
        self.inputs = self._bytes()
        self.folders = {p for p in self.folder.rglob("*") if p.is_dir()}
        self.group = ""

    def _bytes(self) -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}

    def _state(self) -> dict[Path, str]:
        return {path: sha(data) for path, data in self._bytes().items()}

    def run(self, name: str, call: str) -> dict[str, Any]:
        group = name.partition("/")[0]
        if group != self.group:
            self._clear()
        self.group = group
        before = self._state()
        call, _, given = call.partition(" < ")
        done = subprocess.run(
            [sys.executable, "-m", "cambiata", *call.split()],
            cwd=self.folder,
            env=self.env,
            input=(self.folder / given).read_bytes() if given else b"",
            capture_output=True,
            check=False,
        )
        after = self._state()
        left = sorted(p for p in after if before.get(p) != after[p])
        found = {
            "call": call,
            "exit code": done.returncode,
            "stdout": self.printed(done.stdout),
            "stderr": self.printed(done.stderr),
            "files": {str(p.relative_to(self.folder)): self.described(p) for p in left},
            "lost": sorted(str(p.relative_to(self.folder)) for p in before if p not in after),
        }
        reused = ("timbre", "melody", "counterpoint", "train", "evaluate")
        if group not in reused:
            self._clear()
        return found

    def _clear(self) -> None:
        """Only the inputs are left, as they were."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_file() and path not in self.inputs:
                path.unlink()
            elif path.is_dir() and path not in self.folders:
                path.rmdir()
        for path in sorted(self.folders):
            path.mkdir(exist_ok=True)
        for path, data in self.inputs.items():
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)

    def printed(self, data: bytes) -> Any:
        if data[:4] == b"RIFF":
            path = self.folder / ".printed.wav"
            path.write_bytes(data)
            try:
                return self.described(path)
            finally:
                path.unlink()
        text = data.decode(errors="replace")
        if text.lstrip()[:1] in ("{", "["):
            try:
                return self.timeless(json.loads(self.plain(text)))
            except ValueError:
                pass
        return [line.rstrip() for line in self.plain(text).splitlines()]

    def plain(self, text: str) -> str:
        """Text without what differs from run to run: places, times, names that are drawn."""
        text = text.replace(str(self.folder), "<work>").replace(str(self.folder.parent), "<home>")
        text = re.sub(r'"P[0-9a-f]{32}"|<encoding-date>.*?</encoding-date>', "#", text)
        # The last columns of an evaluation's tables are its speed and its memory.
        text = re.sub(r"\| [\d.]+ \| \d+ \|$", "| # | # |", text, flags=re.MULTILINE)
        return TIMES.sub("# s", text)

    def timeless(self, facts: Any) -> Any:
        """JSON with times and machines taken out, and in training hashes of networks: the names
        of modules are in them.
        """
        left_out = TIME_KEYS | ({"sha256", "parts"} if self.group == "train" else set())
        if isinstance(facts, dict):
            return {k: "#" if k in left_out else self.timeless(v) for k, v in facts.items()}
        return [self.timeless(each) for each in facts] if isinstance(facts, list) else facts

    def described(self, path: Path) -> Any:
        """What a file holds, without what differs from run to run."""
        kind = path.suffix
        if kind in SOUNDS:
            return described_sound(path)
        if kind in (".timbre", ".npz"):
            return described_arrays(path)
        if kind == ".onnx":
            return described_network(path)
        if kind == ".json":
            facts = self.timeless(json.loads(self.plain(path.read_text())))
            return facts if len(json.dumps(facts)) < 20_000 else {"sha": sha(_dumped(facts))}
        if kind == ".jsonl":
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            return {"keys": sorted({key for line in lines for key in line}), "n": len(lines)}
        if kind in (".pt", ".png", ".log"):
            return "written"
        if kind in (".html", ".md", ".svg", ".csv", ".musicxml", ".txt"):
            text = self.plain(path.read_text())
            text = re.sub(r"\d{4}-\d\d-\d\d[T \d:]*", "", text)
            if kind == ".html":  # figures are in the tables, beside times
                text = re.sub(r"\d+(\.\d+)?", "#", text)
            return {"sha": sha(text.encode()), "lines": text.count("\n")}
        return {"sha": sha(path.read_bytes())}


def _dumped(facts: Any) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


def described_sound(path: Path) -> dict[str, Any]:
    info = soundfile.info(path)
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    level = 10 * np.log10(np.mean(samples.astype(float) ** 2) + 1e-12) if samples.size else -120
    return {
        "format": f"{info.format} {info.subtype} {rate} Hz",
        "shape": list(samples.shape),
        "level_db": round(float(level), 1),
        "sha": sha(samples.tobytes()),
    }


def described_arrays(path: Path) -> Any:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {
                key: f"{array.dtype} {list(array.shape)} {sha(array.tobytes())}"
                for key, array in arrays.items()
            }
    except (ValueError, OSError):
        return {"sha": sha(path.read_bytes())}


def described_network(path: Path) -> Any:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    arrays = sorted(sha(numpy_helper.to_array(a).tobytes()) for a in model.graph.initializer)
    return {
        "inputs": [each.name for each in model.graph.input],
        "outputs": [each.name for each in model.graph.output],
        "metadata": sorted(each.key for each in model.metadata_props),
        "nodes": len(model.graph.node),
        "arrays": sha("".join(arrays).encode()),
    }


def record(path: Path, wanted: str, say: Callable[[str], None]) -> None:
    # A pattern renews the cases that it chooses in a record that is there.
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() and wanted != "*" else {}
    with tempfile.TemporaryDirectory(prefix="behaviour-") as folder:
        scratch = Scratch(Path(folder))
        for name, call in cases():
            if not chosen(name, wanted):
                continue
            begun = time.perf_counter()
            found[name] = scratch.run(name, call)
            say(f"{time.perf_counter() - begun:6.1f} s  {found[name]['exit code']:3d}  {name}")
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


# ------------------------------------------------------------------------------- compare


def flat(value: Any, at: str = "") -> dict[str, Any]:
    """Nested facts as one table: path -> leaf."""
    if isinstance(value, dict):
        return {k: v for key, each in value.items() for k, v in flat(each, f"{at} > {key}").items()}
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        named = all(isinstance(each, dict) and "name" in each for each in value)
        return {
            k: v
            for i, each in enumerate(value)
            for k, v in flat(each, f"{at} > {each['name'] if named else i}").items()
        }
    return {at: "\n".join(value) if isinstance(value, list) else value}


def renamed(facts: Any, names: dict[str, str]) -> Any:
    """Old facts with what was renamed on purpose put in its new words."""
    if isinstance(facts, dict):
        return {renamed(key, names): renamed(value, names) for key, value in facts.items()}
    if isinstance(facts, list):
        return [renamed(each, names) for each in facts]
    if isinstance(facts, str):
        for old, new in names.items():
            facts = re.sub(old, new, facts)
    return facts


def without(facts: Any, patterns: list[str]) -> Any:
    """Printed lines that only the new version says, on purpose, left out."""
    if isinstance(facts, dict):
        return {key: without(value, patterns) for key, value in facts.items()}
    if isinstance(facts, list):
        return [
            without(each, patterns)
            for each in facts
            if not (isinstance(each, str) and any(re.search(p, each) for p in patterns))
        ]
    return facts


def chosen(name: str, wanted: str) -> bool:
    """Whether a case is one of a pattern, or of a group: cases of a group build on each other."""
    return fnmatch(name, wanted) or fnmatch(name.partition("/")[0], wanted)


def compare(old: Path, new: Path, on_purpose: dict[str, Any], wanted: str) -> int:
    before, after = (
        {
            name: facts
            for name, facts in json.loads(path.read_text()).items()
            if chosen(name, wanted)
        }
        for path in (old, new)
    )
    n_different = 0
    for name in [*before, *(name for name in after if name not in before)]:
        if any(fnmatch(name, pattern) for pattern in on_purpose.get("cases", ())):
            continue
        if name not in before or name not in after:
            print(f"{name}: only in {'the first' if name in before else 'the second'}")
            n_different += 1
            continue
        a = flat(renamed(before[name], on_purpose.get("replace", {})))
        b = flat(without(after[name], on_purpose.get("drop", [])))
        lines = []
        for key in sorted(a | b):
            x, y = a.get(key), b.get(key)
            if any(re.search(pattern, key) for pattern in on_purpose.get("places", ())):
                continue
            if x != y:
                changes = difflib.ndiff(str(x).splitlines(), str(y).splitlines())
                lines += [key, *(f"    {line}" for line in changes if line[0] in "-+")]
        if lines:
            n_different += 1
            print(f"{name}: {before[name]['call']}", *lines, sep="\n  ")
    print(f"{n_different} of {len(before)} cases differ")
    return int(n_different > 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("record")
    one.add_argument("file", type=Path)
    two = verbs.add_parser("compare")
    two.add_argument("old", type=Path)
    two.add_argument("new", type=Path)
    two.add_argument("--renamed", type=Path)
    for each in (one, two):
        each.add_argument("--only", default="*", help="Cases: transfer, bad, help/*, ...")
    options = parser.parse_args()
    if options.verb == "record":
        record(options.file, options.only, lambda line: print(line, file=sys.stderr, flush=True))
        return 0
    on_purpose = json.loads(options.renamed.read_text()) if options.renamed else {}
    return compare(options.old, options.new, on_purpose, options.only)


if __name__ == "__main__":
    sys.exit(main())
