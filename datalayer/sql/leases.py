"""Work that one process at a time does, once in a while: who does it, until when, and when it was done last."""

from typing import Any

from sqlalchemy import Connection

from ..records import now
from . import app_values


def take(connection: Connection, key: str, holder: str, until: int, every: int = 0) -> bool:
    """Whether ``holder`` alone does it until a moment, unless it was done less than ``every`` microseconds ago."""
    found = app_values.values(connection, [key]).get(key)
    said: dict[str, Any] = found.value if found else {"holder": holder, "until": 0, "done": 0}
    another = said["holder"] != holder and said["until"] > now()
    if another or ((said["holder"] != holder or not said["until"]) and said["done"] + every > now()):
        return False
    return _put(connection, key, {**said, "holder": holder, "until": until}, found.version if found else 0)


def leave(connection: Connection, key: str, holder: str, done: bool) -> None:
    """``done``: all of it."""
    found = app_values.values(connection, [key]).get(key)
    if found and found.value["holder"] == holder:
        at = now() if done else found.value["done"]
        _put(connection, key, {"holder": holder, "until": 0, "done": at}, found.version)


def _put(connection: Connection, key: str, value: dict[str, object], version: int) -> bool:
    return app_values.put(connection, key, value, version) is not None
