"""INSERT … ON CONFLICT, which SQLite has from PostgreSQL."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import Insert, Table, and_

from .base import Dialect


class OnConflict(Dialect):
    insert: ClassVar[Callable[..., Any]]
    """The INSERT of the database's own."""

    @lru_cache(maxsize=32)  # noqa: B019  # one object a dialect, for ever
    def keep(self, table: Table) -> Insert:
        statement: Insert = type(self).insert(table).on_conflict_do_nothing()
        return statement

    @lru_cache(maxsize=512)  # noqa: B019
    def upsert(
        self, table: Table, key: tuple[str, ...], columns: frozenset[str], same: tuple[str, ...] = (), newer: str = ""
    ) -> Insert:
        statement = type(self).insert(table)
        new = statement.excluded
        conditions = [table.c[name] == new[name] for name in same]
        if newer:
            conditions.append(table.c[newer] <= new[newer])
        set_ = {name: new[name] for name in sorted(columns)} or {key[0]: new[key[0]]}
        where = and_(*conditions) if conditions else None
        upsert: Insert = statement.on_conflict_do_update(index_elements=list(key), set_=set_, where=where)
        return upsert

    @lru_cache(maxsize=32)  # noqa: B019
    def add(self, table: Table, key: tuple[str, ...], column: str) -> Insert:
        statement = type(self).insert(table)
        sums = {column: table.c[column] + statement.excluded[column]}
        add: Insert = statement.on_conflict_do_update(index_elements=list(key), set_=sums)
        return add
