"""Mains hum: found as lines that stay the same all the while, and taken out with narrow notches."""

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import hann_power
from cambiata.audio.source import resample
from cambiata.partials.stretches import StretchMeter

# Mains are at 50 Hz or 60 Hz, off by 0.2 at most; rectifiers and transformers give multiples.
_MAINS_HZ, _N_MULTIPLES, _OFF_HZ = (50.0, 60.0), 8, 0.3
# Windows of 2 s tell a line from what lies 2 Hz beside it (of the keys of a piano, A = 440, the
# nearest is 0.4 Hz off, at 300 Hz, and does not last).
_RATE_HZ, _WINDOW, _HOP = 2000, 4000, 1000
_BESIDE_HZ = (2.0, 6.0)
# Hum stands 20 dB above what lies beside it, and is within 2 dB of its median level in 80 % of the
# windows; a note that lasts does neither longer than it is held.
_ABOVE_DB, _STEADY_DB, _STEADY_SHARE = 20.0, 2.0, 0.8
_MIN_WINDOWS = 4
# A notch that is 3 Hz wide takes out a line that wavers, and settles within a third of a second.
_NOTCH_HZ = 3.0


class HumMeter(StretchMeter):
    """Hum of a sound that arrives in blocks."""

    def __init__(self, sample_rate: int, n_samples: int) -> None:
        super().__init__(sample_rate, n_samples)
        self._power: list[Samples] = []

    def hum_hz(self) -> tuple[float, ...]:
        """Frequencies of the lines; none where there is no hum."""
        self._finish()
        if sum(map(len, self._power)) < _MIN_WINDOWS:
            return ()
        level_db = 10 * np.log10(np.concatenate(self._power) + 1e-20)
        found = [
            tuple(mains * k for k in range(1, _N_MULTIPLES + 1) if _is_line(level_db, mains * k))
            for mains in _MAINS_HZ
        ]
        # The mains themselves or their double must be there: all other lines belong to one of them.
        likely = [lines for lines in found if lines and lines[0] <= 2 * _MAINS_HZ[-1]]
        return max(likely, key=len, default=())

    def _measure(self, stretch: Samples) -> None:
        low = resample(stretch, self._rate, _RATE_HZ)
        if len(low) < _WINDOW:
            return
        power = hann_power(low, _WINDOW, _HOP)
        inside = slice(_WINDOW // 2 // _HOP, len(power) - _WINDOW // 2 // _HOP)
        self._power.append(power[inside])  # windows that reach over the ends see half a line


def _is_line(level_db: Samples, hz: float) -> bool:
    """Whether a line stands at a frequency in all windows [L, F]."""
    bins = _WINDOW / _RATE_HZ
    reach = int(np.ceil(_OFF_HZ * bins))
    at = round(hz * bins)
    line = level_db[:, at - reach : at + reach + 1].max(axis=1)
    near, far = (round(x * bins) for x in _BESIDE_HZ)
    around = np.concatenate(
        [level_db[:, at - far : at - near], level_db[:, at + near + 1 : at + far + 1]], axis=1
    )
    middle = float(np.median(line))
    # What leaks in from a note 1 Hz away is higher there.
    shape = np.median(level_db[:, at - reach - 2 : at + reach + 3], axis=0)
    if not 2 <= int(shape.argmax()) <= 2 + 2 * reach:
        return False
    steady = float(np.mean(np.abs(line - middle) <= _STEADY_DB))
    return steady >= _STEADY_SHARE and middle - float(np.median(around)) >= _ABOVE_DB


def without_hum(samples: Samples, sample_rate: int, hum_hz: tuple[float, ...]) -> Samples:
    """A sound [T] without lines at some frequencies; itself where there are none."""
    if not hum_hz:
        return samples
    import scipy.signal  # a third of a second that most recordings need not spend

    sections = [
        scipy.signal.tf2sos(*scipy.signal.iirnotch(hz, hz / _NOTCH_HZ, sample_rate))
        for hz in hum_hz
    ]
    n_pad = min(len(samples) - 1, sample_rate)
    clean = scipy.signal.sosfiltfilt(np.concatenate(sections), samples, padlen=n_pad)
    return np.asarray(clean, np.float32)


def describe_hum(hum_hz: tuple[float, ...]) -> str:
    """Hum in words."""
    return f"hums at {', '.join(f'{hz:g}' for hz in hum_hz)} Hz, which is not heard as notes"
