"""Choices that the API would refuse once a job runs: refused as soon as they are asked for."""

from collections.abc import Mapping
from fractions import Fraction
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, cast

from cambiata.errors import InputError, MissingExtraError
from cambiata.names import nearest_names, plain_name
from cambiata.registry import Job, find_system
from cambiata.system import StyleSystem, configure
from cambiata.web.refusals import Refusal
from cambiata.web.store import Row
from cambiata.web.verb import Verb

# Where a region's start and end are, and of which input it is a part.
_REGIONS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "transfer": (("content", "start_s", "end_s"), ("style", "style_start_s", "style_end_s")),
    "translate": (("content", "start_s", "end_s"),),
    "timbre-capture": (("styles", "start_s", "end_s"),),
    "edit": (("recording", "start_s", "end_s"),),
}
# What an extra brings, without which a system cannot work at all.
_PACKAGES = {"lab": "torch", "notes": "ortools"}
# Options of a transfer that are settings of its system.
_AS_SETTINGS = ("dynamics", "octave", "transpose", "to_key")


def check_choices(
    verb: Verb, request: Mapping[str, Any], rows: Mapping[str, Row], output: str
) -> None:
    """Refuse names, values and regions that do not exist; `rows` are the inputs by their ids.

    What only the sounds themselves tell, as that one is silent, is found out by the job.
    """
    try:
        _check_system(verb, request, rows)
        _check_texts(verb, request)
        _check_storage(verb, request, rows, output)
        if verb.name == "melody":
            _check_dance_type(request)
    except InputError as error:
        raise Refusal.of(error) from error
    if verb.name == "translate":
        _check_domains(request["to"])
    if verb.name == "play" and request["track"] is not None:
        _check_track(request["track"], rows[request["score"]])
    for name, start, end in _REGIONS.get(verb.name, ()):
        given = request[name]
        for reference in given if isinstance(given, list) else [given]:
            _check_region(rows.get(reference), request[start], request[end], start, end)


def _check_system(verb: Verb, request: Mapping[str, Any], rows: Mapping[str, Row]) -> None:
    """Refuse a preset, a setting or weights that a system has not, and timbres of another one."""
    if verb.name == "counterpoint-solve":
        _check_extra("counterpoint solve", "notes")
    if verb.job not in ("transfer", "play", "translate") or "system" not in request:
        return
    system = find_system(request["system"], cast("Job", verb.job))
    _check_extra(system.name, system.extra)
    named: Mapping[str, Any] = request["settings"] or {}
    settings = {name: str(value) for name, value in named.items()}
    if verb.name == "transfer":
        values = {name: request[name] for name in _AS_SETTINGS}
        settings |= {name: str(value) for name, value in values.items() if value is not None}
    config = configure(system.name, system.presets, request["preset"], settings)
    if "weights" in settings:
        from cambiata.weights import load_model

        load_model(config.weights, system.name)
    if verb.name == "timbre-capture" and system.timbre_arrays is StyleSystem.timbre_arrays:  # type: ignore[attr-defined]
        raise InputError(system.name, "keeps no timbres", "use oneshot")
    style = request.get("style", request.get("sound"))
    timbre = rows.get(style) if isinstance(style, str) and style.startswith("tim_") else None
    if timbre is not None and verb.name == "transfer" and timbre["system"] != system.name:
        raise InputError(
            timbre["name"], f"is a timbre of {timbre['system']}", f"use {timbre['system']}"
        )


def _check_extra(who: str, extra: str | None) -> None:
    """Refuse what needs packages that are not installed."""
    if extra in _PACKAGES and find_spec(_PACKAGES[extra]) is None:
        raise MissingExtraError(who, extra)


