"""EPUB: its chapters in the order of reading, each an HTML page."""

import posixpath
from collections.abc import Iterator, Mapping

from datalayer.passages import Place

from ..cutting import Block
from . import markup
from .events import Target
from .limits import Refused
from .package import Package, within
from .source import Source

_CONTAINER, _LOCKS = "META-INF/container.xml", "META-INF/encryption.xml"
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
    for number, name in enumerate(chapters[: source.limits.pages], 1):
        with package.open(name) as stream:
            content = stream.read()
        yield from markup.blocks(content, Place(pages=(number, number)))


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

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "item" and attributes.get("media-type") in _PAGES:
            self._names[attributes.get("id", "")] = within(self._folder, attributes.get("href", ""))
        elif name == "itemref":
            self._order.append(attributes.get("idref", ""))

    def chapters(self) -> list[str]:
        return list(dict.fromkeys(self._names[each] for each in self._order if each in self._names))


class _Locked(Target):
    """What only its seller's reader opens; fonts are often locked in books that are not."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "CipherReference":
            self.names.add(within("", attributes.get("URI", "")))
