"""The cookies: a name for each data folder, because cookies know no ports, and `Secure` behind TLS."""

import hashlib
from pathlib import Path

from chainlit.auth import cookie as chainlit_cookie
from chainlit.config import config as chainlit_config
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .devices import Devices


def name_cookies(home: Path, given: str | None) -> None:
    """Name Chainlit's cookies. `given`: the name that was configured; None: one of this data folder's own.

    Chainlit reads its variable when it is imported, which `chainlit run` does before it loads the app.
    """
    tag = hashlib.sha256(str(home).encode()).hexdigest()[:10]
    chainlit_cookie._auth_cookie_name = given or f"threadkeep_{tag}"
    chainlit_cookie._state_cookie_name = f"oauth_state_{tag}"


def device_cookie() -> str:
    return f"device_{chainlit_cookie._auth_cookie_name}"


def token_of(request: Request) -> str | None:
    return chainlit_cookie.get_token_from_cookies(request.cookies)


def session_lasts() -> float:
    """Seconds."""
    return float(chainlit_config.project.user_session_timeout)


def give_session(request: Request, response: Response, token: str) -> None:
    chainlit_cookie.set_auth_cookie(request, response, token)


def take_session(request: Request, response: Response) -> None:
    chainlit_cookie.clear_auth_cookie(request, response)


def give_device(response: Response, value: str) -> None:
    response.set_cookie(device_cookie(), value, max_age=Devices.lasts, httponly=True, samesite="lax")


def without_session(header: str) -> str:
    """The header Cookie without the cookies of the session."""
    name = chainlit_cookie._auth_cookie_name
    kept = (pair.strip() for pair in header.split(";"))
    return "; ".join(pair for pair in kept if pair and not _is_part(pair.partition("=")[0].strip(), name))


def _is_part(cookie: str, name: str) -> bool:
    """Whether it is the cookie `name`, or one of the pieces `name_0`, `name_1`… of a long token."""
    return cookie == name or (cookie.startswith(f"{name}_") and cookie[len(name) + 1 :].isdigit())


class Secured:
    """ASGI middleware: every cookie is `Secure` when the browser speaks TLS, and none otherwise.

    Chainlit decides that by `SameSite`, or by the client's address. With `CHAINLIT_COOKIE_SAMESITE=none` it is right.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and mend the cookies of the answer."""
        if scope["type"] != "http" or chainlit_cookie._cookie_secure:
            return await self._app(scope, receive, send)

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [_secured(name, value, scope["scheme"]) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, secured)


def _secured(name: bytes, value: bytes, scheme: str) -> tuple[bytes, bytes]:
    if name.lower() != b"set-cookie":
        return name, value
    parts = [part for part in value.split(b"; ") if part.lower() not in (b"secure", b"samesite=none")]
    if not any(part.lower().startswith(b"samesite=") for part in parts[1:]):
        parts.append(b"SameSite=lax")
    return name, b"; ".join([*parts, *([b"Secure"] if scheme == "https" else [])])
