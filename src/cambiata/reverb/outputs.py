"""Outputs of the reverb verbs: sounds with their pictures, refused before any work."""

from pathlib import Path

from cambiata.files import PICTURE, check_not_inputs, check_output
from cambiata.page.sound_output import SoundOutput
from cambiata.reverb.rendering import Reverberant
from cambiata.reverb.reports import ReverbReport


def check_picture(
    picture: str | Path | None, inputs: dict[str, str | Path], force: bool
) -> Path | None:
    """Place of a picture, if any; refused where it may not be written."""
    if picture is None:
        return None
    place = check_output(picture, PICTURE, force=force)
    check_not_inputs(place, inputs)
    return place


def write_reverberant(
    writer: SoundOutput, made: Reverberant, rt60_s: dict[float, float] | None = None
) -> ReverbReport:
    """Write a sound and its picture."""
    written = writer.write(made, made.source)
    return ReverbReport(
        str(writer.output),
        written.duration_s,
        written.sound.n_channels,
        made.amount,
        rt60_s,
        written.picture,
        written.elapsed_s,
    )
