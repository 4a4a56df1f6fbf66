"""HTML of answers as Markdown, in one pass.

Always true: it takes as long as the HTML is; however deep that is nested, nothing calls itself.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

_LONGEST = 2_000_000
"""Characters that are read as HTML; of longer ones only the words are taken."""
MOST_OPEN = 10_000
"""Characters of a mark that does not end: Python's reader would try each of its letters again."""
_DEEPEST, _MOST_INLINE = 20, 50
"""Levels of lists and quotes, and of marks in a line."""
_TAG = re.compile(r"<[^<>]*>")
_LANGUAGE = re.compile(r"(?:language|lang)-([\w+#.-]{1,30})")
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
_SPECIAL = re.compile(r"[\\`*\[\]<]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|~(?=~)")
_FIRST = re.compile(r"^(#{1,6}|[>+-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")
_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_SILENT = {"script", "style", "noscript", "template", "iframe", "object", "head", "svg"}
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "del": "~~", "s": "~~", "code": "`", "kbd": "`", "a": ""}
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_ROOMS = {"ul", "ol", "li", "blockquote", "dd"}
BLOCKS = {
    *("p", "div", "pre", "table", "hr", "dl", "dt", "section", "article", "details", "summary", "figure", "header"),
    *("main", "footer", "aside", "figcaption", "response-element"),
    *_HEADINGS,
    *_ROOMS,
}


def markdown(html: str) -> tuple[str, bool]:
    """And whether it is all of it: False, if only the words could be taken."""
    writer = _Writer()
    try:
        if len(html) <= _LONGEST:
            writer.feed(html)
            if len(writer.rawdata) <= MOST_OPEN:
                writer.close()
                return writer.end(), True
    except AssertionError:  # of the library, at a mark such as <![x
        pass
    return _SPACE.sub(" ", words(html)).strip(), False


def words(html: str) -> str:
    return unescape(_TAG.sub(" ", html))


@dataclass(slots=True)
class _Room:
    """What a line is in: a list, a part of one, a quote."""

    tag: str
    mark: str = ""
    """What the first line begins with."""
    indent: str = ""
    number: int = 0
    begun: bool = False
    tight: bool = False
    """No empty line stands before it."""


