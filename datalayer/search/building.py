"""The index of what was there before it: built in batches, each a transaction of its own, so that the app goes on and
a kill costs a batch. The newest first, where the database numbers messages. An index of other tokens is built anew."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, or_, select, update

from .. import dialects
from ..dialects.base import Row
from ..schema import steps, threads
from . import documents, engines
from .base import Kind, state
from .documents import Document
from .tokens import VERSION

MADE_OF = f"{VERSION} {unicodedata.unidata_version}"
"""What the tokens are: those of this version, with the letters that Python knows."""
BATCH = 200
"""Messages; some 20 ms, in which no other write gets through."""


def is_built(connection: Connection) -> bool:
    """Whether the index has all that there is."""
    said = _said(connection)
    return said.get("version") == MADE_OF and not said.keys() & {"threads", "steps"}


SINCE = "0007"
"""The version of the schema that brought it."""


def make(connection: Connection) -> None:
    engines.of(connection).create(connection)
    begin(connection)


def begin(connection: Connection) -> None:
    """Says that all that is there is still to be built."""
    connection.execute(delete(state))
    rows = count(connection)
    _say(connection, version=MADE_OF, **({"threads": "", "steps": "", "rows": str(rows), "done": "0"} if rows else {}))


def begin_again(connection: Connection) -> None:
    engines.of(connection).empty(connection)
    begin(connection)


def build(connection: Connection, batch: int = BATCH) -> int | None:
    """Builds the next part. Returns how many rows it looked at; None: nothing was left to do."""
    said = _said(connection, lock=not dialects.of(connection).serial)
    if said.get("version") != MADE_OF:
        begin_again(connection)
        return 0
    index = engines.of(connection)
    if (after := said.get("threads")) is not None:
        ids = connection.execute(_THREADS, {"after": after, "size": batch}).scalars().all()
        index.put(connection, "title", ids, {}, documents.titles(connection, ids))
        _go_on(connection, said, "threads", ids, batch)
        return len(ids)
    if (after := said.get("steps")) is not None:
        rows = documents.next_steps(connection, after, batch)
        ids = [key for key, _ in rows]
        index.put(connection, "message", ids, {}, documents.messages(connection, ids))
        _go_on(connection, said, "steps", [place for _, place in rows], batch)
        if len(rows) < batch:
            index.has_grown(connection)
        return len(ids)
    return None


def ask_anew(connection: Connection) -> None:
    """Has whoever builds next begin again."""
    connection.execute(update(state).where(state.c.name == "version").values(value=""))


def count(connection: Connection) -> int:
    """Rows that a build looks at."""
    return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in (steps, threads))


def reached(connection: Connection) -> tuple[int, int]:
    """How many rows it has looked at, of how many there were when it began."""
    said = _said(connection)
    if said.get("version") != MADE_OF:
        return 0, 0
    return int(said.get("done", 0)), int(said.get("rows", 0))


def indexed(connection: Connection) -> int | None:
    """How many percent of what there is are built; None: all of it."""
    if is_built(connection):
        return None
    done, rows = reached(connection)
    return min(100 * done // rows, 99) if rows else 0


def build_all(connection: Connection) -> None:
    """Builds all of it at once."""
    while build(connection) is not None:
        pass


_THREADS = select(threads.c.id).where(threads.c.id > bindparam("after")).order_by(threads.c.id).limit(bindparam("size"))


_SAID: Select[Any] = select(state.c.name, state.c.value).where(
    or_(*(state.c.name == name for name in ("version", "threads", "steps", "rows", "done")))
)


def _said(connection: Connection, lock: bool = False) -> dict[str, str]:
    if lock:
        return {name: value for name, value in connection.execute(_SAID.with_for_update())}
    return dict(dialects.of(connection).fetch(connection, _SAID, {}, _pair))


def _pair(row: Row) -> tuple[str, str]:
    return row[0], row[1]


def built(connection: Connection, kind: Kind, documents: Mapping[str, Document]) -> dict[str, Document]:
    """Those that are not still to be built, where messages are built by their numbers: what is changed of the others
    is not in the index yet."""
    after = _said(connection).get("threads" if kind == "title" else "steps")
    if after is None:
        return dict(documents)
    if kind == "title":
        return {key: each for key, each in documents.items() if key <= after}
    return {key: each for key, each in documents.items() if after and each.number >= int(after)}


def _say(connection: Connection, **said: str) -> None:
    connection.execute(insert(state), [{"name": name, "value": value} for name, value in said.items()])


def _go_on(connection: Connection, said: Mapping[str, str], name: str, places: Sequence[str], batch: int) -> None:
    """``said``: before the batch, of which ``places`` are."""
    connection.execute(delete(state).where(or_(state.c.name == name, state.c.name == "done")))
    more = {name: places[-1]} if len(places) == batch else {}
    _say(connection, done=str(int(said.get("done", 0)) + len(places)), **more)


def is_done(connection: Connection) -> bool:
    """Whether the index has all that there is, and no more."""
    return is_built(connection) and engines.of(connection).is_clean(connection)


def go_on(connection: Connection) -> None:
    """Takes a short step to that."""
    if build(connection) is None:
        engines.of(connection).clean(connection)
