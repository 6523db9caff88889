"""The command line of a job is one that the command line itself reads the same way."""

import shlex
from typing import Any

import click
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from cambiata.cli.main import cli
from cambiata.web.commands import command_line
from cambiata.web.schemas import option_names, request_models
from cambiata.web.verbs import VERBS

SOUND, JOB = "snd_" + "0" * 20, "job_" + "0" * 20
# Inputs as a request gives them, and as the job's folder has them.
INPUTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "transfer": (
        {"content": SOUND, "style": "cello"},
        {"content": "my tune.wav", "style": "cello"},
    ),
    "play": ({"score": SOUND, "sound": "cello"}, {"score": "a.mid", "sound": "cello"}),
    "transcribe": ({"recording": SOUND}, {"recording": "a.wav"}),
    "translate": ({"content": SOUND, "to": {"sitar": 1}}, {"content": "a.wav"}),
    "melody": ({"tune": SOUND, "style": "reel"}, {"tune": "a.mid", "style": "reel"}),
    "groove": ({"a": SOUND, "b": SOUND}, {"a": "a.mid", "b": "b.mid"}),
    "counterpoint-solve": ({"cantus": SOUND}, {"cantus": "a.mid"}),
    "counterpoint-check": ({"score": SOUND}, {"score": "a.mid"}),
    "timbre-capture": ({"styles": [SOUND]}, {"styles": ["a.wav", "b c.wav"]}),
    "timbre-mix": ({"shares": {"cello": 1}}, {"shares": {"a b.timbre": 0.25, "cello": 0.75}}),
    "instrument": ({"sounds": [SOUND]}, {"sounds": ["C4.wav", "F#4 mf.wav"]}),
    "choir": ({"recording": SOUND}, {"recording": "a.wav"}),
    "morph": ({"a": SOUND, "b": SOUND}, {"a": "a.wav", "b": "b.wav"}),
    "knobs-fit": ({"sounds": [SOUND]}, {"sounds": ["a.wav", "cello"]}),
    "knobs-play": ({"knobs": JOB}, {"knobs": "a.knobs", "score": None}),
    "knobs-export": ({"knobs": JOB}, {"knobs": "a.knobs"}),
    "transpose": ({"recording": SOUND}, {"recording": "a.wav"}),
    "stretch": ({"recording": SOUND}, {"recording": "a.wav"}),
    "reverb-apply": ({"recording": SOUND, "room": SOUND}, {"recording": "a.wav", "room": "b.wav"}),
    "reverb-capture": ({"recording": SOUND}, {"recording": "a.wav", "sweep": None}),
    "reverb-estimate": ({"recording": SOUND}, {"recording": "a.wav"}),
    "reverb-match": ({"dry": SOUND, "reference": SOUND}, {"dry": "a.wav", "reference": "b.wav"}),
    "reverb-remove": ({"recording": SOUND}, {"recording": "a.wav"}),
    "reverb-sweep": ({}, {}),
}
# Something else than the default, for every option that there is.
OTHER: dict[str, Any] = {
    "amount": 0.25,
    "preset": "other",
    "settings": {"chunk_s": 5, "compiled": False},
    "dynamics": "style",
    "octave": -1,
    "transpose": 3,
    "to_key": "Bb",
    "start_s": 1.5,
    "end_s": 12.25,
    "style_start_s": 0.125,
    "style_end_s": 60.0,
    "in_place": True,
    "tail_s": 2.0,
    "unpitched": "keep",
    "seed": 7,
    "strict": True,
    "sample_rate": 48000,
    "n_channels": 2,
    "subtype": "PCM_16",
    "track": 2,
    "drums": 10,
    "tune_number": 3,
    "tempo": 96.5,
    "tempo_b": 120.0,
    "pedal": None,  # the other of what is the default
    "instrument": "piano",
    "onset_threshold": 0.4,
    "quantise": "1/16",
    "bends": True,
    "rhythm": 0.5,
    "pitch": 0.75,
    "metre": "6/8",
    "pickup": "1/2",
    "skyline": True,
    "hits": 0.1,
    "velocity": 0.2,
    "timing": 0.3,
    "species": 2,
    "position": "below",
    "voices": 3,
    "best": 4,
}


