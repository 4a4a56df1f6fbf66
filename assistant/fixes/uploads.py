"""Files are refused that could be read, and two kinds of upload are answered with 500.

``upload_file`` (server.py) asserts that a file has a name and a type, which any client can leave out, and
``persist_file`` (session.py) fails on an empty one. ``validate_file_upload`` goes by the type that the browser says,
which for source code and other text is often none, and often a wrong one. Here a file has the type that its name and
content say: text is kept as plain text, which no browser runs, and stays attached also where it cannot be read. And the
page shows a name with marks that turn its letters round as one that ends otherwise: it is kept without them.
"""

from pathlib import PurePosixPath
from typing import Any

from chainlit import server
from chainlit.config import config as chainlit
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders

from datalayer.text import undirected

from ..retrieval.textfiles import decode, is_named_text
from .patch import patch

_UNKNOWN = "application/octet-stream"
"""What a browser says of a type that its system does not know."""


def install() -> None:
    patch(server, "validate_file_upload", _by_content)
    server.app.add_exception_handler(AssertionError, _asserted)


async def _asserted(request: Request, error: Exception) -> Response:
    if request.url.path.endswith("/project/file") and request.method == "POST":
        return JSONResponse({"detail": "A file has a name and a type"}, 400)
    raise error


def _by_content(original: Any) -> Any:
    def validate_file_upload(file: Any, spec: Any = None) -> None:
        file.filename = undirected(file.filename).strip() or "file"
        if file.size == 0:
            raise ValueError("The file is empty")
        server.validate_file_size(file, spec)
        if kind := _kind(file):
            headers = MutableHeaders(raw=list(file.headers.raw))
            headers["content-type"] = kind
            file.headers = headers
        original(file, spec)

    return validate_file_upload


def _kind(file: Any) -> str | None:
    """The type of ``file`` by its name and content; None: as the browser says."""
    named = is_named_text(file.filename, "")
    if not named and (kind := _accepted(file.filename, file.content_type)):
        return kind
    if not named and not is_named_text(file.filename, file.content_type):
        return None
    if file.content_type.startswith(("video/", "image/", "audio/")) and not _is_text(file.file):
        return None  # ".ts" is TypeScript, or a film
    return "text/csv" if file.filename.lower().endswith(".csv") else "text/plain"


def _accepted(name: str, said: str) -> str | None:
    """The type that is accepted for the ending of ``name``, ``said`` if it is one of those."""
    upload = chainlit.features.spontaneous_file_upload
    accept = upload.accept if upload else None
    ending = PurePosixPath(name.lower()).suffix
    told = {kind: ends for kind, ends in accept.items() if kind != _UNKNOWN} if isinstance(accept, dict) else {}
    kinds = [kind for kind, endings in told.items() if ending in endings]
    return said if said in kinds else next(iter(kinds), None)


def _is_text(content: Any) -> bool:
    content.seek(0)
    return decode(content.read()) is not None
