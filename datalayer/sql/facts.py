"""What a group of writes must know before it changes anything: who owns what it names, and what of it was deleted."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, literal, null, select, union_all

from .. import dialects
from ..dialects.expressions import listed
from ..errors import Forbidden, NotFound
from ..schema import elements, links, steps, summaries, threads, tombstones
from ..versions import ASIDE, record_id
from ..writes import (
    APPLICATION,
    Actor,
    ChooseVersion,
    DeleteElement,
    DeleteStep,
    ForkThread,
    ImportThread,
    RestoreElement,
    TrashElement,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    Write,
    author_id,
)

Chain = tuple[int | None, bytes | None, str | None]
_threads, _steps, _elements = listed("threads"), listed("steps"), listed("elements")
_NEWEST = select(func.max(steps.c.created_at)).where(steps.c.thread_id == threads.c.id).scalar_subquery()
_SUMMED_UP = exists(select(1).where(summaries.c.thread_id == threads.c.id))
_NO_CHAIN = (null(), null(), null())
_NOTHING = (null(), null(), null(), null(), *_NO_CHAIN)


def _deleted(kind: str, ids: Any) -> Select[Any]:
    return select(literal("deleted"), tombstones.c.id, tombstones.c.kind, *_NOTHING).where(
        tombstones.c.kind == kind, tombstones.c.id.in_(ids)
    )


_OF_STEPS = (
    select(
        *(literal("step"), steps.c.id, steps.c.thread_id, steps.c.written_at),
        *(func.coalesce(steps.c.type, "") == ASIDE, null(), null()),
        *_NO_CHAIN,
    ).where(steps.c.id.in_(_steps)),
    _deleted("step", _steps),
    select(literal("file"), elements.c.for_id, null(), *_NOTHING).where(elements.c.for_id.in_(_steps)),
)
_OF_ELEMENTS = (
    select(literal("element"), elements.c.id, elements.c.thread_id, *_NOTHING).where(elements.c.id.in_(_elements)),
    _deleted("element", _elements),
)
_OF_THREADS = (
    select(
        *(literal("thread").label("kind"), threads.c.id, threads.c.user_id.label("of"), _NEWEST, _SUMMED_UP),
        *(threads.c.trashed_at, threads.c.last_activity_at, links.c.of, links.c.hash, links.c.kind),
    )
    .outerjoin(links, and_(links.c.thread_id == threads.c.id, links.c.number == 0))
    .where(threads.c.id.in_(_threads)),
    _deleted("thread", _threads),
)
_STEPS_ONLY = union_all(*_OF_THREADS, *_OF_STEPS)
_ALL = union_all(*_OF_THREADS, *_OF_STEPS, *_OF_ELEMENTS)
# In one order, so that two transactions do not wait for each other. A query of its own, so that the facts are read when
# the locks are had. Not of the keys: rows that point to a thread can be added meanwhile.
_LOCK = select(threads.c.id).order_by(threads.c.id).with_for_update(key_share=True)
_LOCK_THREADS = _LOCK.where(threads.c.id.in_(_threads))
_LOCK_OTHERS = _LOCK.where(threads.c.id.in_(select(steps.c.thread_id).where(steps.c.id.in_(_steps))))
_OWNER = select(threads.c.user_id).where(threads.c.id == bindparam("thread"))


class Facts:
    """``owners``: thread -> author's user id or None. ``steps``, ``elements``: id -> thread. ``deleted``: (kind, id).
    ``summaries``: threads that had a summary; it may be gone by now. ``newest``: thread -> time of its newest step.
    ``written``: step -> when it was written last. ``trashed``: thread -> since when it is in the trash.
    ``aside``: steps of a version that is not shown. ``active``: thread -> its last activity before this group.
    ``chains``: thread -> how its chain was before this group, as in ``chain.rows.End``. ``unfiled``: steps that are
    named and had no element before this group.
    ``locked``: threads to which nobody else writes until this transaction ends, where others may write at all.

    Kept true by the writes as they are applied, so that a write sees those before it in its group.
    """

    def __init__(self, connection: Connection, writes: Sequence[Write], lock: bool = False) -> None:
        """``lock``: others may write at the same time, and must not to the same threads until this transaction ends."""
        self._connection = connection
        self.owners: dict[str, str | None] = {}
        self.steps: dict[str, str] = {}
        self.elements: dict[str, str] = {}
        self.summaries: set[str] = set()
        self.newest: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.trashed: dict[str, int] = {}
        self.aside: set[str] = set()
        self.active: dict[str, int] = {}
        self.chains: dict[str, Chain] = {}
        self.deleted: set[tuple[str, str]] = set()
        belongs: dict[str, dict[str, Any]] = {"thread": self.owners, "step": self.steps, "element": self.elements}
        ids = named(writes)
        self.unfiled: set[str] = set(json.loads(ids["steps"]))
        self.locked = frozenset().union(*(write.threads for write in writes)) if lock else frozenset[str]()
        if not writes:
            return
        if lock:
            connection.execute(_LOCK_THREADS, ids)
            if any(write.thread_id is None for write in writes):
                connection.execute(_LOCK_OTHERS, ids)
        query = _STEPS_ONLY if ids["elements"] == "[]" else _ALL
        fetch = dialects.of(connection).fetch
        for kind, key, of, moment, is_so, trashed_at, active_at, *chain in fetch(connection, query, ids, tuple):
            if kind == "deleted":
                self.deleted.add((of, key))
                continue
            if kind == "file":
                self.unfiled.discard(key)
                continue
            belongs[kind][key] = of
            if kind == "step":
                self.written[key] = moment or 0
                if is_so:
                    self.aside.add(key)
            elif kind == "thread":
                self.newest[key] = moment or 0
                self.active[key] = active_at
                self.chains[key] = (chain[0], chain[1], chain[2])
                if trashed_at:
                    self.trashed[key] = trashed_at
                if is_so:
                    self.summaries.add(key)

    def forget_thread(self, thread_id: str) -> None:
        self.owners.pop(thread_id, None)
        self.summaries.discard(thread_id)
        self.newest.pop(thread_id, None)
        self.chains.pop(thread_id, None)
        self.trashed.pop(thread_id, None)
        for known in (self.steps, self.elements):
            for key in [key for key, thread in known.items() if thread == thread_id]:
                del known[key]

    def check_owner(self, thread_id: str, actor: Actor) -> None:
        """Raises Forbidden when ``actor`` is neither the application nor the author of the thread."""
        if actor is not APPLICATION and self.owner(thread_id) != author_id(actor):
            raise Forbidden("This conversation belongs to somebody else")

    def owner(self, thread_id: str) -> str | None:
        """The author's user id, None without one. Raises NotFound without such a thread."""
        if thread_id not in self.owners:
            row = self._connection.execute(_OWNER, {"thread": thread_id}).one_or_none()
            if row is None:
                raise NotFound("There is no such conversation")
            self.owners[thread_id] = row.user_id
        return self.owners[thread_id]


