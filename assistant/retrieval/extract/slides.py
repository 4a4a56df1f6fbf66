"""PPTX: a slide a page, its title the heading; then what its diagrams and the speaker's notes say."""

from collections.abc import Iterator, Mapping

from datalayer.passages import Place

from ..cutting import Block
from .events import Target
from .flow import Flow
from .headings import LONGEST
from .package import Package
from .source import Source

_MAIN = "ppt/presentation.xml"
_BESIDE = ("diagramData", "chart", "notesSlide", "comments")


def read(source: Source) -> Iterator[Block]:
    package = Package(source)
    order = _Order()
    for _ in package.xml(_MAIN, order):
        pass
    related = package.related(_MAIN)
    slides = [related[id_][1] for id_ in order.ids if id_ in related]
    source.pages = len(slides)
    source.cut = len(slides) > source.limits.pages
    for number, name in enumerate(slides[: source.limits.pages], 1):
        yield from _slide(package, name, number)


def _slide(package: Package, name: str, number: int) -> Iterator[Block]:
    shown = _Text()
    blocks = list(package.xml(name, shown))
    for kind, beside in package.related(name).values():
        if kind in _BESIDE and beside in package.names:
            blocks += package.xml(beside, _Text())
    heading = (shown.title[:LONGEST],) if shown.title else ()
    for block in blocks:
        yield block._replace(place=Place(pages=(number, number), heading=heading))


class _Order(Target):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "sldId":
            self.ids += [value for key, value in attributes.items() if key.endswith("relationships id")]


class _Text(Flow):
    SKIPPED = frozenset({"Fallback", "rPr", "bodyPr", "externalData"})
    GIVEN: Mapping[str, str] = {"br": "\n"}

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self._shape: str | None = None
        """What the open shape is for."""
        self.listens = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "sp":
            self._shape = None
        elif name == "ph":
            self._shape = attributes.get("type")
        elif name == "t":
            self.listens = True

    def finish(self, name: str) -> None:
        if name == "t":
            self.listens = False

    def paragraph(self, text: str) -> None:
        if self._shape in ("sldNum", "dt"):
            return
        if self._shape in ("title", "ctrTitle"):
            self.title = " ".join(f"{self.title} {text}".split())
        super().paragraph(text)
