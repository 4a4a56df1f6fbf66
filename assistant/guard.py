"""The door: what reaches Chainlit's server, and in whose name.

Always true: no other web site can act in the name of a visitor; what comes from a session that has ended does nothing.
"""

import re
from collections.abc import Callable

import chainlit as cl
from chainlit.auth.cookie import get_token_from_cookies, set_auth_cookie
from chainlit.auth.jwt import create_jwt, decode_jwt
from chainlit.config import config as chainlit_config
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK_HOST = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.IGNORECASE)
_DEFAULT_PORT = {"http": ":80", "https": ":443"}

Current = Callable[[cl.User], bool]


class Guard:
    """ASGI middleware in front of everything that Chainlit serves.

    Chainlit allows every origin by default, and its socket.io server never looks at one (`cors_allowed_origins=[]`).
    """

    def __init__(self, app: ASGIApp, *, local: cl.User | None, current: Current) -> None:
        """`local`: only loopback names are answered, and whoever asks is this user; None: accounts.

        `current`: whether the session of a user may go on.
        """
        self._app, self._local, self._current = app, local, current

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request with a refusal, or hand it on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers):
            return await _refuse(refusal, scope, receive, send)
        if scope["type"] == "websocket":
            return await self._app(scope, self._watched(headers, receive), send)
        if self._local and _is_page(scope, headers) and not self._has_session(headers):
            send = _signing_in(self._local, scope, send)
        if any(user and not self._current(user) for user in map(_user, _tokens(headers))):
            scope = _anonymous(scope)
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> int | None:
        """Return the status to refuse with; None lets the request pass."""
        if any(len(headers.getlist(name)) > 1 for name in ("host", "origin", "cookie", "authorization")):
            return 400  # whoever reads another one of them than we do must not be fooled
        if self._local and not _LOOPBACK_HOST.fullmatch(headers.get("host", "")):
            return 403  # DNS rebinding: a foreign name that leads to this machine
        if _is_cross_site(scope, headers):
            return 403
        if _is_sharing(scope["path"]) and not chainlit_config.features.allow_thread_sharing:
            return 404  # Chainlit only hides the button
        if _is_socket(scope) and not self._has_session(headers):
            return 401  # a polling request with a known sid is not authenticated by anyone else
        return None

    def _has_session(self, headers: Headers) -> bool:
        user = _user(_cookie_token(headers))
        return user is not None and self._current(user)

    def _watched(self, headers: Headers, receive: Receive) -> Receive:
        """Return a `receive` that hangs up at the first message (at most a ping, 25 s) after the session has ended."""

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not self._has_session(headers):
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        return watched


def _is_page(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "GET" and "text/html" in headers.get("accept", "")


def _signing_in(user: cl.User, scope: Scope, send: Send) -> Send:
    """Sends a session along with the page: Chainlit's own way leads over /login and forgets the address asked for."""
    cookie = Response()
    set_auth_cookie(Request(scope), cookie, create_jwt(user))
    cookies = [header for header in cookie.raw_headers if header[0] == b"set-cookie"]

    async def signing_in(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *cookies]}
        await send(message)

    return signing_in


def _is_cross_site(scope: Scope, headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and not _same_host(origin, headers.get("host", "")):
        return True
    return headers.get("sec-fetch-site") == "cross-site" and not (
        scope.get("method") == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest", "document") == "document"  # a link may lead here, a frame may not
    )


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


def _user(token: str | None) -> cl.User | None:
    """Return whom a token speaks of; None for none, or for one that Chainlit will refuse by itself."""
    try:
        return decode_jwt(token) if token else None
    except Exception:  # as in Chainlit: whatever is wrong with it, it is no token
        return None


def _anonymous(scope: Scope) -> Scope:
    """Take an ended session out of the request: what needs one answers 401, and the way to sign in stays open."""
    headers = [header for header in scope["headers"] if header[0] not in (b"cookie", b"authorization")]
    return {**scope, "headers": headers}


async def _refuse(status: int, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await send({"type": "websocket.close", "code": 1008})
    await JSONResponse({"detail": "refused"}, status)(scope, receive, send)
