"""The processes that have a database open, where no lock of a file tells who lives: each says so, again and again.

Times are the server's: clocks of several machines differ.
"""

from sqlalchemy import Connection, delete, select

from .. import dialects
from ..dialects.server import Server
from ..schema import instances
from .apply import mark_interrupted

_KEPT = 86_400_000_000

SIGNS = 6
"""Signs of life that an instance may miss."""


def silence(server: Server) -> int:
    """Microseconds without a sign of life after which an instance is taken for dead."""
    return int(SIGNS * server.options.heartbeat * 1e6)


def beat(connection: Connection, server: Server, instance: str, silence: int, vectors_since: int | None = None) -> int:
    """``instance`` lives; marks the answers of those that have not said so for ``silence`` microseconds. How many.
    ``vectors_since``: as in ``vectors.note``."""
    now = server.clock(connection)
    row = {"id": instance, "seen_at": now}
    connection.execute(dialects.of(connection).upsert(instances, ("id",), frozenset({"seen_at"})), row)
    connection.execute(delete(instances).where(instances.c.seen_at < now - max(_KEPT, silence)))
    return mark_interrupted(connection, live(connection, now - silence), vectors_since)


def live(connection: Connection, since: int) -> list[str]:
    """Those that have given a sign of life since."""
    return list(connection.execute(select(instances.c.id).where(instances.c.seen_at >= since)).scalars())


def is_dead(connection: Connection, server: Server, instance: str) -> bool:
    """Whether ``instance`` has given signs of life, and gives none any more. One that starts has given none yet."""
    seen = connection.execute(select(instances.c.seen_at).where(instances.c.id == instance)).scalar()
    return seen is not None and seen < server.clock(connection) - silence(server)


def leave(connection: Connection, instance: str) -> None:
    connection.execute(delete(instances).where(instances.c.id == instance))
