"""ODT and ODP: paragraphs below their headings, or on their slides; notes where they are made."""

from collections.abc import Iterator, Mapping

from datalayer.passages import Place

from ..cutting import Block
from .events import Target, of
from .flow import Flow
from .headings import Headings
from .limits import Refused
from .package import Package
from .source import Source

_MOST_SPACES = 100
_CONTENT = "content.xml"


def read(source: Source) -> Iterator[Block]:
    package = opened(source)
    text = _Text()
    for block in package.xml(_CONTENT, text):
        page = block.place.pages
        if page and page[0] > source.limits.pages:
            source.cut = True
            break
        yield block
    source.pages = text.pages or None


def opened(source: Source) -> Package:
    """Raises Refused: what a password protects says so in its list of files."""
    package = Package(source)
    files = _Manifest()
    package.learn("META-INF/manifest.xml", files)
    if files.encrypted:
        raise Refused("encrypted")
    return package


class _Manifest(Target):
    encrypted = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self.encrypted |= name == "encryption-data"


class _Text(Flow):
    PARAGRAPHS = frozenset({"p", "h"})
    ROW, CELLS, TABLE = "table-row", frozenset({"table-cell", "covered-table-cell"}), "table"
    SKIPPED = frozenset(
        {"tracked-changes", "dc:creator", "dc:date", "note-citation", "meta", "forms", "script", "sender-initials"}
    )
    GIVEN: Mapping[str, str] = {"tab": "\t", "line-break": "\n"}

    def __init__(self) -> None:
        super().__init__()
        self._headings = Headings()
        self._levels: list[int | None] = []
        self.pages = 0
        self._titles: list[bool] = []
        """Of the open frames: whether it has the title of a slide."""

    def place(self) -> Place:
        return Place((self.pages, self.pages) if self.pages else None, self._headings.path())

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "h":
            level = of(attributes, "outline-level") or "1"
            self._levels.append(int(level) if level.isdecimal() else 1)
        elif name == "p":
            self._levels.append(1 if self._titles and self._titles[-1] else None)
        elif name == "page":
            self.pages += 1
            self._headings = Headings()
        elif name == "frame":
            self._titles.append(of(attributes, "class") == "title")
        elif name == "s" and self._texts:
            times = of(attributes, "c") or "1"
            self._texts[-1].append(" " * min(int(times) if times.isdecimal() else 1, _MOST_SPACES))

    def finish(self, name: str) -> None:
        if name in self.PARAGRAPHS and self._levels:
            self._levels.pop()
        elif name == "frame" and self._titles:
            self._titles.pop()

    def paragraph(self, text: str) -> None:
        if self._levels and (level := self._levels[-1]) is not None and text.strip():
            self._headings.enter(level, text)
        super().paragraph(text)
