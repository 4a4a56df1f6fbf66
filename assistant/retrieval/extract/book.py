"""EPUB: its chapters in the order of reading, each an HTML page."""

import posixpath
import re
from collections.abc import Iterator, Mapping

from datalayer.passages import Place

from ..cutting import Block
from . import markup
from .events import Target, html
from .headings import LONGEST
from .limits import Refused
from .package import Package, within
from .source import Source

_CONTAINER, _LOCKS = "META-INF/container.xml", "META-INF/encryption.xml"
_NCX = "application/x-dtbncx+xml"
_HEADING = re.compile(rb"<h[1-6][\s>]", re.IGNORECASE)
_PAGES = frozenset({"application/xhtml+xml", "text/html"})


def read(source: Source) -> Iterator[Block]:
    package = Package(source)
    contents = _contents(package)
    chapters = [name for name in contents.chapters() if name in package.names]
    locked = _Locked()
    package.learn(_LOCKS, locked)
    if locked.names & set(chapters):
        raise Refused("encrypted")
    source.pages = len(chapters)
    source.cut = len(chapters) > source.limits.pages
    titles = _titles(package, contents.lists())
    for number, name in enumerate(chapters[: source.limits.pages], 1):
        content = _content(package, name)
        untitled = name in titles and not _HEADING.search(content)
        heading = (titles[name],) if untitled else ()
        yield from markup.blocks(content, Place(pages=(number, number), heading=heading))


def _content(package: Package, name: str) -> bytes:
    with package.open(name) as stream:
        return stream.read()


def _titles(package: Package, lists: list[str]) -> dict[str, str]:
    """Of the chapters that the tables of contents name, whichever the book has: some have no heading of their own."""
    found: dict[str, str] = {}
    for name in lists:
        if name in package.names:
            titles = _Titles(posixpath.dirname(name))
            for _ in html(_content(package, name).decode(errors="replace"), titles):
                pass
            found = titles.of | found
    return found


def _contents(package: Package) -> "_Contents":
    found = _Container()
    package.learn(_CONTAINER, found)
    contents = _Contents(posixpath.dirname(found.name))
    package.learn(found.name, contents)
    return contents


class _Container(Target):
    name = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "rootfile" and not self.name:
            self.name = within("", attributes.get("full-path", ""))


class _Contents(Target):
    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self._names: dict[str, str] = {}
        self._order: list[str] = []
        self._lists: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "item":
            at, kind = within(self._folder, attributes.get("href", "")), attributes.get("media-type")
            if kind in _PAGES:
                self._names[attributes.get("id", "")] = at
            if kind == _NCX or "nav" in attributes.get("properties", "").split():
                self._lists.append(at)
        elif name == "itemref":
            self._order.append(attributes.get("idref", ""))

    def lists(self) -> list[str]:
        return self._lists

    def chapters(self) -> list[str]:
        return list(dict.fromkeys(self._names[each] for each in self._order if each in self._names))


class _Titles(Target):
    """Of EPUB 3, a page with links; of EPUB 2, labels before what they are of."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self._at = ""
        self._label: list[str] = []
        self.of: dict[str, str] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in ("a", "text"):
            self._at, self._label = attributes.get("href", ""), []
        elif name == "content":
            self._named(attributes.get("src", ""))

    def end(self, name: str) -> None:
        if name == "a":
            self._named(self._at)

    def data(self, text: str) -> None:
        self._label.append(text)

    def _named(self, at: str) -> None:
        if label := " ".join("".join(self._label).split())[:LONGEST]:
            self.of.setdefault(within(self._folder, at), label)
        self._label = []


class _Locked(Target):
    """What only its seller's reader opens; fonts are often locked in books that are not."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "CipherReference":
            self.names.add(within("", attributes.get("URI", "")))
