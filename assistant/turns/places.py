"""Where in a file something stands, for a person to read."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from datalayer.passages import Place, Unit

from ..texts import Language, say


def told(place: Place, to: Language) -> str:
    """``page 3``, ``slide 3``, ``sheet “Costs”, rows 2–40``; "" where the file has no places."""
    return ", ".join(
        [
            *([_span(place.unit, place.pages, to)] if place.pages else []),
            *([say("place_sheet", to, name=place.sheet)] if place.sheet else []),
            *([_span("row", place.rows, to)] if place.rows else []),
            *([_span("line", place.lines, to)] if place.lines else []),
            *([" › ".join(place.heading)] if place.heading else []),
        ]
    )


def _span(what: str, both: Sequence[int], to: Language) -> str:
    first, last = both
    if first == last:
        return say(f"place_{what}", to, at=first)
    return say(f"place_{what}s", to, first=first, last=last)


def stored(given: Any) -> Place:
    """The place that a stored source tells of, as far as it can be read."""
    known: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    spans = {name: tuple(known[name]) for name in ("pages", "rows", "lines") if _is_span(known.get(name))}
    heading = tuple(str(each) for each in known.get("heading") or ())
    unit: Unit = next((each for each in get_args(Unit) if each == known.get("unit")), "page")
    return Place(heading=heading, sheet=known.get("sheet"), **spans, unit=unit)


def _is_span(given: Any) -> bool:
    return isinstance(given, Sequence) and len(given) == 2 and all(isinstance(each, int) for each in given)
