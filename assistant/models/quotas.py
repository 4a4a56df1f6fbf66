"""When a quota is back, and which it is, in the words of many servers: headers, body and sentence."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

Scope = Literal["minute", "day"]

_DAY = re.compile(r"\b(?:per[ _-]?day|rpd|tpd|daily|a day)\b|perday|per_day|byday|86400s")
_MINUTE = re.compile(r"\b(?:per[ _-]?min(?:ute)?|rpm|tpm|a minute)\b|perminute|per_minute")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli|[smhd])", re.IGNORECASE)
_LENGTH = r"(?:\d+(?:\.\d+)?\s*(?:milliseconds?|ms|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)[\s,]*)+"
_DURATION = re.compile(_LENGTH, re.IGNORECASE)
_DATE = r"\d{4}-\d\d-\d\d(?:t| | at )[\d:.]+(?:z|\s?utc|[+-]\d\d:?\d\d)?"
_AGAIN = re.compile(rf"(?:again|retry|wait|resets?|available|back|renewed|access)\b[^.\d]{{0,40}}({_DATE}|{_LENGTH})")
# Limit, and what one request alone asks for: https://community.groq.com, https://platform.openai.com/docs/guides/rate-limits
_ASKED = re.compile(r"limit:?\s+(\d+)\b.{0,60}?\brequested:?\s+(?:about\s+)?(\d+)")


def scope(words: str) -> Scope | None:
    """The day wins: a minute later there would still be nothing left. ``words``: in lower case."""
    return "day" if _DAY.search(words) else "minute" if _MINUTE.search(words) else None


def too_large(words: str) -> bool:
    """Whether one request alone asks for more than a quota ever gives."""
    asked = _ASKED.search(words)
    return "request too large" in words or (asked is not None and int(asked[2]) > int(asked[1]))


def seconds(value: object, now: datetime | None = None) -> float | None:
    """From now on; None where ``value`` says no time. 20, "7.66s", "1m30s", an ISO or HTTP date, or seconds or
    milliseconds since 1970."""
    now, text = now or datetime.now(UTC), str(value).strip()
    if _NUMBER.fullmatch(text):
        return _from_number(float(text), now)
    if _DURATION.fullmatch(text):
        return sum(float(number) * _unit(unit) for number, unit in _PART.findall(text))
    moment = _iso(text) or _http_date(text)
    return max(0.0, (moment - now).total_seconds()) if moment else None


def _from_number(number: float, now: datetime) -> float | None:
    if not math.isfinite(number):
        return None
    if number > 1e11:
        return max(0.0, number / 1000 - now.timestamp())
    return max(0.0, number - now.timestamp()) if number > 1e9 else number


def _unit(word: str) -> float:
    word = word.lower()
    return _UNITS["ms" if word in ("ms", "milli") else word]


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub(r"\s?utc$", "z", text.lower().replace(" at ", " ")).upper())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def retry_after(words: str, *headers: Mapping[str, str]) -> float | None:
    """Seconds until the quota is back, None when nobody says. ``words``: of the error, in lower case; ``headers``: of
    the answer, and of the server behind it."""
    return next((delay for delay in _delays(words, headers) if delay is not None), None)


def _delays(words: str, headers: tuple[Mapping[str, str], ...]) -> Iterator[float | None]:
    small = [{name.lower(): str(value) for name, value in each.items()} for each in headers]
    for each in small:
        milliseconds = each.get("retry-after-ms", "")
        yield float(milliseconds) / 1000 if _NUMBER.fullmatch(milliseconds) else None
        yield seconds(each.get("retry-after", ""))
    again = _AGAIN.search(words)
    yield seconds(again[1].strip(" ,.")) if again else None
    for each in small:
        yield _reset(each)


def _reset(headers: Mapping[str, str]) -> float | None:
    """Of the quota that is used up; of one that is not said to be, only where there is just one."""
    resets = {name: seconds(value) for name, value in headers.items() if re.search(r"rate-?limit.*reset", name)}
    resets = {name: value for name, value in resets.items() if value is not None}
    used_up = [value for name, value in resets.items() if headers.get(_remaining(name, headers)) in ("0", "0.0")]
    if used_up:
        return max(value for value in used_up if value is not None)
    return next(iter(resets.values())) if len(resets) == 1 else None


def _remaining(reset: str, headers: Mapping[str, str]) -> str:
    """The header that tells what is left of the quota of ``reset``."""
    return next((name for name in headers if name == reset.replace("reset", "remaining")), "")
