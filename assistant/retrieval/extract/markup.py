"""HTML: what a reader of the page sees, below its headings. Scripts are not run, nothing is fetched."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from datalayer.passages import Place

from ..cutting import Block
from ..textfiles import decode
from .events import Target, html
from .headings import Headings
from .limits import Refused
from .source import Source
from .tables import is_head, row

_UNSEEN = frozenset(
    {"script", "style", "template", "noscript", "head", "svg", "iframe", "object", "select", "datalist"}
)
_BLOCKS = frozenset(
    re.findall(
        r"\S+",
        """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer
    form header hgroup hr legend li main menu nav ol p pre section summary table tbody tfoot thead tr ul
    h1 h2 h3 h4 h5 h6
    """,
    )
)
_CELLS = frozenset({"td", "th"})
_HEADING = re.compile("h([1-6])")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_DECLARED = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)""", re.IGNORECASE)
_LOOKED_AT = 2048


def read(source: Source) -> Iterator[Block]:
    most = 4 * source.limits.characters
    content = source.beginning(most + 1)
    source.cut = len(content) > most
    return blocks(content[:most], Place())


def blocks(content: bytes, place: Place) -> Iterator[Block]:
    """``place``: the headings that the whole of it is below, and where."""
    text = _decoded(content)
    if text is None:
        raise Refused("not_text")
    # What declares an encoding that the text does not have any more would be read by it.
    return html(re.sub(r"\A\s*<\?xml[^>]*>", "", text), _Page(place))


def _decoded(content: bytes) -> str | None:
    """As it says itself, where it is not UTF-8: a guess knows less."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if found := _DECLARED.search(content[:_LOOKED_AT]):
            try:
                return content.decode((found[1] or found[2]).decode(), errors="replace")
            except LookupError:  # no encoding has that name
                pass
        return decode(content)


class _Page(Target):
    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        self._headings = Headings()
        self._hidden: list[str] = []
        """What is open below and with an element that is not seen."""
        self._text: list[str] = []
        self._cells: list[str] | None = None
        """Of the open row; None: there is none, or it only sets out the page."""
        self._head: str | None = None
        self._exact = 0
        """How many elements are open in which spaces and lines count."""
        self._level: int | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        name = str(name).lower()
        if self._hidden or self._is_hidden(name, attributes):
            self._hidden.append(name)
            return
        heading = _HEADING.fullmatch(name)
        if heading or name == "table":
            self._spread()
        if name in _BLOCKS:
            self._flush()
        if name == "br":
            self._text.append("\n" if self._exact else " ")
        elif name == "tr":
            self._cells = []
        elif name == "pre":
            self._exact += 1
        elif name == "table":
            self._head = None
        elif heading:
            self._level = int(heading[1])

    def end(self, name: str) -> None:
        name = str(name).lower()
        if self._hidden:
            self._hidden.pop()
        elif name in _CELLS and self._cells is not None:
            self._cells.append(self._said())
        elif name == "tr" and self._cells is not None:
            self._row(self._cells)
        elif name in _BLOCKS:
            self._flush()
            self._exact -= name == "pre" and self._exact > 0

    def data(self, text: str) -> None:
        if not self._hidden:
            self._text.append(text)

    def close(self) -> None:
        self._flush()

    def _is_hidden(self, name: str, attributes: Mapping[str, str]) -> bool:
        if name in _UNSEEN or "hidden" in attributes:
            return True
        return bool(_HIDDEN.search(attributes.get("style", "").lower()))

    def _flush(self) -> None:
        """A block ends; in a cell it is only a space."""
        if self._cells is not None:
            self._text.append(" ")
            return
        lines, opens = self._lines(), True
        if self._level is not None and lines:
            self._headings.enter(self._level, " ".join(lines))
            self._level = None
        for line in lines:
            self._say(line, opens)
            opens = False

    def _lines(self) -> list[str]:
        if not self._exact:
            return [said] if (said := self._said()) else []
        text = "".join(self._text)
        self._text.clear()
        return [line for line in text.splitlines() if line.strip()]

    def _said(self) -> str:
        said = " ".join("".join(self._text).split())
        self._text.clear()
        return said

    def _say(self, text: str, opens: bool = True, above: str = "", after: str = "\n\n") -> None:
        place = replace(self._place, heading=(*self._place.heading, *self._headings.path()))
        self.blocks.append(Block(text, place, opens, above, after if opens else "\n"))

    def _row(self, cells: list[str]) -> None:
        self._cells = None
        self._text.clear()
        if self._head is None:
            self._head = row(cells) if is_head(cells) else ""
        if said := row(cells):
            self._say(said, above=self._head, after="\n")

    def _spread(self) -> None:
        """A table within a cell, or a heading: the outer one only sets out the page."""
        if self._cells is not None:
            cells, self._cells = [*self._cells, self._said()], None
            for cell in filter(None, cells):
                self._say(cell)
