"""Behind TLS the cookies are sent over plain HTTP too, if somebody can make a browser ask for that.

Chainlit says ``Secure`` of its session cookie only with ``CHAINLIT_COOKIE_SAMESITE=none`` (cookie.py), and of its other
one by the client's address (``set_session_cookie`` in server.py). Here every cookie is ``Secure`` when the browser
speaks TLS, and none otherwise.
"""

from chainlit.auth import cookie
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SecureCookies:
    """ASGI middleware. With ``CHAINLIT_COOKIE_SAMESITE=none`` Chainlit is right, and it does nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or cookie._cookie_secure:
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
