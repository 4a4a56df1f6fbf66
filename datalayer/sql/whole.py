"""Threads with all that is stored of them, many at once: a constant number of statements for any number of threads.

I6: what is asked for in a user's name is read only where the thread is that user's, and of votes and usage only what
that user gave and spent.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Integer, Select, bindparam, func, null, select, tuple_

from .. import dialects
from ..chain.content import CHANGED
from ..dialects.base import Row
from ..dialects.expressions import listed, octets
from ..records import Blob, Element, Step, Thread, User
from ..reports import Summary
from ..schema import blobs, elements, feedbacks, links, steps, summaries, threads, tombstones, usage, users
from ..whole import Call, Link, Size, Vote, WholeThread
from ..writes import APPLICATION, Role
from .lists import THREAD
from .rows import columns

T = TypeVar("T")
Author = str | Role | None
"""Whose threads: a user's id; None: nobody's; APPLICATION: anybody's."""

_here = listed("threads")
_THREADS = THREAD.add_columns(threads.c.name_source).where(threads.c.id.in_(_here))
_NO_VOTE = {"vote_id": null(), "vote_value": null(), "vote_comment": null()}
_STEPS: Select[Any] = (
    select(*columns(Step, steps, **_NO_VOTE))
    .where(steps.c.thread_id.in_(_here))
    .order_by(steps.c.thread_id, steps.c.created_at, steps.c.seq, steps.c.id)
)
_ELEMENTS: Select[Any] = (
    select(elements.c.created_at, blobs.c.size.label("bytes"), blobs.c.tag, *columns(Element, elements))
    .outerjoin(blobs, blobs.c.sha256 == elements.c.blob)
    .where(elements.c.thread_id.in_(_here), elements.c.trashed_at == 0)
    .order_by(elements.c.created_at, elements.c.id)
)
_VOTES: Select[Any] = (
    select(steps.c.thread_id, *columns(Vote, feedbacks))
    .join(steps, steps.c.id == feedbacks.c.step_id)
    .where(steps.c.thread_id.in_(_here))
    .order_by(feedbacks.c.created_at, feedbacks.c.id)
)
_SUMMARIES: Select[Any] = select(*columns(Summary, summaries)).where(summaries.c.thread_id.in_(_here))
_LINKS: Select[Any] = (
    select(*columns(Link, links)).where(links.c.thread_id.in_(_here)).order_by(links.c.thread_id, links.c.number)
)
_CHANGED: Select[Any] = select(links.c.step_id).where(
    links.c.thread_id == bindparam("thread"), links.c.step_id.in_(listed("steps")), links.c.kind == CHANGED
)
_DELETED: Select[Any] = select(tombstones.c.id).where(tombstones.c.id.in_(listed("steps")), tombstones.c.kind == "step")
_CALLS: Select[Any] = select(*columns(Call, usage)).order_by(usage.c.started_at, usage.c.id)
_CALLS_HERE = _CALLS.where(usage.c.thread_id.in_(_here))
_SIZES: Select[Any] = (
    select(
        steps.c.thread_id,
        func.count(),
        func.sum(func.coalesce(octets(steps.c.output), 0) + func.coalesce(octets(steps.c.input), 0)),
    )
    .where(steps.c.thread_id.in_(_here))
    .group_by(steps.c.thread_id)
)
_USERS: Select[Any] = (
    select(*columns(User, users))
    .where(users.c.id > bindparam("after"))
    .order_by(users.c.id)
    .limit(bindparam("size", type_=Integer))
)
_OWNERLESS: Select[Any] = select(threads.c.created_at, threads.c.id, threads.c.trashed_at).where(
    threads.c.user_id.is_(None)
)


def sizes(connection: Connection, ids: Sequence[str]) -> dict[str, Size]:
    """Of the threads that have steps."""
    rows = _fetch(connection, _SIZES, {"threads": json.dumps(ids)}, tuple)
    return {thread: Size(count, int(size)) for thread, count, size in rows}


