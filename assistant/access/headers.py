"""The headers of every answer: what a page of this server may load, and who may show it.

Always true: nothing that an answer of a model holds, a picture, a title, a table, a video, makes a browser ask another
server for anything. So injected text cannot send out what it has read.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from chainlit import server
from chainlit.config import public_dir
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..fixes.patch import patch

_INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:]+\](:\d+)?")
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
}
_PAGE = {
    "default-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],  # of Chainlit's components, and of Plotly
    "img-src": ["'self'", "data:", "blob:"],
    "media-src": ["'self'", "blob:"],
    "font-src": ["'self'", "data:"],
    "worker-src": ["'self'", "blob:"],  # that of the PDF preview
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-src": ["'self'"],
    "frame-ancestors": ["'self'"],
}


class Hardened:
    """ASGI middleware that adds them where the answer has none of that name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        host = Headers(scope=scope).get("host", "")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in {"Content-Security-Policy": policy(host), **_FIXED}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)


def policy(host: str) -> str:
    """The Content-Security-Policy for a page of ``host``.

    Its own websocket is named: "connect-src 'self' does not resolve to websocket schemes in all browsers" (MDN).
    """
    own = [f"ws://{host}", f"wss://{host}"] if _HOST.fullmatch(host) else []
    evaluates = ["'unsafe-eval'"] if any(Path(public_dir, "elements").glob("*.jsx")) else []  # compiled in the page
    scripts = {"script-src": ["'self'", *sorted(_hashes), *evaluates], "connect-src": ["'self'", *own]}
    return "; ".join(" ".join([name, *sources]) for name, sources in (_PAGE | scripts).items())


_hashes: set[str] = set()
"""Of the scripts that stand in the page itself."""


def install() -> None:
    """To be called after everything else that changes the page."""
    patch(server, "get_html_template", _read)
    if server.app.middleware_stack is None:  # a server that runs takes no more
        server.app.add_middleware(Hardened)


def _read(original: Callable[[str], str]) -> Callable[[str], str]:
    def get_html_template(root_path: str) -> str:
        page = original(root_path)
        _hashes.clear()
        _hashes.update(hashes(_INLINE.findall(page)))
        return page

    return get_html_template


def hashes(scripts: Iterable[str]) -> set[str]:
    return {f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts}
