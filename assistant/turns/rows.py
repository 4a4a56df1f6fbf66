"""Rows of a sheet or of CSV as a table in Markdown, with their numbers; those that are cited have bold ones.

Pure. The corner of the table is empty, by which the page knows that its first column has the heads of the rows.
"""

from collections.abc import Iterator, Sequence
from itertools import dropwhile
from typing import NamedTuple

from datalayer.passages import Passage

from ..retrieval.extract.tables import cells_of, is_head
from ..texts import Language, say
from ..texts.markdown import escape

_BESIDE = 3
"""Rows that are shown before those that are cited, and after."""
_LONG = 500
"""Characters of a row beyond which it is shown only where it is cited."""
_COLUMNS = 200


class _Row(NamedTuple):
    number: int | None
    """In its file or sheet; None: nobody can tell."""
    cells: Sequence[str]


class _Read(NamedTuple):
    """A passage taken apart."""

    head: Sequence[str] | None
    rows: Sequence[_Row]


def table(cited: Passage, before: Passage | None, after: Passage | None, to: Language) -> str:
    """``before``, ``after``: the passages beside it in its file."""
    before, after = (each if each and each.place.sheet == cited.place.sheet else None for each in (before, after))
    read = _read(cited, opens=before is None)
    above, below = (_beside(each, read.head) for each in (before, after))
    above, below = above[-_BESIDE:], below[:_BESIDE]
    shown = [*above, *read.rows, *below]
    width = min(max(len(cells) for cells in (read.head or (), *(row.cells for row in shown))), _COLUMNS)
    head = read.head or [_letters(column) for column in range(width)]
    lines = [_line("", head, width), "|---" * (width + 1) + "|"]
    lines += [_line(_told(row, read.rows), row.cells, width) for row in shown]
    return "\n".join([*([say("rows_cited", to), ""] if above or below else []), *lines])


def _read(passage: Passage, opens: bool) -> _Read:
    """``opens``: it is the first one of its table, whose first row may be the head."""
    lines = passage.text.split("\n")
    first, last = passage.place.rows or (1, 0)
    repeats = len(lines) - (last - first + 1)
    counted = repeats in (0, 1)
    named = list(dropwhile(lambda cell: not cell, cells_of(lines[0])))
    has_head = repeats == 1 or ((opens or not counted) and is_head(named))
    numbers: Iterator[int | None] = iter(range(first - repeats, last + 1)) if counted else iter([None] * len(lines))
    rows = [_Row(number, cells_of(line)) for number, line in zip(numbers, lines, strict=True) if line.strip()]
    return _Read(cells_of(lines[0]), rows[1:]) if has_head and len(rows) > 1 else _Read(None, rows)


def _beside(passage: Passage | None, head: Sequence[str] | None) -> list[_Row]:
    if passage is None:
        return []
    rows = _read(passage, opens=False).rows
    return [row for row in rows if row.number and row.cells != head and sum(map(len, row.cells)) <= _LONG]


def _told(row: _Row, cited: Sequence[_Row]) -> str:
    if row.number is None:
        return ""
    return f"**{row.number}**" if row in cited else str(row.number)


def _line(number: str, cells: Sequence[str], width: int) -> str:
    said = [escape(cell) for cell in cells[:width]]
    return f"| {' | '.join([number, *said, *[''] * (width - len(said))])} |"


def _letters(column: int) -> str:
    """As sheets call a column, the first is 0: A … Z, AA …"""
    before, last = divmod(column, 26)
    return (_letters(before - 1) if before else "") + chr(ord("A") + last)
