"""What the page says: ``en.json`` and ``fr.json``, with the same keys.

A text is a template of ``str.format``; one that depends on the number ``n`` is an object of CLDR's plural categories.
"""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from datalayer.passages import Place

Language = Literal["en", "fr"]

_TEXTS: dict[Language, dict[str, str | dict[str, str]]] = {
    to: json.loads(Path(__file__).with_name(f"{to}.json").read_text("utf-8")) for to in ("en", "fr")
}
_plural = {to: Locale(to).plural_form for to in _TEXTS}
_SMALLEST = Decimal("0.01")


def accepted(header: str | None) -> Language:
    """The language for a browser with this header Accept-Language (RFC 9110, 12.5.4): of two that it would rather read
    as much, the first; English without one."""
    tags = [part.partition(";") for part in (header or "").lower().split(",")]
    weights = [(_weight(parameters), tag.strip().split("-")[0]) for tag, _, parameters in tags]
    known = [(weight, tag) for weight, tag in weights if tag in _TEXTS and weight > 0]
    return "fr" if known and max(known, key=lambda each: each[0])[1] == "fr" else "en"


def _weight(parameters: str) -> float:
    try:
        return float(parameters.strip().removeprefix("q=") or 1)
    except ValueError:  # nobody wrote that on purpose
        return 0


def say(key: str, to: Language, **values: object) -> str:
    """The text ``key``. ``n``: the number, an int, on which a text with plural forms depends."""
    return _template(key, to, values).format(**values)


def said(key: str, to: Language, **values: object) -> Markup:
    """As ``say`` does, for a page: values that are no HTML are escaped."""
    return escape(_template(key, to, values)).format(**values)


def _template(key: str, to: Language, values: dict[str, object]) -> str:
    """Writes ``n`` of ``values`` as ``to`` does."""
    template, n = _TEXTS[to][key], values.get("n")
    if isinstance(n, int):
        values["n"] = number(n, to)
    if isinstance(template, dict):
        template = template.get(_plural[to](n if isinstance(n, int) else 0), template["other"])
    return template


def number(value: float, to: Language) -> str:
    return format_decimal(value, locale=to)


def size(count: int, to: Language) -> str:
    """``1.2 MB``, ``1,2 Mo``: bytes in powers of 1,000."""
    value, unit = float(count), 0
    while value >= 1000 and unit < 3:
        value, unit = value / 1000, unit + 1
    shown = format_decimal(value, "#,##0" if value >= 100 or not unit else "#,##0.#", locale=to)
    return say(f"size_{('bytes', 'kb', 'mb', 'gb')[unit]}", to, amount=shown)


def place(where: Place, to: Language) -> str:
    """``page 3``, ``slide 3``, ``sheet “Costs”, rows 2–40``; empty where the file has no places."""
    spans = ((where.unit, where.pages), ("row", where.rows), ("line", where.lines))
    told = {name: _span(name, at, to) for name, at in spans if at}
    sheet = say("place_sheet", to, name=where.sheet) if where.sheet else ""
    parts = (told.get(where.unit), sheet, told.get("row"), told.get("line"), " › ".join(where.heading))
    return ", ".join(part for part in parts if part)


def _span(name: str, at: tuple[int, int], to: Language) -> str:
    first, last = (number(each, to) for each in at)
    return say(f"place_{name}", to, at=first) if first == last else say(f"place_{name}s", to, first=first, last=last)


def money(nano_usd: int, to: Language, unpriced: int = 0) -> str:
    """Billionths of a US dollar, to the cent. ``unpriced``: calls whose price is not known, so that it is more."""
    amount = Decimal(nano_usd) / 10**9
    if unpriced and amount < _SMALLEST:
        return "–"
    key = "money_less" if 0 < amount < _SMALLEST else "money_least" if unpriced else "money"
    shown = _SMALLEST if key == "money_less" else amount
    return say(key, to, amount=format_decimal(shown, "#,##0.00", locale=to))


def day(microseconds: int, to: Language, now: datetime | None = None) -> str:
    """The time of a moment of today, the day of another one, with its year if that is over; as clocks are set here."""
    moment, now = local(microseconds), now or datetime.now()
    if moment.date() == now.date():
        return format_time(moment, "short", locale=to)
    return format_date(moment, "d MMM" if moment.year == now.year else "d MMM y", locale=to)


def local(microseconds: int) -> datetime:
    """Of a moment that no calendar has: the first day of all."""
    try:
        return datetime.fromtimestamp(microseconds / 1e6)
    except (ValueError, OverflowError, OSError):
        return datetime(1970, 1, 1)
