"""Which files of an export hold conversations of a product, told by what stands in them."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

from .base import Item, Problem, Source
from .places import Place
from .values import line

_MOST = 30
"""Items of a file that are looked at: the first ones may be odd."""
_PIECE, _BEFORE = 1 << 20, 500
_MARKS = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"


def is_json(start: bytes) -> bool:
    return start.lstrip(_MARKS)[:1] in (b"[", b"{")


def holding(source: Source, is_one: Callable[[object], bool], key: str | None = None) -> Iterator[str]:
    """The JSON files among whose first items is one that ``is_one``. ``key``: as in ``Source.items``."""
    for member in source.members:
        if is_json(source.start(member)) and any(is_one(item.value) for item in first(source, member, key)):
            yield member


def first(source: Source, member: str, key: str | None = None) -> Iterator[Item]:
    for item in islice(source.items(member, key), _MOST):
        if not isinstance(item, Problem):
            yield item


def several(source: Source, member: str, key: str) -> bool:
    """Whether a key has more than one value in a JSON file, at whatever depth: only bytes are looked through, which is
    cheap. In text of people it would be escaped."""
    pattern = re.compile(rb'"%s"\s{0,20}:\s{0,20}"([^"\\]{1,200})"' % key.encode())
    seen: set[bytes] = set()
    with suppress(OSError, KeyError), source.open(member) as file:
        before = b""
        while len(seen) < 2 and (piece := file.read(_PIECE)):
            seen.update(pattern.findall(before + piece))
            before = piece[-_BEFORE:]
    return len(seen) > 1


def place_of(item: Item, title: object) -> Place:
    """With the title of the conversation, where it has one."""
    return item.place.titled(line(title))
