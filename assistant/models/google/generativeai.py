"""Gemini, by Google's former SDK google-generativeai, over REST. Its support has ended: gemini.py is the default.

Always true: an error raised here holds nothing of the key nor of the conversation, and a stream that was closed,
cancelled or has failed has ended its HTTP request.
"""

import json
import logging
import warnings
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from ..answer import Piece, read
from ..base import (
    Attachment,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelInfo,
    ModelUnavailable,
    Thought,
    Usage,
)
from ..parts import parts, shaped
from ..wire import check_key
from . import api
from .blocking import Call, in_thread
from .catalogue import google

if TYPE_CHECKING:
    from google.generativeai.protos import Content, GenerateContentRequest, Part

T = TypeVar("T")

# Neither retries nor a timeout of the SDK's: both are decided above the adapters.
_ONCE: dict[str, Any] = {"retry": None, "timeout": None}


class GenerativeAI:
    """A ChatModel. The SDK is configured as a whole: the last one made is the SDK's default for the process."""

    provider = "gemini"

    def __init__(self, api_key: str, base_url: str | None = None) -> None:
        client, rest = _libraries()
        self._key = api_key.strip()
        client.configure(
            api_key=self._key or "none",
            transport="rest",
            client_options={"api_endpoint": (base_url or api.GOOGLE).rstrip("/")},
        )
        # GenerativeModel is not used: it shows a piece only when the next one is there, and joins all that came before
        # anew with each.
        self._chat = client.get_default_generative_client()
        self._catalogue = client.get_default_model_client()
        self._sessions = [each.transport._session for each in (self._chat, self._catalogue)]
        for session in self._sessions:
            rest.prepare(session)

    async def close(self) -> None:
        for session in self._sessions:
            session.close()

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage | Thought, None]:
        call = Call(_thinking(request))
        return read(in_thread(lambda call: self._ask(request, call), call, _translate), request)

    async def models(self) -> list[ModelInfo]:
        return await _first(lambda call: iter([self._list()]))

    async def count_tokens(self, request: ChatRequest) -> int | None:
        return await _first(lambda call: iter([self._count(request)]))

    def _ask(self, request: ChatRequest, call: Call) -> Iterator[Piece]:
        from .rest import Elements

        check_key(self._key)
        self._chat.stream_generate_content(_question(request), **_ONCE)
        assert call.response is not None
        for element in Elements(call.response):
            yield _piece(element)

    def _list(self) -> list[ModelInfo]:
        check_key(self._key)
        known = [
            google(each.name, each.display_name, each.input_token_limit, [*each.supported_generation_methods])
            for each in self._catalogue.list_models({"page_size": 1000}, **_ONCE)
        ]
        return [each for each in known if each]

    def _count(self, request: ChatRequest) -> int:
        from google.generativeai.protos import CountTokensRequest

        check_key(self._key)
        question = _question(request)
        asked = CountTokensRequest(model=question.model, generate_content_request=question)
        return int(self._chat.count_tokens(asked, **_ONCE).total_tokens)


def _libraries() -> tuple[Any, Any]:
    """Two seconds, and a warning that the package has come to its end, which pyproject.toml knows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\s*All support for the `google.generativeai` package", FutureWarning)
        from google.generativeai import client

        from . import rest
    # At DEBUG they put whole requests, key and conversation, into their records.
    for name in ("google.ai.generativelanguage_v1beta", "google.auth"):
        logging.getLogger(name).setLevel(logging.INFO)
    return client, rest


async def _first(work: Callable[[Call], Iterator[T]]) -> T:
    async with aclosing(in_thread(work, Call(), _translate)) as found:
        return await anext(found)


def _question(request: ChatRequest) -> "GenerateContentRequest":
    from google.generativeai.protos import Content, GenerateContentRequest, GenerationConfig, Part

    system = request.system_prompt if api.has_system(request.model) else ""
    return GenerateContentRequest(
        model=f"models/{request.model.removeprefix('models/')}",
        contents=[*_contents(request)],
        generation_config=GenerationConfig(temperature=request.temperature, max_output_tokens=request.max_tokens),
        system_instruction=Content(parts=[Part(text=system)]) if system else None,
    )


def _contents(request: ChatRequest) -> "Iterator[Content]":
    from google.generativeai.protos import Content

    for message in shaped(request, api.has_system(request.model)):
        if given := [_part(part) for part in parts(message)]:
            yield Content(role="user" if message.role == "user" else "model", parts=given)


def _part(part: str | Attachment) -> "Part":
    from google.generativeai.protos import Blob, Part

    if isinstance(part, str):
        return Part(text=part)
    return Part(inline_data=Blob(mime_type=part.mime, data=part.data))


def _thinking(request: ChatRequest) -> Callable[[str], str] | None:
    """What puts into a request how to think, for which the SDK's messages have no place."""
    config: dict[str, Any] = {}
    if not request.thinking and api.can_do_without_thinking(request.model):
        config = {"thinkingBudget": 0}
    elif request.thoughts and api.can_think(request.model):
        config = {"includeThoughts": True}

    def amend(body: str) -> str:
        question = json.loads(body)
        question.setdefault("generationConfig", {})["thinkingConfig"] = config
        return json.dumps(question)

    return amend if config else None


def _piece(element: dict[str, Any]) -> Piece:
    """Raises ModelError for an error in mid-stream."""
    from google.generativeai.protos import Candidate, GenerateContentResponse

    if "error" in element:
        error = element["error"]
        raise api.refusal(error.get("code") if isinstance(error, dict) else None, element)
    first: dict[str, Any] = next(iter(element.get("candidates") or ()), {})
    given = first.get("content", {}).get("parts") or ()
    counts = element.get("usageMetadata")
    counted = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount")
    return api.piece(
        "".join(part.get("text", "") for part in given if not part.get("thought")),
        "".join(part.get("text", "") for part in given if part.get("thought")),
        api.usage(*(counts.get(name) for name in counted)) if counts else None,
        _word(first.get("finishReason"), Candidate.FinishReason),
        _word(element.get("promptFeedback", {}).get("blockReason"), GenerateContentResponse.PromptFeedback.BlockReason),
    )


def _word(value: Any, words: Any) -> str | None:
    """The SDK asks for numbers in place of the API's words; there are new ones that it does not know."""
    if not value or isinstance(value, str):
        return value or None
    return words(value).name if value in set(words) else str(value)


def _translate(error: Exception, call: Call) -> ModelError:
    import requests

    if isinstance(error, ModelError):
        return error
    if call.response is not None and call.response.status_code >= 400:
        return api.refusal(call.response.status_code, _body(call.response))
    name = type(error).__name__
    if call.response is not None:
        return ModelUnavailable(f"the answer broke off: {name}")
    if isinstance(error, requests.ConnectionError):
        reason = getattr(error.args[0], "reason", None)
        return ModelUnavailable(f"no connection: {type(reason or error.args[0]).__name__}")
    if isinstance(error, ValueError | TypeError):
        return InvalidRequest(f"not a request that can be sent: {name}")
    return ModelUnavailable(f"no answer: {name}")


def _body(response: Any) -> Any:
    try:
        return response.json()
    except Exception:  # no JSON, or the connection broke in it: the code alone says what it says
        return None
