"""What the errors of OpenAI-compatible servers mean.

Always true: no error made here holds a sentence of the server's, which may quote the key or the conversation.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from ..base import Blocked, InvalidRequest, ModelError, ModelUnavailable, QuotaExhausted

# The 4xx that say nothing about the request: timeout, conflict, too early, client gone.
_PASSING = (408, 409, 425, 499)
_CODE_WORD = re.compile("[a-z][a-z_]{2,40}")
_STATUS = re.compile("[1-5][0-9]{2}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

# Each server has its own words. In front of the message stand the code and the type.
_QUOTA = re.compile("rate_limit|insufficient_quota|quota_exceeded|too_many_requests")
_FILTER = re.compile("content_filter|content_policy|requires moderation")
_TOO_LONG = re.compile(
    "context_length|context_size|context length|context size|context window|maximum context"
    "|prompt is too long|too many tokens|input is too long"
)
_UNKNOWN = re.compile("model_not_found|invalid_model|not a valid model")
_DAY = re.compile(r"\b(?:per[ -]day|rpd|tpd|daily)\b")
_MINUTE = re.compile(r"\b(?:per[ -]min(?:ute)?|rpm|tpm)\b")


def refusal(error: Exception) -> ModelError | None:
    """What an error of the SDK means; None if it is not a server's answer."""
    from openai import APIConnectionError, APIError, APIStatusError

    if not isinstance(error, APIError) or isinstance(error, APIConnectionError):
        return None
    if isinstance(error, APIStatusError):
        return _classify(error.status_code, error.body, error.response.headers)
    # In mid-stream, where OpenRouter puts the HTTP code into the error.
    code = str(error.body.get("code")) if isinstance(error.body, dict) else ""
    return _classify(int(code) if _STATUS.fullmatch(code) else None, error.body, {})


def _classify(status: int | None, body: Any, headers: Mapping[str, str]) -> ModelError:
    said = body if isinstance(body, dict) else {"message": body}
    codes = [word for key in ("code", "type") if isinstance(word := said.get(key), str)]
    label = " ".join([str(status or "error"), *dict.fromkeys(word for word in codes if _CODE_WORD.fullmatch(word))])
    words = " ".join([*codes, str(said.get("message"))]).lower()
    if status in (402, 429) or _QUOTA.search(words):
        return _quota(status, label, words, headers)
    if _FILTER.search(words):
        return Blocked(label)
    if reason := _reason(status, words):
        return InvalidRequest(label, reason)
    return ModelUnavailable(label)


def _quota(status: int | None, label: str, words: str, headers: Mapping[str, str]) -> QuotaExhausted:
    # The account is empty: OpenAI's word, and OpenRouter's code for it. No time will fill it.
    if status == 402 or "insufficient_quota" in words:
        return QuotaExhausted(label)
    scope: Literal["minute", "day"] | None = (
        "day" if _DAY.search(words) else "minute" if _MINUTE.search(words) else None
    )
    return QuotaExhausted(label, _retry_after(headers), scope)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    milliseconds, given = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    if _NUMBER.fullmatch(given):
        return float(given)
    try:
        moment = parsedate_to_datetime(given)
        return max(0.0, (moment - datetime.now(moment.tzinfo or UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError):
        return None


def _reason(status: int | None, words: str) -> Literal["key", "unknown_model", "too_long", "refused"] | None:
    """None: it is the server's fault."""
    # Before the codes: llama.cpp has sent 500 for it, and in mid-stream there is none.
    if status == 413 or _TOO_LONG.search(words):
        return "too_long"
    if status in (401, 403):
        return "key"
    if status == 404 or _UNKNOWN.search(words):
        return "unknown_model"
    return "refused" if status and 400 <= status < 500 and status not in _PASSING else None
