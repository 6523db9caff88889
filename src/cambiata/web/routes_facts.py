"""Routes for facts: health, limits, verbs, systems, domains, dance types; and the token."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

import cambiata
from cambiata.errors import InputError
from cambiata.melody.api import melody_system
from cambiata.melody.bars import Counting
from cambiata.registry import system_rows
from cambiata.web import answers
from cambiata.web.refusals import Refusal
from cambiata.web.schemas import request_models
from cambiata.web.security import COOKIE, same_token
from cambiata.web.studio import Here
from cambiata.web.verbs import VERBS

routes = APIRouter(tags=["facts"])
_WRITES = ["wav", "flac", "ogg", "mp3", "aiff"]


class SessionRequest(BaseModel):
    """A token, for a cookie."""

    model_config = ConfigDict(extra="forbid")
    token: Annotated[str, Field(max_length=256)]


@routes.get("/health", response_model=answers.Health, responses=answers.refusals())
def health(studio: Here) -> dict[str, Any]:
    """Whether the studio is well, and how much it has to do."""
    return {
        "status": "ok",
        "version": cambiata.__version__,
        "token_wanted": studio.token is not None,
        "queued": studio.store.count("job", state="queued"),
        "running": studio.store.count("job", state="running"),
        "workers": studio.jobs.n_workers,
    }


@routes.post("/api/session", status_code=204, responses=answers.refusals())
def begin_session(studio: Here, wanted: SessionRequest) -> Response:
    """Set the cookie that stands for the token."""
    if not same_token(wanted.token, studio.token):
        raise Refusal(401, "token", "is wrong", "give the one that `cambiata serve` printed")
    answer = Response(status_code=204)
    if studio.token is not None:
        answer.set_cookie(COOKIE, studio.token, httponly=True, samesite="strict", path="/")
    return answer


@routes.get("/api/limits", response_model=answers.LimitsAnswer, responses=answers.refusals())
def show_limits(studio: Here) -> dict[str, Any]:
    """What the studio takes."""
    return {**asdict(studio.limits), "reads_webm": studio.has_ffmpeg, "writes": _WRITES}


@routes.get("/api/verbs", response_model=answers.Verbs, responses=answers.refusals())
def list_verbs() -> dict[str, Any]:
    """All verbs, each with the schema of its requests."""
    models = request_models()
    verbs = [
        {
            "verb": verb.name,
            "summary": verb.summary,
            "inputs": [each.name for each in verb.inputs],
            "schema": models[verb.name].model_json_schema(),
        }
        for verb in VERBS.values()
    ]
    return {"verbs": verbs}


@routes.get("/api/systems", response_model=answers.Systems, responses=answers.refusals())
def list_systems() -> dict[str, Any]:
    """All systems of all jobs."""
    return {"systems": list(system_rows())}


@routes.get("/api/domains", response_model=answers.Domains, responses=answers.refusals())
def list_domains() -> dict[str, Any]:
    """What music can be translated to."""
    return {"domains": [asdict(each) for each in cambiata.domains()]}


@routes.get("/api/melody-styles", response_model=answers.MelodyStyles, responses=answers.refusals())
def list_melody_styles(
    system: Annotated[str, Query(max_length=32)] = "melody",
) -> dict[str, Any]:
    """Dance types that melodies can be turned towards."""
    try:
        styles = melody_system(system).styles()
    except InputError as error:
        raise Refusal.of(error) from error
    return {
        "styles": [
            {"name": name, "metres": [str(Counting(*kind)) for kind in kinds]}
            for name, kinds in styles.items()
        ]
    }
