"""What a group of writes does together: threads it makes, steps it collects, what it deletes, what it lets go.

Steps of one shape go out as one ``executemany``, which is what makes a group fast.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Insert,
    Table,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from .. import dialects
from ..chain.content import LINKED
from ..errors import DataLayerError, InvalidInput, NotFound
from ..records import check_time, month_of, user_id
from ..schema import MESSAGES, elements, steps, threads, tombstones, users
from ..search.changes import Changes
from ..writes import Write, author_id
from . import summaries
from .facts import Facts

_COUNTED = {"user_id", "tags", "folder", "pinned", "archived", "status", "kind", "model", "trashed_at"}
"""Columns of a thread that it is counted by."""
_MAX_IDS = 500  # far below the number of variables that any build of SQLite takes in a statement


class Group:
    """``facts``: what is known of what the writes name. ``vanished``: names of blobs that are not there.
    ``released``: what elements let go, as ``ReleaseBlobs.names``. ``uncounted``: threads to be counted anew, and whose
    they are."""

    def __init__(
        self,
        connection: Connection,
        facts: Facts,
        vanished: Collection[str] = (),
        vectors_since: int | None = None,
    ) -> None:
        self.connection = connection
        self.sql = dialects.of(connection)
        self.facts = facts
        self.vanished = vanished
        self.released: set[str] = set()
        self.uncounted: dict[str, str] = {}
        self.words = Changes(connection, facts, vectors_since)
        self._users: dict[str, dict[str, Any]] = {}
        self._threads: list[dict[str, Any]] = []
        self._steps: dict[tuple[bool, frozenset[str]], list[dict[str, Any]]] = {}
        self._shapes: dict[str, frozenset[str]] = {}
        self._activity: dict[str, int] = {}

    def verdict(self, handler: "Callable[[Group, Any], Any]", write: Write) -> Any:
        try:
            check_time(write.at)
            return handler(self, write)
        except DataLayerError as error:
            return error

    # Threads

    def admit(
        self, write: Write, thread_id: str, anonymous: bool, author: str | None = None, stored_only: bool = False
    ) -> bool:
        """Whether ``write`` may touch the thread: True, made if it is new, unless ``stored_only``; False: it was
        deleted. Raises Forbidden, NotFound."""
        if ("thread", thread_id) in self.facts.deleted:
            return False
        if thread_id in self.facts.owners:
            self.facts.check_owner(thread_id, write.actor)
            return True
        if stored_only:
            raise NotFound("There is no such conversation")
        owner = author or author_id(write.actor)
        if owner is None and not anonymous:
            raise InvalidInput("A new conversation needs an author")
        if isinstance(write.actor, str):
            self.add_user(write.actor, write.at)
        times = {"created_at": write.at, "last_activity_at": write.at}
        self.add_thread({"id": thread_id, "user_id": owner, "metadata": {}, **times})
        return True

    def add_user(self, identifier: str, at: int) -> None:
        """One who is there stays as he is."""
        self._users[identifier] = user_row(identifier, {}, at)

    def add_thread(self, row: dict[str, Any]) -> None:
        self.facts.owners[row["id"]] = row["user_id"]
        self.words.made(row["id"])
        self.recount(row["id"])
        self._threads.append(row)

    def recount(self, thread_id: str) -> None:
        """To be called when something changes that the thread is counted by, and before it is deleted."""
        if (owner := self.facts.owner(thread_id)) is not None:
            self.uncounted[thread_id] = owner

    # Steps, collected so that those of one shape go out as one executemany

    def add_step(self, row: dict[str, Any], given: frozenset[str], new: bool) -> None:
        """``given``: the columns of ``row`` that are set where the step exists; all others every row has. ``new``: it
        did not exist before this group."""
        if not self.sql.serial:
            row["seq"] = row["written_at"]
        if self._shapes.setdefault(row["id"], given) != given:
            self.flush()  # statements are reordered among rows, never for one row
            self._shapes[row["id"]] = given
        self._steps.setdefault((not new, given), []).append(row)
        newest = self.facts.newest
        newest[row["thread_id"]] = max(row["created_at"], newest.get(row["thread_id"], 0))

    def touch(self, thread_id: str, at: int) -> None:
        self._activity[thread_id] = max(at, self._activity.get(thread_id, 0))
        if month_of(at) != month_of(self.facts.active.get(thread_id, at)):
            self.recount(thread_id)

    def flush(self) -> None:
        """Sends what was collected, parents before children."""
        if self._users:
            self.sql.send(self.connection, self.sql.keep(users), list(self._users.values()))
        if self._threads:
            self._claim()
            for _, alike in groupby(self._threads, dict.keys):
                self.sql.send(self.connection, _inserts(threads), list(alike))
        for (stored, given), rows in sorted(self._steps.items(), key=lambda item: item[0][0]):
            if covered := [row for row in rows if row["thread_id"] in self.facts.summaries]:
                summaries.drop_changed(self.connection, given, covered)
            self._note(rows, stored)
            self.sql.send(self.connection, self.put(steps, given, not stored), rows)
        if self._activity:
            touched = [{"key": key, "moment": at} for key, at in self._activity.items()]
            self.sql.send(self.connection, _TOUCH, touched)
        for collected in (self._users, self._threads, self._steps, self._shapes, self._activity):
            collected.clear()

    def _note(self, rows: list[dict[str, Any]], stored: bool) -> None:
        """Only messages are found by their words, and linked; what is stored may be one."""
        if stored:
            self.words.steps(row["id"] for row in rows)
        else:
            self.words.new([row for row in rows if row.get("type") in LINKED])

    def put(self, table: Table, given: frozenset[str], new: bool) -> Insert:
        """INSERT of rows that, where the id exists, sets the columns ``given`` (I4).

        A ``new`` row fails where another process has just taken the id, and is then looked at again: it may be in
        another thread (I6).
        """
        return _inserts(table) if new else self.sql.upsert(table, ("id",), given, same=("thread_id",))

    def set(self, table: Table, key: str, values: dict[str, Any]) -> None:
        """Sets these columns of one row, which is there."""
        if table is threads and values.keys() & _COUNTED:
            self.recount(key)
        named = {f"new_{name}": value for name, value in values.items()}
        self.sql.send(self.connection, _sets(table, tuple(sorted(values))), [{"key": key, **named}])

    def _claim(self) -> None:
        """Meets whoever deletes one of the new threads at this moment, or makes it: both write to the same tombstone,
        so one waits for the other and is then told that it has to look again."""
        if not self.sql.serial:
            claims = [{"kind": "thread", "id": row["id"], "deleted_at": 0} for row in self._threads]
            self.connection.execute(insert(tombstones), claims)
            self.connection.execute(_UNCLAIM, claims)

    # Deletions

    def bury(self, kind: str, ids: Iterable[str], at: int) -> None:
        buried = list(ids)
        self.facts.deleted.update((kind, key) for key in buried)
        if rows := [{"kind": kind, "id": key, "deleted_at": at} for key in buried]:
            self.connection.execute(self.sql.keep(tombstones), rows)

    def delete_elements(self, which: Any, at: int) -> None:
        what = select(elements.c.id, elements.c.blob, elements.c.for_id, elements.c.thread_id).where(which)
        gone = self.connection.execute(what).all()
        for thread_id in {row.thread_id for row in gone if row.blob}:
            self.recount(thread_id)
        self.note_element([(row.for_id, row.thread_id) for row in gone])
        self.released.update(row.blob for row in gone if row.blob)
        self.bury("element", [row.id for row in gone], at)
        for row in gone:
            self.facts.elements.pop(row.id, None)
        self.connection.execute(delete(elements).where(which))

    def note_element(self, places: Iterable[tuple[str | None, str]]) -> None:
        """To be called before elements of these steps and threads change."""
        for for_id, thread_id in places:
            if for_id:
                self.words.steps([for_id])
            else:
                self.words.thread(thread_id)

    def delete_steps(self, thread_id: str, ids: Sequence[str], at: int) -> None:
        """Deletes steps of one thread and their elements; an element elsewhere may name the same id."""
        self.recount(thread_id)  # votes go with them
        for start in range(0, len(ids), _MAX_IDS):
            some = ids[start : start + _MAX_IDS]
            self.words.steps(some)
            summaries.drop_deleted(self.connection, thread_id, some)
            self.delete_elements(and_(elements.c.thread_id == thread_id, elements.c.for_id.in_(some)), at)
            self.connection.execute(delete(steps).where(steps.c.id.in_(some)))
        self.bury("step", ids, at)
        for key in ids:
            self.facts.steps.pop(key, None)

    def descendants(self, step_id: str) -> list[str]:
        """Ids of all steps below, within the thread: a parent's id can be claimed in another thread after its child."""
        here = steps.c.thread_id == self.facts.steps[step_id]
        tree = select(steps.c.id).where(steps.c.parent_id == step_id, here).cte(recursive=True)
        tree = tree.union(select(steps.c.id).where(steps.c.parent_id == tree.c.id, here))
        # A browser may name a step as its own parent.
        return [key for key in self.connection.execute(select(tree.c.id)).scalars() if key != step_id]


