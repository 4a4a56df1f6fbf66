"""Rows as text: of CSV here, of sheets and of tables in documents elsewhere."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from datalayer.passages import Place

from ..cutting import Block
from . import text
from .source import Source

if TYPE_CHECKING:
    from _csv import Reader

_DELIMITERS = ",;\t|"
_BETWEEN = " | "
_LOOKED_AT = 20
"""Rows by which the delimiter is told."""
_NUMBER = set("0123456789.,-+%€$£¥ '\u00a0\u202f/:")


def row(cells: Sequence[str]) -> str:
    """Empty cells keep their place, so that a column means the same in each row. ``cells_of`` takes it apart."""
    said = [" ".join(cell.split()).replace("|", r"\|") for cell in cells]
    while said and not said[-1]:
        said.pop()
    return _BETWEEN.join(said)


def cells_of(line: str) -> list[str]:
    return [cell.replace(r"\|", "|") for cell in line.split(_BETWEEN)]


def is_head(cells: Sequence[str]) -> bool:
    """Whether a first row names the columns: two or more, all in words."""
    said = [cell.strip() for cell in cells if cell and cell.strip()]
    return len(said) >= 2 and len(said) == len(cells) and not any(set(cell) <= _NUMBER for cell in said)


def read(source: Source) -> Iterator[Block]:
    content = source.text()
    delimiter = _delimiter(content)
    head, number, line = "", 0, 0
    rows = _rows(content, delimiter)
    try:
        for number, cells in enumerate(rows, 1):
            line = rows.line_num
            if number == 1 and is_head(cells):
                head = row(cells)
            yield Block(row(cells), Place(rows=(number, number)), above=head)
    except csv.Error:  # a quote that nothing ends
        for further, rest in enumerate(islice(text.lines(content), line, None), number + 1):
            yield Block(rest, Place(rows=(further, further)), above=head)


def _rows(content: str, delimiter: str) -> "Reader":
    return csv.reader(text.lines(content), delimiter=delimiter)


def _delimiter(content: str) -> str:
    """The one that cuts the first rows into the same number of cells, and into most."""
    best, most = ",", 0
    for delimiter in _DELIMITERS:
        widths: list[int] = []
        with suppress(csv.Error):
            widths.extend(len(cells) for cells in islice(_rows(content, delimiter), _LOOKED_AT))
        usual = max(set(widths), key=widths.count, default=1)
        if (alike := widths.count(usual) * (usual - 1)) > most:
            best, most = delimiter, alike
    return best
