"""Content, style and result of a transfer or a translation, for a picture or a page."""

from pathlib import Path

from cambiata.audio.sound import Audio, AudioFile
from cambiata.page.comparison import Exhibit
from cambiata.render import ContentRender

# Of what lies before a region in place: enough to notice where it begins.
_LEAD_S = 2.0


def transfer_exhibits(render: ContentRender, style: str, output: str | Path) -> list[Exhibit]:
    """What went in and what came out; a timbre from a file and a domain have no sound to show."""
    content, rate = render.content, render.sample_rate
    start, stop, listen_from_s = render.start, render.stop, 0.0
    if render.in_place:
        listen_from_s = max(0.0, start / rate - _LEAD_S)
        start, stop = 0, content.n_samples
    exhibits = [Exhibit("content", content.name, content, start, stop, listen_from_s=listen_from_s)]
    if render.style.samples is not None:
        sound = Audio(render.style.samples, render.system.config.sample_rate, name=style)
        exhibits.append(Exhibit("style", style, sound))
    result = AudioFile(output)
    return [*exhibits, Exhibit("result", str(output), result, listen_from_s=listen_from_s)]
