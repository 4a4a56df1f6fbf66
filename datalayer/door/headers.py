"""The headers under which files of users are sent: whatever they are, they do nothing in this site's name."""

import re

from chainlit.config import config
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Send

_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_SHOWN = re.compile(
    r"image/(png|jpeg|gif|webp|avif|bmp)|(audio|video)/.+|application/(pdf|json)|text/(plain|markdown|csv)"
)
_SANDBOX = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
)


def mime_type(given: str | None) -> str:
    """``given`` without its parameters; application/octet-stream for what is no media type."""
    mime = (given or "").split(";")[0].strip().lower()
    return mime if _MIME.fullmatch(mime) else "application/octet-stream"


def is_shown(mime: str) -> bool:
    """Whether a browser may show it instead of saving it: no HTML, SVG, XML or anything unknown."""
    return _SHOWN.fullmatch(mime) is not None


def of_a_file(request: Headers) -> dict[str, str]:
    """What goes with each file of a user, in the answer to ``request``."""
    return {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _SANDBOX,
        "Cross-Origin-Resource-Policy": "cross-origin" if _is_let_in(request) else "same-origin",
        "Vary": "Origin, Referer",
    }


def _is_let_in(request: Headers) -> bool:
    """Whether the page that asks is of an origin in ``allow_origins``, as the copilot of another site is. A picture is
    asked for without Origin: its Referer says which page it is for."""
    allowed = config.project.allow_origins or []
    origin = request.get("origin") or "/".join(request.get("referer", "").split("/")[:3])
    return "*" in allowed or (bool(origin) and origin in allowed)


def safe(request: Headers, send: Send) -> Send:
    """A ``send`` for a file that is served under the type its uploader has named."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            headers = MutableHeaders(raw=message["headers"])
            headers.update(of_a_file(request))
            mime = mime_type(headers.get("content-type"))
            headers["Content-Type"] = mime
            if not is_shown(mime):
                headers["Content-Disposition"] = "attachment"
        await send(message)

    return sending
