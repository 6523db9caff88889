"""Routes for jobs: one to begin each verb, and those that follow, cancel and forget."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from cambiata.web import answers
from cambiata.web.jobs import ACTIVE
from cambiata.web.refusals import Refusal
from cambiata.web.routes_sounds import file_answer
from cambiata.web.schemas import Request as VerbRequest
from cambiata.web.schemas import request_models
from cambiata.web.store import Row
from cambiata.web.studio import Here, Studio
from cambiata.web.verb import Verb
from cambiata.web.verbs import VERBS

# A comment now and then keeps proxies from closing a stream, and shows that its reader is gone.
_KEEP_ALIVE_S = 15.0
# As OpenAPI 3.2 describes streams; older readers pass over it.
_EVENT_SCHEMA = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["progress", "done", "failed", "cancelled", "job"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"itemSchema": _EVENT_SCHEMA}}}
}

_ANY_TYPE = "application/octet-stream"
_MEDIA_TYPES = {".svg": "image/svg+xml", ".zip": "application/zip"}

routes = APIRouter(prefix="/api", tags=["jobs"])


def _starter(verb: Verb, model: type[VerbRequest]) -> Callable[..., dict[str, Any]]:
    """Function that begins a verb's job; its body has the verb's own schema."""

    def start(studio: Here, body: VerbRequest) -> dict[str, Any]:
        job = studio.jobs.submit(verb.name, body.model_dump())
        return studio.jobs.answer(job)

    start.__annotations__["body"] = model
    start.__name__ = f"start_{verb.name.replace('-', '_')}"
    start.__doc__ = verb.summary
    return start


for _verb in VERBS.values():
    routes.post(
        f"/jobs/{_verb.name}",
        status_code=202,
        response_model=answers.Job,
        responses=answers.refusals(404, 413, 429),
    )(_starter(_verb, request_models()[_verb.name]))


@routes.get("/jobs", response_model=answers.JobList, responses=answers.refusals())
def list_jobs(
    studio: Here,
    verb: Annotated[str | None, Query(max_length=32)] = None,
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> dict[str, Any]:
    """The newest jobs."""
    where: dict[str, Any] = {"verb": verb, "state": state}
    rows = studio.store.rows("job", limit=limit, offset=offset, **where)
    total = studio.store.count("job", **where)
    return {"jobs": [studio.jobs.answer(row) for row in rows], "total": total}


@routes.get("/jobs/{identity}", response_model=answers.Job, responses=answers.refusals(404))
def show_job(studio: Here, identity: str) -> dict[str, Any]:
    """A job, and its result when it is done."""
    return studio.jobs.answer(studio.jobs.find(identity))


@routes.get(
    "/jobs/{identity}/files/{role}",
    response_class=FileResponse,
    responses={
        200: {"content": {kind: {} for kind in (*_MEDIA_TYPES.values(), _ANY_TYPE)}},
        206: {"description": "A range of it."},
        416: {"description": "No such range."},
        **answers.refusals(404),
    },
)
def save_job_file(studio: Here, identity: str, role: str) -> FileResponse:
    """A file that a job made and that is no sound, to be saved: an instrument, a picture."""
    path, name = studio.jobs.file(identity, role)
    return file_answer(path, _MEDIA_TYPES.get(path.suffix, _ANY_TYPE), name)


@routes.post(
    "/jobs/{identity}/cancel", response_model=answers.Job, responses=answers.refusals(404, 409)
)
def cancel_job(studio: Here, identity: str) -> dict[str, Any]:
    """Cancel a job that is not finished."""
    return studio.jobs.answer(studio.jobs.cancel(identity))


@routes.delete("/jobs/{identity}", status_code=204, responses=answers.refusals(404))
def delete_job(studio: Here, identity: str) -> Response:
    """Forget a job and what it made, but for what is kept."""
    studio.jobs.delete(identity)
    return Response(status_code=204)


@routes.get(
    "/jobs/{identity}/events",
    response_class=StreamingResponse,
    responses={**_STREAM, **answers.refusals(404, 429)},
)
def follow_job(studio: Here, identity: str, request: Request) -> StreamingResponse:
    """Changes of a job, as server-sent events, until it is finished."""
    studio.jobs.find(identity)
    _check_streams(studio)
    return _stream(_job_events(studio, identity, request))


@routes.get(
    "/events",
    response_class=StreamingResponse,
    responses={**_STREAM, **answers.refusals(429)},
)
def follow_all(studio: Here, request: Request) -> StreamingResponse:
    """Changes of all jobs, as server-sent events, without an end."""
    _check_streams(studio)
    return _stream(_all_events(studio, request))


def _check_streams(studio: Studio) -> None:
    n_streams = len(studio.changes)
    if n_streams >= studio.limits.event_streams:
        raise Refusal(429, "events", f"{n_streams} streams are open", "close some, or poll")


def _stream(events: AsyncIterator[str]) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def _event(name: str, facts: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(facts)}\n\n"


async def _job_events(studio: Studio, identity: str, request: Request) -> AsyncIterator[str]:
    """The state of a job now and at each change, and the whole job at its end."""
    with studio.changes.listen(identity) as listener:
        shown: Row = {}
        while not await request.is_disconnected():
            job = await run_in_threadpool(studio.store.get, "job", identity)
            if job is None:
                yield _event("cancelled", {"id": identity, "state": "cancelled"})
                return
            if job["state"] not in ACTIVE:
                yield _event(job["state"], await run_in_threadpool(studio.jobs.answer, job))
                return
            brief = await run_in_threadpool(studio.jobs.brief, job)
            if brief != shown:
                shown = brief
                yield _event("progress", brief)
            if not await listener.changed(_KEEP_ALIVE_S):
                yield ": here\n\n"


async def _all_events(studio: Studio, request: Request) -> AsyncIterator[str]:
    """Whatever changes."""
    with studio.changes.listen() as listener:
        yield ": here\n\n"
        while not await request.is_disconnected():
            changed = await listener.changed(_KEEP_ALIVE_S)
            for identity in changed:
                job = await run_in_threadpool(studio.store.get, "job", identity)
                if job is None:
                    yield _event("job", {"id": identity, "state": "deleted"})
                else:
                    yield _event("job", await run_in_threadpool(studio.jobs.brief, job))
            if not changed:
                yield ": here\n\n"
