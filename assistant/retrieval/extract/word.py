"""DOCX: paragraphs below their headings, tables, boxes, inserted text; notes, comments and page headers at the end.

What somebody has deleted with changes tracked is not said, nor is the stand-in for old versions of Word.
"""

import re
from collections.abc import Iterator, Mapping

from datalayer.passages import Place

from ..cutting import Block
from .events import Target, of
from .flow import Flow
from .headings import Headings
from .limits import Refused
from .package import Package
from .source import Source

_MAIN = re.compile(r"word/document\d*\.xml")
_BESIDE = re.compile(r"word/(footnotes|endnotes|comments|header\d*|footer\d*)\.xml")
_HEADING = re.compile(r"heading ([1-9])")


def read(source: Source) -> Iterator[Block]:
    package = Package(source)
    main = next((name for name in package.names if _MAIN.fullmatch(name)), None)
    if main is None:
        raise Refused("broken")
    styles = _Styles()
    package.learn("word/styles.xml", styles)
    yield from package.xml(main, _Text(styles.levels()))
    seen: set[str] = set()
    for name in filter(_BESIDE.fullmatch, package.names):
        for block in package.xml(name, _Text({})):
            if block.text not in seen:  # a header a section, often the same
                seen.add(block.text)
                yield block


class _Styles(Target):
    def __init__(self) -> None:
        super().__init__()
        self._id = ""
        self._levels: dict[str, int] = {}
        self._above: dict[str, str] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        value = of(attributes, "val") or ""
        if name == "style":
            self._id = of(attributes, "styleId") or ""
        elif name == "basedOn":
            self._above[self._id] = value
        elif name == "outlineLvl" and value.isdecimal() and int(value) < 9:
            self._levels[self._id] = int(value) + 1
        elif name == "name":
            if value.lower() == "title":
                self._levels[self._id] = 0
            elif found := _HEADING.fullmatch(value.lower()):
                self._levels[self._id] = int(found[1])

    def levels(self) -> dict[str, int]:
        """Of styles that are headings, or made from one."""
        for style in self._above:
            chain = [style]
            while chain[-1] not in self._levels and self._above.get(chain[-1]) and len(chain) < 20:
                chain.append(self._above[chain[-1]])
            if chain[-1] in self._levels:
                self._levels[style] = self._levels[chain[-1]]
        return self._levels


class _Text(Flow):
    SKIPPED = frozenset({"del", "moveFrom", "Fallback", "instrText", "delText", "delInstrText", "rPr", "sectPr"})

    def __init__(self, levels: Mapping[str, int]) -> None:
        super().__init__()
        self._of_style = levels
        self._headings = Headings()
        self._levels: list[int | None] = []
        """Of the open paragraphs; None: it is no heading."""
        self._runs = 0
        self.listens = False

    def place(self) -> Place:
        return Place(heading=self._headings.path())

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "p":
            self._levels.append(None)
        elif name == "pStyle" and self._levels:
            self._levels[-1] = self._of_style.get(of(attributes, "val") or "")
        elif name == "outlineLvl" and self._levels and (level := of(attributes, "val") or "").isdecimal():
            self._levels[-1] = int(level) + 1 if int(level) < 9 else None
        elif name == "r":
            self._runs += 1
        elif name == "t":
            self.listens = True
        elif self._runs and self._texts and name in _SIGNS:  # elsewhere a tab is a place to stop at
            self._texts[-1].append(_SIGNS[name])

    def finish(self, name: str) -> None:
        if name == "t":
            self.listens = False
        elif name == "r":
            self._runs -= 1
        elif name == "p" and self._levels:
            self._levels.pop()

    def paragraph(self, text: str) -> None:
        level = self._levels[-1] if self._levels else None
        if level is not None and text.strip():
            self._headings.enter(level, text)
        super().paragraph(text)


_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
