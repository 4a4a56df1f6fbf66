"""Summaries of threads. Always true of one that is stored: the messages it covers are, word for word, those it was made
of, because whatever changes, adds or deletes one deletes it in the same transaction.

A summary takes seconds to make, and its write may wait in a spool, while its messages change. Clocks do not tell that:
a change may come out of a spool too, with an older time. So what arrives proves by its digest what it was made of.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Delete, Select, bindparam, delete, exists, or_, select

from .. import text
from ..dialects.base import Dialect
from ..reports import Summary, digest
from ..schema import MESSAGES, steps, summaries
from ..writes import PutSummary
from . import context
from .facts import Facts
from .rows import columns

_SUMMARY: Select[Any] = select(*columns(Summary, summaries))
_COLUMNS = [column.name for column in summaries.c]
_TOLD = frozenset({"created_at", "is_error", "output", "type"})  # what of a step decides what a summary is made of


def summary(connection: Connection, thread_id: str) -> Summary | None:
    row = connection.execute(_SUMMARY.where(summaries.c.thread_id == thread_id)).one_or_none()
    return Summary(*row) if row else None


def put(connection: Connection, sql: Dialect, facts: Facts, write: PutSummary) -> None:
    """Raises Forbidden when the thread is somebody else's."""
    if write.thread_id not in facts.owners:
        return
    facts.check_owner(write.thread_id, write.actor)
    if not _holds(connection, write):
        return
    row = {name: getattr(write, name) for name in _COLUMNS if name != "created_at"} | {"created_at": write.at}
    row |= {"text": text.clean(write.text), "model": text.clean(write.model)}
    connection.execute(sql.upsert(summaries, ("thread_id",), frozenset(row) - {"thread_id"}), row)
    facts.summaries.add(write.thread_id)


def _holds(connection: Connection, write: PutSummary) -> bool:
    """Whether the covered messages are those of ``write``; what a stored summary covers need not be read again."""
    stored = summary(connection, write.thread_id)
    until = (write.until_at, write.until_step)
    if stored is None:
        return digest(context.messages(connection, write.thread_id, until=until)) == write.digest
    added = context.messages(connection, write.thread_id, after=stored.until, until=until)
    return digest(added, stored.digest) == write.digest


def drop_changed(connection: Connection, given: frozenset[str], rows: Sequence[dict[str, Any]]) -> None:
    """To be called before steps are stored: ``rows`` of which the columns ``given`` will be set."""
    if told := given & _TOLD:
        connection.execute(_changed(told), rows)


@lru_cache(maxsize=16)
def _changed(columns: frozenset[str]) -> Delete:
    """Deletes the summary that covers the place where a message is or comes to be, unless it is stored like that."""
    new = {name: bindparam(name, type_=steps.c[name].type) for name in ("created_at", *sorted(columns))}
    stored = select(1).where(steps.c.id == bindparam("id"))
    kinds = [steps.c.type == kind for kind in MESSAGES]  # IN cannot be part of an executemany
    return delete(summaries).where(
        summaries.c.thread_id == bindparam("thread_id"),
        or_(
            summaries.c.until_at >= new["created_at"], exists(stored.where(steps.c.created_at <= summaries.c.until_at))
        ),
        or_(exists(stored.where(or_(*kinds))), *(new["type"] == kind for kind in MESSAGES if "type" in new)),
        ~exists(stored.where(*(steps.c[name].is_not_distinct_from(new[name]) for name in columns))),
    )


def drop_deleted(connection: Connection, thread_id: str, ids: Sequence[str]) -> None:
    """To be called before the steps ``ids`` of the thread are deleted."""
    covered = exists(select(1).where(steps.c.id.in_(ids), steps.c.created_at <= summaries.c.until_at))
    connection.execute(delete(summaries).where(summaries.c.thread_id == thread_id, covered))
