"""An answer while it streams: what was shown is saved within 250 ms, with what became of it."""

import asyncio
import logging
from contextlib import suppress
from types import TracebackType
from typing import Literal

import chainlit as cl
from chainlit.utils import utc_now

from datalayer import DataLayer, DataLayerError

from . import live

logger = logging.getLogger("assistant")

SAVE_EVERY = 0.15
"""Seconds from one save to the next, which leaves it 100 ms to become durable. One write for all that came meanwhile:
a write a token would cost more than it keeps."""

FRAME = 1 / 30
"""Seconds that a picture of a film lasts. What comes meanwhile is sent in one event: more would not be seen, and an
event costs the server as much as the token that it brings."""

StepStatus = Literal["streaming", "complete", "stopped", "failed"]


class Streaming:
    """``async with``: shows the pieces of ``message`` and saves them. Left by an exception, it keeps what was shown."""

    def __init__(self, layer: DataLayer, message: cl.Message) -> None:
        self._layer = layer
        self.message = message
        self._saved = message.content
        self._saving: asyncio.Task[None] | None = None
        self._waiting = ""
        self._frames: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def __aenter__(self) -> "Streaming":
        self.message.created_at = self.message.created_at or utc_now()
        self.message.persisted = True  # Chainlit would store it once more, and only at the end
        return self

    async def show(self, piece: str) -> None:
        """At once, unless a piece was shown less than a frame ago."""
        self._waiting += piece
        if self._frames is None or self._frames.done():
            await self._show_waiting()
            self._frames = asyncio.create_task(self._show_by_frames())
        if self._saving is None:
            self._saving = asyncio.create_task(self._keep_saving())

    async def _show_by_frames(self) -> None:
        await self._frame()
        while self._waiting:
            await self._show_waiting()
            await self._frame()

    async def _frame(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FRAME):
                await self._over.wait()

    async def _show_waiting(self) -> None:
        waiting, self._waiting = self._waiting, ""
        await self.message.stream_token(waiting)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._frames is not None:
            self._over.set()
            await asyncio.wait([self._frames])
            await self._show_waiting()  # when a frame failed
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.wait([self._saving])
            self.message.streaming = False
            await self._save(_status(kind))
            await self.message.send()

    async def _keep_saving(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            if self.message.content != self._saved:
                await self._save("streaming")
            await asyncio.sleep(max(0.0, started + SAVE_EVERY - clock()))

    async def _save(self, status: StepStatus) -> None:
        self._saved = self.message.content
        try:
            await self._layer.update_step({**self.message.to_dict(), "status": status})  # type: ignore[typeddict-unknown-key]
        except DataLayerError as error:
            logger.error("an answer is not saved: %s", error)  # the person hears of it through notices.py


def _status(left_by: type[BaseException] | None) -> StepStatus:
    if left_by is None:
        return "complete"
    if not issubclass(left_by, asyncio.CancelledError):
        return "failed"
    return "streaming" if live.ending() else "stopped"  # the next start marks it as interrupted
