"""Outputs of the reverb verbs: sounds with their pictures, refused before any work."""

import time
from pathlib import Path

import numpy as np

from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.writing import Destination
from cambiata.files import PICTURE, check_not_input, check_output
from cambiata.page.comparison import Comparison, Exhibit, draw
from cambiata.reverb.rendering import Reverberant
from cambiata.reverb.reports import ReverbReport


def check_picture(
    picture: str | Path | None, inputs: dict[str, str | Path], force: bool
) -> Path | None:
    """Place of a picture, if any; refused where it may not be written."""
    if picture is None:
        return None
    place = check_output(picture, PICTURE, force=force)
    for role, path in inputs.items():
        check_not_input(place, role, path)
    return place


def in_memory(made: Reverberant) -> Audio:
    """The whole sound."""
    samples = np.concatenate(list(made.blocks()), axis=1)
    return Audio(samples, made.sample_rate, made.subtype, made.name)


class SoundOutput:
    """An output that is a sound, and its picture; refused before any work."""

    def __init__(
        self,
        output: str | Path,
        inputs: dict[str, str | Path],
        picture: str | Path | None,
        sample_rate: int | None,
        n_channels: int | None,
        subtype: str | None,
        force: bool,
    ) -> None:
        self.output, self.started = output, time.perf_counter()
        self.stored = {"sample_rate": sample_rate, "n_channels": n_channels}
        self.subtype, self.force = subtype, force
        for role, path in inputs.items():
            check_not_input(output, role, path)
        self.comparison = Comparison(picture, None, output=output, inputs=inputs, force=force)

    def write(
        self,
        made: Reverberant,
        rt60_s: dict[float, float] | None = None,
    ) -> ReverbReport:
        """Write the sound and its picture."""
        target = Destination(
            self.output, like=made, subtype=self.subtype, force=self.force, **self.stored
        )
        written = target.write(made.blocks())
        picture = self.comparison.picture
        if picture is not None:
            exhibits = [
                Exhibit("before", made.name, made.source),
                Exhibit("after", str(self.output), AudioFile(self.output)),
            ]
            draw(exhibits, f"{Path(made.name).name}, before and after").write(picture)
        return ReverbReport(
            str(self.output),
            written.n_samples / written.sample_rate,
            written.n_channels,
            made.amount,
            rt60_s,
            None if picture is None else str(picture),
            time.perf_counter() - self.started,
        )
