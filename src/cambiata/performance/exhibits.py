"""Score, recording, sound and result of playing, for a picture or a page."""

from dataclasses import replace
from pathlib import Path

from cambiata.audio.sound import Audio, AudioFile
from cambiata.page.comparison import Exhibit
from cambiata.render import ScoreRender
from cambiata.score.midi import Score
from cambiata.score.rolls import roll_of


def play_exhibits(
    render: ScoreRender,
    source: Score | AudioFile,
    sound: str,
    output: str | Path,
    *,
    tempo: float,
) -> list[Exhibit]:
    """What was played and how it came out; a timbre from a file has no sound to show."""
    roll = roll_of(Score((render.part,)))
    bars_s: tuple[float, ...] = ()  # of a recording nobody knows
    if isinstance(source, Score):
        bars_s = tuple(bar_s / tempo for bar_s in roll_of(source).bar_lines_s)
    roll = replace(roll, bar_lines_s=bars_s)
    if isinstance(source, Score):
        exhibits = [Exhibit("score", source.name, roll=roll)]
    else:
        exhibits = [Exhibit("recording and its notes", source.name, source, roll=roll)]
    if render.style.samples is not None:
        recording = Audio(render.style.samples, render.system.config.sample_rate, name=sound)
        exhibits.append(Exhibit("sound", sound, recording))
    return [*exhibits, Exhibit("result", str(output), AudioFile(output))]
