"""All in which databases differ, a module each: its ``Database``, its ``dialect``, its ``parse_url``."""

from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..errors import InvalidInput
from .base import Database, Dialect

__all__ = ["URL", "database", "of", "parse_url"]

_MODULES = {"sqlite": "sqlite", "postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql"}
EXAMPLES = "sqlite+aiosqlite:///threads.db, postgresql+asyncpg://user@host/name or mysql+asyncmy://user@host/name"


def of(connection: Connection) -> Dialect:
    return _dialect(connection.dialect.name)


@cache
def _dialect(name: str) -> Dialect:
    dialect: Dialect = _module(name).dialect
    return dialect


def parse_url(url: str) -> URL:
    """``url`` as this package opens it. Raises InvalidInput for what it cannot keep safely; never quotes it."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(f"The database URL cannot be read; write {EXAMPLES}") from error
    if backend not in _MODULES:
        raise InvalidInput(f"This kind of database is not known here; write {EXAMPLES}")
    checked: URL = _module(backend).parse_url(parsed)
    return checked


def database(url: URL, synchronous: str = "FULL") -> Database:
    """``url`` as ``parse_url`` gave it. ``synchronous``: SQLite's own; others are set up by who runs them."""
    backend = url.get_backend_name()
    made: Database = _module(backend).Database(url, *([synchronous] if backend == "sqlite" else []))
    return made


def _module(backend: str) -> Any:
    try:
        return import_module(f".{_MODULES[backend]}", __name__)
    except ImportError as error:
        raise InvalidInput(
            f"{backend} needs a client: install threadkeep[servers] or requirements-servers.txt"
        ) from error
