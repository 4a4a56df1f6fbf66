"""Gemini, by Google's SDK google-genai.

Always true: an error raised here holds nothing of the key nor of the conversation, and a stream that was closed,
cancelled or has failed has closed its HTTP request.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..answer import Piece, read
from ..base import Attachment, ChatRequest, ModelError, ModelInfo, ModelUnavailable, Thought, Usage
from ..parts import holds_files, parts, shaped
from ..refusals import Said
from ..terms import Book, Held, Terms, negotiated
from ..wire import asked, check_key, http_client, pieces
from . import api
from .catalogue import google

if TYPE_CHECKING:
    from google.genai.types import Content, GenerateContentConfig, GenerateContentResponse, Part, ThinkingConfig


class Gemini:
    """A ChatModel."""

    provider = "gemini"

    def __init__(self, api_key: str, base_url: str | None = None) -> None:
        # Half a second, which whoever has no key need not spend.
        import httpx2
        from google import genai
        from google.genai.types import HttpOptions, HttpRetryOptions

        self._key = api_key.strip()
        trust = httpx2.create_ssl_context()
        # Given a client of its own dependency httpx2, the SDK leaves aiohttp alone, which it prefers where installed.
        # It has no timeout: the SDK would tell that to the server as well, as a limit for the whole answer
        # (X-Server-Timeout).
        self._http = http_client(trust)
        options = HttpOptions(
            base_url=base_url or api.GOOGLE,
            api_version="v1beta",
            httpx_async_client=self._http,
            # For two more clients that are made and never used. Each would read all certificates again, for 50 ms.
            client_args={"verify": trust},
            async_client_args={"ssl": trust},
            retry_options=HttpRetryOptions(attempts=1),
        )
        # Without these, the SDK looks in the environment for a key and for which of Google's services to use.
        self._book = Book()
        self._client = genai.Client(vertexai=False, api_key=self._key or "none", http_options=options)

    async def close(self) -> None:
        await self._http.aclose()

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage | Thought, None]:
        return read(pieces(self._ask(request), _refusal), request)

    async def models(self) -> list[ModelInfo]:
        return await asked(self._list(), _refusal)

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return await asked(self._count(request), _refusal)

    async def embed(
        self, texts: Sequence[str], model: str, dimensions: int | None, query: bool
    ) -> list[Sequence[float]]:
        """As ``embedding.Embedder``."""
        return await asked(self._embed(texts, model, dimensions, query), _refusal)

    async def _embed(
        self, texts: Sequence[str], model: str, dimensions: int | None, query: bool
    ) -> list[Sequence[float]]:
        from google.genai.types import Content, EmbedContentConfig, Part

        check_key(self._key)
        # Plain texts would be made one content for some models, with one vector.
        contents: Any = [Content(role="user", parts=[Part(text=text)]) for text in texts]
        task = "RETRIEVAL_QUERY" if query else "RETRIEVAL_DOCUMENT"
        config = EmbedContentConfig(task_type=task, output_dimensionality=dimensions)
        answer = await self._client.aio.models.embed_content(model=model, contents=contents, config=config)
        found = [each.values or [] for each in answer.embeddings or []]
        if len(found) != len(texts):
            raise ModelUnavailable(f"{len(found)} vectors of {len(texts)} texts")
        return [*found]

    def _ask(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        return negotiated(
            request.model,
            self._book,
            _usual(request),
            lambda terms: self._once(request, terms),
            lambda terms: _held(request, terms),
            _said,
        )

    async def _once(self, request: ChatRequest, terms: Terms) -> AsyncGenerator[Piece, None]:
        check_key(self._key)
        contents, config = [*_contents(request, terms)], _config(request, terms)
        models = self._client.aio.models
        async for chunk in await models.generate_content_stream(model=request.model, contents=contents, config=config):
            yield _piece(chunk)

    async def _list(self) -> list[ModelInfo]:
        check_key(self._key)
        listed = await self._client.aio.models.list(config={"page_size": 1000, "query_base": True})
        known = [
            google(each.name or "", each.display_name, each.input_token_limit, each.supported_actions)
            async for each in listed
        ]
        return [each for each in known if each]

    async def _count(self, request: ChatRequest) -> int | None:
        check_key(self._key)
        # The SDK refuses to send a system prompt to be counted, although the API takes one: counted as a message.
        contents = [*_contents(request, replace(self._book.of(request.model, _usual(request)), system=False))]
        answer = await self._client.aio.models.count_tokens(model=request.model, contents=contents)
        return answer.total_tokens


def _usual(request: ChatRequest) -> Terms:
    return Terms(system=api.has_system(request.model))


def _held(request: ChatRequest, terms: Terms) -> Held:
    return Held(
        temperature=request.temperature if terms.temperature is not None else None,
        thinking=_thinking(request, terms) is not None,
        system=terms.system and bool(request.system_prompt),
        files=terms.files and holds_files(request),
    )


def _contents(request: ChatRequest, terms: Terms) -> "Iterator[Content]":
    from google.genai.types import Content

    for message in shaped(request, terms.system, terms.files):
        if given := [_part(part) for part in parts(message)]:
            yield Content(role="user" if message.role == "user" else "model", parts=given)


def _part(part: str | Attachment) -> "Part":
    from google.genai.types import Blob, Part

    if isinstance(part, str):
        return Part(text=part)
    return Part(inline_data=Blob(mime_type=part.mime, data=part.data))


def _thinking(request: ChatRequest, terms: Terms) -> "ThinkingConfig | None":
    from google.genai.types import ThinkingConfig

    if not terms.thinking:
        return None
    if not request.thinking and api.can_do_without_thinking(request.model):
        return ThinkingConfig(thinking_budget=0)
    return ThinkingConfig(include_thoughts=True) if request.thoughts and api.can_think(request.model) else None


def _config(request: ChatRequest, terms: Terms) -> "GenerateContentConfig":
    from google.genai.types import AutomaticFunctionCallingConfig, GenerateContentConfig

    return GenerateContentConfig(
        temperature=request.temperature if terms.temperature is not None else None,
        max_output_tokens=request.max_tokens,
        system_instruction=(request.system_prompt or None) if terms.system else None,
        thinking_config=_thinking(request, terms),
        # There are no functions, and the SDK logs a line about calling them for every request.
        automatic_function_calling=AutomaticFunctionCallingConfig(disable=True),
    )


def _piece(chunk: "GenerateContentResponse") -> Piece:
    feedback, counts = chunk.prompt_feedback, chunk.usage_metadata
    first = chunk.candidates[0] if chunk.candidates else None
    given = (first.content.parts if first and first.content else None) or []
    return api.piece(
        "".join(part.text for part in given if part.text and not part.thought),
        "".join(part.text for part in given if part.text and part.thought),
        api.usage(
            counts.prompt_token_count,
            counts.candidates_token_count,
            counts.thoughts_token_count,
            counts.cached_content_token_count,
        )
        if counts
        else None,
        first.finish_reason.name if first and first.finish_reason else None,
        feedback.block_reason.name if feedback and feedback.block_reason else None,
    )


def _said(error: Exception) -> Said | None:
    from google.genai.errors import APIError

    return Said(error.code, error.details, {}) if isinstance(error, APIError) else None


def _refusal(error: Exception) -> ModelError | None:
    from google.genai.errors import APIError

    return api.refusal(error.code, error.details) if isinstance(error, APIError) else None
