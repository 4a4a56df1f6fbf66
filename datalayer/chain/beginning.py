"""When the chains of a store began: kept apart from them, so that chains that are gone are missed."""

from sqlalchemy import Connection, func, select

from ..records import now
from ..schema import links, steps
from ..sql import app_values

KEY = "datalayer.chains"
_FIRST = select(func.min(links.c.at)).where(links.c.number == 0)
_SAID = select(steps.c.id).limit(1)


def is_noted(connection: Connection) -> bool:
    return bool(app_values.versions(connection, [KEY]))


def note(connection: Connection) -> None:
    """To be called before a process writes to a store that does not know it: 0 for one in which nothing was said yet,
    the beginning of the first chain, or now."""
    first = connection.execute(_FIRST).scalar()
    if first is None:
        first = now() if connection.execute(_SAID).first() else 0
    app_values.put(connection, KEY, {"since": first}, 0)


def since(connection: Connection) -> int | None:
    """UTC microseconds; None: no process with chains has written to the store yet."""
    known = app_values.values(connection, [KEY]).get(KEY)
    first: int | None = connection.execute(_FIRST).scalar()
    if known is None:
        return first
    return int(known.value["since"]) if first is None else min(int(known.value["since"]), first)
