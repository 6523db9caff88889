"""The studio's sound tools: a verb is one entry here, and a tab of the page (`static/js/tabs/`)."""

from cambiata.web.verb import SOUNDS, Input, Tool

_LOSSLESS = ("wav", "flac")
_TAIL_S = {"tail_s": (0.0, 60.0)}
_RECORDING = Input("recording", "recording", "The sound.")

_FITTED = Input("knobs", "knobs", "Knobs that knobs-fit found, by the id of that job.")
# Of instruments for samplers.
_SAMPLED = {"velocities": (1, 16), "step": (1, 12), "hold_s": (0.5, 20), "seed": (0, 2**31)}

INSTRUMENT = Tool(
    "instrument",
    "Make a playable instrument for samplers, of a timbre or of recordings of single notes.",
    (
        Input(
            "sounds",
            "recording-or-timbre",
            "A timbre, the name of one that ships or a recording of a phrase; or recordings of "
            "single notes, one a file. A file named by its note (C4 is middle C) and its velocity "
            "(v96, mf) is taken at its word.",
            "one-or-list",
        ),
    ),
    "instrument.api:make_instrument",
    ("instrument.api:make_instrument",),
    formats=("sf2", "sfz"),
    command="cli.instrument_verb:instrument",
    makes="file",
    output_stem="{sounds}",
    ranges=_SAMPLED,
    separators={"keys": "-"},
)

CHOIR = Tool(
    "choir",
    "Make a choir of one recorded voice, or a section of one instrument.",
    (Input("recording", "recording", "One voice or instrument."),),
    "ensemble.api:choir_file",
    ("ensemble.api:choir_file", "ensemble.api:choir"),
    formats=SOUNDS,
    command="cli.choir_verb:choir",
    output_stem="{recording}-choir",
    ranges={
        "voices": (1, 64),
        "spread": (0.0, 1.0),
        "lead": (0.0, 1.0),
        "n_channels": (1, 2),
        "seed": (0, 2**31),
        **_TAIL_S,
    },
)

_KNOBS = (
    Tool(
        "knobs-fit",
        "Find the knobs of a set of sounds: its main directions, and brightness, attack, warmth.",
        (
            Input(
                "sounds",
                "recording-or-timbre",
                "Three sounds or more: recordings of single notes or of phrases, timbres, or names "
                "of timbres that ship.",
                "list",
            ),
        ),
        "knobs.api:fit_knobs",
        ("knobs.api:fit_knobs",),
        formats=("knobs",),
        command="cli.knobs_verbs:fit",
        makes="file",
        output_stem="sounds",
    ),
    Tool(
        "knobs-play",
        "Play notes, or a score, with the sound at positions of knobs.",
        (
            _FITTED,
            Input(
                "score",
                "score",
                "Score to play instead of notes that are named.",
                is_optional=True,
                argument="notes",
            ),
        ),
        "knobs.api:Knobs.play_file",
        ("knobs.api:Knobs.play_file", "knobs.api:Knobs.play"),
        formats=SOUNDS[1:],
        command="cli.knobs_verbs:play",
        output_stem="{knobs}-played",
        positional=("notes", "values"),
        opened_by="knobs.api:load_knobs",
        ranges={
            "duration_s": (0.05, 60),
            "velocity": (1, 127),
            "seed": (0, 2**31),
        },
    ),
    Tool(
        "knobs-export",
        "Make a timbre, or an instrument for samplers, of the sound at positions of knobs.",
        (_FITTED,),
        "knobs.api:Knobs.export",
        ("knobs.api:Knobs.export",),
        formats=("timbre", "sf2", "sfz"),
        command="cli.knobs_verbs:export",
        makes="file",
        output_stem="{knobs}-sound",
        positional=("values",),
        opened_by="knobs.api:load_knobs",
        ranges=_SAMPLED,
        separators={"keys": "-"},
    ),
)

TRANSPOSE = Tool(
    "transpose",
    "Move a recording of any instruments and voices to another pitch or key.",
    (_RECORDING,),
    "transposition.api:transpose_file",
    ("transposition.api:transpose_file", "transposition.api:transpose"),
    formats=SOUNDS,
    command="cli.transposition_verbs:transpose",
    output_stem="{recording}-moved",
    ranges={"semitones": (-24, 24)},
)

