"""Which statements a layer sends: those through SQLAlchemy, and those that go to SQLite's driver at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from datalayer import DataLayer
from datalayer.dialects import prepared, sqlite
from datalayer.search import sqlite as index

Sent = tuple[str, Any]
"""A statement and its parameters: of one row, or a list of those of several."""


@contextmanager
def statements(layer: DataLayer, role: str) -> Iterator[list[Sent]]:
    """What the connections of ``role`` ("read", "write") send within the block, BEGIN and COMMIT too on SQLite; rows
    sent together count once."""
    seen: list[Sent] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

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


class _Noting:
    def __init__(self, connection: Any, seen: list[Sent]) -> None:
        self._connection = connection
        self._seen = seen

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        self._seen.append((statement, parameters))
        return self._connection.execute(statement, parameters)

    def executemany(self, statement: str, parameters: Any) -> Any:
        self._seen.append((statement, parameters))
        return self._connection.executemany(statement, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextmanager
def queries(layer: DataLayer, role: str = "read") -> Iterator[list[Sent]]:
    """The same without what begins and ends a transaction; there when the block has ended."""
    seen: list[Sent] = []
    with statements(layer, role) as sent:
        yield seen
    seen += [each for each in sent if not each[0].startswith(("BEGIN", "COMMIT", "PRAGMA"))]
