"""Reports of the reverb verbs: what was measured of a room, and what was written."""

from dataclasses import dataclass

from cambiata.audio.sound import Audio
from cambiata.reverb.decay import OctaveDecay


@dataclass(frozen=True)
class SweepReport:
    """Report of `sweep_file`.

    Parameters
    ----------
    output : str
        The file written.
    duration_s : float
        Length of the whole file, in seconds.
    sweep_s : float
        Length of the sweep in it.
    low_hz : float
        Its lowest frequency.
    high_hz : float
        Its highest.
    sample_rate : int
        Samples per second.

    Examples
    --------
    >>> SweepReport("sweep.wav", 18.4, 10.0, 20.0, 20000.0, 48000).sweep_s
    10.0
    """

    output: str
    duration_s: float
    sweep_s: float
    low_hz: float
    high_hz: float
    sample_rate: int


@dataclass(frozen=True)
class MeasuredRoom:
    """A room as it was measured, or estimated.

    Parameters
    ----------
    octaves : tuple of OctaveDecay
        Measures of each octave, by ISO 3382-1.
    rt60_s : float or None
        Mean reverberation time of the octaves of 500 Hz and 1 kHz.
    sound : Audio or None
        The impulse response, for `apply`; None where it was only estimated.
    onset_s : float or None
        Start of the sweep or the clap in the recording.
    drift_ppm : float or None
        How much faster the recorder's clock runs than the player's, in parts per million; it was
        undone. None for claps.
    harmonics_db : dict of int to float or None
        Level of the loudspeaker's 2nd to 5th harmonics against the response, of those that stand
        out of the noise; they were cut off.
    output : str or None
        The file written, if any.
    picture : str or None
        Likewise.
    elapsed_s : float
        Seconds that it took.

    Examples
    --------
    >>> MeasuredRoom((), 0.5).rt60_s
    0.5
    """

    octaves: tuple[OctaveDecay, ...]
    rt60_s: float | None
    sound: Audio | None = None
    onset_s: float | None = None
    drift_ppm: float | None = None
    harmonics_db: dict[int, float] | None = None
    output: str | None = None
    picture: str | None = None
    elapsed_s: float = 0.0

    @property
    def times_s(self) -> dict[float, float | None]:
        """Reverberation time by octave, None where it is hidden."""
        return {octave.centre_hz: octave.rt60_s for octave in self.octaves}


@dataclass(frozen=True)
class ReverbReport:
    """Report of the verbs that write a sound: `apply_file`, `match_file`, `remove_file`, ...

    Parameters
    ----------
    output : str
        The file written.
    duration_s : float
        Its length in seconds.
    n_channels : int
        Its channels.
    amount : float
        0 to 1.
    rt60_s : dict of float to float, optional
        Reverberation time of what was laid on it, by octave, where it is known.
    picture : str or None
        The picture written, if any.
    elapsed_s : float
        Seconds that it took.

    Examples
    --------
    >>> ReverbReport("out.wav", 10.0, 2, 1.0, elapsed_s=0.5).real_time_factor
    0.05
    """

    output: str
    duration_s: float
    n_channels: int
    amount: float
    rt60_s: dict[float, float] | None = None
    picture: str | None = None
    elapsed_s: float = 0.0

    @property
    def real_time_factor(self) -> float:
        """Seconds that a second of sound took."""
        return self.elapsed_s / self.duration_s


def mean_time_s(octaves: tuple[OctaveDecay, ...]) -> float | None:
    """Mean reverberation time of the octaves in the middle, of those that are known."""
    middle = [o.rt60_s for o in octaves if o.rt60_s is not None and o.centre_hz in (500.0, 1000.0)]
    known = middle or [o.rt60_s for o in octaves if o.rt60_s is not None]
    return sum(known) / len(known) if known else None
