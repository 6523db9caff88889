"""Schemas of requests: one for each verb, made from the API's own keywords, types and docstrings.

The same schema draws the page's form, documents the interface and validates.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from cambiata.registry import Job, system_names
from cambiata.timbre_transfer.api import UnpitchedPart
from cambiata.transcription.api import PitchedKind
from cambiata.web.verb import WITHHELD, Input, Tool, Verb, named
from cambiata.web.verbs import VERBS

SOUND_ID = r"^snd_[0-9a-f]{20}$"
JOB_ID = r"^job_[0-9a-f]{20}$"
TIMBRE_ID = r"^tim_[0-9a-f]{20}$"
# A timbre's name, or a dance type's or a domain's: nothing that could be a path.
PLAIN_NAME = r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$"
SOUND_OR_NAME = r"^((snd|tim)_[0-9a-f]{20}|[A-Za-z0-9][A-Za-z0-9 _-]{0,63})$"
# Settings are numbers, words and names of weights that ship; whatever holds a slash is a path.
SettingText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+-]{0,64}(\.[0-9]+)?$")]
Settings = Annotated[dict[str, SettingText | int | float | bool], Field(max_length=32)]

# Names of notes and MIDI numbers: no dot or slash, which a file's name might have.
_NOTES = r"^[A-Ga-g0-9#b♯♭,+ -]{1,2000}$"

_SHARE = Field(ge=0, le=1)
Positions = Annotated[
    dict[Annotated[str, Field(pattern=PLAIN_NAME)], Annotated[float, _SHARE]], Field(max_length=32)
]
_SEED = Field(ge=0, le=2**32 - 1)
_SECONDS = Field(ge=0, le=24 * 3600)
_TEXT = Field(max_length=32)
# What the API checks when it is called, said beforehand: a form shows it, and an answer comes at
# once. Types that are wider there, where a command line's text comes in, are named here.
_KINDS: Mapping[str, Any] = {
    "amount": Annotated[float, _SHARE],
    "rhythm": Annotated[float, _SHARE] | None,
    "pitch": Annotated[float, _SHARE] | None,
    "hits": Annotated[float, _SHARE] | None,
    "velocity": Annotated[float, _SHARE] | None,
    "timing": Annotated[float, _SHARE] | None,
    "onset_threshold": Annotated[float, Field(gt=0, lt=1)] | None,
    "seed": Annotated[int, _SEED],
    "start_s": Annotated[float, _SECONDS] | None,
    "end_s": Annotated[float, _SECONDS] | None,
    "style_start_s": Annotated[float, _SECONDS] | None,
    "style_end_s": Annotated[float, _SECONDS] | None,
    "settings": Settings | None,
    "preset": Annotated[str, Field(pattern=PLAIN_NAME)] | None,
    "dynamics": Literal["content", "style"] | None,
    "unpitched": Literal[get_args(UnpitchedPart)],
    "position": Literal["above", "below"],
    **dict.fromkeys(("to_key", "key", "from_key"), Annotated[str, Field(max_length=16)] | None),
    "metre": Annotated[str, _TEXT],
    "pickup": Annotated[str, _TEXT] | None,
    "quantise": Annotated[str, _TEXT] | None,
    "track": Annotated[int, Field(ge=1, le=10_000)] | None,
    "drums": Annotated[int, Field(ge=0, le=16)] | None,
    "tune_number": Annotated[int, Field(ge=0, le=10**6)] | None,
    "sample_rate": Annotated[int, Field(ge=4000, le=384_000)] | None,
    "n_channels": Annotated[int, Field(ge=1, le=32)] | None,
    "subtype": Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,24}$")] | None,
    "species": Literal[1, 2, 3, 4, 5],
    "voices": Literal[2, 3],
    "parts": Annotated[str, Field(pattern=r"^[SATBsatb]{1,8}$")] | None,
    "best": Annotated[int, Field(ge=1, le=20)],
}
# Those of them that mean the same for every sound tool; for others, the API's own types count.
_KINDS_OF_TOOLS = (
    *("amount", "seed", "sample_rate", "n_channels", "subtype"),
    *("key", "from_key", "parts"),
)
_Tempo = Annotated[float, Field(ge=10, le=1000)]
# What one name means for one verb alone.
_KINDS_OF_VERB: Mapping[tuple[str, str], Any] = {
    ("transfer", "octave"): Annotated[int, Field(ge=-8, le=8)] | Literal["auto"] | None,
    ("translate", "octave"): Annotated[int, Field(ge=-4, le=4)] | None,
    ("transfer", "transpose"): Annotated[int, Field(ge=-48, le=48)] | None,
    ("transfer", "tail_s"): Annotated[float, Field(ge=0, le=60)],
    ("translate", "tail_s"): Annotated[float, Field(ge=0, le=60)],
    ("play", "tail_s"): Annotated[float, Field(ge=0, le=60)] | None,
    ("play", "transpose"): Annotated[int, Field(ge=-48, le=48)],
    ("play", "tempo"): Annotated[float, Field(ge=0.05, le=20)],
    ("play", "instrument"): Literal[get_args(PitchedKind)],
    ("knobs-play", "notes"): Annotated[str, Field(pattern=_NOTES)],
    ("knobs-play", "values"): Positions | None,
    ("knobs-export", "values"): Positions | None,
    ("morph", "amount"): Annotated[float, _SHARE]
    | tuple[Annotated[float, _SHARE], Annotated[float, _SHARE]],
    ("transcribe", "tempo"): _Tempo | Literal["auto"] | None,
    ("groove", "tempo"): _Tempo | Literal["auto"],
    ("groove", "tempo_b"): _Tempo | Literal["auto"],
    ("groove", "metre"): Annotated[str, _TEXT] | None,
    ("counterpoint-check", "species"): Literal[1, 2, 3, 4, 5] | None,
    ("counterpoint-check", "position"): Literal["above", "below"] | None,
}
_FORMAT_HELP = "Format of the output; as the content where not given, wav where that is lossy."


class Request(BaseModel):
    """Body of a request; an unknown name is an error, as is a number that is none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


