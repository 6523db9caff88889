"""Answers of the interface, as its description gives them."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class ErrorAnswer(BaseModel):
    """What is wrong with a request, in words."""

    what: str = Field(description="The input or the option at fault.")
    wrong: str = Field(description="What is wrong with it.")
    cure: str = Field(description="What to do about it.")
    message: str = Field(description="All three in one line.")


class Track(BaseModel):
    """A part of a score."""

    number: int
    name: str
    program: int
    is_drum: bool
    n_notes: int


class Sound(BaseModel):
    """A recording or a score."""

    id: str
    name: str
    kind: Literal["recording", "score"]
    format: str
    bytes: int
    duration_s: float
    sample_rate: int | None
    n_channels: int | None
    subtype: str | None
    loudness_db: float | None = Field(description="LUFS; null where silent or too short to say.")
    peak: float
    playback_gain_db: float = Field(description="Gain that plays it as loud as all others.")
    n_notes: int | None
    tracks: list[Track]
    origin: Literal["upload", "job", "example", "edit"]
    job: str | None
    warnings: list[str]
    kept: bool
    created_at: float
    expires_at: float | None


class Sounds(BaseModel):
    """A page of the list of sounds."""

    sounds: list[Sound]
    total: int


class Examples(Sounds):
    """What ships; a slow machine takes its time to put it in place at the first start."""

    complete: bool = Field(description="Whether all are in place; else ask again.")


class Peaks(BaseModel):
    """Extremes of a sound in columns of equal time."""

    duration_s: float
    columns: int
    max: list[float]
    min: list[float]
    peak: float


class NotesPart(BaseModel):
    """Notes of a part: start and end in seconds, pitch, velocity."""

    number: int
    name: str
    program: int
    is_drum: bool
    notes: list[tuple[float, float, int, int]]
    pedal: list[tuple[float, float]]


class Notes(BaseModel):
    """Notes of a score, and its bars."""

    duration_s: float
    parts: list[NotesPart]
    bars_s: list[float]
    tempos: list[tuple[float, float]]
    metres: list[tuple[float, str]]
    fifths: int = Field(description="Key signature: sharps, or flats below 0.")


class Timbre(BaseModel):
    """A captured timbre."""

    id: str
    name: str
    system: str
    fits: bool = Field(description="Whether it belongs to the weights that are installed.")
    voices: list[float]
    sources: list[str]
    duration_s: float
    n_notes: int
    lowest: int | None
    highest: int | None
    created_at: float


class Timbres(BaseModel):
    """All captured timbres."""

    timbres: list[Timbre]


class NamedTimbre(BaseModel):
    """A timbre that ships."""

    name: str
    instrument: str
    lowest: int
    highest: int
    duration_s: float
    source: str
    licence: str


class NamedTimbres(BaseModel):
    """All timbres that ship."""

    timbres: list[NamedTimbre]


class MapPoint(BaseModel):
    """Place of a timbre among others."""

    ref: str
    name: str
    kind: Literal["named", "own"]
    x: float
    y: float


class TimbreMap(BaseModel):
    """Timbres in two dimensions by likeness."""

    points: list[MapPoint]
    explained: float


class Breach(BaseModel):
    """A breach of a rule of counterpoint."""

    rule: str
    bar: int
    words: str


class JobFile(BaseModel):
    """A file that is no sound: an instrument, a picture."""

    name: str
    bytes: int


class Result(BaseModel):
    """What a job made."""

    report: dict[str, Any]
    sounds: dict[str, Sound]
    files: dict[str, JobFile] = Field(
        description="Others, by their roles: at /api/jobs/{id}/files/{role}, as long as the job is."
    )
    timbre: Timbre | None
    breaches: list[Breach] | None


class Job(BaseModel):
    """A job."""

    id: str
    verb: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float
    position: int | None
    request: dict[str, Any]
    inputs: dict[str, Any]
    command: str
    warnings: list[str]
    error: ErrorAnswer | None
    result: Result | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    elapsed_s: float | None
    expires_at: float | None


class JobList(BaseModel):
    """A page of the list of jobs."""

    jobs: list[Job]
    total: int


class Health(BaseModel):
    """Whether the studio is well."""

    status: Literal["ok"]
    version: str
    token_wanted: bool
    queued: int
    running: int
    workers: int


class LimitsAnswer(BaseModel):
    """Limits of the studio."""

    upload_bytes: int
    recording_s: float
    score_notes: int
    queued_jobs: int
    expire_after_s: float
    folder_bytes: int
    reads_webm: bool
    writes: list[str]


class VerbFacts(BaseModel):
    """A verb and the schema of its requests."""

    verb: str
    summary: str
    inputs: list[str]
    schema_: dict[str, Any] = Field(alias="schema")


class Verbs(BaseModel):
    """All verbs."""

    verbs: list[VerbFacts]


class Systems(BaseModel):
    """All systems, as `cambiata systems --json` prints them."""

    systems: list[dict[str, Any]]


class Domains(BaseModel):
    """All domains of translation."""

    domains: list[dict[str, Any]]


class MelodyStyle(BaseModel):
    """A dance type."""

    name: str
    metres: list[str]


class MelodyStyles(BaseModel):
    """Dance types that a system for melodies knows."""

    styles: list[MelodyStyle]


_WORDS = {
    400: "The request is not readable.",
    401: "A token is wanted.",
    403: "The request comes from another site.",
    404: "It is not here, or has expired.",
    409: "It is not in a state for this.",
    413: "It is too large or too long.",
    415: "It is neither a recording nor a score.",
    421: "The Host is not this studio.",
    422: "An input or an option does not fit.",
    429: "The queue is full.",
    500: "The studio is at fault.",
    507: "The studio's folder is full.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals that a call can answer, beside those that every call can."""
    always = (400, 401, 403, 421, 422, 500)
    return {
        status: {"model": ErrorAnswer, "description": _WORDS[status]}
        for status in sorted({*always, *statuses})
    }
