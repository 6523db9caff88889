"""Pieces of a web page: its style and script, and cards of a sound with its picture."""

from html import escape
from importlib.resources import files


def read_asset(name: str) -> str:
    """A file of this folder: page.css, page.js or listening.html."""
    return files("cambiata.page").joinpath(name).read_text("utf-8")


def card_html(caption: str, media: str, below: str, kind: str) -> str:
    """A card: caption and media are HTML; so is what stands below."""
    return f'<figure class="card {kind}"><figcaption>{caption}</figcaption>{media}{below}</figure>'


def media_html(image: str, audio: str, what: str, size: tuple[int, int], duration_s: float) -> str:
    """A spectrogram and a player, each given by its address."""
    name = escape(what)
    return (
        f'<img src="{image}" loading="lazy" width="{size[0]}" height="{size[1]}" '
        f'alt="Spectrogram of {name}, {duration_s:.1f} s">'
        f'<audio controls preload="none" src="{audio}" aria-label="{name}"></audio>'
    )
