"""The HTTP routes on Chainlit's own server: elements, and the health of the store.

Only the author of a thread reads its files.

What a browser could run as a page of this site (HTML, SVG, XML, anything unknown) is sent as a download, and whatever
is shown is shut into a sandbox without scripts.
"""

import re
import sys
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import FileResponse

from . import door, text
from .door import headers
from .errors import NotFound
from .records import File, user_id
from .shapes import FILES
from .store import Store

_NAMES = {"datalayer_file", "datalayer_health"}
_NAME_LENGTH = 150  # characters; percent-encoded at most 12 bytes each, well below a server's limit for a header line


def mount(store: Store) -> None:
    """Adds the routes for ``store`` before Chainlit's catch-all, in place of earlier ones.

    Without Chainlit's server in this process (imports, jobs) there is nothing to do.
    """
    door.install()
    server = sys.modules.get("chainlit.server")
    if server is None:
        return
    from chainlit.auth import get_current_user, require_login

    router = APIRouter(prefix=server.config.run.root_path)

    @router.api_route(FILES + "/{element_id}", methods=["GET", "HEAD"], name="datalayer_file", include_in_schema=False)
    async def serve(element_id: str, request: Request, user: Annotated[Any, Depends(get_current_user)]) -> Response:
        file = await store.file(element_id)
        asking = user_id(user.identifier) if user else None
        allowed = file is not None and file.user_id == asking and (user or not require_login())
        if file is None or not allowed or not store.blobs.has(file.blob.sha256):
            raise NotFound("There is no such file")
        return _response(store, file, request)

    @router.get("/health/store", name="datalayer_health", include_in_schema=False)
    async def health() -> dict[str, Any]:
        return await store.health()

    routes = server.app.router.routes
    routes[:] = [*router.routes, *(r for r in routes if getattr(r, "name", "") not in _NAMES)]


def _response(store: Store, file: File, request: Request) -> Response:
    tag = f'"{file.blob.sha256}"'
    mime = headers.mime_type(file.mime)
    named = request.query_params.get("v") == file.blob.sha256[:16]
    given = {
        **headers.of_a_file(request.headers),
        "ETag": tag,
        "Cache-Control": f"private, {'max-age=31536000, immutable' if named else 'no-cache'}",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=given)
    return FileResponse(
        store.blobs.path(file.blob.sha256),
        media_type=mime,
        headers=given,
        filename=_file_name(file.name),
        content_disposition_type="inline" if headers.is_shown(mime) else "attachment",
    )


def _file_name(name: str) -> str:
    """``name`` without folders and control characters, shortened before its ending."""
    plain = re.sub(r"[/\\]", "_", text.one_line(name)) or "file"
    ending = PurePosixPath(plain).suffix[:20]
    return plain if len(plain) <= _NAME_LENGTH else plain[: _NAME_LENGTH - len(ending)] + ending


door.install()  # now, as the app is loaded: Chainlit asks for its data layer when the first page has connected
