"""Content, style and result side by side: drawn as a picture, or put on a page with players."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.embedding import LONGEST_S, data_uri, mp3_bytes
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio
from cambiata.audio.source import Source, crop_blocks
from cambiata.audio.spectrogram import (
    LOUDNESS_LUFS,
    SCALE,
    Spectrogram,
    draw_spectrogram,
    draw_time_axis,
    format_time,
    measure_spectrogram,
)
from cambiata.drawing.canvas import Canvas, Text
from cambiata.errors import InputError
from cambiata.files import PAGE, PICTURE, check_not_inputs, check_output, write_text
from cambiata.page.cards import card_html, read_asset
from cambiata.score.rolls import LABEL_PIXELS, Roll, draw_roll, label_rows, roll_height

# Pixels of a panel and around it: a column of a spectrogram each, and a row for each band.
_WIDTH, _HEIGHT, _LEFT, _RIGHT = 1000.0, 160.0, LABEL_PIXELS, 24.0
_TITLE_PIXELS, _LABEL_PIXELS, _AXIS_PIXELS = 34.0, 24.0, 22.0
_NOTE = f"Mel spectrograms, {SCALE}."


@dataclass(frozen=True)
class Exhibit:
    """Something that is shown: a sound, a score, or a score and its sound."""

    role: str  # "content", "style", "score", "sound" or "result"
    name: str  # of its file
    source: Source | None = None
    start: int = 0  # samples of it that are shown
    stop: int | None = None
    roll: Roll | None = None
    original: Roll | None = None  # notes that are not in it have another colour
    listen_from_s: float = 0.0  # where what is played begins, from `start`

    @property
    def label(self) -> str:
        """Role and name, without folders: a page is passed on."""
        return f"{self.role}: {Path(self.name).name}" if self.name else self.role

    @property
    def n_samples(self) -> int:
        """Samples shown."""
        assert self.source is not None
        return (self.source.n_samples if self.stop is None else self.stop) - self.start

    @property
    def duration_s(self) -> float:
        """Seconds from left to right."""
        if self.source is None:
            return self.roll.end_s if self.roll else 0.0
        return self.n_samples / self.source.sample_rate

    @property
    def shares_time(self) -> bool:
        """Whether it runs along with the result; a style has a time of its own."""
        return self.role not in ("style", "sound")


class Comparison:
    """A picture and a page that are to be written beside an output; refused before any work."""

    def __init__(
        self,
        picture: str | Path | None,
        listen: str | Path | None,
        *,
        output: str | Path,
        inputs: Mapping[str, str | Path],
        force: bool,
    ) -> None:
        self.picture = None if picture is None else check_output(picture, PICTURE, force=force)
        self.page = None if listen is None else check_output(listen, PAGE, force=force)
        self._force = force
        for place in (self.picture, self.page):
            if place is None:
                continue
            if str(output) == "-":
                raise InputError(
                    str(place), "shows an output that is a file", "name a file instead of -"
                )
            if place.absolute() == Path(output).absolute():
                raise InputError(str(place), "is also the output", "choose another name")
            check_not_inputs(place, inputs)

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to write."""
        return self.picture is not None or self.page is not None

    def write(
        self, exhibits: Sequence[Exhibit], content: str, style: str, facts: Mapping[str, str]
    ) -> None:
        """Write what was asked for, each file whole or not at all; its title names both sides."""
        title = f"{Path(content).name} by {Path(style).name}"
        if self.picture is not None:
            draw(exhibits, title).write(self.picture, force=self._force)
        if self.page is not None:
            write_text(self.page, page_html(exhibits, title, facts), force=self._force)


def draw(exhibits: Sequence[Exhibit], title: str) -> Canvas:
    """Picture of exhibits, one below the other; all but a style on one axis of time."""
    canvas = Canvas(_LEFT + _WIDTH + _RIGHT)
    canvas.add(Text(_LEFT, 22, 14, title))
    common_s = max((each.duration_s for each in exhibits if each.shares_time), default=1.0)
    top = _TITLE_PIXELS
    for each in exhibits:
        canvas.add(Text(_LEFT, top + 15, 12, each.label))
        axis_s = common_s if each.shares_time else each.duration_s
        measured = None
        if each.source is not None:
            measured = measure_spectrogram(each.source, int(_WIDTH), each.start, each.stop)
        top = _draw_panel(canvas, each, measured, top + _LABEL_PIXELS, axis_s)
    canvas.add(Text(_LEFT, top + 8, 9, _NOTE, "#444444"))
    canvas.height = top + 20
    return canvas


def _draw_panel(
    canvas: Canvas, shown: Exhibit, measured: Spectrogram | None, top: float, axis_s: float
) -> float:
    """A roll, a spectrogram, or both; returns where the next begins."""
    if shown.roll is not None:
        rows = label_rows([shown.roll])
        draw_roll(
            canvas,
            shown.roll,
            rows,
            x=_LEFT,
            y=top,
            width=_WIDTH,
            axis_s=axis_s,
            original=shown.original,
        )
        top += roll_height(rows)
        draw_time_axis(canvas, x=_LEFT, y=top, width=_WIDTH, axis_s=axis_s)
        top += _AXIS_PIXELS
    if measured is not None:
        draw_spectrogram(
            canvas, measured, x=_LEFT, y=top, width=_WIDTH, height=_HEIGHT, axis_s=axis_s
        )
        top += _HEIGHT + _AXIS_PIXELS
    return top


