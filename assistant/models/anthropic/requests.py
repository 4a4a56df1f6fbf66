"""What Anthropic's protocol is asked with."""

import base64
import re
from collections.abc import Iterator
from typing import Any

from ..base import Attachment, ChatMessage, ChatRequest
from ..parts import holds_files, kind, parts, shaped
from ..terms import Held, Terms

_ANSWER, _SHORT = 16_000, 1_024
"""Tokens of an answer, where nothing else is asked for: the protocol wants a number. The short one is for a question
that leaves no room for more."""
# From these on, a temperature is refused: https://platform.claude.com/docs/en/about-claude/models/migration-guide
_NO_TEMPERATURE = re.compile(r"claude-[a-z]+-(4-[7-9]|[5-9]|\d\d)\b(?!\d)")


def usual(model: str) -> Terms:
    """What the provider takes as far as the name of its model tells. Its highest temperature is 1."""
    return Terms(temperature=None if _NO_TEMPERATURE.match(model) else 1.0)


def arguments(request: ChatRequest, terms: Terms) -> dict[str, Any]:
    """Those of ``messages.create``; what the SDK has no place for is in ``extra_body``."""
    most = min(request.max_tokens or _ANSWER, terms.most or request.max_tokens or _ANSWER)
    given: dict[str, Any] = {
        **question(request, terms),
        "max_tokens": most if terms.bounded else min(most, _SHORT),
        "stream": terms.stream,
    }
    if terms.thinking:
        aloud = request.thoughts and request.thinking
        given["thinking"] = {"type": "adaptive", "display": "summarized"} if aloud else {"type": "disabled"}
    if terms.temperature is not None:
        given["extra_body"] = {"temperature": min(request.temperature, terms.temperature)}
    return given


def question(request: ChatRequest, terms: Terms) -> dict[str, Any]:
    """The part of a request whose tokens can be counted."""
    messages = shaped(request, files=terms.files)
    given: dict[str, Any] = {"model": request.model, "messages": [*_messages(messages)]}
    if request.system_prompt:
        given["system"] = request.system_prompt
    return given


def held(request: ChatRequest, given: dict[str, Any], terms: Terms) -> Held:
    """Of the ``arguments`` that were given."""
    return Held(
        temperature=given.get("extra_body", {}).get("temperature"),
        limit=True,
        thinking="thinking" in given,
        files=terms.files and holds_files(request),
    )


def _messages(messages: list[ChatMessage]) -> Iterator[dict[str, Any]]:
    for message in messages:
        content: list[dict[str, Any]] = [_part(part) for part in parts(message)]
        texts = [part["text"] for part in content if part["type"] == "text"]
        yield {"role": message.role, "content": content if len(texts) < len(content) else "\n\n".join(texts)}


def _part(part: str | Attachment) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    source = {"type": "base64", "media_type": part.mime, "data": base64.b64encode(part.data).decode()}
    if kind(part) == "pdf":
        return {"type": "document", "title": part.name[:500], "source": source}
    return {"type": "image", "source": source}
