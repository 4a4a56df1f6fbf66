"""The door: what reaches Chainlit's server, and in whose name.

Always true: no other web site can act in the name of a visitor; what comes from a session that has ended does nothing.
"""

import re

from chainlit.auth.cookie import get_token_from_cookies
from chainlit.config import config as chainlit_config
from chainlit.logger import logger
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.access import cookies, tokens
from assistant.access.visitors import Visitors
from assistant.access.watch import Watched
from datalayer import DataLayerError

_LOOPBACK_HOST = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.IGNORECASE)
_DOCUMENTATION = ("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json")
_MEMBERS = re.compile(r"/(user|project|feedback|mcp|account|library|api|auth/jwt|set-session-cookie)(/|$)")
_EMBEDDED = re.compile(r"/embed/[^/]+")
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


class Guard:
    """ASGI middleware in front of everything that Chainlit serves.

    Chainlit allows every origin by default, and its socket.io server never looks at one (`cors_allowed_origins=[]`).
    """

    def __init__(self, app: ASGIApp, *, visitors: Visitors) -> None:
        """Without accounts, only loopback names are answered, and whoever asks is the person of this machine."""
        self._app, self._visitors, self._local = app, visitors, visitors.accounts is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request with a refusal, or hand it on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        try:
            refusal, scope = await self._judge(scope, headers)
        except DataLayerError as error:
            logger.warning("Nobody knows who asks: %s", error)
            refusal, scope = (503 if _needs_somebody(scope) else None), _anonymous(scope)
        if refusal:
            return await _refuse(refusal, scope, receive, send)
        if scope["type"] == "websocket":
            return await self._watch(scope, headers, receive, send)
        if self._local and _is_page(scope, headers) and not await self._has_session(headers):
            begun = await self._signing_in(scope)
            scope, send = _with_cookies(begun, scope), _with_headers(begun, send)
        await self._app(scope, receive, send)

    async def _judge(self, scope: Scope, headers: Headers) -> tuple[int | None, Scope]:
        """The status to refuse with, None: it passes; and the request, without a session that has ended."""
        if (refusal := await self._refusal(scope, headers)) or scope["type"] == "websocket":
            return refusal, scope
        given = [token for token in map(tokens.read, _tokens(headers)) if token is not None]
        current = [await self._visitors.is_current(token) for token in given]
        for token in given:
            self._visitors.used(token)
        return None, scope if all(current) else _anonymous(scope)

    async def _refusal(self, scope: Scope, headers: Headers) -> int | None:
        """Return the status to refuse with; None lets the request pass."""
        if any(len(headers.getlist(name)) > 1 for name in ("host", "origin", "cookie", "authorization")):
            return 400  # whoever reads another one of them than we do must not be fooled
        if self._local and not _LOOPBACK_HOST.fullmatch(headers.get("host", "")):
            return 403  # DNS rebinding: a foreign name that leads to this machine
        if _is_cross_site(scope, headers):
            return 403
        if scope["path"] in _DOCUMENTATION:
            return 404  # FastAPI's, with a script from a CDN
        if _is_sharing(scope["path"]) and not chainlit_config.features.allow_thread_sharing:
            return 404  # Chainlit only hides the button
        if _is_socket(scope) and not await self._has_session(headers):
            return 401  # a polling request with a known sid is not authenticated by anyone else
        return None

    async def _has_session(self, headers: Headers) -> bool:
        return await self._visitors.session(tokens.read(_cookie_token(headers))) is not None

    async def _watch(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """Run a websocket, and hang up when its session has ended: at sign-out, or because of the account."""
        token = tokens.read(_cookie_token(headers))
        assert token is not None  # or it would have been refused
        watched = Watched(self._visitors, token, receive)
        try:
            await self._app(scope, watched, send)
        finally:
            watched.cancel()

    async def _signing_in(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Cookies to send with the page: Chainlit's own way leads over /login and forgets the address asked for."""
        request, response = Request(scope), Response()
        try:
            cookies.give_session(request, response, await self._visitors.begin(request))
        except (DataLayerError, OSError) as error:  # the page says it then, because it asks for a session itself
            logger.error("No session can begin: %s", error)
        return [header for header in response.raw_headers if header[0] == b"set-cookie"]


def _needs_somebody(scope: Scope) -> bool:
    """Whether it is of no use to a stranger. The page and its parts are, and so is signing in, which says more."""
    path = scope["path"].removeprefix(chainlit_config.run.root_path)
    return _is_socket(scope) or _MEMBERS.match(path) is not None


def _is_page(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "GET" and "text/html" in headers.get("accept", "") and not _is_embedded(scope)


def _with_headers(added: list[tuple[bytes, bytes]], send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return with_headers


def _with_cookies(begun: list[tuple[bytes, bytes]], scope: Scope) -> Scope:
    """The request as the browser would send it again, with the cookies that it is sent."""
    pairs = [value.partition(b";")[0] for _, value in begun]
    if not (given := [pair for pair in pairs if pair.partition(b"=")[2].strip(b'"')]):
        return scope
    kept = cookies.without_session(Headers(scope=scope).get("cookie", "")).encode("latin-1")
    others = [header for header in scope["headers"] if header[0] != b"cookie"]
    return {**scope, "headers": [*others, (b"cookie", b"; ".join([*([kept] if kept else []), *given]))]}


def _is_cross_site(scope: Scope, headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and not _same_host(origin, headers.get("host", "")):
        return True
    return headers.get("sec-fetch-site") == "cross-site" and not (
        scope.get("method") == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and (headers.get("sec-fetch-dest", "document") == "document" or _is_embedded(scope))  # else it is in a frame
    )


def _is_embedded(scope: Scope) -> bool:
    """The page of the library that is made for frames: it says itself which sites may have it in one."""
    return _EMBEDDED.fullmatch(scope["path"].removeprefix(chainlit_config.run.root_path)) is not None


def _same_host(origin: str, host: str) -> bool:
    scheme, _, authority = origin.lower().partition("://")
    port = _DEFAULT_PORT.get(scheme)  # a proxy may add the port that a browser leaves out
    return port is not None and authority.removesuffix(port) == host.lower().removesuffix(port)


def _is_sharing(path: str) -> bool:
    return "/project/share/" in path or path.endswith("/project/thread/share")


def _is_socket(scope: Scope) -> bool:
    return scope["type"] == "websocket" or "/ws/socket.io" in scope["path"]


def _cookie_token(headers: Headers) -> str | None:
    return get_token_from_cookies(cookie_parser(headers.get("cookie", "")))


def _tokens(headers: Headers) -> list[str | None]:
    return [_cookie_token(headers), *headers.get("authorization", "").split()[-1:]]


def _anonymous(scope: Scope) -> Scope:
    """Take an ended session out of the request: what needs one answers 401, and the way to sign in stays open."""
    headers = [header for header in scope["headers"] if header[0] not in (b"cookie", b"authorization")]
    if kept := cookies.without_session(Headers(scope=scope).get("cookie", "")):
        headers.append((b"cookie", kept.encode("latin-1")))
    return {**scope, "headers": headers}


async def _refuse(status: int, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    await JSONResponse({"detail": _SENTENCES[status]}, status)(scope, receive, send)


_SENTENCES = {
    400: "This request is ambiguous",
    401: "Sign in first",
    403: "This request comes from another site",
    404: "There is no such page",
    503: "Who asks cannot be looked up right now",
}
