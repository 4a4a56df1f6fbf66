"""Which statements a layer sends: those through SQLAlchemy, and those that go to SQLite's driver at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import event

from datalayer import DataLayer
from datalayer.dialects import prepared, sqlite
from datalayer.search import sqlite as index

Sent = tuple[str, Any]
"""A statement and its parameters: of one row, or a list of those of several."""
_asking: ContextVar[bool] = ContextVar("asking", default=False)
_unseen: ContextVar[bool] = ContextVar("unseen", default=False)


@contextmanager
def statements(layer: DataLayer, role: str) -> Iterator[list[Sent]]:
    """What the connections of ``role`` ("read", "write") send within the block, BEGIN and COMMIT too on SQLite; rows
    sent together count once."""
    seen: list[Sent] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        _note(seen, statement, parameters)

    engine = getattr(layer.store._database, role).engine
    original = prepared.driver

    def noting(connection: Any) -> Any:
        return _Noting(original(connection), seen) if connection.engine is engine else original(connection)

    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for module in (prepared, sqlite, index):
                patch.setattr(module, "driver", noting)
            yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _note(seen: list[Sent], statement: str, parameters: Any) -> None:
    if not _unseen.get():
        seen.append((statement, parameters))


class _Noting:
    def __init__(self, connection: Any, seen: list[Sent]) -> None:
        self._connection = connection
        self._seen = seen

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        _note(self._seen, statement, parameters)
        return self._connection.execute(statement, parameters)

    def executemany(self, statement: str, parameters: Any) -> Any:
        _note(self._seen, statement, parameters)
        return self._connection.executemany(statement, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextmanager
def queries(layer: DataLayer, role: str = "read") -> Iterator[list[Sent]]:
    """The same without what begins and ends a transaction; there when the block has ended. Of what is read, only what
    the block asks for: a store that was opened a moment ago looks for more by itself."""
    seen: list[Sent] = []
    with statements(layer, role) as sent, pytest.MonkeyPatch.context() as patch:
        if role == "read":
            patch.setattr(layer.store._database.read, "run", _told_apart(layer.store._database.read.run))
        token = _asking.set(True)
        try:
            yield seen
        finally:
            _asking.reset(token)
    seen += [each for each in sent if not each[0].startswith(("BEGIN", "COMMIT", "PRAGMA"))]


def _told_apart(run: Callable[..., Any]) -> Callable[..., Any]:
    """Work of tasks that began outside the block goes unseen."""

    async def told_apart(query: Callable[..., Any]) -> Any:
        return await run(query if _asking.get() else lambda connection: _without_notes(query, connection))

    return told_apart


def _without_notes(query: Callable[..., Any], connection: Any) -> Any:
    """Whether it runs in a thread of its own or, as on a server, in its task."""
    token = _unseen.set(True)
    try:
        return query(connection)
    finally:
        _unseen.reset(token)
