"""Files are refused that could be read, taken that cannot be, and two kinds of upload are answered with 500.

``upload_file`` (server.py) asserts that a file has a name and a type, which any client can leave out, and
``persist_file`` (session.py) fails on an empty one. ``validate_file_upload`` goes by the type that the browser says,
which for source code and other text is often none, or a wrong one. Here text is told by name and content, and kept as
plain text, which no browser runs. And the page shows a name with marks that turn its letters round as one that ends
otherwise: it is kept without them.
"""

from typing import Any

from chainlit import server
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders

from datalayer.text import undirected

from ..retrieval.textfiles import decode, is_named_text
from .patch import patch


def install() -> None:
    patch(server, "validate_file_upload", _by_content)
    server.app.add_exception_handler(AssertionError, _asserted)


async def _asserted(request: Request, error: Exception) -> Response:
    if request.url.path.endswith("/project/file") and request.method == "POST":
        return JSONResponse({"detail": "A file has a name and a type"}, 400)
    raise error


def _by_content(original: Any) -> Any:
    def validate_file_upload(file: Any, spec: Any = None) -> None:
        """What is named text and is none would be accepted and never read."""
        file.filename = undirected(file.filename).strip() or "file"
        if file.size == 0:
            raise ValueError("The file is empty")
        server.validate_file_size(file, spec)
        if is_named_text(file.filename, file.content_type):
            file.file.seek(0)
            if decode(file.file.read()) is not None:
                kind = "text/csv" if file.filename.lower().endswith(".csv") else "text/plain"
                headers = MutableHeaders(raw=list(file.headers.raw))
                headers["content-type"] = kind
                file.headers = headers
            elif not file.content_type.startswith(("video/", "image/", "audio/")):
                raise ValueError("The file is no text")
        original(file, spec)

    return validate_file_upload
