"""One call of a model, with an end to waiting, and tried again where that cannot be seen.

Always true: once a piece was shown, nothing is asked again; whoever leaves has ended the request.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from .base import ChatModel, ChatRequest, ModelUnavailable, Thought, Usage

logger = logging.getLogger("assistant")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a provider is asked. Times are seconds."""

    first: float = 90.0
    """Until the first piece or thought, and from a thought to what follows."""
    between: float = 30.0
    """Between two pieces."""
    attempts: int = 3
    """Calls at most."""
    pause: float = 0.5
    """Before the second attempt; twice as long before each further one, give or take half."""

    async def wait(self, attempt: int) -> None:
        """Between ``attempt``, the first is 1, and the next. By lot, or all who were refused at the same moment would
        come back at the same moment."""
        await asyncio.sleep(self.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))


async def stream(
    model: ChatModel, request: ChatRequest, patience: Patience
) -> AsyncGenerator[str | Usage | Thought, None]:
    """What ``model.stream`` gives. Errors of the server and broken connections are tried again before the first piece.

    Raises ModelError, also when nothing comes in time (``silent``).
    """
    for attempt in range(1, patience.attempts + 1):
        shown = False
        try:
            async with aclosing(_bounded(model, request, patience)) as pieces:
                async for piece in pieces:
                    shown = shown or isinstance(piece, str)
                    yield piece
            return
        except ModelUnavailable as error:
            if shown or error.reason != "unavailable" or attempt == patience.attempts:
                raise
            logger.info("%s: %s; asking again", request.model, error)
        await patience.wait(attempt)


async def _bounded(
    model: ChatModel, request: ChatRequest, patience: Patience
) -> AsyncGenerator[str | Usage | Thought, None]:
    clock = asyncio.get_running_loop().time
    deadline = clock() + patience.first
    async with aclosing(model.stream(request)) as pieces:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await anext(pieces, None)
            except TimeoutError:
                raise ModelUnavailable("no sign of the server in time", "silent") from None
            if piece is None:
                return
            yield piece
            if isinstance(piece, str):
                deadline = clock() + patience.between
            elif isinstance(piece, Thought):  # summaries of thoughts come with long pauses
                deadline = clock() + patience.first
