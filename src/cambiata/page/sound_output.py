"""Outputs that are a sound changed from another, and a picture of both; refused before any work."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.audio.writing import Destination, WrittenAudio
from cambiata.drawing.canvas import Canvas
from cambiata.files import check_not_inputs
from cambiata.page.comparison import Comparison, Exhibit, draw


def in_memory(made: Source) -> Audio:
    """The whole sound."""
    samples = np.concatenate(list(made.blocks()), axis=1)
    return Audio(samples, made.sample_rate, made.subtype, made.name)


@dataclass(frozen=True)
class Written:
    """What was written."""

    sound: WrittenAudio
    picture: str | None
    elapsed_s: float

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return self.sound.n_samples / self.sound.sample_rate


class SoundOutput:
    """Places of a sound and of its picture, looked at before any work."""

    def __init__(
        self,
        output: str | Path,
        inputs: Mapping[str, str | Path],
        picture: str | Path | None,
        sample_rate: int | None,
        n_channels: int | None,
        subtype: str | None,
        force: bool,
    ) -> None:
        self.output, self.started = output, time.perf_counter()
        self.stored = {"sample_rate": sample_rate, "n_channels": n_channels}
        self.subtype, self.force = subtype, force
        check_not_inputs(output, inputs)
        self.comparison = Comparison(picture, None, output=output, inputs=inputs, force=force)

    def write(
        self, made: Source, before: Source, draw_both: Callable[[Source], Canvas] | None = None
    ) -> Written:
        """Write a sound, and the picture of what it was before and is now.

        Spectrograms of both, or what `draw_both` makes of the sound that was written.
        """
        target = Destination(
            self.output, like=made, subtype=self.subtype, force=self.force, **self.stored
        )
        written = target.write(made.blocks())
        picture = self.comparison.picture
        if picture is not None:
            after = AudioFile(self.output)
            if draw_both is None:
                both = Exhibit("before", made.name, before), Exhibit("after", after.name, after)
                canvas = draw(both, f"{Path(made.name).name}, before and after")
            else:
                canvas = draw_both(after)
            canvas.write(picture, force=self.force)
        return Written(
            written,
            None if picture is None else str(picture),
            time.perf_counter() - self.started,
        )