@dataclass(slots=True)
class _Inline:
    tag: str
    address: str = ""
    pieces: list[str] = field(default_factory=list)


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._rooms: list[_Room] = []
        self._inline = [_Inline("")]
        self._heading = ""
        self._silent = 0
        self._code: list[str] | None = None
        self._language = ""
        self._rows: list[list[str]] | None = None

    def end(self) -> str:
        self._flush()
        if self._code is not None:
            self._fence()
        if self._rows is not None:
            self._table()
        return "\n".join(self._lines).strip("\n")

    def updatepos(self, i: int, j: int) -> int:
        """Nobody asks for numbers of lines, which take a tenth of the time."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT or self._silent:
            self._silent += tag in _SILENT
        elif self._code is not None:
            self._language = self._language or _language(attrs)
            self._code += ["\n"] if tag == "br" else []
        elif tag == "br":
            self._inline[-1].pieces.append("  \n" if self._rows is None else " ")
        elif tag == "img":
            given = dict(attrs)
            self._write_link(_escaped(given.get("alt") or "image"), given.get("src") or "")
        elif tag in _MARKS:
            if len(self._inline) <= _MOST_INLINE:
                self._inline.append(_Inline(tag, (dict(attrs).get("href") or "") if tag == "a" else ""))
        elif self._rows is not None and tag in ("tr", "td", "th"):
            self._begin_cell(tag)
        elif tag in BLOCKS:
            self._block(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            self._silent -= tag in _SILENT
        elif self._code is not None:
            if tag == "pre":
                self._fence()
        elif tag in _MARKS:
            self._close(tag)
        elif tag == "table" and self._rows is not None:
            self._table()
        elif tag in BLOCKS:
            self._flush()
            if tag in _ROOMS:
                self._leave(tag)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        if self._code is not None:
            self._code.append(data)
        elif self._inline[-1].tag in ("code", "kbd"):
            self._inline[-1].pieces.append(data)
        else:
            self._inline[-1].pieces.append(_escaped(_SPACE.sub(" ", data)))

    def _block(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._flush()
        if self._rows is not None:
            return
        self._heading = _HEADINGS.get(tag, "")
        if tag == "hr":
            self._emit(["---"])
        elif tag == "pre":
            self._code, self._language = [], _language(attrs)
        elif tag == "table":
            self._rows = []
        elif tag in _ROOMS and len(self._rooms) < _DEEPEST:
            self._enter(tag)

    def _enter(self, tag: str) -> None:
        above = self._rooms[-1] if self._rooms else None
        made = _Room(tag)
        if tag == "blockquote":
            made.mark = made.indent = "> "
        elif tag in ("ul", "ol"):
            made.tight = above is not None and above.tag == "li"
        elif above is not None and above.tag in ("ul", "ol"):
            above.number += 1
            made.mark = "- " if above.tag == "ul" else f"{above.number}. "
            made.indent = " " * len(made.mark)
            made.tight = above.tight or above.number > 1
        else:
            made.mark, made.indent = "- ", "  "
        self._rooms.append(made)

    def _leave(self, tag: str) -> None:
        at = next((n for n in reversed(range(len(self._rooms))) if self._rooms[n].tag == tag), None)
        if at is not None:
            del self._rooms[at:]

    def _close(self, tag: str) -> None:
        if any(one.tag == tag for one in self._inline):
            while self._inline[-1].tag != tag:
                self._close_last()
            self._close_last()

    def _close_last(self) -> None:
        one = self._inline.pop()
        text = "".join(one.pieces)
        inner = text.strip()
        if one.tag == "a":
            return self._write_link(text, one.address)
        mark = _MARKS[one.tag]
        if mark == "`" and inner:
            mark = "`" * (max(map(len, re.findall("`+", inner)), default=0) + 1)
            inner = f" {inner} " if inner[0] == "`" or inner[-1] == "`" else inner
        before, after = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
        self._inline[-1].pieces.append(f"{before}{mark}{inner}{mark}{after}" if inner else before)

    def _write_link(self, text: str, address: str) -> None:
        address = address.strip()
        for sign, other in ((" ", "%20"), ("(", "%28"), (")", "%29"), ("<", "%3C"), (">", "%3E"), ("\n", "")):
            address = address.replace(sign, other)
        followed = text.strip() and _LINK.match(address)
        self._inline[-1].pieces.append(f"[{text.strip()}]({address})" if followed else text)

    def _flush(self) -> None:
        """What stands in the line so far becomes a paragraph."""
        while len(self._inline) > 1:
            self._close_last()
        text = "".join(self._inline[0].pieces)
        if self._rows is not None:
            self._inline[0].pieces = [text, " "] if text.strip() else []
            return
        self._inline[0].pieces = []
        lines = [_SPACE.sub(" ", one).strip() for one in text.strip().split("  \n")] if text.strip() else []
        heading, self._heading = self._heading, ""
        if heading and lines:
            self._emit([heading + " ".join(lines)])
        elif lines:
            whole = [f"{one}  " for one in lines[:-1]] + lines[-1:]
            self._emit([_FIRST.sub(lambda found: _first(found[0]), one) for one in whole])

    def _emit(self, lines: list[str]) -> None:
        new = next((room for room in self._rooms if room.tag in ("li", "dd") and not room.begun), None)
        if self._lines and not (new and new.tight):
            old = "".join(room.indent for room in self._rooms if room.begun)
            self._lines.append(old.rstrip())
        for line in lines:
            prefix = "".join(room.indent if room.begun else room.mark for room in self._rooms)
            self._lines.append(prefix + line if line else prefix.rstrip())
            for room in self._rooms:
                room.begun = True

    def _fence(self) -> None:
        code, self._code = "".join(self._code or ()).removeprefix("\n").rstrip("\n"), None
        mark = "`" * max(3, max(map(len, re.findall("`+", code)), default=0) + 1)
        self._emit([mark + self._language, *code.split("\n"), mark])

    def _begin_cell(self, tag: str) -> None:
        self._end_cell()
        assert self._rows is not None
        if tag == "tr" or not self._rows:
            self._rows.append([])
        if tag != "tr":
            self._rows[-1].append("")

    def _end_cell(self) -> None:
        """What was read since a cell has begun stands in it."""
        while len(self._inline) > 1:
            self._close_last()
        text = _SPACE.sub(" ", "".join(self._inline[0].pieces)).strip().replace("|", "\\|")
        self._inline[0].pieces = []
        if self._rows and self._rows[-1] and text:
            self._rows[-1][-1] = text

    def _table(self) -> None:
        self._end_cell()
        rows, self._rows = [row for row in self._rows or () if row], None
        if rows:
            width = min(max(map(len, rows)), 100)
            even = [[*row[:width], *[""] * (width - len(row))] for row in rows]
            lines = [f"| {' | '.join(row)} |" for row in even]
            self._emit([lines[0], "|" + " --- |" * width, *lines[1:]])


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


def _first(mark: str) -> str:
    """What a line begins with, so that it is no heading, list or quote."""
    return mark + "\\" if mark.isdigit() else "\\" + mark


def _language(attrs: list[tuple[str, str | None]]) -> str:
    """Of a block of code, from its class."""
    names = (dict(attrs).get("class") or "").split()
    return next((found[1] for name in names if (found := _LANGUAGE.fullmatch(name))), "")
