"""Google's "My activity" as a page: its cells one by one, of which one is held."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import IO

from ..base import Problem
from ..places import Place
from ..reasons import Why
from .local_times import Local, has_clock, read
from .markup import BLOCKS, MOST_OPEN, words

_PIECE = 1 << 16
_LARGEST = 10_000_000
"""Characters of a cell."""
_OPEN = 200_000
"""Characters of a mark that does not end, such as a comment."""
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass(slots=True)
class Cell:
    number: int
    """In the file; the first is 1."""
    header: str
    body: str
    """HTML of the first of its parts: what was asked, when, and what was answered."""


@dataclass(slots=True)
class Activity:
    """What a cell says."""

    question: str
    """As Google writes it, with its word before it. A no-break space parts them."""
    answer: str
    """As HTML."""
    time: Local | None
    links: list[tuple[str, str]] = field(default_factory=list)
    """Of files and others, with their texts."""
    odd_time: str | None = None


def cells(stream: IO[bytes], place: Place) -> Iterator[Cell | Problem]:
    """Raises OSError."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    reader, broken = _Reader(place), False
    while piece := stream.read(_PIECE):
        text = decoder.decode(piece)
        broken = broken or ("\ufffd" in text and b"\xef\xbf\xbd" not in piece)
        yield from reader.read(text)
    yield from reader.read(decoder.decode(b"", True), last=True)
    if broken:
        yield Problem(place, Why("no_utf8"), lost=False)


class _Reader(HTMLParser):
    def __init__(self, place: Place) -> None:
        super().__init__(convert_charrefs=False)
        self._place = place
        self._found: list[Cell | Problem] = []
        self._number = self._depth = self._size = 0
        self._part: tuple[int, str] | None = None
        """How deep the part that is read is, and which it is."""
        self._pieces: dict[str, list[str]] = {}

    def read(self, text: str, last: bool = False) -> Iterator[Cell | Problem]:
        try:
            self.feed(text)
            if last and len(self.rawdata) <= MOST_OPEN:
                self.close()
        except AssertionError:  # of the library, at a mark such as <![x
            self.rawdata = self.rawdata[1:]
        if len(self.rawdata) > (MOST_OPEN if last else _OPEN):
            self.rawdata = ""
            self.clear_cdata_mode()
            self._found.append(Problem(self._place, Why("mark_open")))
        if last and self._depth:
            self._end()
        found, self._found = self._found, []
        yield from found

    def updatepos(self, i: int, j: int) -> int:
        """Nobody asks for numbers of lines, which take a tenth of the time."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = (dict(attrs).get("class") or "").split() if tag == "div" else []
        if "outer-cell" in classes:
            if self._depth:
                self._end()
            self._number, self._depth, self._size, self._pieces = self._number + 1, 1, 0, {}
            return
        self._take(self.get_starttag_text() or "")
        if tag == "div" and self._depth:
            self._depth += 1
            kind = next((name for name in ("header-cell", "content-cell") if name in classes), None)
            if kind and self._part is None and kind not in self._pieces:
                self._pieces[kind], self._part = [], (self._depth, kind)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._take(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._depth:
            if self._part and self._part[0] == self._depth:
                self._part = None
            self._depth -= 1
            if not self._depth:
                return self._end()
        self._take(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._take(data)

    def handle_entityref(self, name: str) -> None:
        self._take(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._take(f"&#{name};")

    def _take(self, text: str) -> None:
        if self._part is not None and self._size <= _LARGEST:
            self._size += len(text)
            self._pieces[self._part[1]].append(text)

    def _end(self) -> None:
        header = " ".join(unescape(words("".join(self._pieces.get("header-cell", ())))).split())
        body = "".join(self._pieces.get("content-cell", ()))
        place = self._place.at(item=self._number)
        if self._size > _LARGEST:
            self._found.append(Problem(place, Why("too_large", mb=_LARGEST // 1_000_000)))
        else:
            self._found.append(Cell(self._number, header, body))
        self._depth, self._part = 0, None


@dataclass(slots=True)
class _Line:
    raw: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)


class _Parts(HTMLParser):
    """The lines of a cell that stand before its first block, and what follows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.lines = [_Line()]
        self.rest: list[str] = []
        self._depth = 0

    def updatepos(self, i: int, j: int) -> int:
        """Nobody asks for numbers of lines, which take a tenth of the time."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        if self.rest or (not self._depth and tag in BLOCKS):
            self.rest.append(raw)
            return
        if tag == "br" and not self._depth:
            self.lines.append(_Line())
            return
        self._add(raw, "\n" if tag == "br" else "")
        self._depth += tag not in _VOID
        if tag in ("a", "img"):
            given = dict(attrs)
            self.lines[-1].links.append((given.get("href") or given.get("src") or "", given.get("alt") or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._add(f"</{tag}>", "")
        self._depth -= self._depth > 0 and tag not in _VOID

    def handle_data(self, data: str) -> None:
        self._add(data, data)

    def handle_entityref(self, name: str) -> None:
        self._add(f"&{name};", unescape(f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self._add(f"&#{name};", unescape(f"&#{name};"))

    def _add(self, raw: str, text: str) -> None:
        if self.rest:
            self.rest.append(raw)
        else:
            self.lines[-1].raw.append(raw)
            self.lines[-1].text.append(text)


def activity(body: str) -> Activity:
    """The time is the last line that is one, of those before the first block: a question may have one in it."""
    parts = _Parts()
    try:
        parts.feed(body)
        if len(parts.rawdata) <= MOST_OPEN:
            parts.close()
    except AssertionError:  # of the library
        parts.handle_data(parts.rawdata)
    lines = parts.lines
    texts = ["".join(line.text) for line in lines]
    times = [read(" ".join(text.split())) for text in texts]
    when = max((number for number, time in enumerate(times) if time), default=None)
    odd = None if when is not None else next((n for n, text in enumerate(texts) if n and has_clock(text)), None)
    end = when if when is not None else odd if odd is not None else 1
    behind = lines[end + (when is not None or odd is not None) :]
    answer = "<br>".join("".join(line.raw) for line in behind) + "".join(parts.rest)
    links = [(address, name) for line in lines[:end] for address, name in line.links]
    time = times[when] if when is not None else None
    return Activity(
        "\n".join(texts[:end]).strip(" \n"), answer, time, links, texts[odd].strip() if odd is not None else None
    )
