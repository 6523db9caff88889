"""Routes for recordings and scores."""

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from cambiata.web import answers
from cambiata.web.refusals import Refusal
from cambiata.web.sound_facts import USUAL_COLUMNS, spectrogram_rows_hz
from cambiata.web.sounds import sound_answer
from cambiata.web.store import Row
from cambiata.web.studio import Here, Studio

_PIECE_BYTES = 1 << 20
_MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".aiff": "audio/aiff",
    ".mid": "audio/midi",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
}
_ANY_FORMAT: dict[str, Any] = {
    kind: {} for kind in (*dict.fromkeys(_MEDIA_TYPES.values()), "application/octet-stream")
}
# A sound never changes under its id, but it may be deleted: a browser asks again each time.
_CACHED = {"Cache-Control": "private, no-cache"}
# Of one request for examples: shorter than what programs wait for an answer.
_EXAMPLES_S = 8.0
Columns = Annotated[int, Query(ge=10, le=8000)]
Name = Annotated[str, Query(max_length=255)]
ANY_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class SoundChanges(BaseModel):
    """What may be changed of a sound."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    kept: bool | None = None


_Time = Annotated[float, Field(ge=0, le=24 * 3600)]
_Byte = Annotated[int, Field(ge=0, le=127)]


class NewPart(BaseModel):
    """Notes of a part: start and end in seconds, pitch, velocity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    number: int | None = None
    name: Annotated[str, Field(max_length=80)] = ""
    program: _Byte = 0
    is_drum: bool = False
    notes: Annotated[
        list[tuple[_Time, _Time, _Byte, Annotated[int, Field(ge=1, le=127)]]],
        Field(max_length=20_000),
    ]
    pedal: Annotated[list[tuple[_Time, _Time]], Field(max_length=20_000)] = []


class NewScore(BaseModel):
    """Notes to be made a score."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    name: Annotated[str, Field(min_length=1, max_length=255)] = "score.mid"
    like: str | None = Field(None, description="Score whose tempos and metres are kept.")
    tempo: Annotated[float, Field(ge=10, le=1000)] | None = None
    metre: Annotated[str, Field(pattern=r"^([1-9]|[12][0-9]|3[0-2])/(1|2|4|8|16)$")] | None = None
    parts: Annotated[list[NewPart], Field(min_length=1, max_length=64)]


def file_answer(path: Path, media_type: str, name: str | None = None) -> FileResponse:
    """A file, by ranges if they are asked for; with a name it is to be saved."""
    return FileResponse(path, media_type=media_type, filename=name, headers=_CACHED)


async def receive(request: Request, studio: Studio, place: Path) -> None:
    """Write a request's body to a file as it comes, as much as is allowed."""
    most = studio.limits.upload_bytes
    announced = request.headers.get("content-length", "0")
    too_large = Refusal(
        413,
        "the file",
        f"is larger than the {most / 2**20:g} MiB that are taken",
        "cut it, or use the command line, which has no limits",
        {"Connection": "close"},
    )
    if not announced.isdecimal() or int(announced) > most:
        raise too_large
    await run_in_threadpool(studio.sounds.check_room, int(announced))
    n_bytes, pieces = 0, bytearray()
    with place.open("wb") as file:
        async for piece in request.stream():
            n_bytes += len(piece)
            if n_bytes > most:
                raise too_large
            pieces += piece
            if len(pieces) >= _PIECE_BYTES:
                await run_in_threadpool(file.write, bytes(pieces))
                pieces.clear()
        await run_in_threadpool(file.write, bytes(pieces))


routes = APIRouter(prefix="/api", tags=["sounds"])


@routes.post(
    "/sounds",
    status_code=201,
    response_model=answers.Sound,
    responses=answers.refusals(413, 415, 507),
    openapi_extra=ANY_BYTES,
)
async def upload(studio: Here, request: Request, name: Name = "sound") -> dict[str, Any]:
    """Take in a recording or a score: the body is the file's bytes."""
    with studio.store.scratch() as folder:
        place = folder / "upload"
        await receive(request, studio, place)
        row = await run_in_threadpool(studio.sounds.take_in, place, name, "upload")
    return sound_answer(row)


