"""How much room the files of one person may take: an upload beyond it is refused in words that say how to make room.

What is counted is what is stored, each content once, in the trash too, and what was uploaded and not sent yet. While
the database does not answer nothing is refused: chatting goes on.
"""

from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs

from chainlit import server
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
    if config.max_storage_mb is not None and server.app.middleware_stack is None:
        server.app.add_middleware(Bounded, most=config.max_storage_mb * 1_000_000)


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
        session, layer = WebsocketSession.get_by_id(key), get_data_layer()
        if session is None or session.user is None or not isinstance(layer, DataLayer) or layer.is_temporary(session):
            return None
        name = session.user.identifier
        theirs = [each for each in ws_sessions_id.values() if each.user and each.user.identifier == name]
        held = {
            file["id"]: file["size"] for each in theirs if not layer.is_temporary(each) for file in each.files.values()
        }
        stored = await layer.store.stored_files(user_id(name), list(held))
        used = stored.bytes + sum(weight for key, weight in held.items() if key not in stored.ids)
        coming = int(Headers(scope=scope).get("content-length") or 0)
        if used + coming <= self._most:
            return None
        to = language(session.language)
        return say("storage_full", to, most=size(self._most, to), used=size(used, to))
