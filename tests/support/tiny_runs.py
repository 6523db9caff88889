"""An evaluation's run folder, small and with everything in it that can go wrong."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sounds import melody

from cambiata.audio.sound import Audio

EVIL = """<script>alert('x')</script> & "quoted" | piped"""

RUN = {
    "created": "2026-11-21T12:00:00Z",
    "machine": "two noisy cores",
    "seed": 0,
    "tools": {"pitch": "MultiPitchMelodia"},
    "sets": {
        "artificial": {
            "title": "Artificial: TimGM6mb",
            "n_pairs": 3,
            "about": "Rendered twice.",
            "bins": {"voices1_pitch1": 2, "voices2_pitch1": 1},
            "facts": {"held out": "sound font"},
        },
        "real": {"title": f"Real {EVIL}", "n_pairs": 2, "about": EVIL, "facts": {EVIL: EVIL}},
    },
    "rows": [
        {"name": "copy-content", "label": "copy content", "about": "no change", "kind": "copy"},
        {"name": "musaicing:shifted", "label": "musaicing, shifted", "about": EVIL},
        {"name": "ulyanov", "label": EVIL, "about": "optimised"},
    ],
}

SCORES: list[dict[str, Any]] = [
    {"pair": "0001-aa", "row": "copy-content", "scores": {"paper_lsd": 20.0}},
    {"pair": "0002-bb", "row": "copy-content", "scores": {"paper_lsd": 22.0}},
    {"pair": "0003-cc", "row": "copy-content", "scores": {"paper_lsd": 24.0}},
    {"pair": "0001-aa", "row": "musaicing:shifted", "scores": {"paper_lsd": 99.0, "sparkle": 1}},
    {"pair": "0001-aa", "row": "musaicing:shifted", "scores": {"paper_lsd": 14.0, "sparkle": 1}},
    {"pair": "0002-bb", "row": "musaicing:shifted", "scores": {"paper_lsd": 10.0, "sparkle": 2}},
    {"pair": "0003-cc", "row": "musaicing:shifted", "scores": {"paper_lsd": None, "sparkle": 3}},
    {"pair": "0001-aa", "row": "ulyanov", "scores": {"paper_lsd": 16.0}, "elapsed_s": 2.5},
    {"pair": "0002-bb", "row": "ulyanov", "error": f"gave up {EVIL}"},
    {"pair": "0003-cc", "row": "ulyanov", "scores": {"paper_lsd": 9.0}},
    {"pair": "0003-cc", "row": "of another run", "scores": {"paper_lsd": 1.0}},
    {"pair": "9999-zz", "row": "ulyanov", "scores": {"paper_lsd": 1.0}},
]
REAL_SCORES: list[dict[str, Any]] = [
    {"pair": "0001-dd", "row": "ulyanov", "scores": {"timbre": 0.5, "pitch": 0.25}}
]


def write_scores(path: Path, entries: Iterable[dict[str, Any]], torn: str = "") -> None:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + torn)


def write_run(folder: Path) -> Path:
    """A run of three artificial and two real pairs by three rows; sounds of what succeeded."""
    run = folder / "run"
    run.mkdir()
    (run / "run.json").write_text(json.dumps(RUN))
    torn = '{"pair": "0003-cc", "row": "copy-content", "scores": {"paper'
    for name, pairs, scores in (
        ("artificial", ("0001-aa", "0002-bb", "0003-cc"), SCORES),
        ("real", ("0001-dd", "0002-ee"), REAL_SCORES),
    ):
        place = run / name
        place.mkdir()
        side = {"label": f"Trumpet {EVIL}", "source": "bach/bwv66.6 part 1, 8-16 s"}
        entries = [
            {"id": p, "bin": "voices1_pitch1", "content": side, "style": side} for p in pairs
        ]
        (place / "pairs.json").write_text(json.dumps(entries))
        write_scores(place / "scores.jsonl", scores, torn)
        for index, pair in enumerate(pairs):
            (place / "audio" / pair).mkdir(parents=True)
            given = ["content", "style"] + ["target"] * (name == "artificial")
            made = [s["row"].replace(":", "-") for s in scores if s["pair"] == pair]
            made = [row for row in dict.fromkeys(made) if row != "of another run"]
            if pair == "0002-bb":
                made.remove("ulyanov")
            for shift, stem in enumerate(given + made):
                sound = Audio(melody([60 + shift, 64 + index]), 22050, "PCM_16")
                sound.save(place / "audio" / pair / f"{stem}.flac")
    return run