@dataclass(frozen=True)
class _Excerpt:
    """What a page holds of an exhibit's sound."""

    sound: Audio
    start_s: float  # within what is shown
    spectrogram: Spectrogram
    gain_db: float  # that brings it to the common loudness
    peak_db: float  # at that loudness


def page_html(exhibits: Sequence[Exhibit], title: str, facts: Mapping[str, str]) -> str:
    """Page with a player and a picture for every exhibit; all in one file, nothing fetched."""
    excerpts = {i: _excerpt(each) for i, each in enumerate(exhibits) if each.source is not None}
    # One more gain for all, where a peak would leave full scale.
    common_db = min(0.0, -max((each.peak_db for each in excerpts.values()), default=0.0))
    times_s = [
        excerpts[i].spectrogram.duration_s if i in excerpts else each.duration_s
        for i, each in enumerate(exhibits)
        if each.shares_time
    ]
    axis_s = max(times_s, default=1.0)
    cards = [_card(each, excerpts.get(i), common_db, axis_s) for i, each in enumerate(exhibits)]
    entries = "".join(
        f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in facts.items()
    )
    level = f"{LOUDNESS_LUFS + common_db:.1f}".removesuffix(".0")
    return Template(read_asset("listening.html")).substitute(
        title=escape(title),
        style="\n" + read_asset("page.css"),
        script="\n" + read_asset("page.js"),
        facts=f'<dl class="facts">{entries}</dl>' if entries else "",
        about=escape(
            f"All are played at one loudness, {level} LUFS (ITU-R BS.1770), so that the louder is "
            f"not taken for the better. Pictures: {_NOTE[0].lower()}{_NOTE[1:]}"
        ),
        cards="".join(cards),
    )


def _excerpt(exhibit: Exhibit) -> _Excerpt:
    """The sound shown, a minute of it at most."""
    source = exhibit.source
    assert source is not None
    rate = source.sample_rate
    start = exhibit.start + round(exhibit.listen_from_s * rate)
    stop = min(exhibit.start + exhibit.n_samples, start + round(LONGEST_S * rate))
    blocks = list(crop_blocks(source.blocks(), start, stop))
    sound = Audio(np.concatenate(blocks, axis=1), rate, name=source.name)
    meter = LoudnessMeter(rate)
    meter.add(sound.samples)
    loudness_db = meter.loudness_db()
    gain_db = LOUDNESS_LUFS - loudness_db if np.isfinite(loudness_db) else 0.0
    peak = float(np.abs(sound.samples).max())
    peak_db = gain_db + 20 * np.log10(peak) if peak else -np.inf
    spectrogram = measure_spectrogram(sound, int(_WIDTH))
    return _Excerpt(sound, exhibit.listen_from_s, spectrogram, gain_db, float(peak_db))


def _card(exhibit: Exhibit, excerpt: _Excerpt | None, common_db: float, axis_s: float) -> str:
    label = escape(exhibit.label)
    caption = label[0].upper() + label[1:]
    own_s = excerpt.spectrogram.duration_s if excerpt else exhibit.duration_s
    axis_s = axis_s if exhibit.shares_time else own_s
    canvas = Canvas(_LEFT + _WIDTH + _RIGHT)
    measured = excerpt.spectrogram if excerpt else None
    canvas.height = _draw_panel(canvas, exhibit, measured, 8.0, axis_s)
    picture = data_uri(canvas.png(), "image/png")
    image = (
        f'<div class="timeline" data-left="{_LEFT / canvas.width:.5f}" '
        f'data-width="{_WIDTH / canvas.width:.5f}" data-axis="{axis_s:.3f}">'
        f'<img src="{picture}" width="{canvas.width:.0f}" height="{canvas.height:.0f}" '
        f'alt="Picture of {label}, {own_s:.1f} s">'
        '<div class="playhead" hidden></div></div>'
    )
    if excerpt is None:
        return card_html(caption, image, "", "given")
    gain = np.float32(10 ** ((excerpt.gain_db + common_db) / 20))
    sound: Samples = excerpt.sound.samples * gain
    address = data_uri(mp3_bytes(sound, excerpt.sound.sample_rate), "audio/mpeg")
    shared = " data-shared" if exhibit.shares_time else ""
    player = (
        f'<audio controls preload="metadata" src="{address}"{shared} aria-label="{label}"></audio>'
    )
    kind = "made" if exhibit.role == "result" else "given"
    return card_html(caption, image + player, f"<p>{escape(_facts(exhibit, excerpt))}</p>", kind)


def _facts(exhibit: Exhibit, excerpt: _Excerpt) -> str:
    """How much of the sound is in the page, and how loud it was."""
    loudness_db = excerpt.spectrogram.loudness_db
    level = f"{loudness_db:.1f} LUFS as it is" if np.isfinite(loudness_db) else "silent"
    length_s = excerpt.sound.duration_s
    if exhibit.duration_s - length_s < 0.01:
        return f"{length_s:.1f} s; {level}"
    first, last = excerpt.start_s, excerpt.start_s + length_s
    span = f"{format_time(round(first, 1))} to {format_time(round(last, 1))}"
    return f"{span} of {format_time(round(exhibit.duration_s, 1))}; {level}"
