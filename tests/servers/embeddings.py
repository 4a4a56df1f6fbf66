"""A server on the loopback that speaks OpenAI's protocol for vectors, in a thread of its own: for processes that a test
starts, and for the real SDK.

    with EmbeddingServer() as server:
        ...  # POST {server.url}/embeddings
"""

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from tests.embeddings import toy_vector

from .http import Received
from .openai import OpenAIServer


class _Server(OpenAIServer):
    """``texts``: what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def aside(self, received: Received) -> Any:
        if received.target != "/v1/embeddings":
            return super().aside(received)
        self.texts += received.body["input"]
        vectors = [toy_vector(text, received.body.get("dimensions") or 256) for text in received.body["input"]]
        data = [{"object": "embedding", "index": place, "embedding": each} for place, each in enumerate(vectors)]
        return {"object": "list", "data": data[::-1], "model": received.body["model"]}


class EmbeddingServer:
    def __init__(self) -> None:
        self._server = _Server()
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="embedding-server", daemon=True)

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def texts(self) -> list[str]:
        """Those that were sent, of messages and questions."""
        return self._server.texts

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        async with self._server:
            self._ready.set()
            await self._end.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)
