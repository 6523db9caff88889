"""The studio's verbs, by their names."""

from collections.abc import Mapping

from cambiata.web.tools import TOOLS
from cambiata.web.verb import SOUNDS, Input, Verb

_TRANSFER_CONTENT = Input("content", "recording", "Recording whose notes are played.")

VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb(
            "transfer",
            "Play the notes and timing of one recording with the sound of another.",
            (
                _TRANSFER_CONTENT,
                Input(
                    "style",
                    "recording-or-timbre",
                    "Recording or timbre to play them with, or the name of one that ships.",
                ),
            ),
            "timbre_transfer.api:transfer_file",
            ("timbre_transfer.api:Options",),
            formats=SOUNDS,
            job="transfer",
        ),
        Verb(
            "play",
            "Play a score, or the notes of a recording, with the sound of a recording.",
            (
                Input("score", "recording-or-score", "Score to play, or a recording of one."),
                Input("sound", "recording-or-timbre", "Recording or timbre to play it with."),
            ),
            "performance.api:play_file",
            ("performance.api:PlayOptions",),
            formats=("wav", "flac", "ogg", "mp3", "aiff"),
            job="play",
        ),
        Verb(
            "transcribe",
            "Write down the notes of a recording.",
            (Input("recording", "recording", "Recording to transcribe."),),
            "transcription.api:transcribe_file",
            ("transcription.api:transcribe",),
            formats=("mid", "musicxml"),
        ),
        Verb(
            "translate",
            "Play a recording as another instrument or ensemble would, learnt beforehand.",
            (_TRANSFER_CONTENT,),
            "translation.api:translate_file",
            ("timbre_transfer.api:Options",),
            formats=SOUNDS,
            job="translate",
        ),
        Verb(
            "melody",
            "Turn a melody towards a dance type, or towards other melodies.",
            (
                Input("tune", "score", "Score of the melody."),
                Input(
                    "style",
                    "melody-style",
                    "A dance type, or one or several scores that show the style.",
                    "one-or-list",
                ),
            ),
            "melody.api:restyle_file",
            ("melody.api:restyle",),
            formats=("mid", "musicxml"),
            job="melody",
        ),
        Verb(
            "groove",
            "Turn one drum part some part of the way towards another.",
            (
                Input("a", "recording-or-score", "Drum part to begin at."),
                Input(
                    "b",
                    "recording-or-score",
                    "Drum part to go towards; a list of scores is a drummer.",
                    "one-or-list",
                ),
            ),
            "groove.api:groove_file",
            ("groove.api:morph_groove",),
            without=("seed",),  # nothing is random
            formats=("mid",),
            job="groove",
        ),
        Verb(
            "counterpoint-solve",
            "Write counterpoints to a cantus that keep every rule.",
            (Input("cantus", "score", "Score of the cantus: one voice of equal notes."),),
            "counterpoint.api:solve_file",
            ("counterpoint.api:solve",),
            formats=("musicxml", "mid"),
        ),
        Verb(
            "counterpoint-check",
            "Say which rules a counterpoint breaks, bar by bar.",
            (Input("score", "score", "Score of two or three voices, one of them the cantus."),),
            "counterpoint.api:check_file",
            ("counterpoint.api:check",),
        ),
        Verb(
            "timbre-capture",
            "Keep the sound of one or several recordings as a timbre.",
            (Input("styles", "recording-or-timbre", "Recordings of one sound, or names.", "list"),),
            "timbre:capture_timbre",
            ("timbre:capture_timbre",),
            job="transfer",
        ),
        Verb(
            "timbre-mix",
            "Make a timbre between others.",
            (Input("shares", "timbre", "Timbres or names of them, each with a share.", "shares"),),
            "timbre:mix_timbres",
        ),
        Verb(
            "edit",
            "Play a region of a recording anew from its edited notes, in its own timbre.",
            (
                Input("recording", "recording", "Recording that is edited."),
                Input("score", "score", "All its notes, as they are to be."),
            ),
            "performance.api:play_file",
            formats=("wav",),
        ),
        *TOOLS,
    )
}