# What a tool has an option for that others have not, or that is another kind of value there.
OTHER_OF_VERB: dict[str, dict[str, Any]] = {
    "instrument": {"kind": "notes", "keys": (36, 96), "velocities": 2, "step": 6, "hold_s": 1.5},
    "choir": {"parts": "SATB", "key": "Bb", "spread": 0.25, "room": "hall", "lead": 0.1},
    "morph": {"amount": (0.0, 0.75), "over_s": 1.5, "pitch": "a"},
    "knobs-fit": {"kind": "notes"},
    "knobs-play": {
        "velocity": 80,
        "duration_s": 0.5,
        "notes": "C3,E3+G3",
        "values": {"brightness": 0.25, "main-1": 1.0},
    },
    "knobs-export": {"values": {"attack": 0.0}, "keys": (40, 60), "step": 2},
    "transpose": {"semitones": -3.5, "key": "F#m", "from_key": "A", "formant": "follow"},
    "stretch": {"factor": 1.5, "duration_s": 12.5, "tempo": (120.0, 90.5)},
    "reverb-match": {"direct_db": 6.5},
    "reverb-sweep": {"duration_s": 2.5, "low_hz": 50.0, "high_hz": 9000.0, "level_db": -12.0},
}


def _parsed(line: str) -> dict[str, Any]:
    """Parameters of a command line, as its command is called with."""
    words = shlex.split(line)
    command: click.Command = cli
    context = click.Context(cli)
    words.pop(0)
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
        context = click.Context(command, parent=context)
    command.parse_args(context, words)
    return dict(context.params)


def _output(verb: str) -> str:
    return "" if verb == "reverb-estimate" else "out.wav"


@pytest.mark.parametrize("verb", INPUTS)
def test_defaults_need_no_flags(verb: str) -> None:
    request, given = INPUTS[verb]
    options = request_models()[verb](**request).model_dump()
    options = {name: options[name] for name in option_names(VERBS[verb])}
    line = command_line(VERBS[verb], given, options, _output(verb), to=request.get("to"))
    flags = [word for word in shlex.split(line) if word.startswith("-")]
    assert sorted({*flags, "-o"} - {"--to", "--style"}) == ["-o"]
    assert _parsed(line)


@pytest.mark.parametrize("verb", INPUTS)
def test_every_option_is_read_back(verb: str) -> None:
    request, given = INPUTS[verb]
    names = option_names(VERBS[verb])
    model = request_models()[verb](**request)
    options = {name: getattr(model, name) for name in names}
    options |= {name: OTHER[name] for name in names if name in OTHER}
    options |= OTHER_OF_VERB.get(verb, {})
    if verb == "transcribe":
        options["pedal"] = True
    elif verb == "play":
        options["pedal"] = False
    line = command_line(VERBS[verb], given, options, _output(verb), to=request.get("to"))
    parsed = _parsed(line)
    for name, value in options.items():
        if name in parsed and name != "system":
            wanted = {k: str(v) for k, v in value.items()} if name == "settings" else value
            found = parsed[name]
            assert (str(found) if name == "octave" else found) == (
                str(wanted) if name == "octave" else wanted
            ), name
    shown = set(options) & set(parsed)
    # All but what the command line has no option for: see `without` and help of each verb.
    assert len(set(options) - shown) <= 3, set(options) - shown


def test_a_room_has_points() -> None:
    points = {"size": (8, 5, 3), "listener": (2, 2, 1.5), "source": (6, 3, 1.5)}
    options = {**points, "path": ((7, 4, 1.5), (1, 1, 1)), "rt60_s": 0.5}
    for recording in ("a.wav", None):
        line = command_line(VERBS["reverb-room"], {"recording": recording}, options, "o.wav")
        parsed = _parsed(line)
        assert {name: parsed[name] for name in options} == options
        assert parsed["recording"] == recording
    assert "--size 8x5x3 --listener 2,2,1.5" in line


def test_what_writes_nothing_has_no_output() -> None:
    line = command_line(VERBS["reverb-estimate"], {"recording": "a.wav"}, {"strict": True}, "")
    assert line == "cambiata reverb estimate a.wav --strict"


def test_names_that_a_shell_would_read_are_quoted() -> None:
    line = command_line(
        VERBS["transcribe"], {"recording": "a b's.wav"}, {"strict": False}, "a b.mid"
    )
    assert _parsed(line)["recording"] == "a b's.wav"
    assert line == "cambiata transcribe 'a b'\"'\"'s.wav' -o 'a b.mid'"


def test_shares_and_folders() -> None:
    verb = VERBS["translate"]
    line = command_line(verb, {"content": "a.wav"}, {}, "o.wav", to={"sitar": 0.4, "flute": 1})
    assert _parsed(line)["to"] == {"sitar": 0.4, "flute": 1.0}
    line = command_line(VERBS["groove"], {"a": "a.mid", "b": ["b.mid", "c.mid"]}, {}, "o.mid")
    assert line.splitlines()[0] == "mkdir drummer"
    assert _parsed(line.splitlines()[-1])["b"] == "drummer/"
