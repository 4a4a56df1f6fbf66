"""Whether the messages of each thread are what its chain says: link by link, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, select

from .. import dialects
from ..dialects.base import Row
from ..records import to_iso
from ..schema import MESSAGES, links, steps, threads
from ..sql.rows import columns
from ..whole import Link
from . import beginning, rows
from .content import DELETED, HEAD, Message, first, is_linked, linked

_AT_ONCE = 1000
"""Links, or messages, that are held in memory."""
MOST = 1000
"""Problems that are told one by one."""


@dataclass(frozen=True, slots=True)
class Problem:
    thread_id: str
    number: int | None
    """Of the link; None: there is none."""
    step_id: str | None
    at: str | None
    """When the link was made, or the message itself where there is no link: as ``to_iso`` gives it."""
    what: str


@dataclass(slots=True)
class History:
    """What a check has found."""

    threads: int = 0
    """Those that have a chain."""
    links: int = 0
    messages: int = 0
    """That are what their link says."""
    deleted: int = 0
    unproved: int = 0
    """Threads from before there were chains with messages of which some have no link yet."""
    since: str | None = None
    """When the first of the chains began, as ``to_iso`` gives it."""
    wrong: int = 0
    problems: list[Problem] = field(default_factory=list)
    """The first MOST of those that are wrong."""

    def tell(self, problem: Problem) -> None:
        self.wrong += 1
        if len(self.problems) < MOST:
            self.problems.append(problem)


_Linked = tuple[Link, Message | None]
"""And the message that it names; None: it is not there."""
_LINKS: Select[Any] = (
    select(*columns(Link, links), *rows.MESSAGE)
    .outerjoin(steps, and_(steps.c.id == links.c.step_id, steps.c.thread_id == links.c.thread_id))
    .order_by(links.c.thread_id, links.c.number)
    .limit(_AT_ONCE)
)
# Two queries, as no database has one index for both.
_OF_ONE = _LINKS.where(links.c.thread_id == bindparam("thread"), links.c.number > bindparam("number"))
_OF_OTHERS = _LINKS.where(links.c.thread_id > bindparam("thread"))
_OWN = exists(select(1).where(links.c.step_id == steps.c.id, links.c.thread_id == steps.c.thread_id))
_IS_WHOLE = and_(links.c.number == 0, links.c.kind == HEAD)
_HAS_CHAIN = exists(select(1).where(links.c.thread_id == steps.c.thread_id, _IS_WHOLE))
_ADDED: Select[Any] = select(*rows.MESSAGE).where(rows.IS_LINKED, ~_OWN, _HAS_CHAIN)
_UNPROVED: Select[Any] = (
    select(func.count())
    .select_from(threads)
    .where(
        ~exists(select(1).where(links.c.thread_id == threads.c.id, _IS_WHOLE)),
        exists(select(1).where(steps.c.thread_id == threads.c.id, rows.IS_LINKED)),
    )
)
# Whatever has been written since then has a chain. What is aside may be no message: it tells nothing here.
_WITHOUT: Select[Any] = (
    select(steps.c.thread_id, func.max(steps.c.written_at))
    .where(steps.c.type.in_(MESSAGES), steps.c.written_at >= bindparam("since"))
    .where(~exists(select(1).where(links.c.thread_id == steps.c.thread_id)))
    .group_by(steps.c.thread_id)
    .order_by(steps.c.thread_id)
)


def check(
    connection: Connection, thread_id: str | None = None, progress: Callable[[str, int, int], None] = lambda *_: None
) -> History:
    """Of one moment, where the transaction sees one. ``thread_id``: of this thread alone. Changes nothing."""
    found = History()
    these = [] if thread_id is None else [links.c.thread_id == thread_id]
    total = connection.execute(select(func.count()).select_from(links).where(*these)).scalar_one()
    walk, done = None, 0
    for batch in _batches(connection, thread_id):
        files = rows.files_of(connection, [link.step_id for link, _ in batch if link.step_id])
        for link, message in batch:
            if walk is None or walk.thread != link.thread_id:
                if walk is not None:
                    walk.end()
                walk = _Walk(found, link.thread_id)
            walk.go(link, message, files[link.thread_id, link.step_id] if link.step_id else ())
        progress("checking the history", done := done + len(batch), total)
    if walk is not None:
        walk.end()
    for message in _added(connection, thread_id):
        made = to_iso(message.created_at)
        found.tell(Problem(message.thread_id, None, message.id, made, "a message was added"))
    these = [] if thread_id is None else [threads.c.id == thread_id]
    found.unproved = connection.execute(_UNPROVED.where(*these)).scalar_one()
    if found.unproved:
        for thread, written in _without(connection, thread_id):
            found.unproved -= 1
            found.tell(Problem(thread, None, None, to_iso(written), "the chain was removed"))
    return found


def _without(connection: Connection, thread_id: str | None) -> Iterator[tuple[str, int]]:
    """Threads that must have a chain and have none, and when they were last written to."""
    if (since := beginning.since(connection)) is None:
        return
    query = _WITHOUT if thread_id is None else _WITHOUT.where(steps.c.thread_id == thread_id)
    streamed = query.execution_options(stream_results=True, yield_per=_AT_ONCE)
    yield from map(tuple, connection.execute(streamed, {"since": since}))


def _batches(connection: Connection, thread_id: str | None) -> Iterator[list[_Linked]]:
    def read(query: Select[Any], **after: Any) -> list[_Linked]:
        return dialects.of(connection).fetch(connection, query, after, _as_link)

    batch = read(_OF_OTHERS, thread="") if thread_id is None else read(_OF_ONE, thread=thread_id, number=-1)
    while batch:
        yield batch
        last, _ = batch[-1]
        thread, number = last.thread_id, last.number
        batch = read(_OF_ONE, thread=thread, number=number)
        if len(batch) < _AT_ONCE and thread_id is None:
            batch += read(_OF_OTHERS, thread=thread)


def _as_link(row: Row) -> _Linked:
    of_message = row[len(Link._fields) :]
    return Link._make(row[: len(Link._fields)]), Message(*of_message) if of_message[0] is not None else None


def _added(connection: Connection, thread_id: str | None) -> Iterator[Message]:
    """Messages without a link in threads that have a chain."""
    query = _ADDED if thread_id is None else _ADDED.where(steps.c.thread_id == thread_id)
    found = connection.execute(query.execution_options(stream_results=True, yield_per=_AT_ONCE))
    yield from filter(is_linked, (Message(*row) for row in found))


class _Walk:
    """Along the links of a thread."""

    def __init__(self, found: History, thread: str) -> None:
        found.threads += 1
        self._found = found
        self.thread = thread
        self._head: Link | None = None
        self._last: Link | None = None
        self._hash = first(thread)
        self._named: set[int] = set()
        self._forgotten: dict[int, Link] = {}

    def go(self, link: Link, message: Message | None, files: Sequence[rows.File]) -> None:
        """``message``: that it names; None: it is not there. ``files``: of the message."""
        if link.number == 0:
            self._head, since = link, to_iso(link.at)
            self._found.since = min(self._found.since or "~", since or "~")
            return
        self._found.links += 1
        self._check_place(link)
        self._check_replaced(link)
        if link.kind == DELETED:
            self._found.deleted += 1
        elif link.step_id is None:
            self._forgotten[link.number] = link  # which a later one must replace
        else:
            self._named.add(link.number)
            self._check_message(link, message, files)

    def end(self) -> None:
        for link in self._forgotten.values():
            self._tell(link, "the message was removed")
        number = self._last.number if self._last else 0
        if self._head is None or (self._head.of, self._head.hash) != (number, self._hash):
            self._tell(self._last or self._head, "the chain was cut at its end")

    def _check_place(self, link: Link) -> None:
        if link.number != (self._last.number if self._last else 0) + 1:
            self._tell(link, "the links before it were removed")
        elif linked(self._hash, link.number, link.kind, link.of, to_iso(link.at), link.digest) != link.hash:
            self._tell(link, "the link was changed, or put here")
        self._last, self._hash = link, link.hash

    def _check_replaced(self, link: Link) -> None:
        if link.of in self._named:
            self._tell(link, "what it replaces is there again")
        elif link.of is not None and self._forgotten.pop(link.of, None) is None:
            self._tell(link, "it replaces no link")

    def _check_message(self, link: Link, message: Message | None, files: Sequence[rows.File]) -> None:
        if message is None:
            self._tell(link, "the message was removed")
        elif not rows.is_as_linked(message, rows.Open(link.number, link.salt, link.digest), files):
            self._tell(link, "the message was changed")
        else:
            self._found.messages += 1

    def _tell(self, link: Link | None, what: str) -> None:
        number, step, at = (link.number, link.step_id, to_iso(link.at)) if link else (None, None, None)
        self._found.tell(Problem(self.thread, number, step, at, what))
