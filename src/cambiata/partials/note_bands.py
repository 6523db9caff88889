"""What the note detector takes: bands for pitch, and bands of short windows for attacks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import LogFrequency
from cambiata.audio.mel import Features

PITCH_BANDS = LogFrequency()
# Windows of 46 ms, twice a frame: where ten strikes a second are ten rises. A bin a semitone is
# all that they resolve.
ATTACK_BANDS = LogFrequency(
    hop_length=PITCH_BANDS.hop_length // 2,
    windows=(2048,),
    decimations=(1,),
    borders_hz=(),
    bins_per_semitone=1,
)
N_ATTACK = PITCH_BANDS.hop_length // ATTACK_BANDS.hop_length  # their frames to one of pitch
N_ROWS = PITCH_BANDS.n_bins + N_ATTACK * ATTACK_BANDS.n_bins


@lru_cache(maxsize=4)  # of a content, a style, and of what was used before
def tuned(tuning_cents: float) -> tuple[LogFrequency, LogFrequency]:
    """Both kinds of bands of a recording whose A lies off 440 Hz."""
    if not tuning_cents:
        return PITCH_BANDS, ATTACK_BANDS
    pitch = replace(PITCH_BANDS, tuning_cents=tuning_cents)
    return pitch, replace(ATTACK_BANDS, tuning_cents=tuning_cents)


def note_bands_db(
    samples: Samples, tuning_cents: float = 0.0, mean: float | None = None
) -> Features:
    """Levels [520, L] of a sound [T] in dB of its mean power: pitch bands, then attack bands."""
    pitch, attack = tuned(tuning_cents)
    with ThreadPoolExecutor(1) as other:  # the transforms release the interpreter
        attacks = other.submit(attack.level_db, samples, mean)
        pitch_db = pitch.level_db(samples, mean)
        attack_db = attacks.result()
    return np.concatenate([pitch_db, *fold_attacks(attack_db, pitch_db.shape[1])])


def fold_attacks(attack_db: Features, n_frames: int) -> list[Features]:
    """The attack bands' frames [104, 2 L] as one array for each place within a frame of pitch."""
    missing = max(0, N_ATTACK * n_frames - attack_db.shape[1])
    padded = np.pad(attack_db, ((0, 0), (0, missing)), mode="edge")
    return [padded[:, i::N_ATTACK][:, :n_frames] for i in range(N_ATTACK)]
