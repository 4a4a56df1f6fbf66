"""How much room the files of one person may take: an upload beyond it is refused in words that say how to make room.

What is counted is what is stored, each content once, in the trash too, and what was uploaded and not sent yet. While
the database does not answer nothing is refused: chatting goes on.
"""

from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from chainlit import server
from chainlit.config import config as chainlit
from chainlit.data import get_data_layer
from chainlit.session import WebsocketSession, ws_sessions_id
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from datalayer import DataLayer, DataLayerError
from datalayer.records import user_id

from ..config import Config
from ..texts import language, say, size


def install(config: Config) -> None:
    most = None if config.max_storage_mb is None else config.max_storage_mb * 1_000_000

    async def files_allowed(sid: str, *_: Any) -> None:
        if session := WebsocketSession.get(sid):
            await server.sio.emit("files_allowed", await allowed(session, most), to=sid)

    server.sio.on("files_allowed", files_allowed)
    if most is not None and server.app.middleware_stack is None:
        server.app.add_middleware(Bounded, most=most)


async def allowed(session: WebsocketSession, most: int | None) -> dict[str, Any]:
    """What public/page/allowed.js tells before a file is chosen: how many at once, how large, in how much room.
    ``left``: bytes; without it, there is no limit or it is not known. ``most``: as for ``Bounded``."""
    files, to = chainlit.features.spontaneous_file_upload, language(session.language)
    count = (files and files.max_files) or 0
    largest = ((files and files.max_size_mb) or 0) * 1_000_000
    told = [say("files_allowed", to, count=count, each=size(largest, to))]
    too_large = say("files_too_large", to, most=size(largest, to), names="{names}")  # which the page knows
    known: dict[str, Any] = {"count": count, "too_many": say("files_too_many", to, count=count)}
    known |= {"largest": largest, "too_large": too_large}
    with suppress(DataLayerError):
        if most is not None and (used := await used_by(session)) is not None:
            left = max(0, most - used)
            given = {"left": size(left, to), "most": size(most, to)}
            told.append(say("files_room", to, **given))
            known |= {"left": left, "no_room": say("files_no_room", to, **given)}
    return {**known, "told": " ".join(told)}


async def used_by(session: WebsocketSession) -> int | None:
    """Bytes of the files of whoever is at this page; None: of a visitor, or on a temporary page, nothing is counted.
    Raises DataLayerError."""
    layer = get_data_layer()
    if session.user is None or not isinstance(layer, DataLayer) or layer.is_temporary(session):
        return None
    name = session.user.identifier
    theirs = [each for each in ws_sessions_id.values() if each.user and each.user.identifier == name]
    held = {file["id"]: file["size"] for each in theirs if not layer.is_temporary(each) for file in each.files.values()}
    stored = await layer.store.stored_files(user_id(name), list(held))
    return stored.bytes + sum(weight for key, weight in held.items() if key not in stored.ids)


class Bounded:
    """``most``: bytes of one person's files."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith("/project/file"):
            with suppress(DataLayerError):
                if sentence := await self._refusal(scope):
                    answer = JSONResponse({"detail": sentence}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                    return await answer(scope, receive, send)
        await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope) -> str | None:
        key = parse_qs(scope["query_string"].decode("latin-1")).get("session_id", [""])[-1]
        session = WebsocketSession.get_by_id(key)
        used = await used_by(session) if session else None
        coming = int(Headers(scope=scope).get("content-length") or 0)
        if session is None or used is None or used + coming <= self._most:
            return None
        to = language(session.language)
        return say("storage_full", to, most=size(self._most, to), used=size(used, to))
