"""How each provider's server says the same, and which adapter listens: for tests that run over all of them."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from assistant.models.anthropic import Anthropic
from assistant.models.base import ChatModel, ModelInfo
from assistant.models.google.gemini import Gemini
from assistant.models.google.generativeai import GenerativeAI
from assistant.models.openai import OpenAI

from . import anthropic, gemini, openai
from .http import Chunk, Failure, Received, ScriptServer, Step

KEY = "AIzaSy-not-a-real-key-0123456789"
SECRET = "the-secret-of-the-server"
"""In every sentence that a server says of an error."""


@dataclass(frozen=True)
class Sent:
    """A request for an answer. ``messages``: role, text and files (media type and content) of each."""

    key: str
    model: str
    system: str
    temperature: float | None
    max_tokens: int | None
    thinks: bool
    messages: list[tuple[str, str, list[tuple[str, bytes]]]]


@dataclass(frozen=True)
class Dialect:
    """``failures``: by what they are, in the same words for each. ``in_mid_stream``: an error of that code between two
    chunks. ``thinker``: a model that can be told not to think. ``listed``: what a server lists, and ``offered``, what
    of it is to be offered. ``midnight``: a daily quota is back then, whatever delay is told. ``thinks``:
    when nothing is said of it."""

    name: str
    make: Callable[[str, str], ChatModel]
    serve: Callable[[], ScriptServer]
    text: Callable[[str], Chunk]
    thought: Callable[[str], Chunk]
    end: Callable[[int, int, int], list[Step]]
    at_limit: list[Step]
    quota: Callable[[int | None, Literal["minute", "day"] | None], Failure]
    in_mid_stream: Callable[[int], Chunk]
    failures: dict[str, Failure]
    blocked_prompt: list[Step]
    blocked_answer: list[Step]
    sent: Callable[[Received], Sent]
    thinker: str
    listed: list[dict[str, Any]]
    offered: list[ModelInfo]
    counts: bool
    midnight: bool = False
    thinks: bool = True

    def answer(self, *pieces: str) -> list[Step]:
        """The script of a whole answer."""
        return [*map(self.text, pieces), *self.end(2, 1, 0)]


def _gemini_end(asked: int, said: int, cached: int) -> list[Step]:
    """Half of what was said was thought, as far as that goes."""
    thought = said // 2
    counts = {"promptTokenCount": asked, "candidatesTokenCount": said - thought, "totalTokenCount": asked + said}
    optional = {"thoughtsTokenCount": thought, "cachedContentTokenCount": cached}
    return [gemini.finish(usage=counts | {name: count for name, count in optional.items() if count})]


def _gemini_quota(delay: int | None, scope: Literal["minute", "day"] | None) -> Failure:
    # The requests of the day are what is left of two quotas: the day counts.
    minute = "GenerateContentInputTokensPerModelPerMinute-FreeTier"
    ids = {"minute": [minute], "day": [minute, "GenerateRequestsPerDayPerProjectPerModel-FreeTier"], None: []}[scope]
    details = gemini.quota_details(f"{delay}s" if delay is not None else None, *ids)
    return gemini.failure(429, "RESOURCE_EXHAUSTED", SECRET, *details)


def _gemini_sent(received: Received) -> Sent:
    body = received.body
    config = body.get("generationConfig", {})
    messages = []
    for each in body["contents"]:
        text = "\n\n".join(part["text"] for part in each["parts"] if "text" in part)
        blobs = [part["inlineData"] for part in each["parts"] if "inlineData" in part]
        files = [(blob.get("mimeType") or blob["mime_type"], base64.b64decode(blob["data"])) for blob in blobs]
        messages.append(({"user": "user", "model": "assistant"}[each["role"]], text, files))
    return Sent(
        received.headers["x-goog-api-key"],
        received.target.removeprefix("/v1beta/models/").partition(":streamGenerateContent?")[0],
        "".join(part["text"] for part in body.get("systemInstruction", {}).get("parts", [])),
        config.get("temperature"),
        config.get("maxOutputTokens"),
        0 not in config.get("thinkingConfig", {}).values(),
        messages,
    )


_GEMINI_FAILURES = {
    "wrong key": gemini.failure(400, "INVALID_ARGUMENT", SECRET, gemini.error_info("API_KEY_INVALID")),
    "no key": gemini.failure(401, "UNAUTHENTICATED", SECRET),
    "no right": gemini.failure(403, "PERMISSION_DENIED", SECRET, gemini.error_info("SERVICE_DISABLED")),
    "unknown model": gemini.failure(404, "NOT_FOUND", SECRET),
    "too long": gemini.failure(
        400,
        "INVALID_ARGUMENT",
        f"The input token count (1048577) exceeds the maximum number of tokens allowed (1048576). {SECRET}",
    ),
    "refused": gemini.failure(400, "INVALID_ARGUMENT", SECRET),
    "timeout": gemini.failure(408, "DEADLINE_EXCEEDED", SECRET),
    "internal": gemini.failure(500, "INTERNAL", SECRET),
    "overloaded": gemini.failure(503, "UNAVAILABLE", SECRET),
}


def _dialect_of_google(
    name: str, make: Callable[[str, str], ChatModel], word: Callable[[str, int], str | int]
) -> Dialect:
    """``word``: how the server is asked to say an enumeration, as a word or as its number."""
    return Dialect(
        name,
        make,
        gemini.GeminiServer,
        gemini.text,
        gemini.thought,
        _gemini_end,
        [gemini.finish(word("MAX_TOKENS", 2))],
        _gemini_quota,
        lambda code: Chunk(gemini.error_body(code, "INTERNAL" if code == 500 else "RESOURCE_EXHAUSTED", SECRET)),
        _GEMINI_FAILURES,
        [gemini.blocked_prompt(word("PROHIBITED_CONTENT", 4))],
        [gemini.finish(word("SAFETY", 3))],
        _gemini_sent,
        "gemini-2.5-flash",
        [
            gemini.model("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576),
            gemini.model("gemma-3-27b-it", "Gemma 3 27B", 131_072),
            gemini.model("gemini-embedding-001", "Embedding", 2048, "embedContent"),
            gemini.model("gemini-2.5-flash-preview-tts", "TTS", 8192),
            gemini.model("gemini-2.5-flash-image", "Nano Banana", 32_768),
            gemini.model("aqa", "Attributed answers", 7168, "generateAnswer"),
        ],
        [
            ModelInfo("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576, frozenset({"image", "pdf"})),
            ModelInfo("gemma-3-27b-it", "Gemma 3 27B", 131_072, frozenset({"image"})),
        ],
        True,
        True,
    )


def _openai_quota(delay: int | None, scope: Literal["minute", "day"] | None) -> Failure:
    words = {"minute": "requests per min (RPM)", "day": "requests per day (RPD)", None: "requests"}[scope]
    headers = {"retry-after": str(delay)} if delay is not None else {}
    return openai.failure(429, f"Rate limit reached on {words}. {SECRET}", "rate_limit_exceeded", headers=headers)


def _openai_sent(received: Received) -> Sent:
    body = received.body
    messages, system = [], ""
    for each in body["messages"]:
        if each["role"] == "system":
            system = each["content"]
            continue
        given = each["content"]
        parts: list[dict[str, Any]] = [{"type": "text", "text": given}] if isinstance(given, str) else given
        text = "\n\n".join(part["text"] for part in parts if part["type"] == "text")
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        urls += [part["file"]["file_data"] for part in parts if part["type"] == "file"]
        messages.append((each["role"], text, [_data(url) for url in urls]))
    return Sent(
        received.headers["authorization"].removeprefix("Bearer "),
        body["model"],
        system,
        body.get("temperature"),
        body.get("max_tokens"),
        body.get("reasoning_effort") != "minimal",
        messages,
    )


def _data(url: str) -> tuple[str, bytes]:
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return kind, base64.b64decode(data)


_OPENAI = Dialect(
    "openai",
    OpenAI,
    openai.OpenAIServer,
    openai.text,
    openai.thought,
    lambda asked, said, cached: [openai.finish(), openai.usage(asked, said, cached)],
    [openai.finish("length")],
    _openai_quota,
    lambda code: Chunk(openai.error_body(SECRET, code)),
    {
        "wrong key": openai.failure(401, SECRET, "invalid_api_key", "invalid_request_error"),
        "no key": openai.failure(401, SECRET),
        "no right": openai.failure(403, SECRET),
        "unknown model": openai.failure(404, SECRET, "model_not_found"),
        "too long": openai.failure(400, SECRET, "context_length_exceeded", "invalid_request_error"),
        "refused": openai.failure(400, SECRET, None, "invalid_request_error"),
        "timeout": openai.failure(408, SECRET),
        "internal": openai.failure(500, SECRET, None, "server_error"),
        "overloaded": openai.failure(503, SECRET),
    },
    [openai.failure(400, SECRET, "content_filter")],
    [openai.finish("content_filter")],
    _openai_sent,
    "gpt-5-mini",
    [
        {"id": "gpt-4o-mini", "object": "model"},
        {"id": "llama3.2:3b", "object": "model", "max_model_len": 8192},
        {"id": "text-embedding-3-small", "object": "model"},
        {"id": "gpt-4o-mini-tts", "object": "model"},
        {"id": "gpt-image-1", "object": "model"},
    ],
    [
        ModelInfo("gpt-4o-mini", "gpt-4o-mini", None, frozenset({"image", "gif", "pdf"})),
        ModelInfo("llama3.2:3b", "llama3.2:3b", 8192),
    ],
    False,
)


def _anthropic_quota(delay: int | None, scope: Literal["minute", "day"] | None) -> Failure:
    words = {"minute": "30,000 input tokens per minute", "day": "1,000 requests per day", None: "requests"}[scope]
    headers = {"retry-after": str(delay)} if delay is not None else {}
    said = f"This request would exceed your organization's rate limit of {words}. {SECRET}"
    return anthropic.failure(429, "rate_limit_error", said, headers)


def _anthropic_sent(received: Received) -> Sent:
    body = received.body
    messages = []
    for each in body["messages"]:
        given = each["content"]
        parts: list[dict[str, Any]] = [{"type": "text", "text": given}] if isinstance(given, str) else given
        text = "\n\n".join(part["text"] for part in parts if part["type"] == "text")
        sources = [part["source"] for part in parts if "source" in part]
        files = [(source["media_type"], base64.b64decode(source["data"])) for source in sources]
        messages.append((each["role"], text, files))
    return Sent(
        received.headers["authorization"].removeprefix("Bearer "),
        body["model"],
        body.get("system", ""),
        body.get("temperature"),
        # It wants a number; this is the one that stands for none.
        body["max_tokens"] if body["max_tokens"] != 16_000 else None,
        body.get("thinking") != {"type": "disabled"},
        messages,
    )


_ANTHROPIC = Dialect(
    "anthropic",
    Anthropic,
    anthropic.AnthropicServer,
    anthropic.text,
    anthropic.thought,
    lambda asked, said, cached: [anthropic.start(asked, cached), *anthropic.finish(said=said)],
    anthropic.finish("max_tokens"),
    _anthropic_quota,
    lambda code: Chunk(anthropic.error_body("api_error" if code == 500 else "rate_limit_error", SECRET)),
    {
        "wrong key": anthropic.failure(401, "authentication_error", f"invalid x-api-key {SECRET}"),
        "no key": anthropic.failure(401, "authentication_error", SECRET),
        "no right": anthropic.failure(403, "permission_error", SECRET),
        "unknown model": anthropic.failure(404, "not_found_error", f"model: claude-9 {SECRET}"),
        "too long": anthropic.failure(
            400, "invalid_request_error", f"prompt is too long: 208310 tokens > 200000 maximum {SECRET}"
        ),
        "refused": anthropic.failure(400, "invalid_request_error", SECRET),
        "timeout": anthropic.failure(408, "timeout_error", SECRET),
        "internal": anthropic.failure(500, "api_error", SECRET),
        "overloaded": anthropic.failure(529, "overloaded_error", SECRET),
    },
    [anthropic.failure(400, "invalid_request_error", f"Output blocked by content filtering policy {SECRET}")],
    anthropic.finish("refusal"),
    _anthropic_sent,
    "claude-sonnet-5-5",
    [
        anthropic.model("claude-sonnet-5-5", "Claude Sonnet 5.5"),
        anthropic.model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", 200_000),
        {"type": "model", "display_name": "No name"},
        anthropic.model("claude-2.1", "Claude 2.1") | {"lifecycle": "retired"},
    ],
    [
        ModelInfo("claude-sonnet-5-5", "Claude Sonnet 5.5", 1_000_000, frozenset({"image", "gif", "pdf"})),
        ModelInfo("claude-haiku-4-5-20251001", "Claude Haiku 4.5", 200_000, frozenset({"image", "gif", "pdf"})),
    ],
    True,
    thinks=False,
)

DIALECTS = [
    _dialect_of_google("gemini", Gemini, lambda word, number: word),
    _dialect_of_google("generativeai", GenerativeAI, lambda word, number: number),
    _OPENAI,
    _ANTHROPIC,
]