def _check_texts(verb: Verb, request: Mapping[str, Any]) -> None:
    """Refuse keys, note values and metres that are none."""
    for name in ("to_key", "key", "from_key"):
        if request.get(name) is not None:
            from cambiata.score.keys import parse_key

            parse_key(request[name])
    if request.get("quantise") is not None:
        from cambiata.transcription.grid import parse_step

        parse_step(request["quantise"])
    metre = request.get("metre")
    if metre is not None and not (verb.name == "melody" and metre in ("content", "style")):
        beats, slash, unit = metre.partition("/")
        if not (slash and beats.isdecimal() and unit in _UNITS and 1 <= int(beats) <= 64):
            raise InputError(f"metre {metre}", "is not a metre", "write it as 4/4 or 6/8")
    pickup = request.get("pickup")
    if pickup is not None:
        try:
            length = Fraction(pickup)
        except (ValueError, ZeroDivisionError):
            length = Fraction(-1)
        if length < 0:
            cure = "write it in quarter notes, as in 1/2 or 1"
            raise InputError(f"pickup {pickup}", "is not a length", cure)


def _check_storage(
    verb: Verb, request: Mapping[str, Any], rows: Mapping[str, Row], output: str
) -> None:
    """Refuse samples that the output's format does not store, and channels that cannot be made."""
    names = ("sample_rate", "n_channels", "subtype")
    wanted = {name: request.get(name) for name in names}
    if not any(wanted.values()):
        return
    from cambiata.audio.writing import Destination

    reference = request[verb.inputs[0].name] if verb.inputs else None
    content = rows.get(reference) if verb.name != "play" and isinstance(reference, str) else None
    # A score is played in as many channels as its sound has; what it stores is the format's own.
    like = {"sample_rate": 44100, "n_channels": 1, "subtype": "PCM_24"}
    if content is not None and "sample_rate" in content:
        like = {name: content[name] for name in names}
    Destination(
        output, like=SimpleNamespace(name=output, n_samples=0, **like), **wanted, force=True
    )


_UNITS = ("1", "2", "4", "8", "16", "32")


def _check_dance_type(request: Mapping[str, Any]) -> None:
    """Refuse a dance type that a system does not know, and settings that it has not."""
    from cambiata.melody.api import melody_system

    settings = {name: str(value) for name, value in (request["settings"] or {}).items()}
    styles = list(melody_system(request["system"], settings).styles())
    style = request["style"]
    if isinstance(style, list) or style.startswith("snd_"):
        return
    if plain_name(style) not in map(plain_name, styles):
        cure = f"{nearest_names(plain_name(style), styles)} use one of {', '.join(styles)}"
        raise InputError(
            "style", f"{style} is not a dance type", f"{cure.strip()}, or the id of a score"
        )


def _check_domains(shares: Mapping[str, float]) -> None:
    """Refuse ensembles that have not been learnt."""
    import cambiata

    names = [domain.name for domain in cambiata.domains() if not domain.problem]
    for name in shares:
        if name not in names:
            raise Refusal(422, "to", f"{name} is not a domain", f"use {', '.join(names)}")


def _check_track(track: int, score: Row) -> None:
    """Refuse a part that a score has not."""
    n_parts = len(score["tracks"])
    if score["kind"] == "score" and track > n_parts:
        raise Refusal(422, "track", f"{score['name']} has {n_parts} parts", f"use 1 to {n_parts}")


def _check_region(
    sound: Row | None, start_s: float | None, end_s: float | None, start: str, end: str
) -> None:
    """Refuse a region that is empty or begins after its sound's end."""
    if sound is None or (start_s is None and end_s is None):
        return
    if sound["id"].startswith("tim_"):
        raise Refusal(422, sound["name"], "has no regions", "leave out the style's start and end")
    lasts_s, first_s = sound["duration_s"], start_s or 0.0
    if lasts_s is not None and first_s >= lasts_s:
        wrong = f"{first_s:g} s is beyond the end of {sound['name']} ({lasts_s:g} s)"
        raise Refusal(422, start, wrong, "choose an earlier one")
    if end_s is not None and end_s <= first_s:
        raise Refusal(422, end, f"{end_s:g} s is not after the start", "choose a later one")
