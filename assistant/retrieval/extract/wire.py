"""What the process that reads says to the one that asks, as JSON."""

from typing import Any

from datalayer.passages import Passage, Place, Unit


def packed(passage: Passage) -> dict[str, Any]:
    place = passage.place
    return {"text": passage.text, "place": [place.pages, place.heading, place.sheet, place.rows, place.lines]}


def unpacked(line: dict[str, Any], unit: Unit) -> Passage:
    pages, heading, sheet, rows, lines = line["place"]
    place = Place(_span(pages), tuple(map(str, heading)), sheet, _span(rows), _span(lines), unit)
    return Passage(str(line["text"]), place)


def _span(given: list[int] | None) -> tuple[int, int] | None:
    if given is None:
        return None
    first, last = given
    return int(first), int(last)
