"""Claude, by Anthropic's SDK.

Always true: an error raised here holds nothing of the key nor of the conversation, and a stream that was closed,
cancelled or has failed has closed its HTTP request. It is asked not to think, unless its thoughts
are to be shown.
"""

import logging
import warnings
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..answer import Piece, read
from ..base import ChatRequest, ModelInfo, Thought, Usage
from ..events import Events, objects
from ..refusals import Said
from ..terms import Book, Held, Terms, negotiated
from ..wire import asked, check_key, http_client, pieces
from . import errors, requests
from .catalogue import listed
from .events import Reader, failed

_ANTHROPIC = "https://api.anthropic.com"


class Anthropic:
    """A ChatModel."""

    provider = "anthropic"

    def __init__(self, api_key: str, base_url: str | None = None) -> None:
        # A second, which whoever has no key need not spend.
        import httpx2
        from anthropic import AsyncAnthropic

        self._key = api_key.strip()
        self._http = http_client(httpx2.create_ssl_context())
        self._client = AsyncAnthropic(
            api_key=self._key or "none",
            # The SDK adds /v1 itself; other SDKs want it in the address.
            base_url=(base_url or _ANTHROPIC).rstrip("/").removesuffix("/v1"),
            http_client=self._http,
            max_retries=0,
            timeout=None,
            open_telemetry=False,
        )
        # Of a model that will be retired some day, at each call; its provider lists it as long as it answers.
        warnings.filterwarnings("ignore", "The model '.*' is deprecated", DeprecationWarning)
        # At DEBUG it puts whole requests, the conversation in them, into its records.
        logging.getLogger("anthropic").setLevel(logging.INFO)
        # What the SDK has read from ANTHROPIC_CUSTOM_HEADERS.
        self._client._custom_headers = {}
        self._book = Book()

    async def close(self) -> None:
        await self._http.aclose()

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage | Thought, None]:
        return read(pieces(self._ask(request), errors.refusal), request)

    async def models(self) -> list[ModelInfo]:
        return await asked(self._list(), errors.refusal)

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return await asked(self._count(request), errors.refusal)

    def _ask(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        def held(terms: Terms) -> Held:
            return requests.held(request, requests.arguments(request, terms), terms)

        usual = requests.usual(request.model)
        return negotiated(request.model, self._book, usual, lambda terms: self._once(request, terms), held, errors.said)

    async def _once(self, request: ChatRequest, terms: Terms) -> AsyncGenerator[Piece, None]:
        check_key(self._key)
        create, reader = self._client.messages.with_streaming_response.create, Reader()
        async with (
            create(**requests.arguments(request, terms)) as response,
            aclosing(objects(response.iter_bytes(), Events())) as values,
        ):
            async for event in values:
                if isinstance(event, dict) and failed(event):
                    raise Said(None, event, response.headers)
                if isinstance(event, dict):
                    yield reader.piece(event)

    async def _list(self) -> list[ModelInfo]:
        check_key(self._key)
        # The SDK's own list fails for an entry that is not as Anthropic's are.
        return listed(await self._client.get("/v1/models?limit=1000", cast_to=object))

    async def _count(self, request: ChatRequest) -> int:
        check_key(self._key)
        terms = self._book.of(request.model, requests.usual(request.model))
        return (await self._client.messages.count_tokens(**requests.question(request, terms))).input_tokens
