"""Two examples for the help of every verb."""

from collections.abc import Iterator

import click

# Verbs, and what is typed after `cambiata VERB`.
EXAMPLES = {
    "transfer": (
        "violin.wav cello.wav -o out.wav",
        "song.mp3 flute --start 60 --end 90 --amount 0.7 -o out.flac",
    ),
    "play": ("tune.mid violin.wav -o out.wav", "tune.abc flute --tempo 0.8 -o out.flac"),
    "translate": (
        "song.wav --to church-organ -o out.wav",
        "song.wav --to sitar=0.6 --to nylon-guitar=0.4 -o out.wav",
    ),
    "transcribe": (
        "song.wav -o song.mid",
        "piano.mp3 --instrument piano --tempo auto -o piano.mid",
    ),
    "systems": ("", "--json"),
    "domains list": ("", "--json"),
    "domains add": ("my-organ recordings/", "my-organ recordings/ --minutes 20 --force"),
    "timbre capture": (
        "violin.wav -o violin.timbre",
        "one.wav two.wav -o both.timbre",
    ),
    "timbre mix": (
        "a.timbre=0.3 b.timbre=0.7 -o mix.timbre",
        "a.timbre=1 b.timbre=1 c.timbre=1 -o mix.timbre",
    ),
    "timbre list": ("", "--json"),
    "timbre show": ("cello", "mine.timbre"),
    "instrument": (
        "cello.timbre -o cello.sf2",
        "notes/ -o piano.sfz --keys 21-108 --velocities 4",
    ),
    "knobs fit": (
        "sounds/ -o set.knobs",
        "cello violin flute -o set.knobs --picture set.png",
    ),
    "knobs show": ("set.knobs", "set.knobs --knob brightness=.8 --picture here.png"),
    "knobs play": (
        "set.knobs --knob brightness=.7 --notes C3,E3,G3 -o out.wav",
        "set.knobs tune.mid --knob attack=.2 --knob main-1=.9 -o out.wav",
    ),
    "knobs export": (
        "set.knobs --knob warmth=.8 -o warm.timbre",
        "set.knobs --knob noisiness=.3 -o mine.sf2",
    ),
    "morph": (
        "flute.wav clarinet.wav --amount 0.3 -o between.wav",
        "piano-C4.wav bell-C4.wav --amount 0..1 --over 4s -o becoming.wav --picture morph.svg",
    ),
    "melody": (
        "tune.mid --style hornpipe -o out.mid",
        "tune.abc --style jig --metre style --amount 0.5 -o out.musicxml",
    ),
    "groove": (
        "verse.mid chorus.mid --amount 0.3 -o between.mid",
        "verse.mid loop.wav --hits 0 --timing 1 -o played.mid",
    ),
    "counterpoint solve": (
        "cantus.mid --species 1 -o solved.mid",
        "cantus.musicxml --species 3 --position below --best 3 -o solved.musicxml",
    ),
    "counterpoint check": ("exercise.musicxml", "exercise.mid --species 2 --json"),
    "choir": (
        "voice.wav -o choir.wav --voices 12 --room hall --tail 2",
        "voice.wav -o parts.wav --parts SATB --key Dm --picture parts.svg",
    ),
    "reverb sweep": ("-o sweep.wav", "-o sweep.wav --low 200 --high 16000 --tail 3"),
    "reverb capture": (
        "recorded.wav sweep.wav -o room.wav",
        "clap.wav -o room.wav --picture decay.svg",
    ),
    "reverb apply": (
        "dry.wav room.wav -o out.wav --tail 2",
        "dry.wav room.wav --amount 30% -o out.flac",
    ),
    "reverb estimate": ("song.wav", "speech.wav --json"),
    "reverb match": (
        "dry.wav hall.wav -o out.wav --tail 2",
        "dry.wav hall.wav --amount 50% -o out.flac",
    ),
    "reverb room": (
        "-o room.wav --size 8x5x3 --listener 2,2,1.5 --source 6,3,1.5 --rt60 0.5",
        "dry.wav -o out.wav --size 8x5x3 --listener 4,2,1.5 --source 1,4,1.5 --path 7,4,1.5",
    ),
    "reverb remove": ("speech.wav -o out.wav", "speech.wav --amount 70% -o out.wav"),
    "transpose": (
        "song.wav --semitones -3 -o lower.wav",
        "song.mp3 --to Eb --formant follow -o in-e-flat.flac",
    ),
    "stretch": ("song.wav --factor 1.25 -o slower.wav", "song.wav --tempo 96=120 -o faster.wav"),
    "batch": (
        'transfer songs/ -o "out/{stem}-{style}.wav" -- cello.flac',
        'transcribe "songs/**/*.wav" -o "{folder}/{stem}.mid" --manifest run.csv -- --tempo auto',
    ),
    "serve": ("", "--port 9000 --no-open --data studio/"),
    "data check": ("", "--banks banks/"),
    "data bank": (
        "my-font.sf2 --programs 0-7,40 -o banks/mine",
        "stk --timbres 12 --seed 1 -o banks/stk",
    ),
    "data pack": (
        "--drums hits/ --rooms rooms/ -o pack/",
        "fluid-r3 my-cello/ procedural-pianos --no-scores -o pack/",
    ),
    "data render": ("chorales -o rendered/", "scores/ --programs 40 --limit 10 -o rendered/"),
    "train run": (
        "listener --examples pack/ -o runs/listener",
        "listener -o runs/short --minutes 5 --set loop.batch_size=2",
    ),
    "train resume": ("runs/listener", "runs/listener --minutes 60"),
    "train export": ("runs/listener -o listener.onnx", "runs/listener --full -o listener.onnx"),
    "evaluate transfer": (
        "--quick -o runs/eval --report report/",
        "--real recordings/ --no-artificial --rows oneshot,copy-content -o runs/real",
    ),
    "evaluate play": ("-o runs/play", "--rows player --each 2 -o runs/play"),
    "evaluate translate": ("-o runs/translate", "--limit 8 --report report/ -o runs/translate"),
    "evaluate transcribe": ("-o tables/", "--pairs 20 --no-rival -o tables/"),
    "evaluate melody": ("-o tables/", "--each 5 -o tables/"),
    "evaluate groove": ("groove-midi/ -o tables/", "groove-midi/ --pairs 50 -o tables/"),
    "evaluate counterpoint": ("-o tables/", "--seed 1 -o tables/"),
    "evaluate report": ("runs/eval -o report/", "runs/eval --focus oneshot -o report/"),
}


def verbs(root: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every verb below a group, by its whole name."""
    for name, command in root.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def add_examples(command: click.Command, name: str) -> None:
    """Put a verb's examples, or those of a group's verbs, at the end of its help."""
    below = verbs(command, f"{name} ") if isinstance(command, click.Group) else [(name, command)]
    for verb, each in below:
        lines = (f"  cambiata {verb} {typed}".rstrip() for typed in EXAMPLES.get(verb, ()))
        each.epilog = "\n".join(("\b", "Examples:", *lines))
