"""Grooves, hits and rooms that drums are learnt from, in one folder.

Grooves are of the Groove MIDI Dataset (CC BY 4.0), hits of sound fonts, of sonic-pi-samples (CC0),
of the MuldjordKit (CC BY 4.0) and computed, rooms of the impulse responses of
web-audio-samples (Apache-2.0).
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.data.drum_hits import (
    ARTICULATION_OF_KEY,
    RATE_HZ,
    DrumKit,
    HitBank,
    font_kits,
    muldjord_kits,
    pack_hits,
    sonic_pi_kits,
    synthetic_kit,
    trim_hit,
)
from cambiata.errors import InputError

CLIP_S = 4.0  # of a clip that is learnt from
# Seconds of a groove that a clip may be made of: it is played up to 25 % slower or faster.
WINDOW_S = CLIP_S * 1.25
MAX_EVENTS = 160  # in a window: 32 a second; the densest rolls have as many
VALIDATION_KIT = "generaluser-gs-0"
"""The kit that is never trained on, by which thresholds are chosen."""

_FONT_PROGRAMS = {
    "fluid-r3": (0, 8, 16, 24, 25, 32, 40, 48),
    "musescore-general": (0, 3, 5, 8, 16, 24, 25, 32, 40, 48),
    "csound-gm": (0, 8, 16, 24, 25, 32, 40, 48, 127),
    "generaluser-gs": (0,),
}
# Pitched instruments under the drums: program, and the pitches that are recorded of it.
_PROGRAMS = (0, 4, 11, 16, 24, 25, 27, 30, 48, 52, 61, 65, 73, 81, 89)
_BASSES = (32, 33, 36, 38)
_TONE_S = 0.9
_ROOM_S = 0.7  # of a room's response: what comes later is too soft to matter to onsets

Progress = Callable[[float], None] | None
Events = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DrumGroovesConfig:
    """What grooves are played with; folders that are empty are left out, but for `source`."""

    source: str = ""  # folder of the Groove MIDI Dataset
    sonic_pi: str = "/usr/share/sonic-pi/samples"  # of Debian's sonic-pi-samples
    muldjord: str = ""  # the MuldjordKit's folder "Samples"
    rooms: str = ""  # impulse responses
    n_synthetic: int = 24  # kits that are computed


class DrumGrooves:
    """Windows of grooves: rows of time in seconds, articulation (-1: none), velocity 0 to 1."""

    def __init__(self, folder: Path, split: str = "train") -> None:
        self.folder, self.split = folder, split
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        with np.load(folder / "grooves.npz") as stored:
            self.windows: Events = cut_windows(stored[split], stored[f"{split}_ends"])

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: Any) -> Events:
        """A window [160, 3]."""
        window: Events = self.windows[index]
        return window

    def validation(self) -> "DrumGrooves":
        """Windows of the dataset's validation files."""
        return DrumGrooves(self.folder, "validation")

    def bank(self) -> HitBank:
        """The hits."""
        with np.load(self.folder / "hits.npz") as stored:
            return HitBank.of_arrays(stored)

    def rooms(self) -> npt.NDArray[np.float32]:
        """Impulse responses [R, T]."""
        with np.load(self.folder / "rooms.npz") as stored:
            rooms: npt.NDArray[np.float32] = stored["rooms"].astype(np.float32)
        return rooms


def cut_windows(events: Events, ends: npt.NDArray[np.int64]) -> Events:
    """Windows [N, 160, 3] of grooves' events [E, 3], half a window apart."""
    windows = []
    for groove in np.split(events, ends[:-1]):
        last_s = float(groove[-1, 0]) if len(groove) else 0.0
        for begin_s in np.arange(0.0, max(last_s - WINDOW_S / 2, 0.1), WINDOW_S / 2):
            # A little before the first hit, so that its attack is whole.
            begin_s = max(0.0, float(begin_s)) - 0.05
            inside = (groove[:, 0] >= begin_s) & (groove[:, 0] < begin_s + WINDOW_S)
            window = np.full((MAX_EVENTS, 3), -1.0, np.float32)
            some = groove[inside][:MAX_EVENTS]
            window[: len(some)] = some
            window[: len(some), 0] -= begin_s
            if len(some):
                windows.append(window)
    return np.stack(windows)


def groove_events(path: Path) -> Events:
    """Hits of a MIDI file of the dataset [E, 3]: seconds, articulation, velocity."""
    from cambiata.score.midi import load

    rows = [
        (note.start_s, ARTICULATION_OF_KEY[note.pitch], note.velocity / 127)
        for part in load(path, keys=True).parts
        for note in part.notes
        if note.pitch in ARTICULATION_OF_KEY
    ]
    return np.array(sorted(rows), np.float32).reshape(-1, 3)


