"""What OpenAI's protocol is asked with."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..base import Attachment, ChatMessage, ChatRequest
from ..parts import holds_files, parts, shaped
from ..terms import Held, Terms

# They refuse max_tokens, and any temperature but 1: https://platform.openai.com/docs/guides/reasoning
_REASONING = re.compile(r"(openai/)?(gpt-5|o[134]\b)")
# gpt-5 can think minimally, its successors not at all; the others cannot be told.
_MINIMAL, _NONE = re.compile(r"(openai/)?gpt-5(?![.])"), re.compile(r"(openai/)?gpt-5[.]")


def usual(model: str) -> Terms:
    """What a server takes as far as the name of its model tells."""
    terms = Terms(effort="minimal" if _MINIMAL.match(model) else "none" if _NONE.match(model) else None)
    return replace(terms, temperature=None, limit="max_completion_tokens") if _REASONING.match(model) else terms


def arguments(request: ChatRequest, terms: Terms) -> dict[str, Any]:
    """Those of ``chat.completions.create``."""
    given: dict[str, Any] = {"model": request.model, "messages": [*_messages(request, terms)], "stream": terms.stream}
    if terms.stream and terms.usage:
        given["stream_options"] = {"include_usage": True}
    if terms.temperature is not None:
        given["temperature"] = min(request.temperature, terms.temperature)
    if request.max_tokens is not None and terms.limit and terms.bounded:
        given[terms.limit] = min(request.max_tokens, terms.most or request.max_tokens)
    if not request.thinking and terms.effort:
        given["reasoning_effort"] = terms.effort
    return given


def held(request: ChatRequest, given: Mapping[str, Any], terms: Terms) -> Held:
    """Of the ``arguments`` that were given."""
    return Held(
        temperature=given.get("temperature"),
        limit=terms.limit in given,
        effort="reasoning_effort" in given,
        system=terms.system and bool(request.system_prompt),
        files=terms.files and holds_files(request),
    )


def _messages(request: ChatRequest, terms: Terms) -> Iterator[Mapping[str, Any]]:
    if request.system_prompt and terms.system:
        yield {"role": "system", "content": request.system_prompt}
    for message in shaped(request, terms.system, terms.files):
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
