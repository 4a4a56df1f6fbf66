"""What Google's API says, whichever of its SDKs is used.

Always true: no error made here holds a sentence of the server's. Google's sentences can quote the key (“Consumer
'api_key:…' has been suspended”); its code words say as much.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..answer import Piece
from ..base import InvalidRequest, ModelError, ModelUnavailable, NotPaid, QuotaExhausted, Refused, Usage
from ..wordings import NO_QUOTA, meaning

GOOGLE = "https://generativelanguage.googleapis.com"

_WHOLE = ("STOP", "MAX_TOKENS")
# Ends that are no answer, and no filter's doing either. All other words are: new filters appear every few months.
_FAULTS = re.compile("OTHER|FINISH_REASON_UNSPECIFIED|MALFORMED_.*|.*_TOOL_CALLS?|MISSING_THOUGHT_SIGNATURE")
# The 4xx that say nothing about the request: timeout, aborted, cancelled.
_PASSING = (408, 409, 499)
_CODE_WORD = re.compile(r"[A-Z][A-Z_]*")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


def piece(text: str, thought: str, usage: Usage | None, finish: str | None, prompt_blocked: str | None) -> Piece:
    """``finish``: finishReason, ``prompt_blocked``: blockReason."""
    if finish in _WHOLE:
        return Piece(text, usage, finish, prompt_blocked, thought)
    filtered = finish if finish and not _FAULTS.fullmatch(finish) else None
    return Piece(text, usage, None, prompt_blocked or filtered, thought)


def usage(asked: int | None, said: int | None, thought: int | None, cached: int | None) -> Usage:
    """A count that is zero is left out of Google's JSON."""
    return Usage(asked or 0, (said or 0) + (thought or 0), cached or 0)


def can_do_without_thinking(model: str) -> bool:
    """Pro refuses to: https://ai.google.dev/gemini-api/docs/thinking, November 2025."""
    return "flash" in model


def has_system(model: str) -> bool:
    """Gemma's templates know no system prompt: https://ai.google.dev/gemma/docs/core/prompt-structure"""
    return re.match("(models/)?gemma-[123]", model) is None


def can_think(model: str) -> bool:
    """The others refuse to be asked for thoughts."""
    return re.match("(models/)?gemini-(2[.]5|[3-9])", model) is not None


def is_googles(body: object) -> bool:
    """Whether an error is one of Google's, wherever it comes from."""
    said = _error(body)
    return any("google.rpc" in str(each) for each in _list(said.get("details"))) or (
        bool(_CODE_WORD.fullmatch(str(said.get("status") or ""))) and isinstance(said.get("code"), int)
    )


def refusal(code: object, body: object) -> ModelError:
    """``body``: what came with it, ``{"error": {…}}`` or a list with that in it; or anything else."""
    said = _error(body)
    details = [each for each in _list(said.get("details")) if isinstance(each, dict)]
    label = _label(code, said, details)
    words = str(said.get("message")).lower()
    if code == 429 or said.get("status") == "RESOURCE_EXHAUSTED":
        return _quota(label, words, details)
    if not isinstance(code, int) or not 400 <= code < 500 or code in _PASSING:
        return ModelUnavailable(label)
    return _refused(code, label, words, bool(said))


def _quota(label: str, words: str, details: list[dict[str, Any]]) -> ModelError:
    # What the free plan does not have at all is told like what is used up.
    if NO_QUOTA.search(words):
        return NotPaid(label, "no_quota")
    seconds, scope = _retry_after(details), _scope(details)
    # Google sends the delay of a per-minute quota along with a daily one: half a minute, all day long.
    if scope == "day" and (seconds is None or seconds < 3600):
        seconds = until_midnight(datetime.now(UTC))
    return QuotaExhausted(label, seconds, scope)


def until_midnight(moment: datetime) -> float:
    """Seconds. Daily quotas begin anew at midnight Pacific time: https://ai.google.dev/gemini-api/docs/rate-limits"""
    there = moment.astimezone(_pacific())
    midnight = (there + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.timestamp() - moment.timestamp()


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:  # a slim container has no time zones: at most an hour early in winter or summer
        return timezone(timedelta(hours=-8))


def _error(body: object) -> dict[str, Any]:
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    found = body.get("error") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _list(given: object) -> list[Any]:
    return given if isinstance(given, list) else []


def _label(code: object, said: dict[str, Any], details: list[dict[str, Any]]) -> str:
    words = [said.get("status"), *(detail.get("reason") for detail in details)]
    plain = [word for word in words if isinstance(word, str) and _CODE_WORD.fullmatch(word)]
    return " ".join([str(code) if isinstance(code, int) else "error", *plain])


def _refused(code: int, label: str, words: str, explained: bool) -> ModelError:
    """Google has no code word for most of it: 400 INVALID_ARGUMENT is all."""
    if "API_KEY_INVALID" in label or "CONSUMER_SUSPENDED" in label:
        return InvalidRequest(label, "key")
    if "billing" in words:
        return NotPaid(label)
    found = meaning(words)
    if found in ("too_long", "location", "not_chat"):
        return InvalidRequest(label, found)
    known: dict[int, Refused] = {401: "key", 403: "permission", 404: "unknown_model", 413: "too_long"}
    if code == 404 and not explained:
        return InvalidRequest(label, "address")
    return InvalidRequest(label, known.get(code, "refused"))


def _retry_after(details: list[dict[str, Any]]) -> float | None:
    delays = (_SECONDS.fullmatch(str(detail.get("retryDelay"))) for detail in details)
    return next((float(delay[1]) for delay in delays if delay), None)


def _scope(details: list[dict[str, Any]]) -> Literal["minute", "day"] | None:
    """Of google.rpc.QuotaFailure. The day wins: a minute later there would still be nothing left."""
    violations = [each for detail in details for each in _list(detail.get("violations")) if isinstance(each, dict)]
    names = " ".join(f"{each.get('quotaId')} {each.get('quotaMetric')}" for each in violations).lower()
    if re.search("per_?day", names):
        return "day"
    return "minute" if re.search("per_?minute", names) else None
