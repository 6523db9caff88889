"""The server: the application behind uvicorn, its address printed, a browser opened."""

import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import platformdirs
import uvicorn

from cambiata.errors import InputError
from cambiata.web.app import create_app
from cambiata.web.security import is_loopback

FOLDER_VARIABLE = "CAMBIATA_STUDIO"


def data_folder() -> Path:
    """Folder of sounds, jobs and timbres: the variable's, else the user's own for this package."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    try:
        return Path(platformdirs.user_data_dir("cambiata")) / "studio"
    except RuntimeError as error:  # neither HOME nor an entry among the system's users
        problem = "there is no home folder to keep sounds and jobs in"
        cure = f"name a folder with `data`, or set {FOLDER_VARIABLE}"
        raise InputError("the studio", problem, cure) from error


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, refused in words where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        cure = "choose another `port`, or another `host`"
        problem = f"cannot be listened at ({error.strerror})"
        raise InputError(f"{host}:{port}", problem, cure) from error


def serve(
    *,
    host: str,
    port: int,
    token: str | None,
    open_page: bool,
    folder: Path | None,
    tell: Callable[[str], None],
) -> None:
    """Serve until interrupted.

    Another host than this machine's own needs a token: one is made where none is given.
    """
    if token is not None and (not token.isascii() or not token.isprintable() or len(token) < 8):
        raise InputError("token", "is too short or odd", "use 8 letters and digits or more")
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(16)
    place = folder or data_folder()
    listening = _listen(host, port)
    n_workers = 2 if (os.cpu_count() or 1) > 1 else 1
    try:
        app = create_app(place, host=host, token=token, n_workers=n_workers)
    except OSError as error:
        cure = "name another with `data`"
        raise InputError(str(place), f"cannot be used ({error.strerror})", cure) from error
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Open streams of events end with the server.
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    shown_host = f"[{host}]" if ":" in host else host
    address = f"http://{shown_host}:{listening.getsockname()[1]}/"
    tell(f"the studio is at {address}" + (f" with the token {token}" if token else ""))
    tell(f"sounds and jobs are kept in {place}; Ctrl-C ends it")
    if open_page:
        threading.Timer(0.5, webbrowser.open, (address,)).start()
    server.run(sockets=[listening])
