"""What a model thinks, at the screen: a collapsed step before the answer. It is never part of the answer."""

import chainlit as cl
from chainlit.utils import utc_now

from ..texts import say
from .session import session_language


class Thinking:
    """The thoughts of one answer. Stored as they begin, they stand before it for good."""

    def __init__(self, answer: cl.Message) -> None:
        self._step = cl.Step(name=say("thoughts", session_language()), type="llm", parent_id=answer.parent_id)
        self._step.created_at = self._step.start = utc_now()
        self.id = self._step.id

    async def think(self, piece: str) -> None:
        if not self._step.output:
            await self._step.send()
        await self._step.stream_token(piece)

    async def end(self) -> None:
        if self._step.output:
            self._step.end = utc_now()
            await self._step.update()
