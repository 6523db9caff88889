"""What a verb of the studio is: what it takes, which function of the API does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from operator import attrgetter
from typing import Any, Literal

Takes = Literal[
    "recording",
    "score",
    "recording-or-score",
    "recording-or-timbre",
    "timbre",
    "melody-style",
    "knobs",  # what a job of `knobs-fit` made, by the job's id
]


@dataclass(frozen=True)
class Input:
    """Something that a verb works on, given by its id."""

    name: str
    takes: Takes
    help: str
    many: Literal["one", "list", "one-or-list", "shares"] = "one"
    is_optional: bool = False
    argument: str = ""  # of the API, where it is an option's: given, it stands for that one


@dataclass(frozen=True)
class Verb:
    """A verb, and the function of the API that does it."""

    name: str
    summary: str
    inputs: tuple[Input, ...]
    function: str  # module:name, imported when it is needed
    described_by: tuple[str, ...] = ()  # whose docstrings describe the options, the first wins
    without: tuple[str, ...] = ()  # keyword arguments of the function that are not the page's
    formats: tuple[str, ...] = ()  # of the output, the default first; "" is as the content is
    job: str = ""  # of the registry, whose systems may be named

    @property
    def is_named(self) -> bool:
        """Whether what comes out is a timbre, which is given a name."""
        return self.name.startswith("timbre-")


@dataclass(frozen=True)
class Tool(Verb):
    """A verb of which this says everything: the API is given inputs and options by their names.

    The function's `progress` and `picture` are used where it has them.
    """

    command: str = ""  # of the command line, module:name
    makes: Literal["sound", "file", "report"] = "sound"
    # Name of the output without its extension: inputs' names in braces, empty for one not given.
    output_stem: str = ""
    # Positional arguments that are options, not inputs.
    positional: tuple[str, ...] = ()
    # Opens the first input, whose method the function is.
    opened_by: str = ""
    # What the API checks when it is called, said beforehand: least and most.
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    # What joins the numbers of one value on the command line, where it is no comma.
    separators: Mapping[str, str] = field(default_factory=dict)


# Where outputs go is the studio's affair; networks are those that ship: a path of weights would
# open any file of this machine.
WITHHELD = ("output", "force", "progress", "picture", "listen", "midi", "weights", "style", "to")
# Formats of sounds; "" is as the content is, without loss.
SOUNDS = ("", "wav", "flac", "ogg", "mp3", "aiff")


def named(path: str) -> Any:
    """Function or class of the API by module and name.

    >>> named("timbre_transfer.api:Options").__name__
    'Options'
    """
    module, _, name = path.partition(":")
    return attrgetter(name)(import_module(f"cambiata.{module}"))
