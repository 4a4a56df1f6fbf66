"""Times as Google writes them for people: in the language and the zone of an account."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from ..reasons import Why
from ..values import EPOCH

_LANGUAGES = (
    *("en", "fr", "de", "es", "pt", "it", "nl", "sv", "da", "nb", "fi", "pl", "cs", "sk", "hu", "ro", "ru", "uk", "bg"),
    *("el", "tr", "id", "ms", "vi", "th", "ca", "hr", "sr", "sl", "lt", "lv", "et", "he", "ar", "fa", "hi", "fil"),
)
"""Where a word means two months, the first language counts."""
_CLOCK = re.compile(
    r"(?<![\d.:])(\d{1,2})\s?(?::|h|時|时|시)\s?(\d{2})\s?(?::|min|m|分|분)\s?(\d{2})(?:\s?(?:s|秒|초))?(?!\d)"
)
_DOTTED = re.compile(r"(?<![\d.:])(\d{1,2})\.(\d{2})\.(\d{2})(?![\d.])")
_ISLAND = re.compile(r"(\d{4})\s?[年년.]\s?(\d{1,2})\s?[月월.]\s?(\d{1,2})")
_OFFSET = re.compile(r"(?:gmt|utc)?\s?([+\u2212-])(\d{1,2}):?(\d{2})?$")
_AFTERNOON = re.compile(r"(?:(?<![^\W\d])p\.?\s?m\b\.?|午後|下午|오후|晚上|(?<!\w)(?:μ\.?μ|م|ip|du|em|nm|ös)\b\.?)")
_MORNING = re.compile(r"(?:(?<![^\W\d])a\.?\s?m\b\.?|午前|上午|오전|凌晨|早上|(?<!\w)(?:π\.?μ|ص|ap|fm|öö)\b\.?)")
_LONGEST = 80
_MINUTES = {
    **dict.fromkeys(("utc", "gmt", "z", "wet"), 0),
    **dict.fromkeys(("cet", "mez", "west", "bst", "wat"), 60),
    **dict.fromkeys(("cest", "mesz", "hec", "eet", "cat", "sast"), 120),
    **dict.fromkeys(("eest", "msk", "trt", "eat", "ast3"), 180),
    **dict.fromkeys(("gst", "samt"), 240),
    **dict.fromkeys(("irst",), 210),
    **dict.fromkeys(("pkt", "uzt", "yekt"), 300),
    **dict.fromkeys(("ist",), 330),
    **dict.fromkeys(("npt",), 345),
    **dict.fromkeys(("wib", "ict"), 420),
    **dict.fromkeys(("hkt", "sgt", "pht", "myt", "wita", "awst", "hks"), 480),
    **dict.fromkeys(("jst", "kst", "wit"), 540),
    **dict.fromkeys(("acst",), 570),
    **dict.fromkeys(("aest",), 600),
    **dict.fromkeys(("aedt",), 660),
    **dict.fromkeys(("nzst",), 720),
    **dict.fromkeys(("nzdt",), 780),
    **dict.fromkeys(("brt", "art", "uyt", "clst", "adt"), -180),
    **dict.fromkeys(("nst",), -210),
    **dict.fromkeys(("ndt",), -150),
    **dict.fromkeys(("ast", "edt", "clt", "bot", "vet", "amt"), -240),
    **dict.fromkeys(("est", "cdt", "cot", "pet", "ect"), -300),
    **dict.fromkeys(("cst", "mdt"), -360),
    **dict.fromkeys(("mst", "pdt"), -420),
    **dict.fromkeys(("pst", "akdt"), -480),
    **dict.fromkeys(("akst", "hdt"), -540),
    **dict.fromkeys(("hst",), -600),
}
_AMBIGUOUS = {"cst", "cdt", "ist", "bst", "ast", "adt", "gst", "amt", "ect", "wit", "pst", "mst"}
_BY_SCRIPT = {("cst", "CJK"): 480, ("ist", "HEBREW"): 120, ("ast", "ARABIC"): 180}
"""The zone that an abbreviation means in dates that are written so."""


class Local(NamedTuple):
    at: int
    """UTC microseconds."""
    assumed: tuple[Why, ...]
    """What had to be assumed."""


def read(text: str) -> Local | None:
    """None: it is no time with a date."""
    if not 12 <= len(text) <= _LONGEST or not any(char.isdigit() for char in text):
        return None
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().replace("\u200f", "").replace("\u200e", "").split())
    clock = _clock(plain)
    if clock is None:
        return None
    day = _day(plain[: clock.start()] + " " + plain[clock.end() :])
    if day is None:
        return None
    year, month, number, guessed = day
    zone, minutes, assumed = _zone(plain[clock.end() :].strip(" ,.)("), plain)
    try:
        local = datetime(year, month, number, _hour(int(clock[1]), plain), int(clock[2]), int(clock[3]), tzinfo=UTC)
        at = (local - EPOCH - timedelta(minutes=minutes)) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None
    told = [Why("zone_assumed", zone=zone, taken=_named(minutes))] if assumed else []
    return Local(at, (*told, *guessed))


def has_clock(text: str) -> bool:
    """Whether it may be a time that cannot be read."""
    return len(text) <= _LONGEST and _clock(unicodedata.normalize("NFKC", text).lower()) is not None


def _clock(text: str) -> re.Match[str] | None:
    return _CLOCK.search(text) or _DOTTED.search(text)


def _hour(hour: int, text: str) -> int:
    if _AFTERNOON.search(text):
        return hour % 12 + 12 if hour <= 12 else hour
    return hour % 12 if _MORNING.search(text) and hour <= 12 else hour


def _day(text: str) -> tuple[int, int, int, list[Why]] | None:
    """Year, month, day, and what had to be assumed."""
    if found := _ISLAND.search(text):
        return _year(int(found[1])), int(found[2]), int(found[3]), []
    text = _OFFSET.sub("", text)
    numbers = [int(each) for each in re.findall(r"\d+", text)]
    months = [month for month in map(_months().get, re.findall(r"[^\W\d]+", text)) if month]
    if len(numbers) == 2 and months:
        year, day = max(numbers), min(numbers)
        return (_year(year), months[0], day, []) if year > 1_000 else None
    if len(numbers) != 3:
        return None
    if numbers[0] > 1_000:
        return _year(numbers[0]), numbers[1], numbers[2], []
    first, second, year = numbers
    if year < 1_000:
        return None
    month_first = second > 12 or (first <= 12 and "/" in text and re.search(r"\b[ap]m\b", text) is not None)
    unsure = first <= 12 and second <= 12 and first != second and "." not in text
    date = f"{first}/{second}"
    told = [Why("month_first", date=date) if month_first else Why("day_first", date=date)]
    day, month = (second, first) if month_first else (first, second)
    return _year(year), month, day, told if unsure else []


def _year(year: int) -> int:
    return year - 543 if year > 2_400 else year  # the Thai calendar


def _zone(text: str, whole: str) -> tuple[str, int, bool]:
    """Its name, its minutes before UTC, and whether that had to be assumed."""
    text = _AFTERNOON.sub("", _MORNING.sub("", text)).strip(" ,.)(")
    if found := _OFFSET.search(text):
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        return text.upper(), minutes if found[1] == "+" else -minutes, minutes > 14 * 60
    name = text.split()[-1] if text else ""
    for (abbreviation, script), minutes in _BY_SCRIPT.items():
        if name == abbreviation and any(script in unicodedata.name(char, "") for char in whole):
            return name.upper(), minutes, True
    return name.upper() or "?", _MINUTES.get(name, 0), name not in _MINUTES or name in _AMBIGUOUS


def _named(minutes: int) -> str:
    return "UTC" + (f"{'+' if minutes > 0 else '−'}{abs(minutes) // 60}:{abs(minutes) % 60:02d}" if minutes else "")


@cache
def _months() -> dict[str, int]:
    """The numbers of months by their names, short and long, in many languages."""
    found: dict[str, int] = {"sept": 9}
    for name, number in _names():
        word = unicodedata.normalize("NFKC", name).lower().strip(". ")
        if word and not any(char.isdigit() for char in word):
            found.setdefault(word, number)
    return found


def _names() -> Iterator[tuple[str, int]]:
    from babel import Locale

    for language in _LANGUAGES:
        months = Locale(language).months
        for context in ("format", "stand-alone"):
            for width in ("abbreviated", "wide"):
                yield from ((name, number) for number, name in months[context][width].items())