STRETCH = Tool(
    "stretch",
    "Make a recording longer or shorter, at the pitch that it has.",
    (_RECORDING,),
    "transposition.api:stretch_file",
    ("transposition.api:stretch_file", "transposition.api:stretch"),
    formats=SOUNDS,
    command="cli.transposition_verbs:stretch",
    output_stem="{recording}-stretched",
    ranges={"factor": (0.25, 4), "duration_s": (0.025, 7200)},
    separators={"tempo": "="},
)

MORPH = Tool(
    "morph",
    "Make the sound between two others: partials, noise and time lie between theirs.",
    (
        Input("a", "recording", "The first sound: a note or a phrase."),
        Input("b", "recording", "The second sound: as many notes."),
    ),
    "morphing.api:morph_file",
    ("morphing.api:morph_file", "morphing.api:morph"),
    formats=SOUNDS,
    command="cli.morph_verb:morph",
    output_stem="{a}-{b}",
    ranges={"over_s": (0, 1800)},
    separators={"amount": ".."},
)

_REVERB = (
    Tool(
        "reverb-room",
        "Simulate a rectangular room: a recording in it, whose source may move, or its response.",
        (
            Input(
                "recording",
                "recording",
                "Sound to put into the room; without it, the room's impulse response is made.",
                is_optional=True,
            ),
        ),
        "reverb.api:room_file",
        ("reverb.api:room_file", "reverb.api:room"),
        formats=SOUNDS,
        command="cli.reverb_verbs:room",
        output_stem="{recording}-room",
        positional=("size", "listener", "source"),
        ranges={
            "rt60_s": (0.05, 20),
            "absorption": (0.01, 0.99),
            "n_channels": (1, 2),
            **_TAIL_S,
        },
        separators={"size": "x"},
    ),
    Tool(
        "reverb-apply",
        "Put a sound into a room: a measured one, or any impulse response.",
        (
            _RECORDING,
            Input(
                "room",
                "recording",
                "The room: an impulse response of one, two or four channels, of any rate.",
            ),
        ),
        "reverb.api:apply_file",
        ("reverb.api:apply_file", "reverb.api:apply"),
        formats=SOUNDS,
        command="cli.reverb_verbs:apply",
        output_stem="{recording}-{room}",
        ranges=_TAIL_S,
    ),
    Tool(
        "reverb-match",
        "Lay the reverb of one recording on another, dry one.",
        (
            Input("dry", "recording", "The dry sound; what reverb it has stays."),
            Input("reference", "recording", "Music or speech in the room that is meant."),
        ),
        "reverb.api:match_file",
        ("reverb.api:match_file", "reverb.api:match"),
        formats=SOUNDS,
        command="cli.reverb_verbs:match",
        output_stem="{dry}-{reference}",
        ranges={"direct_db": (-40, 40), **_TAIL_S},
    ),
    Tool(
        "reverb-remove",
        "Take late reverb out of a recording: speech, or music of short notes.",
        (_RECORDING,),
        "reverb.api:remove_file",
        ("reverb.api:remove_file", "reverb.api:remove"),
        formats=SOUNDS,
        command="cli.reverb_verbs:remove",
        output_stem="{recording}-drier",
    ),
    Tool(
        "reverb-estimate",
        "Estimate the reverberation time of a recording of music or speech, by octaves.",
        (_RECORDING,),
        "reverb.api:estimate_file",
        command="cli.reverb_verbs:estimate",
        makes="report",
    ),
    Tool(
        "reverb-sweep",
        "Make a sweep to play in a room that is to be measured.",
        (),
        "reverb.api:sweep_file",
        ("reverb.api:sweep_file", "reverb.api:sweep"),
        formats=_LOSSLESS,
        command="cli.reverb_verbs:sweep",
        output_stem="sweep",
        ranges={
            "duration_s": (1, 120),
            "low_hz": (1, 19200),
            "high_hz": (4, 92160),
            "sample_rate": (8000, 192_000),
            "tail_s": (0.5, 30),
            "level_db": (-60, 0),
        },
    ),
    Tool(
        "reverb-capture",
        "Measure a room by a recording of a sweep in it, or of a clap, a balloon or a pistol.",
        (
            Input("recording", "recording", "What was recorded in the room."),
            Input(
                "sweep",
                "recording",
                "The sweep that was played; without it, the recording has a clap.",
                is_optional=True,
            ),
        ),
        "reverb.api:capture_file",
        formats=_LOSSLESS,
        command="cli.reverb_verbs:capture",
        output_stem="{recording}-response",
    ),
)

TOOLS = (INSTRUMENT, CHOIR, *_KNOBS, TRANSPOSE, STRETCH, MORPH, *_REVERB)
