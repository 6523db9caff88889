"""The application: routes, page, guards, and every error in words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import cambiata
from cambiata.errors import InputError
from cambiata.web import routes_facts, routes_jobs, routes_sounds, routes_timbres
from cambiata.web.limits import Limits
from cambiata.web.refusals import Refusal, error_words, validation_words
from cambiata.web.security import Guard
from cambiata.web.studio import Studio

_DESCRIPTION = (
    "Music style transfer on your own machine: sounds in, jobs on them, sounds out. "
    "Begin with POST /api/sounds, then POST /api/jobs/{verb}."
)
_UPLOADS = ("/api/sounds", "/api/timbres")


class BodyLimit:
    """ASGI middleware that refuses bodies that are too large; uploads count for themselves."""

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self.app, self._most = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in _UPLOADS:
            await self.app(scope, receive, send)
            return
        refusal = JSONResponse(_TOO_LARGE, 413, {"Connection": "close"})
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self._most:
            await refusal(scope, receive, send)
            return
        n_bytes, is_answered = 0, False

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._most:
                raise _TooLargeError
            return message

        async def replaced(message: Message) -> None:
            nonlocal is_answered
            if n_bytes <= self._most:
                await send(message)
            elif not is_answered:  # FastAPI says that the body cannot be parsed: we know why
                is_answered = True
                await refusal(scope, receive, send)

        await self.app(scope, counted, replaced)


class _TooLargeError(Exception):
    """A body is larger than is taken."""


_TOO_LARGE = error_words("the request", "is too large", "send less")


def create_app(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    limits: Limits | None = None,
    n_workers: int = 1,
    examples: bool = True,
    warm: bool = True,
) -> FastAPI:
    """The application, whose studio lives in a folder and begins with it.

    Tests do without `examples`, which take seconds to measure, and without models that are loaded
    before they are needed (`warm`).
    """
    studio = Studio(folder, limits, n_workers=n_workers, token=token, examples=examples, warm=warm)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        studio.start()
        yield
        studio.close()

    app = FastAPI(
        title="Cambiata studio",
        version=cambiata.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        # FastAPI's pages of documentation load scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    app.state.studio = studio
    for each in (routes_sounds, routes_jobs, routes_timbres, routes_facts):
        app.include_router(each.routes)
    _add_page(app)
    _add_errors(app)
    app.add_middleware(BodyLimit, most_bytes=studio.limits.json_bytes)
    app.add_middleware(Guard, host=host, token=token)
    return app


def _add_page(app: FastAPI) -> None:
    """The page, as it lies in the package."""
    static = Path(str(files("cambiata.web"))) / "static"

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        index = static / "index.html"
        if not index.exists():
            raise Refusal(404, "the page", "is not installed", "use the HTTP interface")
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> FileResponse:
        place = static / "icon.svg"
        if not place.exists():
            raise Refusal(404, "the icon", "is not installed", "do without")
        return FileResponse(place, media_type="image/svg+xml")

    if static.is_dir():
        app.mount("/static", StaticFiles(directory=static), name="static")


def _add_errors(app: FastAPI) -> None:
    """Every error in the one form."""

    @app.exception_handler(Refusal)
    def refused(_request: Request, refusal: Any) -> JSONResponse:
        return JSONResponse(refusal.words, refusal.status, refusal.headers)

    @app.exception_handler(InputError)
    def refused_by_api(_request: Request, error: Any) -> JSONResponse:
        return JSONResponse(error_words(error.subject, error.problem, error.cure), 422)

    @app.exception_handler(RequestValidationError)
    def unfit(_request: Request, error: Any) -> JSONResponse:
        errors = list(error.errors())
        is_unreadable = bool(errors) and errors[0].get("type") == "json_invalid"
        return JSONResponse(validation_words(errors), 400 if is_unreadable else 422)

    @app.exception_handler(HTTPException)
    def no_route(request: Request, error: Any) -> JSONResponse:
        words = error_words(request.url.path, str(error.detail).lower(), "see /api/openapi.json")
        return JSONResponse(words, error.status_code, error.headers)

    @app.exception_handler(Exception)
    def broken(_request: Request, error: Any) -> JSONResponse:
        words = error_words("the studio", f"failed: {type(error).__name__}", "report it, please")
        return JSONResponse(words, 500)