@lru_cache(maxsize=1)
def request_models() -> dict[str, type[Request]]:
    """Schema of each verb's request, by the verb."""
    return {name: _request_model(verb) for name, verb in VERBS.items()}


def option_names(verb: Verb) -> list[str]:
    """Options of the API that a verb takes."""
    if verb.name == "edit":
        return ["seed"]
    left_out = {*WITHHELD, *verb.without, *(each.name for each in verb.inputs)}
    names = [name for name in keyword_types(named(verb.function)) if name not in left_out]
    positional = set(_positional(named(verb.function))) - set(_as_options(verb))
    return [name for name in names if name not in positional]


def _as_options(verb: Verb) -> tuple[str, ...]:
    """Positional arguments that are options."""
    return verb.positional if isinstance(verb, Tool) else ()


def _positional(function: Callable[..., Any]) -> list[str]:
    """Arguments that are inputs and outputs, not options."""
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]


def keyword_types(function: Callable[..., Any]) -> dict[str, Any]:
    """Types of a function's keyword arguments; of ``**options``, those of its `TypedDict`.

    >>> from cambiata.translation.api import translate_file
    >>> keyword_types(translate_file)["in_place"]
    <class 'bool'>
    """
    types: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            [options] = get_args(parameter.annotation)  # of Unpack[...]
            types |= get_type_hints(options)
        else:
            types[parameter.name] = parameter.annotation
    return types


def _defaults(verb: Verb) -> dict[str, Any]:
    """The API's defaults, of what describes the options and, before it, of the function."""
    found: dict[str, Any] = {}
    for path in (*verb.described_by, verb.function):
        source = named(path)
        if is_dataclass(source):
            pairs = {each.name: _field_default(each) for each in fields(source)}
        else:
            parameters = inspect.signature(source).parameters
            pairs = {
                name: each.default
                for name, each in parameters.items()
                if each.default is not each.empty
            }
        found |= pairs
    if verb.name == "translate":  # shares the options of a transfer, but not its system
        found["system"] = system_names("translate")[0]
    return found


def _field_default(field: Any) -> Any:
    return field.default_factory() if field.default is MISSING else field.default


def _request_model(verb: Verb) -> type[Request]:
    definitions: dict[str, Any] = {each.name: _input_field(each) for each in verb.inputs}
    if verb.name == "translate":
        definitions["to"] = _domains_field()
    if verb.name == "edit":
        for name in ("start_s", "end_s"):
            help_text = f"{'Start' if name == 'start_s' else 'End'} of the region, in seconds."
            definitions[name] = (Annotated[float, _SECONDS], Field(description=help_text))
    if verb.is_named:
        definitions["name"] = (
            Annotated[str, Field(min_length=1, max_length=80)],
            Field(default="timbre", description="What the timbre is called."),
        )
    described: dict[str, str] = {}
    for path in verb.described_by:
        for name, text in _described(path):
            # "See apply.", "Likewise.": another function describes it, where there is one.
            if described.get(name, "See").startswith(("See", "Likewise", "As for")):
                described[name] = text
    defaults = _defaults(verb)
    kinds = keyword_types(named(verb.function))
    for name in option_names(verb):
        kind = _kind_of(verb, name, kinds.get(name))
        if name == "system":
            # Names come from the registry, and change as systems are added.
            kind = Literal[tuple(system_names(_job_of(verb)))]
        help_text = described.get(name, _OTHER_HELP.get(name, ""))
        default = 0 if verb.name == "edit" else defaults.get(name)  # its one option is the seed
        if name in _as_options(verb) and name not in defaults:
            default = ...
        if name in {each.argument for each in verb.inputs}:  # an input may stand for it
            kind, default = kind | None, None
        definitions[name] = (kind, Field(default=default, description=help_text))
    if verb.formats and not (isinstance(verb, Tool) and len(verb.formats) == 1):
        formats = tuple(each for each in verb.formats if each)
        kind = Literal[formats] | None if "" in verb.formats else Literal[formats]
        default = verb.formats[0] or None
        help_text = _FORMAT_HELP if "" in verb.formats else "Format of the output."
        definitions["output_format"] = (kind, Field(default=default, description=help_text))
    name = "".join(part.title() for part in verb.name.split("-")) + "Request"
    return create_model(name, __base__=Request, __doc__=verb.summary, **definitions)


