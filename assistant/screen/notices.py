"""What the people at the screen hear of the store: one quiet notice when it is in trouble, one when it is over."""

import asyncio
from typing import Literal

from chainlit.session import WebsocketSession, ws_sessions_id

from datalayer import Event

from ..texts import language, say

_KINDS: dict[str, Literal["info", "success", "warning", "error"]] = {
    "degraded": "warning",
    "recovered": "success",
    "lost": "error",
    "rejected": "error",
}


class Notices:
    """A listener of the store."""

    def __init__(self) -> None:
        self._informed: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()

    def __call__(self, event: Event) -> None:
        for session in list(ws_sessions_id.values()):
            if self._concerns(event, session):
                task = asyncio.create_task(_toast(session, event.kind))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        if event.kind == "recovered":
            self._informed.clear()

    def _concerns(self, event: Event, session: WebsocketSession) -> bool:
        if event.kind == "recovered":
            return session.id in self._informed
        if session.thread_id not in event.threads:
            return False
        if event.kind != "degraded":
            return True
        informed = session.id in self._informed
        self._informed.add(session.id)
        return not informed


async def _toast(session: WebsocketSession, kind: str) -> None:
    text = say(f"store_{kind}", language(session.language))
    await session.emit("toast", {"message": text, "type": _KINDS[kind]})  # type: ignore[misc]
