"""What an export is packed in: a document, a page, or a ZIP of one of them with the files.

Each takes batches of threads and gives bytes. All of it blocks, and may be called from any thread, one after the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from datalayer.whole import WholeThread

from .archive import Archive
from .formats.base import About, Contents, Document, Pages, encoded
from .names import Names, safe
from .texts import say
from .transcript import title

_CHUNK = 1 << 20


class Packing(Protocol):
    """Raises OSError, StoreUnavailable."""

    def begin(self) -> Iterator[bytes]: ...

    def add(self, threads: Sequence[WholeThread]) -> Iterator[bytes]: ...

    def end(self) -> Iterator[bytes]: ...


class Sheet:
    """A document by itself. ``begun``: something has been added before an interruption."""

    def __init__(self, document: Document, about: About, begun: bool = False) -> None:
        self._document, self._about, self._begun = document, about, begun

    def begin(self) -> Iterator[bytes]:
        yield encoded(self._document.head(self._about))

    def add(self, threads: Sequence[WholeThread]) -> Iterator[bytes]:
        for whole in threads:
            if text := self._document.add(whole, self._about):
                yield encoded(self._document.separator + text if self._begun else text)
                self._begun = True

    def end(self) -> Iterator[bytes]:
        yield encoded(self._document.tail())


class Page:
    """The page of one thread."""

    def __init__(self, pages: Pages, about: About, contents: Contents) -> None:
        self._pages, self._about, self._contents = pages, about, contents

    def begin(self) -> Iterator[bytes]:
        yield from ()

    def add(self, threads: Sequence[WholeThread]) -> Iterator[bytes]:
        for whole in threads:
            yield from self._pages.page(whole, self._about, {}, self._contents)

    def end(self) -> Iterator[bytes]:
        yield from ()


class _Zip:
    def __init__(self, about: About, contents: Contents) -> None:
        self._about, self._contents = about, contents
        self._archive, self._missing = Archive(), list[str]()

    def _content(self, path: str, name: str, at: int) -> Iterator[bytes]:
        """A file of the ZIP; one that is not there any more is told of at the end."""
        try:
            content = self._contents.open(name)
        except FileNotFoundError:
            self._missing.append(path)
            return
        with content:
            yield from self._archive.add(path, iter(lambda: content.read(_CHUNK), b""), at)

    def end(self) -> Iterator[bytes]:
        if self._missing:
            said = "\n".join([say("missing_files", self._about.to), "", *self._missing, ""])
            yield from self._archive.add("missing-files.txt", [encoded(said)], self._about.at)
        yield from self._archive.end()


class PagesZip(_Zip):
    """A page for each thread; the files of one in a folder beside it."""

    def __init__(self, pages: Pages, about: About, contents: Contents) -> None:
        super().__init__(about, contents)
        self._pages, self._names = pages, Names()

    def begin(self) -> Iterator[bytes]:
        yield from ()

    def add(self, threads: Sequence[WholeThread]) -> Iterator[bytes]:
        for whole in threads:
            yield from self._thread(whole)

    def _thread(self, whole: WholeThread) -> Iterator[bytes]:
        ending, at = self._pages.ending, whole.thread.last_activity_at
        name = self._names.add(page_name(whole, self._pages.ending, self._about))
        files = _beside(whole, f"{name.removesuffix(ending)} files") if self._pages.beside else {}
        pieces = self._pages.page(whole, self._about, files, self._contents)
        yield from self._archive.add(name, pieces, at)
        for element in whole.elements:
            if element.id in files:
                yield from self._content(files[element.id], whole.contents[element.blob or ""].name, at)


def page_name(whole: WholeThread, ending: str, about: About) -> str:
    untitled = say("untitled", about.to)
    return safe(title(whole, about.to), untitled).removesuffix(ending) + ending


def _beside(whole: WholeThread, folder: str) -> dict[str, str]:
    """Where the contents of the elements are, by the elements' ids."""
    names = Names()
    return {
        element.id: f"{folder}/{names.add(safe(element.name or '', 'file'))}"
        for element in whole.elements
        if element.blob in whole.contents
    }


class SheetZip(_Zip):
    """A document of all threads, and the contents that it names, each once, in ``files/``."""

    def __init__(self, document: Document, about: About, contents: Contents) -> None:
        super().__init__(about, contents)
        self._sheet, self._ending = Sheet(document, replace(about, files=True)), document.ending
        self._named: dict[str, str] = {}

    def begin(self) -> Iterator[bytes]:
        self._file = self._archive.begin(f"threads{self._ending}", self._about.at)
        yield from self._written(self._sheet.begin())

    def add(self, threads: Sequence[WholeThread]) -> Iterator[bytes]:
        for whole in threads:
            self._named |= {sha256: blob.name for sha256, blob in whole.contents.items()}
        yield from self._written(self._sheet.add(threads))

    def _written(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._file.write(piece)
            yield from self._archive.ready()

    def end(self) -> Iterator[bytes]:
        yield from self._written(self._sheet.end())
        self._file.close()
        for sha256, name in self._named.items():
            yield from self._content(f"files/{sha256}", name, self._about.at)
        yield from super().end()
