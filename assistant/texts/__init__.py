"""Everything the app says: ``en.json`` and ``fr.json``, with the same keys.

A text is a template of ``str.format``. One that depends on a number is an object: the plural categories of CLDR
(``one``, ``other``, and ``many`` in French, https://cldr.unicode.org/index/cldr-spec/plural-rules) for the value ``n``.
"""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_decimal

Language = Literal["fr", "en"]
_Template = str | dict[str, str]

_TEXTS: dict[Language, dict[str, _Template]] = {
    to: json.loads(Path(__file__).with_name(f"{to}.json").read_text("utf-8")) for to in ("en", "fr")
}
_plural = {to: Locale(to).plural_form for to in _TEXTS}


def language(tag: str | None) -> Language:
    """The language to speak to a browser that asks for ``tag`` (RFC 5646, such as fr-CA); English without one."""
    return "fr" if (tag or "").lower().split("-")[0] == "fr" else "en"


def accepted(header: str | None) -> Language:
    """The language for a browser with this header Accept-Language (RFC 9110, 12.5.4): the one it would rather read."""
    tags = [part.partition(";") for part in (header or "").lower().split(",")]
    weights = [(_weight(parameters), tag.strip().split("-")[0]) for tag, _, parameters in tags]
    known = [(weight, tag) for weight, tag in weights if tag in _TEXTS and weight > 0]
    return language(max(known, key=lambda each: each[0])[1]) if known else "en"


def _weight(parameters: str) -> float:
    try:
        return float(parameters.strip().removeprefix("q=") or 1)
    except ValueError:  # nobody wrote that on purpose
        return 0


def say(key: str, to: Language, **values: object) -> str:
    """The text ``key``. ``n``: the number, an int, on which a text with plural forms depends; it is written as
    ``number`` writes it."""
    template, n = _TEXTS[to][key], values.get("n")
    if isinstance(n, int):
        values["n"] = number(n, to)
    if isinstance(template, dict):
        template = template.get(_plural[to](n if isinstance(n, int) else 0), template["other"])
    return template.format(**values)


def date(moment: datetime, to: Language) -> str:
    """``12 November 2026``, ``12 novembre 2026``."""
    return format_date(moment, "d MMMM y", locale=to)


def clock(at: datetime, to: Language) -> str:
    """``9:43 PM``, ``21:43``."""
    return format_time(at, "short", locale=to)


def moment(at: datetime, to: Language, now: datetime | None = None) -> str:
    """``at 9:43 PM UTC``, ``à 21:43 UTC``; on another day than ``now`` with its date; ``in a moment`` if that is past.

    The minute that begins with or after ``at``, in the zone of ``at``, which is named. ``now``: None: the present."""
    now = now or datetime.now(at.tzinfo)
    if at <= now:
        return say("soon", to)
    at = (at + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)
    time = format_time(at, "short", locale=to) + " " + (at.tzname() or "")
    return say("at", to, time=time) if at.date() == now.date() else say("on", to, date=date(at, to), time=time)


def minutes(seconds: float, to: Language, short: bool = True) -> str:
    """``58 min``, or ``60 minutes``; below one minute in seconds. Never more than there is."""
    unit = "minute" if seconds >= 60 else "second"
    length = timedelta(seconds=seconds // 60 * 60 if seconds >= 60 else int(seconds))
    form = "short" if short else "long"
    return format_timedelta(length, granularity=unit, threshold=1e9, format=form, locale=to)  # type: ignore[arg-type]


def number(value: float, to: Language) -> str:
    return format_decimal(value, locale=to)


def size(count: int, to: Language) -> str:
    """``1.2 MB``, ``1,2 Mo``: bytes in powers of 1,000."""
    value, unit = float(count), 0
    while value >= 1000 and unit < 3:
        value, unit = value / 1000, unit + 1
    names = ("o", "ko", "Mo", "Go") if to == "fr" else ("bytes", "kB", "MB", "GB")
    return f"{format_decimal(value, '#,##0.#', locale=to)}\u00a0{names[unit]}"


_SMALLEST = Decimal("0.0001")


def money(nano_usd: int, to: Language, unpriced: int = 0) -> str:
    """Billionths of a US dollar, to the cent from one dollar on; below, hundredths of cents: most answers cost less
    than one. ``unpriced``: calls whose price is not known, so that it is more, or a dash."""
    amount = Decimal(nano_usd) / 10**9
    if unpriced:
        return say("money_least", to, money=money(nano_usd, to)) if amount >= _SMALLEST else "–"
    if 0 < amount < _SMALLEST:
        return say("money_less", to, amount=format_decimal(_SMALLEST, "0.0000", locale=to))
    digits = "#,##0.00" if amount >= 1 or not amount else "0.0000"
    return say("money", to, amount=format_decimal(amount, digits, locale=to))
