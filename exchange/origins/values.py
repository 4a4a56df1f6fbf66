"""Values of an export as what a reader expects of them, whatever they are: nothing here raises.

A value of another type counts as one that is not there.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from datalayer.text import one_line

from .base import Problem
from .places import Place
from .reasons import Why

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = ((datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for year in (1990, 2200))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(
    r"[a-z]{3} ([a-z]{3}) (\d\d?) (\d{4}) (\d\d):(\d\d):(\d\d) (?:gmt|utc)([+-])(\d\d):?(\d\d)(?: \(.*\))?",
    re.IGNORECASE,
)
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[^;,]{1,100}){0,10}),", re.IGNORECASE)
LARGEST_FILE = 50_000_000
"""Bytes of a file that is written as a data: URL."""
_LONGEST_KEY, _LONGEST_NAME = 200, 500
_TIMES = frozenset(
    (
        *("time", "timestamp", "create_time", "update_time", "created_at", "updated_at", "createdAt", "updatedAt"),
        *("sent_at", "datetime_utc"),
    )
)
ODD_TIME = Why("time_unreadable")
_LARGEST, _DEEPEST = 1_000_000, 50
"""Characters, and levels, of a value that metadata takes."""


def mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def line(value: object) -> str | None:
    """Text as one line of at most 500 characters, such as a title; None: there is none."""
    if not isinstance(value, str) or not value:
        return None
    return one_line(value[: _LONGEST_NAME * 2])[:_LONGEST_NAME].strip() or None


def identifier(value: object) -> str | None:
    """An id, which may be a number, as text; of a very long one its digest. None: there is none."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return str(value)
    found = text(value).strip()
    return (found if len(found) <= _LONGEST_KEY else digest(found)) or None


def flag(value: object) -> bool:
    """JSON's true, SQLite's 1, or either as text."""
    return value is True or (isinstance(value, (int, float)) and value == 1) or text(value).lower() in ("true", "1")


def moment(value: object) -> int | None:
    """A time as UTC microseconds. A number counts seconds, milliseconds, microseconds or nanoseconds, whichever gives a
    year from 1990 on. Text is ISO 8601, a number, or what JavaScript and mail write; without a zone it is UTC. None: it
    is no time."""
    try:
        found = _of_text(value.strip()) if isinstance(value, str) and len(value) < 200 else _of_number(value)
    except (ValueError, OverflowError, TypeError):
        return None
    return found if found is not None and _EARLIEST <= found < _LATEST else None


def _of_number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    for up, down in ((1_000_000, 1), (1_000, 1), (1, 1), (1, 1_000)):
        found = value * up // down if isinstance(value, int) else value * up / down
        if _EARLIEST <= found < _LATEST:
            return round(found)
    return None


def _of_text(value: str) -> int | None:
    if re.fullmatch(r"-?\d+(\.\d*)?", value):
        return _of_number(float(value) if "." in value else int(value))
    at = _of_script(value) or _of_iso(value) or parsedate_to_datetime(value)
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1)


def _of_script(value: str) -> datetime | None:
    """As JavaScript's ``String(Date)``: ``Sat Nov 28 2026 10:55:38 GMT+0100 (Central European Standard Time)``."""
    if not (found := _DATE.fullmatch(value)) or found[1].lower() not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(part) for part in found.group(2, 3, 4, 5, 6))
    behind = timedelta(hours=int(found[8]), minutes=int(found[9])) * (-1 if found[7] == "-" else 1)
    return datetime(year, _MONTHS.index(found[1].lower()) + 1, day, hour, minute, second, tzinfo=timezone(behind))


def _of_iso(value: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(value)
    return None


def is_odd_time(value: object) -> bool:
    """Whether it is something, and no time."""
    return value not in (None, "", 0, [], {}) and moment(value) is None


def odd_time(value: object, place: Place) -> list[Problem]:
    """That it is something, and no time."""
    return [Problem(place, ODD_TIME, lost=False)] if is_odd_time(value) else []


def digest(*parts: object) -> str:
    """What tells these values, as text, from all others: 32 hexadecimal digits."""
    seen = hashlib.sha256()
    for part in parts:
        one = str(part).encode(errors="surrogatepass")
        seen.update(b"%d:" % len(one) + one)
    return seen.hexdigest()[:32]


class Keys:
    """Keys of one conversation, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._taken

    def add(self, wished: object, *otherwise: object) -> str:
        """``wished``, or where it is none, what derives from ``otherwise``; with a number if it is taken."""
        key = found = identifier(wished) or digest(*otherwise)
        number = 1
        while found in self._taken:
            number += 1
            found = f"{key}-{number}"
        self._taken.add(found)
        return found


def texts(content: object) -> Iterator[str]:
    """The texts of what may be text, a part of a content, or a list of both: ``"…"``, ``{"text": "…"}``,
    ``{"text": {"value": "…"}}``. Parts of other kinds are passed over."""
    for part in content if isinstance(content, list) else [content]:
        value = part.get("text") if isinstance(part, dict) else part
        if found := text(value.get("value") if isinstance(value, dict) else value):
            yield found


def plain(content: object) -> str:
    """``texts`` as one, with an empty line between them."""
    return "\n\n".join(texts(content))


def written(value: object) -> str:
    """Text as it is, anything else as JSON; "" for what is not there."""
    with suppress(ValueError, TypeError, RecursionError):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value is not None else ""
    return ""


def data_url(value: object) -> tuple[str | None, bytes] | None:
    """The MIME type, where it names one, and the content of a ``data:`` URL. None: it is none, is damaged, or is larger
    than ``LARGEST_FILE``."""
    url = text(value)
    if not (found := _DATA_URL.match(url)) or len(url) > LARGEST_FILE * 4 // 3 + 2_000:
        return None
    with suppress(binascii.Error, ValueError):
        if found[2].lower().endswith(";base64"):
            return found[1], base64.b64decode(url[found.end() :])
        return found[1], unquote_to_bytes(url[found.end() :])
    return None


def rest(value: dict[str, Any], read: Collection[str], place: Place) -> tuple[dict[str, Any], list[Problem]]:
    """What of a mapping is not among the keys that were ``read``, for metadata, without what is empty; and that there
    was too much to be kept. So is a time that cannot be read, and told."""
    if not value:  # as of most messages
        return {}, []
    odd = {key for key, each in value.items() if key in _TIMES and key in read and is_odd_time(each)}
    left = {k: each for k, each in value.items() if (k not in read or k in odd) and each not in (None, "", [], {})}
    kept = {key: each for key, each in left.items() if len(key) <= _LONGEST_KEY and fits(each)}
    large = ", ".join(key[:50] for key in list(left)[:20] if key not in kept)
    problems = [Problem(place, Why("rest_large", names=large), lost=False)] if len(kept) < len(left) else []
    return kept, problems + ([Problem(place, ODD_TIME, lost=False)] if odd else [])


def fits(value: object) -> bool:
    """Whether metadata can hold it."""
    waiting, size = [(value, 1)], 0
    while waiting:
        one, depth = waiting.pop()
        size += len(one) if isinstance(one, (str, list)) else 8
        inner: Collection[object] = ()
        if isinstance(one, dict):
            inner = one.values()
            size += sum(len(key) for key in one)
        elif isinstance(one, list):
            inner = one
        if size > _LARGEST or (inner and depth >= _DEEPEST):
            return False
        waiting.extend((each, depth + 1) for each in inner)
    return True
