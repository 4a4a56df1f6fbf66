"""The HTTP routes on Chainlit's own server: elements, and the health of the store.

The author of a thread reads its files, and whoever may view it once it is shared: where the app allows sharing at all,
on Chainlit's own two conditions for the shared page, ``is_shared`` in its metadata or ``on_shared_thread_view``.

What a browser could run as a page of this site (HTML, SVG, XML, anything unknown) is sent as a download, and whatever
is shown is shut into a sandbox without scripts.
"""

import logging
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote

from chainlit.config import config
from fastapi import APIRouter, Depends, Request, Response

from .. import door, text
from ..blobs import Stream, in_thread
from ..door import headers
from ..errors import NotFound
from ..records import File, user_id
from ..store import Store
from . import content, sources
from .shapes import FILES

logger = logging.getLogger("datalayer")
ShowThread = Callable[[str], Awaitable[Any]]
_NAMES = {"datalayer_file", "datalayer_health", sources.NAME}
_NAME_LENGTH = 150  # characters; percent-encoded at most 12 bytes each, well below a server's limit for a header line


def mount(store: Store, show: ShowThread, tell: Callable[[], sources.Tell]) -> None:
    """Adds the routes for ``store`` before Chainlit's catch-all, in place of earlier ones. ``show``: a thread's dict.
    ``tell``: who writes what is shown of a source, asked each time.

    Without Chainlit's server in this process (imports, jobs) there is nothing to do.
    """
    door.install()
    server = sys.modules.get("chainlit.server")
    if server is None:
        return
    from chainlit.auth import get_current_user, require_login

    router = APIRouter(prefix=server.config.run.root_path)

    async def may_view(thread_id: str, shared: bool, user: Any) -> bool:
        return config.features.allow_thread_sharing and await _is_shown(thread_id, shared, show, user)

    @router.api_route(FILES + "/{element_id}", methods=["GET", "HEAD"], name="datalayer_file", include_in_schema=False)
    async def serve(element_id: str, request: Request, user: Annotated[Any, Depends(get_current_user)]) -> Response:
        file = await store.file(element_id)
        if file is None:
            raise NotFound("There is no such file")
        asking = user_id(user.identifier) if user else None
        own = file.user_id == asking and (user is not None or not require_login())
        if not own and not await may_view(file.thread_id, file.shared, user):
            raise NotFound("There is no such file")
        return await file_response(store, file, request)

    @router.get("/health/store", name="datalayer_health", include_in_schema=False)
    async def health() -> dict[str, Any]:
        return await store.health()

    sources.add(router, store, may_view, tell)
    routes = server.app.router.routes
    routes[:] = [*router.routes, *(r for r in routes if getattr(r, "name", "") not in _NAMES)]


async def _is_shown(thread_id: str, shared: bool, show: ShowThread, user: Any) -> bool:
    """Whether ``user`` may view the thread, as Chainlit asks in ``get_shared_thread``.

    ``shared``: its author says so.
    """
    if shared:
        return True
    if (may_view := config.code.on_shared_thread_view) is None:
        return False
    thread = await show(thread_id)
    try:
        return thread is not None and bool(await may_view(thread, user))
    except Exception:  # as in Chainlit: whoever cannot be judged sees nothing
        logger.exception("on_shared_thread_view failed")
        return False


async def file_response(store: Store, file: File, request: Request) -> Response:
    """The content of ``file``, or what of it ``request`` asks for, to somebody who may have it. Raises NotFound when it
    is gone.

    A browser may keep it, but asks each time (``no-cache``): what was deleted, or is no longer shared, is gone."""
    tag = f'"{file.blob.sha256}"'
    mime = headers.mime_type(file.mime)
    given = {**headers.of_a_file(request.headers), "ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=given)
    stream = await _opened(store, file)
    given["Content-Disposition"] = _disposition(file.name, "inline" if headers.is_shown(mime) else "attachment")
    return content.answer(stream, file.blob.size, request, given, mime)


async def _opened(store: Store, file: File) -> Stream:
    try:
        return await in_thread(store.blobs.open, file.blob.name)
    except FileNotFoundError:
        again = await store.file(file.element_id)
        if again is None or again.blob.name == file.blob.name:
            raise NotFound("There is no such file") from None
    return await in_thread(store.blobs.open, again.blob.name)  # equal content, of which one was kept meanwhile


def _disposition(name: str, kind: str) -> str:
    plain = _file_name(name)
    quoted = quote(plain)
    return f"{kind}; " + (f'filename="{plain}"' if quoted == plain else f"filename*=utf-8''{quoted}")


def _file_name(name: str) -> str:
    """``name`` without folders, control characters and marks that turn it round, shortened before its ending."""
    plain = re.sub(r"[/\\]", "_", text.one_line(text.undirected(name))) or "file"
    ending = PurePosixPath(plain).suffix[:20]
    return plain if len(plain) <= _NAME_LENGTH else plain[: _NAME_LENGTH - len(ending)] + ending


door.install()  # now, as the app is loaded: Chainlit asks for its data layer when the first page has connected
