"""XML and HTML as they are read, a chunk at a time: no tree of either is ever in memory.

Always true: no entity is resolved, nothing outside the file is opened, and what is nested too deep is broken.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import IO
from xml.parsers import expat

from ..cutting import Block
from .limits import Limits, Refused

_CHUNK = 64 * 1024


class Target:
    """Is told of the elements by their local names; what it has made of them is taken after each chunk."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...

    def close(self) -> None: ...

    def taken(self) -> list[Block]:
        blocks, self.blocks = self.blocks, []
        return blocks


def of(attributes: Mapping[str, str], name: str) -> str | None:
    """An attribute by its local name."""
    for key, value in attributes.items():
        if local(key) == name:
            return value
    return None


@lru_cache(10_000)
def local(name: str) -> str:
    """Without the namespace, since Office has two of each; Dublin Core's is kept: its names are others' too."""
    space, _, short = name.rpartition(" ")
    return f"dc:{short}" if "purl.org/dc/" in space else short


def xml(stream: IO[bytes], target: Target, limits: Limits) -> Iterator[Block]:
    """Raises Refused where entities are defined, which no document of these formats does and every bomb of them."""
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > limits.depth:
            raise Refused("broken")
        target.start(local(name), attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        target.end(local(name))

    def doctype(_name: str, _system: str | None, _public: str | None, defines: bool) -> None:
        if defines:
            raise Refused("broken")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = target.data
    parser.StartDoctypeDeclHandler = doctype
    while chunk := stream.read(_CHUNK):
        parser.Parse(chunk, False)
        yield from target.taken()
    parser.Parse(b"", True)
    target.close()
    yield from target.taken()


def html(text: str, target: Target) -> Iterator[Block]:
    from lxml import etree

    # lxml asks its target for nothing but these; libxml2 bounds the depth itself.
    parser = etree.HTMLParser(target=target, no_network=True)
    for start in range(0, len(text), _CHUNK):
        parser.feed(text[start : start + _CHUNK])
        yield from target.taken()
    parser.close()
    yield from target.taken()
