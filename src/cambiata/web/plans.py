"""What a request means: inputs found, files named, the same as a command line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cambiata.errors import InputError
from cambiata.named_timbres.named import find_timbre
from cambiata.web.choices import check_choices
from cambiata.web.commands import command_line
from cambiata.web.file_names import distinct, safe_name
from cambiata.web.limits import Limits
from cambiata.web.refusals import Refusal, unknown
from cambiata.web.schemas import option_names
from cambiata.web.sound_facts import in_words
from cambiata.web.store import Kind, Row, Store
from cambiata.web.verb import Input, Tool, Verb, named

# Formats of sound that are written without loss: a result keeps them (`cambiata transfer`).
_LOSSLESS = (".wav", ".flac", ".aiff", ".aif")
_EXTENSION = {"mid": ".mid", "musicxml": ".musicxml"}
Found = Mapping[str, Any]  # an input: {"id", "name"}, or a list of them


@dataclass
class Plan:
    """A job before it is done; everything is plain data, to be stored and sent to a worker."""

    inputs: dict[str, Any]  # what each input is, for people: {"id", "name"}, or a list of these
    files: dict[str, str]  # names in the job's folder, by the ids of what they are
    given: dict[str, Any]  # what the API is given for each input: names in that folder
    options: dict[str, Any]
    output: str
    midi: str | None
    command: str


class Planner:
    """Finds what requests name, and refuses what does not go together."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store, self._limits = store, limits

    def plan(self, verb: Verb, request: Mapping[str, Any]) -> Plan:
        """Plan of a request that its schema has accepted."""
        taken: set[str] = set()
        files: dict[str, str] = {}
        rows: dict[str, Row] = {}
        inputs: dict[str, Any] = {}
        given: dict[str, Any] = {}

        def find(each: Input, reference: str) -> Found:
            row = self._row(each, reference)
            if row is None:
                return {"id": reference, "name": reference}
            rows[reference] = row
            if reference not in files:
                files[reference] = distinct(_file_name(row, reference), taken)
            return {"id": reference, "name": row["name"]}

        for each in verb.inputs:
            value = request[each.name]
            if value is None:
                given[each.name] = None
                continue
            inputs[each.name], given[each.name] = _found(each, value, find, files)
        options = {name: request[name] for name in option_names(verb)}
        for each in verb.inputs:
            if each.argument and given[each.name] is not None:
                del options[each.argument]
            elif each.argument and options[each.argument] is None:
                raise Refusal(422, each.argument, "are missing", f"give them, or a {each.name}")
        if verb.name == "edit":
            options |= {name: request[name] for name in ("start_s", "end_s")}
        self._check(verb, request, options, inputs, rows)
        name = _output_name(verb, request, given)
        output = distinct(name, taken) if name else ""
        check_choices(verb, request, rows, output)
        midi = None
        if verb.name == "play" and rows[request["score"]]["kind"] == "recording":
            midi = distinct(f"{Path(given['score']).stem}.mid", taken)
        command = command_line(verb, given, options, output, midi, request.get("to"))
        return Plan(inputs, files, given, options, output, midi, command)

    def _row(self, each: Input, reference: str) -> Row | None:
        """What a reference stands for; None for a name, which the API knows."""
        if each.takes == "knobs":
            return self._fitted(each, reference)
        kind: Kind | None = {"snd": "sound", "tim": "timbre"}.get(reference[:3])  # type: ignore[assignment]
        if kind is None or reference[3:4] != "_":
            if each.takes == "melody-style":
                return None
            try:
                find_timbre(reference)
            except InputError as error:
                cure = f"{error.cure.partition('`')[0].strip()} see /api/named-timbres".strip()
                wrong = f"{reference} is not a timbre that ships"
                raise Refusal(422, each.name, wrong, cure) from error
            return None
        row = self._store.get(kind, reference)
        if row is None:
            raise unknown(kind, reference)
        if kind == "timbre" and each.takes not in ("recording-or-timbre", "timbre"):
            raise Refusal(422, each.name, "is a timbre", "give a sound's id")
        if kind == "sound" and each.takes == "timbre":
            raise Refusal(422, each.name, f"{row['name']} is a sound", "capture its timbre first")
        wanted = {"recording": "recording", "score": "score", "melody-style": "score"}
        wanted["recording-or-timbre"] = "recording"
        if kind == "sound" and row["kind"] != wanted.get(each.takes, row["kind"]):
            cure = f"give a {wanted[each.takes]}"
            raise Refusal(422, each.name, f"{row['name']} is a {row['kind']}", cure)
        return row

    def _fitted(self, each: Input, reference: str) -> Row:
        """A job whose file is an input."""
        row = self._store.get("job", reference)
        if row is None:
            raise unknown("job", reference)
        made = (row["result"] or {}).get("files", {}).get("output", {"name": ""})["name"]
        if Path(made).suffix != f".{each.takes}":
            cure = f"give the id of a job that made {each.takes}"
            raise Refusal(422, each.name, f"{reference} has made none", cure)
        return {"name": made, "extension": Path(made).suffix}

    def _check(
        self,
        verb: Verb,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        inputs: Mapping[str, Any],
        rows: Mapping[str, Row],
    ) -> None:
        """Refuse what the API refuses as soon as it is called, and what would take too long."""
        for path in verb.described_by[:1]:
            check = named(path)
            if isinstance(check, type):  # a dataclass of options, which checks itself
                fields = check.__dataclass_fields__  # type: ignore[attr-defined]
                try:
                    check(**{name: v for name, v in options.items() if name in fields})
                except InputError as error:
                    raise Refusal.of(error) from error
        if verb.name == "timbre-mix" and not any(request["shares"].values()):
            raise Refusal(422, "shares", "are all 0", "give at least one timbre a share")
        if verb.name == "translate" and not any(request["to"].values()):
            raise Refusal(422, "to", "has shares of 0 alone", "give at least one domain a share")
        lasts_s = 0.0
        if verb.name == "play":
            lasts_s = rows[request["score"]]["duration_s"] / options["tempo"]
        elif verb.name == "stretch":
            lasts_s = _stretched_s(rows[request["recording"]]["duration_s"], options)
        if lasts_s > self._limits.recording_s:
            most = f"more than the {in_words(self._limits.recording_s)} that are taken"
            raise Refusal(
                413,
                inputs[verb.inputs[0].name]["name"],
                f"lasts {in_words(lasts_s)} at that tempo, {most}",
                "choose a faster one",
            )


