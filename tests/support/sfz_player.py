"""A player of .sfz files, as much of it as ours ask for; another's library reads them."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cambiata.arrays import Samples

FULL_DB = 84.0  # that envelopes fall by in the time that they are given


def read_sfz(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Opcodes of each region with those above it, and what sfzlint has to say of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("sfzlint", reason="sfzlint is missing")
        from sfzlint import parser

        complaints: list[str] = []
        config = parser.SFZValidatorConfig(file_path=path)
        sfz = parser.validate(
            path, err_cb=lambda *what: complaints.append(str(what)), config=config
        )
    above: dict[str, Any] = {}
    regions = []
    for header in sfz.headers:
        opcodes = {str(key): _value(value) for key, value in header.items()}
        if str(header.token) == "region":
            regions.append(above | opcodes)
        else:
            above |= opcodes
    return regions, complaints


def _value(value: object) -> object:
    text = str(value)
    try:
        return float(text)
    except ValueError:
        return text


def region_of(regions: list[dict[str, Any]], key: int, velocity: int) -> dict[str, Any]:
    """The one region that answers."""
    [found] = [
        each
        for each in regions
        if each["lokey"] <= key <= each["hikey"] and each["lovel"] <= velocity <= each["hivel"]
    ]
    return found


def play_region(
    region: dict[str, Any], folder: Path, key: int, velocity: int, held_s: float, length_s: float
) -> tuple[Samples, int]:
    """Sound [T] of a key that is held for a while."""
    sound, rate = soundfile.read(folder / str(region["sample"]), dtype="float64")
    semitones = key - region["pitch_keycenter"] + region["tune"] / 100
    at = np.arange(round(length_s * rate)) * 2 ** (semitones / 12)
    if region["loop_mode"] == "loop_continuous":
        start, end = int(region["loop_start"]), int(region["loop_end"]) + 1
        at = np.where(at < end, at, start + (at - start) % (end - start))
    out = np.interp(at, np.arange(len(sound)), sound, right=0.0)
    t = np.arange(len(out)) / rate
    fall_db = np.maximum(t - held_s, 0) * FULL_DB / region["ampeg_release"]
    if "ampeg_decay" in region:
        held = np.minimum(t, held_s) - region["ampeg_hold"]
        fall_db += np.maximum(held, 0) * FULL_DB / region["ampeg_decay"]
    gain = (velocity / 127) ** 2 * 10 ** (-fall_db / 20)
    return (out * gain).astype(np.float32), rate
