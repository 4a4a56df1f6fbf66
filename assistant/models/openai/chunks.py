"""A chunk of a stream, or a whole answer, of whoever speaks OpenAI's protocol.

Always true: what is missing, null, of another type or unknown is passed over; text is never dropped for its form.
"""

import re
from typing import Any

from ..answer import Piece
from ..base import Usage

# Words for an answer that its server gave up: OpenRouter, vLLM, DeepSeek, Zhipu.
_BROKE_DOWN = ("error", "abort", "insufficient_system_resource", "network_error", "cancelled")
_FILTER = re.compile("content_?filter|safety|sensitive|recitation|prohibited|blocklist|spii", re.IGNORECASE)
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_PARTS = ("text", "value", "content", "thinking", "refusal")
_MOST = 10**12
"""Tokens: more is no count."""


def failed(chunk: dict[str, Any]) -> bool:
    """Whether it is an error, whatever the status of HTTP was."""
    if chunk.get("error") or chunk.get("object") == "error":
        return True
    if "choices" in chunk:
        return False
    said = any(isinstance(chunk.get(key), str) for key in ("message", "msg"))
    return "detail" in chunk or (said and any(key in chunk for key in ("code", "status", "status_code", "success")))


def odd(chunk: Any) -> bool:
    """Whether it may have held text that cannot be found."""
    if not isinstance(chunk, dict):
        return isinstance(chunk, str)
    choices = chunk.get("choices")
    if choices is None:
        return False
    return not isinstance(choices, list) or any(not isinstance(each, dict) for each in choices)


def piece(chunk: dict[str, Any], begun: bool) -> Piece:
    """``begun``: text came before, which some servers repeat as a whole message at the end."""
    usage = _usage(chunk.get("usage")) or _usage(_dict(chunk.get("x_groq")).get("usage"))
    # The chunk with the usage has no choice; Azure's first one has neither.
    choice = next((each for each in _choices(chunk) if each.get("index") in (0, "0", None)), None)
    if choice is None:
        return Piece(usage=usage)
    said = choice.get("delta")
    if not isinstance(said, dict):
        said = {"content": choice.get("text")} if "text" in choice else {} if begun else _dict(choice.get("message"))
    text, thought = parts(said.get("content"))
    thought = thought or next((found for name in _THOUGHTS if (found := "".join(parts(said.get(name))))), "")
    text = text or "".join(parts(said.get("refusal")))
    reason = str(choice.get("finish_reason") or "") or None
    if reason and _FILTER.search(reason):
        return Piece(text, usage, blocked=reason, thought=thought)
    return Piece(text, usage, reason if reason not in _BROKE_DOWN else None, None, thought)


def is_whole(chunk: dict[str, Any]) -> bool:
    """Whether it is an answer in one piece."""
    return any(isinstance(each.get("message"), dict) and "delta" not in each for each in _choices(chunk))


def broke_down(chunk: dict[str, Any]) -> bool:
    return any(each.get("finish_reason") in _BROKE_DOWN for each in _choices(chunk))


def _choices(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    choices = chunk.get("choices")
    return [each for each in choices if isinstance(each, dict)] if isinstance(choices, list) else []


def parts(content: Any) -> tuple[str, str]:
    """Text and thoughts in a string, a part, or a list of them, as deep as they go."""
    if isinstance(content, str):
        return content, ""
    if isinstance(content, int | float) and not isinstance(content, bool):
        return str(content), ""
    if isinstance(content, list):
        pairs = [parts(each) for each in content]
        return "".join(text for text, _ in pairs), "".join(thought for _, thought in pairs)
    if not isinstance(content, dict):
        return "", ""
    kind = str(content.get("type"))
    found = next((found for key in _PARTS if (found := content.get(key))), None)
    text, thought = parts(found)
    return ("", text + thought) if re.search("think|reason", kind) else (text, thought)


def _usage(counts: Any) -> Usage | None:
    """None: nothing that could be a count."""
    counts = _dict(counts)
    asked = _count(counts, "prompt_tokens", "input_tokens")
    said = _count(counts, "completion_tokens", "output_tokens")
    if not asked and not said:
        return None
    details = _dict(counts.get("prompt_tokens_details")) or _dict(counts.get("input_tokens_details"))
    cached = _count(details, "cached_tokens") or _count(counts, "prompt_cache_hit_tokens", "cached_tokens")
    thought = _count(_dict(counts.get("completion_tokens_details")), "reasoning_tokens")
    if thought and _count(counts, "total_tokens") == asked + said + thought:  # xAI counts thoughts apart
        said += thought
    return Usage(asked, said, min(cached, asked))


def _count(counts: dict[str, Any], *names: str) -> int:
    for name in names:
        try:
            value = int(float(counts.get(name) or 0))
        except (TypeError, ValueError, OverflowError):
            continue
        if 0 < value < _MOST:
            return value
    return 0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
