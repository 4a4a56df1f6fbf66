"""A ChatModel that says what a test tells it to, for what lies above the adapters. The adapters have real servers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from assistant.models.base import ChatRequest, ModelInfo, Usage

Piece = str | Usage | Exception | asyncio.Event


class Scripted:
    """``script`` queues one call: pieces are yielded, errors raised, events waited for. ``left``: calls that were ended
    by whoever listened."""

    def __init__(self, provider: str = "gemini", *offered: str) -> None:
        self.provider = provider
        self.offered = offered
        self.requests: list[ChatRequest] = []
        self.left = 0
        self._scripts: deque[tuple[Piece, ...]] = deque()

    def script(self, *pieces: Piece) -> None:
        self._scripts.append(pieces)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage, None]:
        self.requests.append(request)
        try:
            for piece in self._scripts.popleft():
                if isinstance(piece, Exception):
                    raise piece
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                else:
                    yield piece
        except (asyncio.CancelledError, GeneratorExit):
            self.left += 1
            raise

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo(name, name.title()) for name in self.offered]

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return None

    async def close(self) -> None:
        pass
