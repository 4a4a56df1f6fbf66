"""OpenAI, and whatever speaks its protocol (Ollama, llama.cpp, vLLM, OpenRouter, …), by OpenAI's SDK.

Always true: an error raised here holds nothing of the key nor of the conversation, and a stream that was closed,
cancelled or has failed has closed its HTTP request. What the SDK makes of an answer is not used: it gives up whole
answers for one chunk that is not as OpenAI's are.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any

from ..answer import Piece, read
from ..base import ChatRequest, ModelInfo, Thought, Usage
from ..events import DONE, Events, objects
from ..refusals import Said
from ..terms import Book, Held, Terms, negotiated
from ..wire import asked, check_key, http_client, pieces
from . import chunks, embeddings, errors, requests
from .catalogue import listed

_OPENAI = "https://api.openai.com/v1"
# Local servers need no key, and the SDK will not go without.
_NO_KEY = "none"
_DRAIN = 1.0
"""Seconds for the end of an answer after its last event, so that the connection can be used again."""


class OpenAI:
    """A ChatModel. ``api_key`` None: the server asks for none."""

    provider = "openai"

    def __init__(self, api_key: str | None, base_url: str | None = None) -> None:
        # A second, which whoever has no such server need not spend.
        import httpx2
        from openai import AsyncOpenAI

        self._key = _NO_KEY if api_key is None else api_key.strip()
        self._http = http_client(httpx2.create_ssl_context())
        self._client = AsyncOpenAI(
            api_key=self._key or _NO_KEY,
            base_url=base_url or _OPENAI,
            http_client=self._http,
            max_retries=0,
            timeout=None,
        )
        # What the SDK has read from OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_ADMIN_KEY and OPENAI_CUSTOM_HEADERS: None
        # as an argument means that it shall look there.
        self._client.organization = self._client.project = self._client.admin_api_key = None
        self._client._custom_headers = {}
        self._book = Book()
        self._inside: set[str] = set()

    async def close(self) -> None:
        await self._http.aclose()

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage | Thought, None]:
        return read(pieces(self._ask(request), errors.refusal), request, self._inside)

    async def models(self) -> list[ModelInfo]:
        return await asked(self._list(), errors.refusal)

    async def count_tokens(self, request: ChatRequest) -> int | None:
        """None: there is no such call."""
        return None

    async def embed(
        self, texts: Sequence[str], model: str, dimensions: int | None, query: bool
    ) -> list[Sequence[float]]:
        """As ``embedding.Embedder``. This protocol knows no difference between a question and a text."""
        return await asked(self._embed(texts, model, dimensions), errors.refusal)

    async def _embed(self, texts: Sequence[str], model: str, dimensions: int | None) -> list[Sequence[float]]:
        check_key(self._key)
        given: dict[str, Any] = {"model": model, "input": list(texts), "encoding_format": "float"}
        if dimensions:
            given["dimensions"] = dimensions
        async with self._client.embeddings.with_streaming_response.create(**given) as response:
            return embeddings.vectors(await embeddings.whole(response.iter_bytes()), len(texts))

    def _ask(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        def held(terms: Terms) -> Held:
            return requests.held(request, requests.arguments(request, terms), terms)

        usual = requests.usual(request.model)
        return negotiated(request.model, self._book, usual, lambda terms: self._once(request, terms), held, errors.said)

    async def _once(self, request: ChatRequest, terms: Terms) -> AsyncGenerator[Piece, None]:
        check_key(self._key)
        create = self._client.chat.completions.with_streaming_response.create
        async with create(**requests.arguments(request, terms)) as response:
            body = response.iter_bytes()
            async with aclosing(_pieces(body, response.headers)) as found:
                async for piece in found:
                    yield piece
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN):
                    async for _ in body:
                        pass

    async def _list(self) -> list[ModelInfo]:
        check_key(self._key)
        # The SDK's own list has no place for what servers say beyond OpenAI, and Together's is a plain list.
        return listed(await self._client.get("/models", cast_to=object))


async def _pieces(body: AsyncIterator[bytes], headers: Mapping[str, str]) -> AsyncGenerator[Piece, None]:
    """What is in an answer. Raises Said for an error in it."""
    events, begun, finished, lost = Events(), False, False, False
    async with aclosing(objects(body, events)) as values:
        async for value in values:
            if value == DONE:
                # Some servers give no reason for the end; what could not be read may have held one.
                if not (finished or lost or events.damaged):
                    yield Piece(finish="done")
                return
            if chunks.odd(value):
                lost = True
                continue
            if not isinstance(value, dict):
                continue
            if chunks.failed(value):
                raise Said(None, value, headers)
            piece = chunks.piece(value, begun)
            lost = lost or chunks.broke_down(value)
            begun = begun or bool(piece.text)
            finished = finished or bool(piece.finish or piece.blocked)
            yield piece
            if chunks.is_whole(value) and not (finished or lost):
                finished = True
                yield Piece(finish="done")