@cache
def _inserts(table: Table) -> Insert:
    return insert(table)


@cache
def _sets(table: Table, names: tuple[str, ...]) -> Update:
    columns = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    return update(table).where(table.c.id == bindparam("key")).values(columns)


def user_row(identifier: str, metadata: dict[str, Any], at: int) -> dict[str, Any]:
    return {"id": user_id(identifier), "identifier": identifier, "metadata": metadata, "created_at": at}


_UNCLAIM = delete(tombstones).where(tombstones.c.kind == bindparam("kind"), tombstones.c.id == bindparam("id"))
# Last activity only grows, but the first message of a thread brings its own time, also when it is an imported, old one.
_MOMENT = bindparam("moment", type_=BigInteger)
_IS_MESSAGE = or_(*(steps.c.type == kind for kind in MESSAGES))  # IN cannot be part of an executemany
_LATER_MESSAGE = exists(select(1).where(steps.c.thread_id == threads.c.id, _IS_MESSAGE, steps.c.created_at > _MOMENT))
_TOUCH = (
    update(threads)
    .where(threads.c.id == bindparam("key"))
    .values(
        last_activity_at=case(
            (threads.c.last_activity_at < _MOMENT, _MOMENT),
            (and_(threads.c.last_activity_at == threads.c.created_at, ~_LATER_MESSAGE), _MOMENT),
            else_=threads.c.last_activity_at,
        )
    )
)
