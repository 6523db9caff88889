"""Routes for timbres: the library, those that ship, and the map of all."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from cambiata.errors import InputError
from cambiata.named_timbres.named import find_timbre, timbres
from cambiata.web import answers
from cambiata.web.file_names import safe_name
from cambiata.web.refusals import Refusal
from cambiata.web.routes_sounds import ANY_BYTES, Name, file_answer, receive
from cambiata.web.sounds import timbre_answer
from cambiata.web.studio import Here

routes = APIRouter(prefix="/api", tags=["timbres"])


class TimbreChanges(BaseModel):
    """What may be changed of a timbre."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=80)]


@routes.get("/timbres", response_model=answers.Timbres, responses=answers.refusals())
def list_timbres(studio: Here) -> dict[str, Any]:
    """All captured timbres, the newest first."""
    return {"timbres": [timbre_answer(row) for row in studio.store.rows("timbre")]}


@routes.post(
    "/timbres",
    status_code=201,
    response_model=answers.Timbre,
    responses=answers.refusals(413, 507),
    openapi_extra=ANY_BYTES,
)
async def upload(studio: Here, request: Request, name: Name = "timbre") -> dict[str, Any]:
    """Take in a .timbre file: the body is its bytes."""
    with studio.store.scratch() as folder:
        place = folder / "upload"
        await receive(request, studio, place)
        row = await run_in_threadpool(studio.sounds.take_in_timbre, place, name)
    return timbre_answer(row)


@routes.get("/timbres/map", response_model=answers.TimbreMap, responses=answers.refusals())
def show_map(studio: Here) -> dict[str, Any]:
    """All timbres in two dimensions: alike ones lie near each other."""
    return studio.sounds.timbre_map([each.name for each in timbres()])


@routes.get("/timbres/{identity}", response_model=answers.Timbre, responses=answers.refusals(404))
def show_timbre(studio: Here, identity: str) -> dict[str, Any]:
    """Facts about a timbre."""
    return timbre_answer(studio.sounds.find_timbre(identity))


@routes.patch("/timbres/{identity}", response_model=answers.Timbre, responses=answers.refusals(404))
def rename_timbre(studio: Here, identity: str, changes: TimbreChanges) -> dict[str, Any]:
    """Rename a timbre."""
    row = studio.sounds.find_timbre(identity)
    return timbre_answer(studio.store.update("timbre", identity, name=changes.name) or row)


@routes.delete("/timbres/{identity}", status_code=204, responses=answers.refusals(404, 409))
def delete_timbre(studio: Here, identity: str) -> Response:
    """Delete a timbre."""
    row = studio.sounds.find_timbre(identity)
    if studio.jobs.needs(identity):
        raise Refusal(409, row["name"], "is worked with", "cancel the job first")
    studio.store.delete("timbre", identity)
    return Response(status_code=204)


@routes.get(
    "/timbres/{identity}/file",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": {}}},
        206: {"content": {"application/octet-stream": {}}, "description": "A range of it."},
        416: {"description": "No such range."},
        **answers.refusals(404),
    },
)
def save_timbre(studio: Here, identity: str) -> FileResponse:
    """The .timbre file, to be saved."""
    row = studio.sounds.find_timbre(identity)
    name = safe_name(row["name"], ".timbre", "timbre")
    return file_answer(studio.sounds.path(row), "application/octet-stream", name)


@routes.get("/named-timbres", response_model=answers.NamedTimbres, responses=answers.refusals())
def list_named_timbres() -> dict[str, Any]:
    """Timbres that ship."""
    return {"timbres": [vars(each) for each in timbres()]}


@routes.get(
    "/named-timbres/{name}/audio",
    response_class=FileResponse,
    responses={
        200: {"content": {"audio/wav": {}}},
        206: {"content": {"audio/wav": {}}, "description": "A range of it."},
        416: {"description": "No such range."},
        **answers.refusals(404),
    },
)
def play_named_timbre(studio: Here, name: str) -> FileResponse:
    """Recording of a timbre that ships."""
    try:
        found = find_timbre(name)
    except InputError as error:
        raise Refusal(404, name, "is not a timbre that ships", "see /api/named-timbres") from error
    return file_answer(studio.sounds.named_timbre(found.name), "audio/wav")
