"""What word processors and presentations have in common: paragraphs, and tables of them."""

from collections.abc import Mapping

from datalayer.passages import Place

from ..cutting import Block
from .events import Target
from .tables import is_head, row


class Flow(Target):
    """Paragraphs and rows become blocks where they end; one within another, as in a note or a box, ends first.

    A format names its elements, and says by ``place`` where it is, by ``paragraph`` what has just ended.
    """

    PARAGRAPHS: frozenset[str] = frozenset({"p"})
    ROW, CELLS, TABLE = "tr", frozenset({"tc"}), "tbl"
    SKIPPED: frozenset[str] = frozenset()
    """With all that is in them."""
    GIVEN: Mapping[str, str] = {}
    """What an element stands for."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0
        self._texts: list[list[str]] = []
        """Of the open paragraphs, the innermost last."""
        self._rows: list[list[list[str]]] = []
        """Of the open tables: the cells of the open row, each with its paragraphs."""
        self._heads: list[str | None] = []
        """Of the open tables; None: no row has been read."""
        self.listens = True
        """Whether text is what the document says."""

    def place(self) -> Place:
        return Place()

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """For what a format knows beside these."""

    def finish(self, name: str) -> None: ...

    def paragraph(self, text: str) -> None:
        if text.strip():
            self.blocks.append(Block(text.strip(), self.place(), after="\n\n"))

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._skipped or name in self.SKIPPED:
            self._skipped += 1
            return
        if name in self.PARAGRAPHS:
            self._texts.append([])
        elif name == self.TABLE:
            self._rows.append([])
            self._heads.append(None)
        elif name == self.ROW and self._rows:
            self._rows[-1] = []
        elif name in self.CELLS and self._rows:
            self._rows[-1].append([])
        elif self._texts and name in self.GIVEN:
            self._texts[-1].append(self.GIVEN[name])
        self.begin(name, attributes)

    def data(self, text: str) -> None:
        if not self._skipped and self.listens and self._texts:
            self._texts[-1].append(text)

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        if name in self.PARAGRAPHS and self._texts:
            self._ended("".join(self._texts.pop()))
        elif name == self.ROW and self._rows:
            self._row()
        elif name == self.TABLE and self._rows:
            self._rows.pop()
            self._heads.pop()
        self.finish(name)

    def _ended(self, text: str) -> None:
        if self._rows and self._rows[-1]:
            self._rows[-1][-1].append(text)
        else:
            self.paragraph(text)

    def _row(self) -> None:
        cells = [" ".join(texts) for texts in self._rows[-1]]
        self._rows[-1] = []
        if self._heads[-1] is None:
            self._heads[-1] = row(cells) if is_head(cells) else ""
        if said := row(cells):
            self.blocks.append(Block(said, self.place(), above=self._heads[-1] or ""))