def record_drum_grooves(
    config: DrumGroovesConfig, folder: str | Path | None = None, progress: Progress = None
) -> DrumGrooves:
    """Hits, rooms and grooves, written into a folder; by default in the cache."""
    from cambiata.data.scores import SCORE_CACHE

    digest = hashlib.sha256(json.dumps(asdict(config)).encode()).hexdigest()[:12]
    place = Path(folder) if folder else SCORE_CACHE / "examples" / f"drums-{digest}"
    if not (place / "facts.json").exists():
        _record(config, place, progress or (lambda _share: None))
    return DrumGrooves(place)


def _record(config: DrumGroovesConfig, place: Path, progress: Callable[[float], None]) -> None:
    from cambiata.data.grooves import SOURCE, read_recordings
    from cambiata.files import write_text

    if not config.source:
        raise InputError(
            "examples.source",
            "names no folder",
            'name the Groove MIDI Dataset\'s: `settings={"examples.source": "FOLDER"}`',
        )
    place.mkdir(parents=True, exist_ok=True)
    kits = []
    for kit in _kits(config):
        kits.append(kit)
        progress(0.8 * len(kits) / (40 + config.n_synthetic))
    np.savez_compressed(place / "hits.npz", **pack_hits(kits, _tones()).arrays())
    grooves: dict[str, list[Events]] = {"train": [], "validation": []}
    for each in read_recordings(config.source):
        if each.split in grooves and not each.is_held_out:
            grooves[each.split].append(groove_events(each.path))
    stored: dict[str, Any] = {}
    for split, some in grooves.items():
        some = [each for each in some if len(each)]
        stored[split] = np.concatenate(some)
        stored[f"{split}_ends"] = np.cumsum([len(each) for each in some])
    np.savez_compressed(place / "grooves.npz", **stored)
    np.savez_compressed(place / "rooms.npz", rooms=_rooms(config.rooms).astype(np.float16))
    sources = [{"kit": kit.name, "licence": kit.licence} for kit in kits]
    facts = {"settings": asdict(config), "banks": [SOURCE, *sources]}
    write_text(place / "facts.json", json.dumps(facts))  # last: where it lies, all do


def _kits(config: DrumGroovesConfig) -> Sequence[DrumKit]:
    from cambiata.data.soundfont import identify_source, installed_fonts

    kits: list[DrumKit] = []
    for path in installed_fonts():
        source = identify_source(path)
        if source.use == "train" and source.name in _FONT_PROGRAMS:
            programs = _FONT_PROGRAMS[source.name]
            kits += font_kits(path, programs, source.licence, source.name)
    if config.sonic_pi and Path(config.sonic_pi).is_dir():
        kits += sonic_pi_kits(Path(config.sonic_pi))
    if config.muldjord:
        kits += muldjord_kits(Path(config.muldjord))
    kits += [synthetic_kit(0, number) for number in range(config.n_synthetic)]
    return kits


def _tones() -> list[list[npt.NDArray[np.float32]]]:
    """Notes of pitched instruments, three of each."""
    from cambiata.data.soundfont import Renderer, SoundFont, identify_source, installed_fonts
    from cambiata.score.midi import Note

    programs = {
        "fluid-r3": (*_PROGRAMS[::2], *_BASSES),
        "musescore-general": (*_PROGRAMS[1::2], *_BASSES[::2]),
    }
    instruments = []
    for path in installed_fonts():
        font = identify_source(path).name
        if font not in programs:
            continue
        with Renderer(SoundFont(path), RATE_HZ) as renderer:
            for program in programs[font]:
                pitches = (28, 35, 42) if program in _BASSES else (48, 60, 72)
                sounds = [
                    renderer.render([Note(0.0, 0.8, pitch, 100)], program, 1.2).mean(axis=0)
                    for pitch in pitches
                ]
                hits = [trim_hit(sound, _TONE_S) for sound in sounds]
                instruments.append([hit for hit in hits if hit is not None])
    return [each for each in instruments if len(each) == 3]


def _rooms(folder: str) -> npt.NDArray[np.float32]:
    """Impulse responses [R, T] with a peak of 1 at their beginning; one without a room at least."""
    from cambiata.audio.sound import load
    from cambiata.audio.source import resample

    n = round(_ROOM_S * RATE_HZ)
    rooms = [np.eye(1, n, dtype=np.float32)[0]]
    for path in sorted(Path(folder).glob("*.wav")) if folder else ():
        sound = load(path)
        response = sound.samples
        if sound.sample_rate != RATE_HZ:
            response = resample(response, sound.sample_rate, RATE_HZ)
        for channel in response[:2]:
            begin = int(np.argmax(np.abs(channel) > 0.3 * np.abs(channel).max()))
            room = np.zeros(n, np.float32)
            some = channel[begin : begin + n]
            room[: len(some)] = some / np.abs(channel).max()
            rooms.append(room)
    return np.stack(rooms)