# Of what is not described with the options: which file the output is.
_OTHER_HELP = {
    "sample_rate": "Samples per second of the output; the content's where not given.",
    "n_channels": "Channels of the output; the content's where not given.",
    "subtype": "How samples are stored; as in the content where not given.",
    "drums": "MIDI channel that is drums, 1 to 16, or 0 for none; else the tenth.",
    "tune_number": "X: number of the tune, where an ABC file holds several.",
    "strict": "Refuse files that are unfinished or damaged, rather than use what is there.",
    "seed": "Seed of everything random: the same input and seed give the same output.",
}


def _kind_of(verb: Verb, name: str, kind: Any) -> Any:
    """What an option takes: the API's own kind, held to what the API checks."""
    ranges = verb.ranges if isinstance(verb, Tool) else {}
    if name in ranges:
        return _bounded(kind, *ranges[name])
    if not isinstance(verb, Tool) or name in _KINDS_OF_TOOLS:
        kind = _KINDS.get(name, kind)
    return _KINDS_OF_VERB.get((verb.name, name), kind)


def _bounded(kind: Any, least: float, most: float) -> Any:
    """A kind of number within bounds; None stays what it is.

    >>> _bounded(float | None, 0, 1)
    typing.Optional[typing.Annotated[float, FieldInfo(annotation=NoneType, required=True, ...
    """
    kinds = [each for each in get_args(kind) if each is not NoneType] or [kind]
    bounded: Any = Annotated[kinds[0], Field(ge=least, le=most)]
    return bounded | None if NoneType in get_args(kind) else bounded


def _job_of(verb: Verb) -> Job:
    jobs: dict[str, Job] = {
        "transfer": "transfer",
        "play": "play",
        "translate": "translate",
        "melody": "melody",
        "groove": "groove",
    }
    return jobs[verb.job]


def _input_field(each: Input) -> Any:
    pattern = {
        "recording": SOUND_ID,
        "score": SOUND_ID,
        "recording-or-score": SOUND_ID,
        "recording-or-timbre": SOUND_OR_NAME,
        "timbre": SOUND_OR_NAME,
        "melody-style": SOUND_OR_NAME,
        "knobs": JOB_ID,
    }[each.takes]
    one: Any = Annotated[str, Field(pattern=pattern)]
    many: Any = Annotated[list[one], Field(min_length=1, max_length=64)]
    if each.many == "shares":
        share = Annotated[float, Field(ge=0, le=1e6)]
        kind: Any = Annotated[dict[one, share], Field(min_length=1, max_length=32)]
    else:
        kind = {"one": one, "list": many, "one-or-list": one | many}[each.many]
    extra: dict[str, Any] = {"x-input": each.takes, "x-many": each.many}
    if each.is_optional:
        described = Field(default=None, description=each.help, json_schema_extra=extra)
        return (kind | None, described)
    return (kind, Field(description=each.help, json_schema_extra=extra))


def _domains_field() -> Any:
    name: Any = Annotated[str, Field(pattern=PLAIN_NAME)]
    share = Annotated[float, Field(ge=0, le=1e6)]
    return (
        Annotated[dict[name, share], Field(min_length=1, max_length=32)],
        Field(
            description="Domains to play it as, each with its share.",
            json_schema_extra={"x-input": "domains"},
        ),
    )


def _described(path: str) -> list[tuple[str, str]]:
    """Names and descriptions of a docstring's parameters, in numpydoc's form, as plain text."""
    doc = inspect.getdoc(named(path)) or ""
    _, _, section = doc.partition("Parameters\n----------\n")
    found: list[tuple[str, str]] = []
    for block in re.split(r"\n(?=\S)", section.partition("\n\n")[0]):
        head, _, body = block.partition("\n")
        text = " ".join(line.strip() for line in body.splitlines()).replace("`", "")
        found += [(name.strip(), text) for name in head.partition(" : ")[0].split(",")]
    return found