def rewritten(connection: Connection, thread_id: str, ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Of these steps those whose link says that they were changed, and those that were deleted."""
    asked = {"steps": json.dumps(ids)}
    changed = _fetch(connection, _CHANGED, asked | {"thread": thread_id}, lambda row: row[0])
    return set(changed), set(_fetch(connection, _DELETED, asked, lambda row: row[0]))


def whole_threads(
    connection: Connection, author: Author, ids: Sequence[str], trashed: bool = False, without: Collection[str] = ()
) -> list[WholeThread]:
    """Those of the threads that are there, and the author's, in the order of ``ids``; without ``calls``. ``trashed``:
    also from the trash."""
    wanted = [each for each in dict.fromkeys(ids) if each not in without]
    found = _fetch(connection, _THREADS, {"threads": json.dumps(wanted)}, lambda row: (Thread(*row[:-1]), row[-1]))
    own = {
        thread.id: (thread, source)
        for thread, source in found
        if (author is APPLICATION or thread.user_id == author) and (trashed or not thread.trashed_at)
    }
    here = {"threads": json.dumps(list(own))}
    said = _grouped(_fetch(connection, _STEPS, here, Step._make), lambda step: step.thread_id)
    files = _grouped(_fetch(connection, _ELEMENTS, here, _as_file), lambda file: file[0].thread_id)
    votes = _grouped(_fetch(connection, _VOTES, here, lambda row: (row[0], Vote(*row[1:]))), lambda vote: vote[0])
    known = {summary.thread_id: summary for summary in _fetch(connection, _SUMMARIES, here, lambda row: Summary(*row))}
    chains = _grouped(_fetch(connection, _LINKS, here, Link._make), lambda link: link.thread_id)
    return [
        WholeThread(
            *own[key],
            steps=said[key],
            elements=[element for element, *_ in files[key]],
            came={element.id: at for element, at, _ in files[key]},
            contents={blob.sha256: blob for *_, blob in files[key] if blob},
            votes=[vote for _, vote in votes[key] if author is APPLICATION or vote.user_id in (author or "", "")],
            summary=known.get(key),
            calls=[],
            links=chains[key],
        )
        for key in wanted
        if key in own
    ]


def calls(connection: Connection, author: Author, ids: Sequence[str]) -> dict[str, list[Call]]:
    """What was spent in the threads, by thread, oldest first."""
    found = _fetch(connection, _CALLS_HERE, {"threads": json.dumps(list(ids))}, Call._make)
    own = (call for call in found if author is APPLICATION or call.user_id == (author or ""))
    return _grouped(own, lambda call: call.thread_id)


def calls_after(connection: Connection, user_id: str, after: tuple[int, str], size: int) -> list[Call]:
    """What the user has spent, in threads that are gone, too; oldest first, from behind a position."""
    later = (usage.c.started_at >= after[0]) & (tuple_(usage.c.started_at, usage.c.id) > tuple_(*after))
    query = _CALLS.where(usage.c.user_id == user_id, later).limit(size)
    return [Call(*row) for row in connection.execute(query)]


def users_after(connection: Connection, after: str, size: int) -> list[User]:
    """In the order of their ids."""
    return _fetch(connection, _USERS, {"after": after, "size": size}, lambda row: User(*row))


def ownerless_after(connection: Connection, after: tuple[int, str], size: int) -> list[tuple[tuple[int, str], bool]]:
    """The threads without author, the oldest first: when each was made and its id, and whether it is in the trash."""
    at, created = after[0], threads.c.created_at
    # The first condition says no more than the second, but of an index that MySQL can use.
    query = _OWNERLESS.where(created >= at, tuple_(created, threads.c.id) > tuple_(*after))
    rows = connection.execute(query.order_by(created, threads.c.id).limit(size))
    return [((row.created_at, row.id), row.trashed_at > 0) for row in rows]


def _as_file(row: Row) -> tuple[Element, int, Blob | None]:
    at, size, tag, *rest = row
    element = Element(*rest)
    return element, at, Blob(element.blob, size, tag) if element.blob and size is not None else None


def _fetch(connection: Connection, query: Select[Any], named: dict[str, Any], make: Callable[[Row], T]) -> list[T]:
    return dialects.of(connection).fetch(connection, query, named, make)


def _grouped(found: Iterable[T], key: Callable[[T], str]) -> defaultdict[str, list[T]]:
    groups: defaultdict[str, list[T]] = defaultdict(list)
    for each in found:
        groups[key(each)].append(each)
    return groups
