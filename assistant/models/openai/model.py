"""OpenAI, and whatever speaks its protocol (Ollama, llama.cpp, vLLM, OpenRouter, …), by OpenAI's SDK.

Always true: an error raised here holds nothing of the key nor of the conversation, and a stream that was closed,
cancelled or has failed has closed its HTTP request.
"""

import base64
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .. import catalogue
from ..answer import Piece, read
from ..base import Attachment, ChatMessage, ChatRequest, ModelInfo, ModelUnavailable, Usage
from ..parts import parts
from ..wire import asked, check_key, http_client, pieces
from . import errors

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk

_OPENAI = "https://api.openai.com/v1"
# Local servers need no key, and the SDK will not go without.
_NO_KEY = "none"
# They refuse max_tokens, and any temperature but 1: https://platform.openai.com/docs/guides/reasoning
_REASONING = ("gpt-5", "o1", "o3", "o4")


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

    async def close(self) -> None:
        await self._http.aclose()

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage, None]:
        return read(pieces(self._ask(request), errors.refusal))

    async def models(self) -> list[ModelInfo]:
        return await asked(self._list(), errors.refusal)

    async def count_tokens(self, request: ChatRequest) -> int | None:
        """None: there is no such call."""
        return None

    async def _ask(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        check_key(self._key)
        async with await self._client.chat.completions.create(**_arguments(request)) as chunks:
            async for chunk in chunks:
                yield _piece(chunk)

    async def _list(self) -> list[ModelInfo]:
        check_key(self._key)
        # The SDK's own list has no place for what servers say beyond OpenAI, and Together's is a plain list.
        answer: Any = await self._client.get("/models", cast_to=object)
        entries = answer["data"] if isinstance(answer, dict) else answer
        known = [catalogue.openai(each) for each in entries or ()]
        return [each for each in known if each]


def _arguments(request: ChatRequest) -> dict[str, Any]:
    reasons = request.model.startswith(_REASONING)
    given: dict[str, Any] = {
        "model": request.model,
        "messages": [*_messages(request)],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if not reasons:
        given["temperature"] = request.temperature
    if request.max_tokens is not None:
        given["max_completion_tokens" if reasons else "max_tokens"] = request.max_tokens
    if not request.thinking and request.model.startswith("gpt-5"):
        given["reasoning_effort"] = "minimal"
    return given


def _messages(request: ChatRequest) -> Iterator[Mapping[str, Any]]:
    if request.system_prompt:
        yield {"role": "system", "content": request.system_prompt}
    for message in request.messages:
        if content := _content(message):
            yield {"role": message.role, "content": content}


def _content(message: ChatMessage) -> str | list[dict[str, Any]]:
    given = [*parts(message)]
    # Some local servers take nothing but a string.
    texts = [part for part in given if isinstance(part, str)]
    return "\n\n".join(texts) if len(texts) == len(given) else [_part(part) for part in given]


def _part(part: str | Attachment) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    url = f"data:{part.mime};base64,{base64.b64encode(part.data).decode()}"
    if part.mime.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": part.name, "file_data": url}}


def _piece(chunk: "ChatCompletionChunk") -> Piece:
    """What a model thinks (reasoning_content) is not to be shown."""
    usage = _usage(chunk.usage) if chunk.usage else None
    # The chunk with the usage has no choice; Azure's first one has neither.
    if not chunk.choices:
        return Piece(usage=usage)
    choice = chunk.choices[0]
    text = (choice.delta.content or choice.delta.refusal or "") if choice.delta else ""
    if not isinstance(text, str):
        raise ModelUnavailable("the answer is not text")
    reason: str | None = choice.finish_reason
    if reason == "content_filter":
        return Piece(text, usage, blocked=reason)
    # OpenRouter's word for a model that broke down.
    return Piece(text, usage, finish=reason if reason != "error" else None)


def _usage(counts: "CompletionUsage") -> Usage:
    details = counts.prompt_tokens_details
    cached = details.cached_tokens if details else None
    return Usage(counts.prompt_tokens or 0, counts.completion_tokens or 0, cached or 0)
