"""What an app keeps beside conversations: values under keys, each with a version."""

import json
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from .. import dialects
from ..dialects.expressions import listed
from ..records import AppValue, now
from ..schema import app_values

_NAMED = app_values.c.key.in_(listed("keys"))


def versions(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    asked = select(app_values.c.key, app_values.c.version).where(_NAMED)
    return {row.key: row.version for row in connection.execute(asked, {"keys": json.dumps(keys)})}


def values(connection: Connection, keys: Sequence[str]) -> dict[str, AppValue]:
    rows = connection.execute(select(app_values).where(_NAMED), {"keys": json.dumps(keys)})
    return {row.key: AppValue(row.value, row.version) for row in rows}


def under(connection: Connection, prefix: str) -> dict[str, AppValue]:
    rows = connection.execute(select(app_values).where(_begins(prefix)))
    return {row.key: AppValue(row.value, row.version) for row in rows if row.key.startswith(prefix)}


def versions_under(connection: Connection, prefix: str) -> dict[str, int]:
    rows = connection.execute(select(app_values.c.key, app_values.c.version).where(_begins(prefix)))
    return {row.key: row.version for row in rows if row.key.startswith(prefix)}


def _begins(prefix: str) -> ColumnElement[bool]:
    """SQLite's LIKE takes A for a."""
    return app_values.c.key.startswith(prefix, autoescape=True)


def put(connection: Connection, key: str, value: Any, version: int) -> int | None:
    """See ``AppValues.put_app_value``."""
    this = (app_values.c.key == key) & (app_values.c.version == version)
    if value is None:
        done = not version or connection.execute(delete(app_values).where(this)).rowcount
        return 0 if done else None
    if version:
        changed = update(app_values).where(this).values(value=value, version=version + 1)
        return version + 1 if connection.execute(changed).rowcount else None
    # A key that was removed meanwhile must not come back with a version that somebody remembers.
    first = now() * 1024 + secrets.randbits(10)
    connection.execute(dialects.of(connection).keep(app_values), {"key": key, "value": value, "version": first})
    # MySQL counts a row that it has left alone, too.
    kept = connection.execute(select(app_values.c.version).where(app_values.c.key == key)).scalar()
    return first if kept == first else None
