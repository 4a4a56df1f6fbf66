"""What a thread is counted as: labels, each a facet and a value, such as ``folder:Work``.

A filter of ``records.Which`` finds the threads that have its label; a test compares both.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, func, select

from .. import dialects
from ..dialects.expressions import listed
from ..records import month_of
from ..schema import elements, feedbacks, steps, threads
from . import organising

TRASHED = "trashed:"
"""All that a thread in the trash is counted as."""
ARCHIVED = "archived:"


class _Thread(NamedTuple):
    id: str
    user_id: str
    trashed_at: int
    archived: bool
    pinned: bool
    status: str
    kind: str
    folder: str | None
    model: str | None
    last_activity_at: int
    tags: Any


_here = threads.c.id.in_(listed("threads"))
_THREADS: Select[Any] = select(*(threads.c[name] for name in _Thread._fields)).where(
    _here, threads.c.user_id.is_not(None)
)
# Hidden from the index of a user's votes, which SQLite would go through for each thread.
_voter = func.coalesce(feedbacks.c.user_id, "")
_VOTES: Select[Any] = (
    select(steps.c.thread_id, feedbacks.c.value)
    .join(threads, threads.c.id == steps.c.thread_id)
    .join(feedbacks, and_(feedbacks.c.step_id == steps.c.id, _voter == threads.c.user_id))
    .where(_here)
    .distinct()
)
_FILES: Select[Any] = (
    select(elements.c.thread_id)
    .where(elements.c.thread_id.in_(listed("threads")), elements.c.blob.is_not(None), elements.c.trashed_at == 0)
    .distinct()
)


def of_threads(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """By thread, its author and its labels; without threads that have no author."""
    if not ids:
        return {}
    fetch, asked = dialects.of(connection).fetch, {"threads": json.dumps(ids)}
    votes: dict[str, set[int]] = {}
    for key, value in fetch(connection, _VOTES, asked, tuple):
        votes.setdefault(key, set()).add(value)
    having = {key for (key,) in fetch(connection, _FILES, asked, tuple)}
    found = fetch(connection, _THREADS, asked, lambda row: _Thread(*row))
    return {each.id: (each.user_id, _labels(each, votes.get(each.id, ()), each.id in having)) for each in found}


def _labels(thread: _Thread, votes: Iterable[int], has_file: bool) -> list[str]:
    if thread.trashed_at:
        return [TRASHED]
    found = ["threads:", f"folder:{thread.folder or ''}", f"month:{month_of(thread.last_activity_at)}"]
    found += [f"status:{thread.status}", f"kind:{thread.kind}"]
    flags = {"pinned:": thread.pinned, ARCHIVED: thread.archived, "files:": has_file}
    found += [flag for flag, is_so in flags.items() if is_so]
    found += [f"model:{thread.model}"] * (thread.model is not None)
    return [*found, *(f"vote:{vote}" for vote in votes), *(f"tag:{tag}" for tag in organising.texts(thread.tags))]


def is_archived(labels: Collection[str]) -> bool:
    """Those that are, are counted apart."""
    return ARCHIVED in labels


def split(label: str) -> tuple[str, str]:
    """Its facet and its value."""
    facet, _, value = label.partition(":")
    return facet, value