@routes.get("/sounds", response_model=answers.Sounds, responses=answers.refusals())
def list_sounds(
    studio: Here,
    kind: Literal["recording", "score"] | None = None,
    origin: Literal["upload", "job", "example", "edit"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> dict[str, Any]:
    """The newest sounds."""
    where: dict[str, Any] = {"kind": kind, "origin": origin}
    rows = studio.store.rows("sound", limit=limit, offset=offset, **where)
    total = studio.store.count("sound", **where)
    return {"sounds": [sound_answer(row) for row in rows], "total": total}


@routes.get("/examples", response_model=answers.Examples, responses=answers.refusals())
def list_examples(studio: Here) -> dict[str, Any]:
    """Sounds and scores that ship; waits a while for those that are not in place yet."""
    complete = studio.examples_ready.wait(_EXAMPLES_S)
    rows = studio.store.rows("sound", origin="example")
    rows.sort(key=lambda row: row["id"])
    sounds = [sound_answer(row) for row in rows]
    return {"sounds": sounds, "total": len(rows), "complete": complete}


@routes.post(
    "/scores",
    status_code=201,
    response_model=answers.Sound,
    responses=answers.refusals(404, 413, 507),
)
def make_score(studio: Here, wanted: NewScore) -> dict[str, Any]:
    """Make a score of notes."""
    _check_notes(wanted, studio.limits.score_notes)
    return sound_answer(studio.sounds.write_score(wanted.model_dump()))


@routes.get("/sounds/{identity}", response_model=answers.Sound, responses=answers.refusals(404))
def show_sound(studio: Here, identity: str) -> dict[str, Any]:
    """Facts about a sound."""
    return sound_answer(studio.sounds.find(identity))


@routes.patch(
    "/sounds/{identity}", response_model=answers.Sound, responses=answers.refusals(404, 409)
)
def change_sound(studio: Here, identity: str, changes: SoundChanges) -> dict[str, Any]:
    """Rename a sound, or keep it from expiring."""
    row = _own(studio.sounds.find(identity))
    return sound_answer(studio.sounds.change(row, changes.name, changes.kept))


@routes.delete("/sounds/{identity}", status_code=204, responses=answers.refusals(404, 409))
def delete_sound(studio: Here, identity: str) -> Response:
    """Delete a sound."""
    row = _own(studio.sounds.find(identity))
    if studio.jobs.needs(identity):
        raise Refusal(409, row["name"], "is worked with", "cancel the job first")
    studio.store.delete("sound", identity)
    return Response(status_code=204)


@routes.get(
    "/sounds/{identity}/audio",
    response_class=FileResponse,
    responses={
        200: {"content": {"audio/wav": {}}},
        206: {"content": {"audio/wav": {}}, "description": "A range of it."},
        416: {"description": "No such range."},
        **answers.refusals(404),
    },
)
def play_sound(studio: Here, identity: str) -> FileResponse:
    """A wav to listen to; of a score a sketch."""
    return file_answer(studio.sounds.playable(studio.sounds.find(identity)), "audio/wav")


@routes.get(
    "/sounds/{identity}/file",
    response_class=FileResponse,
    responses={
        200: {"content": _ANY_FORMAT},
        206: {"content": _ANY_FORMAT, "description": "A range of it."},
        416: {"description": "No such range."},
        **answers.refusals(404),
    },
)
def save_sound(
    studio: Here,
    identity: str,
    wanted: Annotated[str | None, Query(alias="as", max_length=16)] = None,
) -> FileResponse:
    """The file, to be saved, in its own format or in another."""
    row = studio.sounds.find(identity)
    path = studio.sounds.path(row) if wanted is None else studio.sounds.converted(row, wanted)
    name = f"{Path(row['name']).stem}{path.suffix}"
    return file_answer(path, _MEDIA_TYPES.get(path.suffix, "application/octet-stream"), name)


@routes.get(
    "/sounds/{identity}/peaks", response_model=answers.Peaks, responses=answers.refusals(404)
)
def show_peaks(studio: Here, identity: str, columns: Columns = USUAL_COLUMNS) -> dict[str, Any]:
    """Extremes of a sound in columns of equal time."""
    return studio.sounds.peaks(studio.sounds.find(identity), columns)


@routes.get(
    "/sounds/{identity}/spectrogram",
    response_class=FileResponse,
    responses={
        200: {"content": {"image/png": {}}},
        206: {"content": {"image/png": {}}, "description": "A range of it."},
        416: {"description": "No such range."},
        **answers.refusals(404),
    },
)
def show_spectrogram(studio: Here, identity: str, columns: Columns = 1000) -> FileResponse:
    """Picture of a sound's mel spectrogram, 160 rows up to 16 kHz."""
    answer = file_answer(
        studio.sounds.spectrogram(studio.sounds.find(identity), columns), "image/png"
    )
    answer.headers["X-Frequencies-Hz"] = ",".join(map(str, spectrogram_rows_hz()))
    return answer


@routes.get(
    "/sounds/{identity}/notes",
    response_model=answers.Notes,
    responses=answers.refusals(404, 409),
)
def show_notes(studio: Here, identity: str) -> dict[str, Any]:
    """Notes of a score."""
    return studio.sounds.notes(studio.sounds.find(identity))


def _own(row: Row) -> Row:
    """A sound that may be changed; examples stay as they are."""
    if row["origin"] == "example":
        raise Refusal(409, row["name"], "is an example", "copy it first")
    return row


def _check_notes(wanted: NewScore, most: int) -> None:
    """Refuse notes that end before they begin, and too many."""
    n_notes = sum(len(part.notes) for part in wanted.parts)
    if not n_notes:
        raise Refusal(422, "parts", "have no notes", "give one at least")
    if n_notes > most:
        raise Refusal(413, "parts", f"have {n_notes} notes, more than {most}", "give fewer")
    for part in wanted.parts:
        for start_s, end_s, *_ in part.notes:
            if not start_s < end_s:
                cure = "a note's end comes after its start"
                raise Refusal(422, "parts", f"a note goes from {start_s:g} to {end_s:g} s", cure)
        for down_s, up_s in part.pedal:
            if not down_s < up_s:
                raise Refusal(422, "parts", "a pedal is lifted before it is pressed", "swap them")
