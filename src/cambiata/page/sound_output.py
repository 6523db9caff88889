"""Outputs that are a sound changed from another, and a picture of both; refused before any work."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.audio.writing import Destination, WrittenAudio
from cambiata.files import check_not_input
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
        for role, path in inputs.items():
            check_not_input(output, role, path)
        self.comparison = Comparison(picture, None, output=output, inputs=inputs, force=force)

    def write(self, made: Source, before: Source) -> Written:
        """Write a sound, and the picture of what it was before and is now."""
        target = Destination(
            self.output, like=made, subtype=self.subtype, force=self.force, **self.stored
        )
        written = target.write(made.blocks())
        picture = self.comparison.picture
        if picture is not None:
            exhibits = [
                Exhibit("before", made.name, before),
                Exhibit("after", str(self.output), AudioFile(self.output)),
            ]
            draw(exhibits, f"{Path(made.name).name}, before and after").write(
                picture, force=self.force
            )
        return Written(
            written,
            None if picture is None else str(picture),
            time.perf_counter() - self.started,
        )
