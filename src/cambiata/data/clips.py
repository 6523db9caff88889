"""Clips described by numbers: which notes of a pack sound when and how, for `train.note_mixing`.

A clip is drawn by one process in a millisecond or two and mixed by another, on a GPU where there is
one: what travels between them is a table of events and a row of settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cambiata.data.clip_textures import sample_texture
from cambiata.data.note_pack import NotePack
from cambiata.errors import InputError
from cambiata.score.midi import Note

# Columns of an event.
EVENT = (
    "note",  # its number in the pack
    "start_s",
    "gate_s",  # for how long the key is down
    "pitch",  # MIDI number; -1 where nothing is to be heard as a note
    "gain_db",
    "skip_s",  # of the sample: a slurred note begins past its attack
    "attack_s",  # over which it is faded in
    "release_db_s",
    "detune_cents",
    "vibrato_cents",
    "vibrato_hz",
    "vibrato_phase",
    "vibrato_delay_s",
    "glide_cents",  # where the pitch comes from
    "glide_s",
    "bend_cents",  # where it goes to
    "bend_at_s",
    "bend_s",
    "swell_db",  # from the beginning to the end
    "tremolo_db",
    "tremolo_hz",
    "slurred",  # 1 where it is joined to the note before
)
MAX_EVENTS = 160
# Columns of a clip's settings.
SETTING = (
    "seed",  # of its noise
    "room",  # number of an impulse response; -1: none
    "room_s",  # reverberation time of a computed room; 0: none
    "wet_db",  # of the room against the direct sound
    "noise_db",  # against the clip's power; -200: none
    "noise_slope",  # 0 white, 1 pink, 2 brown
    "hum_hz",
    "hum_db",
    "low_cut_hz",
    "high_cut_hz",
    "drive_db",  # into a soft clipper; 0: none
    "crop_db",  # by how much hard clipping is below the peak; 0: none
    *(f"eq_{i}_db" for i in range(8)),  # at frequencies a little more than an octave apart
)


class Timbre(NamedTuple):
    """One timbre of a pack."""

    rows: npt.NDArray[np.int64]  # its notes' numbers in the pack
    pitch: npt.NDArray[np.int16]
    velocity: npt.NDArray[np.int16]
    sustains: bool
    pitched: bool
    weight: float


@dataclass(frozen=True)
class ClipConfig:
    """Ranges from which clips are drawn; shares chosen by hand, fitted to nothing."""

    duration_s: float = 262144 / 44100  # a power of two of samples
    n_tracks: tuple[float, ...] = (0.02, 0.53, 0.25, 0.14, 0.06)  # of 0 to 4 instruments
    ensemble_share: float = 0.1  # of the tracks: two players, a little out of tune
    drum_share: float = 0.12
    excerpt_share: float = 0.25  # of the tracks, where there are scores
    expressive_share: float = 0.55  # of sustaining timbres: vibrato, slurs, glides, swells
    effect_share: float = 0.8  # of clips that are not just dry


def timbres_of(pack: NotePack, *, held_out: bool) -> list[Timbre]:
    """The timbres to learn from, or those held out."""
    chosen = []
    notes = pack.notes
    for number in np.unique(notes["timbre"]):
        rows = np.flatnonzero(notes["timbre"] == number)
        own = notes[rows]
        pitched = bool((own["pitch"] >= 0).all())
        if bool(own["held_out"].all()) == held_out:
            sustained = bool(own["sustains"].mean() > 0.5)
            weight = float(own["weight"].mean())
            chosen.append(Timbre(rows, own["pitch"], own["velocity"], sustained, pitched, weight))
    return chosen


class ClipSampler:
    """Clips by number: the same number gives the same clip."""

    def __init__(
        self,
        pack: NotePack,
        excerpts: Sequence[tuple[Note, ...]] = (),
        n_rooms: int = 0,
        config: ClipConfig | None = None,
        *,
        held_out: bool = False,
        seed: int = 0,
    ) -> None:
        timbres = timbres_of(pack, held_out=held_out)
        self.timbres = [t for t in timbres if t.pitched]
        if not self.timbres:
            purpose = "validate with" if held_out else "learn from"
            raise InputError("the pack", f"has no timbre to {purpose}", "make it of more sources")
        weights = np.array([t.weight for t in self.timbres])
        self._weights = weights / weights.sum()
        self.drums = [t for t in timbres_of(pack, held_out=False) if not t.pitched]
        self.notes, self.excerpts, self.n_rooms = pack.notes, excerpts, n_rooms
        self.config, self.seed = config or ClipConfig(), seed

    def sample(self, number: int) -> npt.NDArray[np.float32]:
        """One clip: settings, then `MAX_EVENTS` events, in one row; unused events are all -1."""
        rng = np.random.default_rng([self.seed, number])
        rows: list[list[float]] = []
        detune = float(rng.uniform(-40, 40)) if rng.random() < 0.3 else float(rng.normal(0, 5))
        n_tracks = int(rng.choice(len(self.config.n_tracks), p=self.config.n_tracks))
        for track in range(n_tracks):
            gain_db = 0.0 if track == 0 else float(rng.uniform(-14, 3))
            rows += self._track(rng, gain_db, detune)
        if self.drums and rng.random() < self.config.drum_share:
            rows += self._drums(rng)
        events = np.full((MAX_EVENTS, len(EVENT)), -1, np.float32)
        if len(rows) > MAX_EVENTS:
            rows = [rows[i] for i in sorted(rng.permutation(len(rows))[:MAX_EVENTS])]
        if rows:
            events[: len(rows)] = rows
        settings = self._settings(rng, number)
        return np.concatenate([settings, events.ravel()]).astype(np.float32)

    def _track(
        self, rng: np.random.Generator, gain_db: float, detune_cents: float
    ) -> list[list[float]]:
        """Events of one instrument."""
        timbre = self.timbres[int(rng.choice(len(self.timbres), p=self._weights))]
        low, high = max(21, int(timbre.pitch.min()) - 3), min(108, int(timbre.pitch.max()) + 3)
        notes = self._notes(rng, timbre, low, high)
        if not notes:
            return []
        hand = _Manner.sample(rng, timbre.sustains, self.config.expressive_share)
        velocity_db = float(rng.uniform(0.12, 0.4))  # a step: 15 to 50 dB from softest to loudest
        rows: list[list[float]] = []
        previous: Note | None = None
        for note in sorted(notes):
            row = self._pick(rng, timbre, note)
            level_db = float(self.notes["level_db"][row]) - float(
                np.median(self.notes["level_db"][timbre.rows])
            )
            # Levels of a pack's notes belong to the timbre, but for what is plainly a mistake.
            gain = gain_db + float(np.clip(level_db, -15, 15)) + velocity_db * (note.velocity - 80)
            event = hand.play(rng, note, previous, float(self.notes["release_db_s"][row]))
            event |= {"note": row, "gain_db": gain}
            event["detune_cents"] = detune_cents + float(rng.normal(0, hand.untuned_cents))
            rows.append([float(event.get(name, 0.0)) for name in EVENT])
            previous = note
        if rng.random() < self.config.ensemble_share and 2 * len(rows) < MAX_EVENTS:
            apart = float(rng.uniform(4, 25))
            tuned = EVENT.index("detune_cents")
            rows += [[*row[:tuned], row[tuned] + apart, *row[tuned + 1 :]] for row in rows]
        return rows

    def _notes(
        self, rng: np.random.Generator, timbre: Timbre, low: int, high: int
    ) -> Sequence[Note]:
        if self.excerpts and rng.random() < self.config.excerpt_share:
            excerpt = self.excerpts[int(rng.integers(len(self.excerpts)))]
            lowest, highest = min(n.pitch for n in excerpt), max(n.pitch for n in excerpt)
            if highest - lowest <= high - low:
                by = int(rng.integers(low - lowest, high - highest + 1))
                if abs(by) > 12:
                    by -= 12 * round(by / 12)
                by = int(np.clip(by, low - lowest, high - highest))
                return [replace(n, pitch=n.pitch + by) for n in excerpt]
        return sample_texture(
            rng, range(low, high + 1), self.config.duration_s, sustains=timbre.sustains
        )

    def _pick(self, rng: np.random.Generator, timbre: Timbre, note: Note) -> int:
        """The sample for a note: near in pitch, then in velocity."""
        distance = np.abs(timbre.pitch - note.pitch) * 6.0 + np.abs(
            timbre.velocity - note.velocity + rng.normal(0, 10)
        )
        return int(timbre.rows[int(distance.argmin())])

    def _drums(self, rng: np.random.Generator) -> list[list[float]]:
        """A beat of a few hits beneath, which are no notes."""
        rows: list[list[float]] = []
        beat_s = 60 / float(rng.uniform(70, 180))
        base_db = float(rng.uniform(-16, 4))
        for _ in range(int(rng.integers(1, 5))):
            drum = self.drums[int(rng.integers(len(self.drums)))]
            row = int(rng.choice(drum.rows))
            step_s = beat_s * float(rng.choice([0.25, 0.5, 1.0, 2.0]))
            at_s = float(rng.uniform(0, beat_s))
            gain = base_db + float(rng.uniform(-10, 0))
            while at_s < self.config.duration_s and len(rows) < 60:
                event = {"note": row, "start_s": at_s, "gate_s": 2.0, "pitch": -1.0}
                event |= {"gain_db": gain + float(rng.normal(0, 2)), "release_db_s": 300.0}
                rows.append([float(event.get(name, 0.0)) for name in EVENT])
                at_s += step_s
        return rows

    def _settings(self, rng: np.random.Generator, number: int) -> npt.NDArray[np.float32]:
        """Room, noise, hum, bands and clipping of a clip."""
        chosen = dict.fromkeys(SETTING, 0.0)
        chosen |= {"seed": float(number % 2**20), "room": -1.0, "noise_db": -200.0}
        chosen |= {"hum_db": -200.0, "high_cut_hz": 22050.0}
        if rng.random() < self.config.effect_share:
            if rng.random() < 0.55:
                chosen["wet_db"] = float(rng.uniform(-22, 2))
                if self.n_rooms and rng.random() < 0.3:
                    chosen["room"] = float(rng.integers(self.n_rooms))
                else:
                    chosen["room_s"] = float(np.exp(rng.uniform(np.log(0.15), np.log(3.0))))
            if rng.random() < 0.55:
                chosen["noise_db"] = float(rng.uniform(-70, -18))
                chosen["noise_slope"] = float(rng.uniform(0, 2))
            if rng.random() < 0.12:
                chosen["hum_hz"] = float(rng.choice([50.0, 60.0]) * rng.uniform(0.998, 1.002))
                chosen["hum_db"] = float(rng.uniform(-50, -14))
            if rng.random() < 0.15:
                chosen["low_cut_hz"] = float(np.exp(rng.uniform(np.log(60), np.log(350))))
            if rng.random() < 0.25:
                chosen["high_cut_hz"] = float(np.exp(rng.uniform(np.log(2800), np.log(15000))))
            if rng.random() < 0.12:
                chosen["drive_db"] = float(rng.uniform(0, 20))
            if rng.random() < 0.06:
                chosen["crop_db"] = float(rng.uniform(1, 9))
            width = float(rng.uniform(0, 9))
            chosen |= {f"eq_{i}_db": float(rng.normal(0, width / 2)) for i in range(8)}
        return np.array([chosen[name] for name in SETTING], np.float32)


@dataclass(frozen=True)
class _Manner:
    """How one player plays: what hardly changes from note to note."""

    vibrato_cents: float
    vibrato_hz: float
    vibrato_delay_s: float
    slur_share: float
    glide_share: float  # of slurred notes
    scoop_share: float  # of notes that begin or end off their pitch
    swell_db: float
    tremolo_db: float
    untuned_cents: float
    fixed_release_db_s: float  # 0: the sample's own

    @classmethod
    def sample(cls, rng: np.random.Generator, sustains: bool, share: float) -> "_Manner":
        if not sustains or rng.random() >= share:
            bent = 0.0 if sustains or rng.random() < 0.92 else 0.3  # a bent string
            release = float(rng.uniform(60, 900)) if rng.random() < 0.3 else 0.0
            return cls(0, 5, 0, 0, 0, bent, 0, 0, float(rng.uniform(0, 5)), release)
        depth = float(rng.choice([0.0, 1.0, 1.0, 1.0])) * float(
            np.exp(rng.uniform(np.log(6), np.log(130)))
        )
        return cls(
            vibrato_cents=depth,
            vibrato_hz=float(rng.uniform(4, 7.5)),
            vibrato_delay_s=float(rng.choice([0.0, rng.uniform(0, 0.4)])),
            slur_share=float(rng.choice([0.0, 0.5, 0.9, 1.0])),
            glide_share=float(rng.choice([0.0, 0.0, 0.3, 0.9])),
            scoop_share=float(rng.choice([0.0, 0.0, 0.2, 0.5])),
            swell_db=float(rng.choice([0.0, rng.uniform(0, 14)])),
            tremolo_db=float(rng.choice([0.0, 0.0, rng.uniform(0, 3)])),
            untuned_cents=float(rng.uniform(0, 12)),
            fixed_release_db_s=float(np.exp(rng.uniform(np.log(100), np.log(1500)))),
        )

    def play(
        self, rng: np.random.Generator, note: Note, previous: Note | None, release_db_s: float
    ) -> dict[str, float]:
        """Values of a note's event but for the sample's."""
        event = {
            "start_s": note.start_s,
            "gate_s": note.duration_s,
            "pitch": float(note.pitch),
            "release_db_s": float(np.clip(self.fixed_release_db_s or release_db_s, 45, 3000)),
            "vibrato_cents": self.vibrato_cents * float(rng.uniform(0.5, 1.2)),
            "vibrato_hz": self.vibrato_hz * float(rng.uniform(0.92, 1.08)),
            "vibrato_phase": float(rng.uniform(0, 2 * np.pi)),
            "vibrato_delay_s": self.vibrato_delay_s,
            "attack_s": 0.002,
        }
        if self.swell_db:
            event["swell_db"] = float(rng.uniform(-1, 1)) * self.swell_db
        if self.tremolo_db:
            event |= {"tremolo_db": self.tremolo_db, "tremolo_hz": self.vibrato_hz}
        before = previous if previous is not None and previous.pitch != note.pitch else None
        joined = before is not None and -0.02 < note.start_s - before.end_s < 0.03
        if before is not None and joined and rng.random() < self.slur_share:
            event |= {"slurred": 1.0, "skip_s": float(rng.uniform(0.15, 0.5))}
            event |= {"attack_s": float(rng.uniform(0.01, 0.06))}
            if rng.random() < self.glide_share and abs(before.pitch - note.pitch) <= 12:
                event["glide_cents"] = 100.0 * (before.pitch - note.pitch)
                event["glide_s"] = float(rng.uniform(0.03, 0.14))
        elif rng.random() < self.scoop_share:
            if rng.random() < 0.6:
                event["glide_cents"] = float(rng.uniform(-200, 120))
                event["glide_s"] = float(rng.uniform(0.04, 0.25))
            else:
                event["bend_cents"] = float(rng.choice([-1, 1]) * rng.uniform(30, 200))
                event["bend_at_s"] = note.duration_s * float(rng.uniform(0.2, 0.8))
                event["bend_s"] = float(rng.uniform(0.05, 0.3))
        return event


def split_clip(clips: Any) -> tuple[Any, Any]:
    """Settings [B, S] and events [B, N, E] of clips in rows [B, R]."""
    settings = clips[:, : len(SETTING)]
    return settings, clips[:, len(SETTING) :].reshape(len(clips), MAX_EVENTS, len(EVENT))
