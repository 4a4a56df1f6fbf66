"""I9: how many of a user's threads have which label, counted before anybody asks.

Always true: ``facet_counts`` is the sum of ``thread_facets.labels``, and a thread whose labels may say something else
by now is marked there as stale, in the transaction that changed it. So the counts of any moment are those that are
kept, less what stale threads are counted as, and what they are now.

Whoever writes touches no count, so nobody waits at one: stale threads are counted anew in the background.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, true, update

from .. import dialects
from ..schema import facet_counts, thread_facets, threads
from . import labels

_known = thread_facets.c
_KEY = ("user_id", "archived", "facet", "value")
_STALE = select(_known.thread_id, _known.user_id, _known.labels).where(_known.stale == true())
_ANY = select(1).select_from(thread_facets).where(_known.stale == true()).limit(1)
_GONE = delete(thread_facets).where(_known.thread_id == bindparam("key"))
_COUNTED = (
    update(thread_facets)
    .where(_known.thread_id == bindparam("key"))
    .values(labels=bindparam("now", type_=_known.labels.type), stale=False)
)
_NONE_LEFT = delete(facet_counts).where(
    *(facet_counts.c[name] == bindparam(f"of_{name}") for name in _KEY), facet_counts.c.count == 0
)


def mark(connection: Connection, owners: Mapping[str, str]) -> None:
    """To be called in the transaction that makes, changes or deletes these threads; by thread, its author."""
    rows = [{"thread_id": key, "user_id": owners[key], "labels": None, "stale": True} for key in sorted(owners)]
    if rows:
        # A row that is marked already is written to all the same: ``count`` leaves out what somebody writes to.
        sql = dialects.of(connection)
        sql.send(connection, sql.upsert(thread_facets, ("thread_id",), frozenset({"stale"})), rows)


def is_done(connection: Connection) -> bool:
    """Whether no thread is stale."""
    return connection.execute(_ANY).first() is None


def count(connection: Connection, most: int) -> int:
    """Counts stale threads anew, anybody's, at most so many. Returns how many."""
    sql = dialects.of(connection)
    # Where others write at the same time, the rows are locked before the threads are read: whoever changes one of them
    # after that waits to mark it, and marks it again.
    query = _STALE.limit(most) if sql.serial else _STALE.limit(most).with_for_update(skip_locked=True)
    if not (stale := connection.execute(query).all()):
        return 0
    now = labels.of_threads(connection, [key for key, *_ in stale])
    change: defaultdict[tuple[str, bool], Counter[str]] = defaultdict(Counter)
    for _, author, before in stale:
        change[author, labels.is_archived(before or ())].subtract(before or ())
    for author, after in now.values():
        change[author, labels.is_archived(after)].update(after)
    _add(connection, [(*of, label, by) for of, each in change.items() for label, by in each.items() if by])
    counted = [{"key": key, "now": now[key][1]} for key, *_ in stale if key in now]
    gone = [{"key": key} for key, *_ in stale if key not in now]
    for statement, rows in ((_COUNTED, counted), (_GONE, gone)):
        if rows:
            sql.send(connection, statement, rows)
    return len(stale)


def _add(connection: Connection, change: Iterable[tuple[str, bool, str, int]]) -> None:
    """In one order, so that two who count do not wait for each other. No count of 0 is kept: it may name a folder."""
    sql = dialects.of(connection)
    rows: list[dict[str, Any]] = []
    for author, archived, label, by in sorted(change):
        facet, value = labels.split(label)
        rows.append({"user_id": author, "archived": archived, "facet": facet, "value": value, "count": by})
    if rows:
        sql.send(connection, sql.add(facet_counts, _KEY, "count"), rows)
    if fewer := [{f"of_{name}": row[name] for name in _KEY} for row in rows if row["count"] < 0]:
        sql.send(connection, _NONE_LEFT, fewer)


def begin_again(connection: Connection) -> None:
    """Forgets all counts; they are made again in the background."""
    connection.execute(delete(facet_counts))
    connection.execute(delete(thread_facets))
    known: Any = select(threads.c.id, threads.c.user_id, true()).where(threads.c.user_id.is_not(None))
    connection.execute(insert(thread_facets).from_select(["thread_id", "user_id", "stale"], known))
