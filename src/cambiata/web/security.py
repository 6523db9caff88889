"""Who may ask: Host, Origin and token of every request, and headers of every answer.

A page of another site can make a browser send requests to 127.0.0.1, by its name (DNS rebinding:
the Host is foreign) or by a form (the Origin is). Both are refused before anything is read.
"""

import hmac
import ipaddress
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cambiata.web.refusals import error_words

COOKIE = "cambiata_token"

# Scripts and sounds from here alone. Styles may be inline, as wavesurfer.js writes them into its
# shadow root; they can neither run nor fetch anything.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
# What may be had without a token: the page, which asks for it, and whether the studio is there.
_OPEN_PATHS = ("/", "/health", "/favicon.ico", "/api/session")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host.

    >>> is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(authority: str) -> str:
    """Host of an authority, without port and brackets.

    >>> host_name("[::1]:8321"), host_name("LocalHost"), host_name("evil.example:80@127.0.0.1")
    ('::1', 'localhost', '')
    """
    try:
        parts = urlsplit(f"//{authority}")
        _ = parts.port
    except ValueError:
        return ""
    if "@" in authority or "/" in authority or parts.hostname is None:
        return ""
    return parts.hostname.lower()


def same_token(given: str, token: str | None) -> bool:
    """Whether a token is the right one; how long that takes says nothing about it.

    >>> same_token("a", "a"), same_token("b", "a"), same_token("b", None)
    (True, False, True)
    """
    if token is None:
        return True
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


class Guard:
    """ASGI middleware that lets through what comes from here, with the token where one is set."""

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", token: str | None = None) -> None:
        self.app, self._token = app, token
        # Others reach this machine by whatever name their network has for it: then the token alone
        # decides, which no page that a name leads to has.
        self._hosts: tuple[str, ...] | None = (*_LOOPBACK, host.lower())
        if not is_loopback(host) and token is not None:
            self._hosts = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refuse(HTTPConnection(scope))
        answer: Callable[..., Any] = self.app if refused is None else refused
        await answer(scope, receive, send_guarded)

    def _refuse(self, request: HTTPConnection) -> JSONResponse | None:
        headers = request.headers
        if headers.get("host", "").count(",") or not self._is_ours(headers.get("host", "")):
            return _refusal(421, "Host", "is not this studio", "open it by the address it printed")
        if not _same_site(headers, request.scope["method"]):
            return _refusal(403, "Origin", "is another site", "use the studio's own page")
        path = request.url.path
        if self._token is None or path in _OPEN_PATHS or path.startswith("/static/"):
            return None
        if not any(same_token(each, self._token) for each in _tokens(request)):
            bearer = {"WWW-Authenticate": "Bearer"}
            return _refusal(401, "token", "is missing or wrong", "give the one it printed", bearer)
        return None

    def _is_ours(self, authority: str) -> bool:
        host = host_name(authority)
        return bool(host) and (self._hosts is None or host in self._hosts)


def _same_site(headers: Headers, method: str) -> bool:
    """Whether a request comes from the studio's own page, or from no page at all."""
    origin = headers.get("origin")
    if origin is not None:
        # Only the authority: a proxy may speak https where we speak http.
        return origin != "null" and urlsplit(origin).netloc.lower() == headers["host"].lower()
    site = headers.get("sec-fetch-site", "none")
    # A link on another page may lead here; what it embeds or sends may not.
    is_visit = headers.get("sec-fetch-mode") == "navigate" and method in ("GET", "HEAD")
    return site in ("none", "same-origin") or is_visit


def _tokens(request: HTTPConnection) -> list[str]:
    """Tokens that a request brings: as bearer, in the cookie, or in the query."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    found = [bearer.strip()] if scheme.lower() == "bearer" else []
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(request.headers.get("cookie", ""))
    except CookieError:  # of another application on the same host
        cookies.clear()
    if COOKIE in cookies:
        found.append(cookies[COOKIE].value)
    return found + parse_qs(request.url.query).get("token", [])


def _refusal(
    status: int, what: str, wrong: str, cure: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(error_words(what, wrong, cure), status, headers)