def named(writes: Sequence[Write]) -> dict[str, str]:
    found: dict[str, set[str]] = {"threads": set(), "steps": set(), "elements": set()}
    for write in writes:
        found["threads"] |= write.threads
        if isinstance(write, (UpsertStep, DeleteStep)):
            found["steps"].add(write.id)
        if isinstance(write, (UpsertStep, UpsertElement)):
            found["steps"].update(filter(None, (write.values.get("parent_id"), write.values.get("for_id"))))
        if isinstance(write, (UpsertElement, DeleteElement, TrashElement, RestoreElement)):
            found["elements"].add(write.id)
        if isinstance(write, ChooseVersion):
            found["steps"] |= {write.id, record_id(write.id)}
        if isinstance(write, UpsertFeedback):
            found["steps"].add(write.step_id)
        if isinstance(write, ForkThread):
            found["steps"].update(row["id"] for row in write.steps)
            found["elements"].update(row["id"] for row in write.files)
        if isinstance(write, ImportThread):
            found["steps"] |= _texts(write.steps, "id", "parent_id") | _texts(write.elements, "for_id")
            found["steps"] |= _texts(write.votes, "step_id")
            found["elements"] |= _texts(write.elements, "id")
    return {kind: json.dumps(sorted(ids)) for kind, ids in found.items()}


def _texts(rows: Iterable[dict[str, Any]], *names: str) -> set[str]:
    """Nothing has looked at them yet."""
    known = [row for row in rows if isinstance(row, dict)]
    return {value for row in known for name in names if isinstance(value := row.get(name), str)}
