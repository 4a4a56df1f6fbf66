"""Google's "My activity" as a page: its cells one by one, of which one is held."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from itertools import islice
from typing import IO

from ..base import Problem
from .local_times import Local, has_clock, read
from .markup import soup, words

_PIECE = 1 << 16
_LARGEST = 10_000_000
"""Characters of a cell, and of a mark that does not end."""
_BLOCKS = {
    *("p", "div", "ul", "ol", "pre", "table", "blockquote", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "section"),
    *("article", "details", "figure"),
}


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
    has_odd_time: bool = False


def cells(stream: IO[bytes], place: str) -> Iterator[Cell | Problem]:
    """Raises OSError."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    reader, broken = _Reader(place), False
    while piece := stream.read(_PIECE):
        text = decoder.decode(piece)
        broken = broken or ("\ufffd" in text and b"\xef\xbf\xbd" not in piece)
        yield from reader.read(text)
    yield from reader.read(decoder.decode(b"", True), last=True)
    if broken:
        yield Problem(place, "broken UTF-8 in it has become �", lost=False)


class _Reader(HTMLParser):
    def __init__(self, place: str) -> None:
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
            if last:
                self.close()
        except AssertionError:  # of the library, at a mark such as <![x
            self.rawdata = self.rawdata[1:]
        if len(self.rawdata) > _LARGEST:
            self.rawdata = ""
            self.clear_cdata_mode()
            self._found.append(Problem(self._place, "a mark that does not end was passed over with what follows it"))
        if last and self._depth:
            self._end()
        found, self._found = self._found, []
        yield from found

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
        place = f"{self._place}, entry {self._number}"
        if self._size > _LARGEST:
            self._found.append(Problem(place, f"it is larger than {_LARGEST // 1_000_000} MB"))
        else:
            self._found.append(Cell(self._number, header, body))
        self._depth, self._part = 0, None


def activity(body: str) -> Activity | None:
    """None: it cannot be read."""
    made = soup(body)
    if made is None:
        return None
    segments: list[list[object]] = [[]]
    children = list(made.contents)
    at = 0
    for at, child in enumerate(children):  # noqa: B007
        name = getattr(child, "name", None)
        if name in _BLOCKS:
            break
        if name == "br":
            segments.append([])
        else:
            segments[-1].append(child)
    else:
        at = len(children)
    texts = ["".join(_text(each) for each in segment) for segment in segments]
    times = [read(" ".join(text.split())) for text in texts]
    when = max((number for number, time in enumerate(times) if time), default=None)
    odd = when is None
    if when is None:
        when = next((number for number, text in islice(enumerate(texts), 1, None) if has_clock(text)), None)
        odd = when is not None
    asked = texts[:when] if when is not None else texts[:1]
    behind = segments[when + 1 :] if when is not None else segments[1:]
    answer = "<br>".join("".join(map(str, segment)) for segment in behind) + "".join(map(str, children[at:]))
    links = [_link(a) for segment in segments[: len(asked)] for a in _links(segment)]
    time = times[when] if when is not None else None
    return Activity("\n".join(asked).strip(" \n"), answer, time, links, odd)


def _text(node: object) -> str:
    return node.get_text() if hasattr(node, "get_text") else str(node)


def _links(segment: list[object]) -> Iterator[object]:
    for node in segment:
        if getattr(node, "name", None) in ("a", "img"):
            yield node
        if hasattr(node, "find_all"):
            yield from node.find_all(["a", "img"])


def _link(node: object) -> tuple[str, str]:
    given = getattr(node, "attrs", {})
    address = given.get("href") or given.get("src") or ""
    return str(address), _text(node).strip() or str(given.get("alt") or "")