def _stretched_s(lasts_s: float, options: Mapping[str, Any]) -> float:
    """How long a sound will last, by whichever option says it."""
    before, after = options["tempo"] or (1.0, 1.0)
    length_s: float = options["duration_s"] or lasts_s * (options["factor"] or 1.0)
    return length_s * before / max(after, 1e-3)


def _found(
    each: Input, value: Any, find: Callable[[Input, str], Found], files: Mapping[str, str]
) -> tuple[Any, Any]:
    """An input for people, and as the API is given it."""

    def name(found: Found) -> str:
        return files.get(found["id"], found["name"])

    if each.many == "shares":
        found = {reference: find(each, reference) for reference in value}
        people = [{**one, "share": value[reference]} for reference, one in found.items()]
        return people, {name(found[reference]): share for reference, share in value.items()}
    if isinstance(value, list):
        many = [find(each, reference) for reference in dict.fromkeys(value)]
        return many, [name(one) for one in many]
    one = find(each, value)
    return one, name(one)


def _file_name(row: Row, reference: str) -> str:
    """Name of an input's file in the job's folder."""
    if reference.startswith("tim_"):
        return safe_name(row["name"], ".timbre", "timbre")
    return safe_name(row["name"], row["extension"])


def _output_name(verb: Verb, request: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Name of what is written, as the command line would call it."""
    if verb.is_named:
        return safe_name(request["name"], ".timbre", "timbre")
    if isinstance(verb, Tool):
        return _tool_output(verb, request, given)
    stems = {name: Path(value).stem for name, value in given.items() if isinstance(value, str)}
    first = stems[verb.inputs[0].name]
    ending = {
        "transfer": f"-{stems.get('style', '')}",
        "play": f"-{stems.get('sound', '')}",
        "transcribe": "",
        "translate": "-" + "-".join(request.get("to", ())),
        "melody": f"-{stems.get('style', 'style')}",
        "groove": f"-{stems.get('b', 'drummer')}",
        "counterpoint-solve": "-counterpoint",
        "counterpoint-check": "-marked",
        "edit": "-edited",
    }[verb.name]
    wanted = "musicxml" if verb.name == "counterpoint-check" else request["output_format"]
    extension = _extension(wanted, given.get("content"))
    return safe_name(f"{first[:60]}{ending[:60]}{extension}", extension)


def _tool_output(tool: Tool, request: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Name of what a tool writes; empty where it writes nothing."""
    if tool.makes == "report":
        return ""
    stems = {
        name: "notes" if isinstance(value, list) else Path(value or "").stem[:60]
        for name, value in given.items()
    }
    like = given[tool.inputs[0].name] if tool.inputs else None
    extension = _extension(request.get("output_format", tool.formats[0]), like)
    return safe_name(f"{tool.output_stem.format_map(stems)}{extension}", extension)


def _extension(wanted: str | None, like: Any) -> str:
    """Extension of a format; where none is wanted, of what the output is like, if lossless."""
    if wanted is None:
        own = Path(like).suffix if isinstance(like, str) else ""
        return own if own in _LOSSLESS else ".wav"
    return _EXTENSION.get(wanted, f".{wanted}")
