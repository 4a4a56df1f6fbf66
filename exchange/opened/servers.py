"""A database on a server as the source of an import: it has no files."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from ..origins.base import Item, Problem
from ..origins.places import Place

SCHEMES = ("postgresql", "postgres")


def is_server(name: str) -> bool:
    """Whether ``name`` is the URL of a database on a server that can be read."""
    scheme, found, _ = name.partition("://")
    return bool(found) and scheme.partition("+")[0] in SCHEMES


def shown(name: str) -> str:
    """``name`` without what lets somebody in."""
    if not is_server(name):
        return name
    parts = urlsplit(name)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Server:
    """An ``origins.base.Source``. ``url`` may have a password in it, so nothing shows it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.path, self.place = Path("database"), Place().at(database="")
        self.members: Sequence[str] = []
        self.problems = list[Problem]()

    def open(self, member: str) -> AbstractContextManager[IO[bytes]]:
        raise KeyError(member)

    def size(self, member: str) -> int:
        raise KeyError(member)

    def start(self, member: str) -> bytes:
        raise KeyError(member)

    def items(self, member: str, key: str | None = None) -> Iterator[Item | Problem]:
        raise KeyError(member)

    def json(self, member: str) -> Any:
        return None

    def database(self) -> Path | None:
        return None
