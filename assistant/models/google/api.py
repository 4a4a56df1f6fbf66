"""What Google's API says, whichever of its SDKs is used.

Always true: no error made here holds a sentence of the server's. Google's sentences can quote the key (“Consumer
'api_key:…' has been suspended”); its code words say as much.
"""

import re
from typing import Any, Literal

from ..answer import Piece
from ..base import InvalidRequest, ModelError, ModelUnavailable, QuotaExhausted, Usage

GOOGLE = "https://generativelanguage.googleapis.com"

_WHOLE = ("STOP", "MAX_TOKENS")
# Ends that are no answer, and no filter's doing either. All other words are: new filters appear every few months.
_FAULTS = re.compile("OTHER|FINISH_REASON_UNSPECIFIED|MALFORMED_.*|.*_TOOL_CALLS?|MISSING_THOUGHT_SIGNATURE")
# The 4xx that say nothing about the request: timeout, aborted, cancelled.
_PASSING = (408, 409, 499)
_CODE_WORD = re.compile(r"[A-Z][A-Z_]*")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_TOO_LONG = re.compile("token count.*exceeds the maximum|payload size exceeds", re.IGNORECASE | re.DOTALL)


def piece(text: str, usage: Usage | None, finish: str | None, prompt_blocked: str | None) -> Piece:
    """``finish``: finishReason, ``prompt_blocked``: blockReason."""
    if finish in _WHOLE:
        return Piece(text, usage, finish, prompt_blocked)
    filtered = finish if finish and not _FAULTS.fullmatch(finish) else None
    return Piece(text, usage, None, prompt_blocked or filtered)


def usage(asked: int | None, said: int | None, thought: int | None, cached: int | None) -> Usage:
    """A count that is zero is left out of Google's JSON."""
    return Usage(asked or 0, (said or 0) + (thought or 0), cached or 0)


def can_do_without_thinking(model: str) -> bool:
    """Pro refuses to: https://ai.google.dev/gemini-api/docs/thinking, November 2025."""
    return "flash" in model


def refusal(code: object, body: object) -> ModelError:
    """``body``: what came with it, ``{"error": {…}}`` or a list with that in it; or anything else."""
    said = _error(body)
    details = [each for each in _list(said.get("details")) if isinstance(each, dict)]
    label = _label(code, said, details)
    if code == 429 or said.get("status") == "RESOURCE_EXHAUSTED":
        return QuotaExhausted(label, _retry_after(details), _scope(details))
    if not isinstance(code, int) or not 400 <= code < 500 or code in _PASSING:
        return ModelUnavailable(label)
    return InvalidRequest(label, _reason(code, label, str(said.get("message"))))


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


def _reason(code: int, label: str, message: str) -> Literal["key", "unknown_model", "too_long", "refused"]:
    if code in (401, 403) or "API_KEY_INVALID" in label:
        return "key"
    if code == 404:
        return "unknown_model"
    # Google has no code word for it: 400 INVALID_ARGUMENT is all.
    return "too_long" if code == 413 or _TOO_LONG.search(message) else "refused"


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
