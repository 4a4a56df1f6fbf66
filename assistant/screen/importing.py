"""What ``/import`` is asked with, and the step that shows how far it is."""

import asyncio
from pathlib import Path

import chainlit as cl
from chainlit.utils import utc_now

from ..commands.asked import Attached
from ..texts import Language, say

KEY = "import"
"""Of the command."""
_LOOKS = 1_000


async def attached(asked: cl.Message) -> tuple[Attached, ...]:
    """The files that came with the message, once they are stored: what is removed then is all there is of them."""
    for _ in range(_LOOKS):
        # Chainlit hands the files of a message over in a task of its own.
        if all(element.persisted for element in asked.elements or []):
            break
        await asyncio.sleep(0.01)
    files = [each for each in asked.elements or [] if isinstance(each.path, str)]
    return tuple(Attached(str(each.id), each.name, Path(str(each.path))) for each in files)


class Progress:
    """A step that is there from the first that it is told."""

    def __init__(self, to: Language) -> None:
        self._to, self._done, self._begun = to, 0, False
        self._step: cl.Step | None = None
        self._showing: asyncio.Task[None] | None = None

    def told(self, done: int) -> None:
        self._done, self._begun = done, True
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._show())

    async def end(self) -> None:
        if not self._begun:
            return
        if self._showing is not None:
            await self._showing
        assert self._step is not None
        self._step.end = utc_now()
        await self._show()

    async def _show(self) -> None:
        output = say("importing_done", self._to, n=self._done)
        if self._step is None:
            self._step = cl.Step(name=say("importing", self._to), type="tool", show_input=False)
            self._step.parent_id = cl.context.current_step.id if cl.context.current_step else None
            self._step.created_at = self._step.start = utc_now()
            self._step.output = output
            await self._step.send()
        else:
            self._step.output = output
            await self._step.update()
