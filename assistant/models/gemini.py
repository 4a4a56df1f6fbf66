"""Gemini, by Google's SDK google-genai.

Always true: an error raised here holds nothing of the key nor of the conversation, and a stream that was closed,
cancelled or has failed has closed its HTTP request.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .base import ChatMessage, ChatRequest, InvalidRequest, ModelError, ModelUnavailable, QuotaExhausted

if TYPE_CHECKING:
    import httpx2
    from google.genai.errors import APIError
    from google.genai.types import Content, FinishReason, GenerateContentConfig, GenerateContentResponse

_GOOGLE = "https://generativelanguage.googleapis.com/"
_WHOLE = ("STOP", "MAX_TOKENS")
# The 4xx that say nothing about the request: timeout, aborted, cancelled.
_PASSING = (408, 409, 499)
_CODE_WORD = re.compile(r"[A-Z][A-Z_]*")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")

# Where the HTTP responses of the stream that is being read are noted down.
_opened: ContextVar[list["httpx2.Response"]] = ContextVar("_opened")


class Gemini:
    """A ChatModel. ``patience``: seconds without a sign of the server after which a stream fails."""

    def __init__(self, api_key: str, base_url: str | None = None, *, patience: float = 60.0) -> None:
        # Half a second, which whoever has no key need not spend.
        import httpx2
        from google import genai
        from google.genai.types import HttpOptions, HttpRetryOptions

        self.patience = patience
        key = api_key.strip()
        self._sendable = bool(key) and key.isascii() and key.isprintable()
        # Given a client of its own dependency httpx2, the SDK leaves aiohttp alone, which it prefers where installed.
        # No timeout: the SDK would tell it to the server as well, as a limit for the whole answer (X-Server-Timeout).
        # No redirects, httpx2's default but not the SDK's: they would carry the key along.
        trust = httpx2.create_ssl_context()
        self._http = httpx2.AsyncClient(
            verify=trust,
            timeout=None,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=10),
            event_hooks={"response": [_note_down]},
        )
        options = HttpOptions(
            base_url=base_url or _GOOGLE,
            api_version="v1beta",
            httpx_async_client=self._http,
            # For two more clients that are made and never used. Each would read all certificates again, for 50 ms.
            client_args={"verify": trust},
            async_client_args={"ssl": trust},
            retry_options=HttpRetryOptions(attempts=1),
        )
        # Without these, the SDK looks in the environment for a key and for which of Google's services to use.
        self._client = genai.Client(vertexai=False, api_key=key or "none", http_options=options)

    async def close(self) -> None:
        await self._http.aclose()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str, None]:
        if not self._sendable:
            # The HTTP library would log it, in the attempt to refuse it.
            raise InvalidRequest("the key is empty or holds characters that no key has")
        opened: list[httpx2.Response] = []
        ended, silent = None, True
        chunks = self._ask(request)
        try:
            while chunk := await self._next(chunks, opened):
                ended = _finish_reason(chunk) or ended
                if text := _text(chunk):
                    silent = False
                    yield text
        finally:
            # The SDK's own generators refer to each other in a circle: closing them would leave the request open until
            # the garbage collector comes by.
            for response in opened:
                await response.aclose()
        _check_end(ended, silent)

    async def _ask(self, request: ChatRequest) -> "AsyncIterator[GenerateContentResponse]":
        contents, config = [*_contents(request.messages)], _config(request)
        models = self._client.aio.models
        async for chunk in await models.generate_content_stream(model=request.model, contents=contents, config=config):
            yield chunk

    async def _next(
        self, chunks: "AsyncIterator[GenerateContentResponse]", opened: list["httpx2.Response"]
    ) -> "GenerateContentResponse | None":
        token = _opened.set(opened)
        try:
            async with asyncio.timeout(self.patience):
                return await anext(chunks, None)
        except Exception as error:
            failure = _translate(error, answered=bool(opened))
        finally:
            _opened.reset(token)
        # Outside the except clause, so that not even __context__ leads to the SDK's error, which quotes the server.
        raise failure


async def _note_down(response: "httpx2.Response") -> None:
    _opened.get().append(response)


def _contents(messages: list[ChatMessage]) -> "Iterator[Content]":
    from google.genai.types import Content, Part

    for message in messages:
        # Gemini refuses a conversation with an empty message in it, such as an answer stopped before its first word.
        if message.text:
            yield Content(role="user" if message.role == "user" else "model", parts=[Part(text=message.text)])


def _config(request: ChatRequest) -> "GenerateContentConfig":
    from google.genai.types import AutomaticFunctionCallingConfig, GenerateContentConfig

    return GenerateContentConfig(
        temperature=request.temperature,
        system_instruction=request.system_prompt or None,
        # There are no functions, and the SDK logs a line about calling them for every request.
        automatic_function_calling=AutomaticFunctionCallingConfig(disable=True),
    )


def _text(chunk: "GenerateContentResponse") -> str:
    """What is to be shown of the chunk: no thoughts. Raises InvalidRequest if the prompt was blocked."""
    if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
        raise InvalidRequest(f"prompt blocked: {chunk.prompt_feedback.block_reason.name}")
    content = chunk.candidates[0].content if chunk.candidates else None
    parts = (content.parts if content else None) or []
    return "".join(part.text for part in parts if part.text and not part.thought)


def _finish_reason(chunk: "GenerateContentResponse") -> "FinishReason | None":
    return chunk.candidates[0].finish_reason if chunk.candidates else None


def _check_end(reason: "FinishReason | None", silent: bool) -> None:
    if reason is None:
        raise ModelUnavailable("the answer broke off")
    if reason.name not in _WHOLE:
        raise InvalidRequest(f"answer blocked: {reason.name}")
    if silent:
        raise ModelUnavailable(f"the answer is empty: {reason.name}")


def _translate(error: Exception, answered: bool) -> ModelError:
    import httpx2
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _refusal(error)
    if isinstance(error, TimeoutError):
        return ModelUnavailable("no sign of the server in time")
    if isinstance(error, httpx2.ConnectError):
        return ModelUnavailable(f"no connection: {error}")
    name = type(error).__name__
    if isinstance(error, ValueError) and not answered:
        return InvalidRequest(f"not a request that can be sent: {name}")
    return ModelUnavailable(f"the answer broke off: {name}")


def _refusal(error: "APIError") -> ModelError:
    details = _details(error)
    label = _label(error, details)
    if error.code == 429 or error.status == "RESOURCE_EXHAUSTED":
        return QuotaExhausted(label, _retry_after(details))
    if 400 <= error.code < 500 and error.code not in _PASSING:
        return InvalidRequest(label)
    return ModelUnavailable(label)


def _label(error: "APIError", details: list[dict[str, Any]]) -> str:
    # Google's sentences can quote the key (“Consumer 'api_key:…' has been suspended”); its code words say as much.
    words = [error.status, *(detail.get("reason") for detail in details)]
    return " ".join(
        [str(error.code), *(word for word in words if isinstance(word, str) and _CODE_WORD.fullmatch(word))]
    )


def _details(error: "APIError") -> list[dict[str, Any]]:
    found: Any = error.details
    for key in ("error", "details"):
        found = found.get(key) if isinstance(found, dict) else None
    return [detail for detail in found if isinstance(detail, dict)] if isinstance(found, list) else []


def _retry_after(details: list[dict[str, Any]]) -> float | None:
    delays = (_SECONDS.fullmatch(str(detail.get("retryDelay"))) for detail in details)
    return next((float(delay[1]) for delay in delays if delay), None)
