"""What a server's refusal means, whoever the server is.

Always true: no error made here holds a sentence of the server's, which may quote the key or the conversation; its code
words say as much.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import quotas
from .base import Blocked, InvalidRequest, ModelError, ModelUnavailable, NotPaid, QuotaExhausted, Refused
from .wordings import BALANCE, FILTER, NO_QUOTA, QUOTA, meaning

_CODE_WORD = re.compile("[a-z][a-z_]{2,40}")
_STATUS = re.compile("[1-5][0-9]{2}")
_MOST_WORDS = 4_000
# Where servers quote the request.
_QUOTED = {"input", "inputs", "ctx", "body", "messages", "failed_generation", "prompt"}
# The 4xx that say nothing about the request: timeout, conflict, too early, client gone.
_PASSING = (408, 409, 425, 499)
_BY_STATUS: dict[int | None, Refused] = {401: "key", 403: "permission", 413: "too_long"}


class Said(Exception):
    """A server's refusal. ``status``: of HTTP, None in an answer that was said to be well. ``body``: JSON, or text."""

    def __init__(self, status: int | None, body: Any, headers: Mapping[str, str]) -> None:
        super().__init__(str(status))
        self.status, self.body, self.headers = status, body, headers

    @property
    def negotiable(self) -> bool:
        """Whether it can be about how was asked; not about who asks, nor how often."""
        return self.status is None or self.status in (400, 404, 415, 422, 500, 501)


def said(error: Exception, refused: type[Any]) -> Said | None:
    """What the server said with ``error``; None: nothing. ``refused``: the error of an SDK that holds an answer."""
    if isinstance(error, Said):
        return error
    if isinstance(error, refused):
        return Said(error.status_code, parsed(error.response.text), error.response.headers)
    return None


def judge(response: Said) -> ModelError:
    """What a refusal means."""
    said, words = error_of(response.body), words_of(response.body)
    status = response.status or _status(said)
    codes = [word for key in ("code", "type", "status") if isinstance(word := said.get(key), str)]
    label = " ".join([str(status or "error"), *dict.fromkeys(word for word in codes if _CODE_WORD.fullmatch(word))])
    if status == 402 or BALANCE.search(words):
        return NotPaid(label)
    if quotas.too_large(words):
        return InvalidRequest(label, "too_long")
    if status == 429 or (status not in (404, 413, 422) and QUOTA.search(words)):
        return _quota(label, words, said, response.headers)
    if FILTER.search(words):
        return Blocked(label)
    return _refused(status, response.body, label, words)


def _quota(label: str, words: str, said: dict[str, Any], headers: Mapping[str, str]) -> ModelError:
    if NO_QUOTA.search(words):
        return NotPaid(label, "no_quota")
    metadata = said.get("metadata")
    behind = metadata.get("headers") if isinstance(metadata, dict) else None  # OpenRouter, of who answers behind it
    delay = quotas.retry_after(words, headers, behind if isinstance(behind, dict) else {})
    return QuotaExhausted(label, delay, quotas.scope(words))


def _refused(status: int | None, body: Any, label: str, words: str) -> ModelError:
    found = None if words.startswith("<") else meaning(words)  # a page of a web server says nothing of models
    if found == "loading" or found == "no_memory":
        return ModelUnavailable(label, found)
    if status and status >= 500 and found in ("key", "permission", "address"):
        return ModelUnavailable(label)
    if status == 401 and found == "permission":
        found = "key"
    refused = found or _by_status(status, body, words)
    return InvalidRequest(label, refused) if refused else ModelUnavailable(label)


def _by_status(status: int | None, body: Any, words: str) -> Refused | None:
    """None: it is the server's fault."""
    if status and 300 <= status < 400:  # to follow it would carry the key along
        return "address"
    if status in (404, 405):
        return "unknown_model" if not isinstance(body, str) and "model" in words else "address"
    refused = bool(status and 400 <= status < 500 and status not in _PASSING)
    return _BY_STATUS.get(status, "refused" if refused else None)


def error_of(body: Any) -> dict[str, Any]:
    """The part of ``body`` that tells of the error."""
    if isinstance(body, list) and body:
        body = body[0]
    found = body.get("error") or body if isinstance(body, dict) else body
    return found if isinstance(found, dict) else {"message": found}


def _status(said: dict[str, Any]) -> int | None:
    codes = (str(said.get(key)) for key in ("code", "status", "status_code"))
    return next((int(code) for code in codes if _STATUS.fullmatch(code)), None)


def words_of(body: Any) -> str:
    """All that ``body`` says, in lower case, without what it quotes of the request."""
    return " ".join(_strings(body)).lower()[:_MOST_WORDS].strip()


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth < 8:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in items:
            if key not in _QUOTED:
                yield from _strings(each, depth + 1)


def parsed(text: str) -> Any:
    """The JSON in ``text``, else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
