"""I4, I5, I6: a group of writes becomes SQL inside the transaction of its caller.

``Facts`` reads, in one statement, who owns what the group names; each write is then checked against it, so a refusal
costs no rollback and changes nothing. Rules:

- I4 merge: an upsert sets the columns it was given and leaves the others.
- I5 tombstones: a write to what was deleted is discarded, as if it had come just before the deletion.
- I6 ownership: nothing of another thread or another user is changed, and no thread changes its author.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, Connection, Insert, Table, and_, bindparam, case, delete, exists, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from .blobs import Blobs
from .errors import BlobVanished, DataLayerError, Forbidden, InvalidInput, NotFound
from .facts import Facts
from .records import user_id
from .schema import blobs, elements, feedbacks, steps, threads, tombstones, users
from .writes import (
    DeleteElement,
    DeleteFeedback,
    DeleteStep,
    DeleteThread,
    ReleaseBlobs,
    UpdateThread,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    UpsertUser,
    Write,
)

_MAX_IDS = 500  # far below the number of variables that any build of SQLite takes in a statement
MESSAGES = ("user_message", "assistant_message")
_STRENGTH = {"first_message": 1, "model": 2, "user": 3}
_Shape = tuple[tuple[str, ...], frozenset[str]]
_upserts: dict[tuple[str, tuple[str, ...], frozenset[str]], Insert] = {}


def apply(connection: Connection, writes: Sequence[Write], store: Blobs) -> tuple[list[Any], list[str]]:
    """Applies ``writes`` in order. Returns an outcome each (a result, or its DataLayerError) and the blobs let go."""
    group = _Group(connection, Facts(connection, writes), store)
    outcomes: list[Any] = []
    for kind, run in groupby(writes, type):
        outcomes += [group.outcome(_HANDLERS[kind], write) for write in run]
        group.flush()
    return outcomes, sorted(group.released)


class _Group:
    def __init__(self, connection: Connection, facts: Facts, store: Blobs) -> None:
        self.connection = connection
        self.facts = facts
        self.store = store
        self.released: set[str] = set()
        self._users: dict[str, dict[str, Any]] = {}
        self._threads: list[dict[str, Any]] = []
        self._steps: dict[_Shape, list[dict[str, Any]]] = {}
        self._shapes: dict[str, _Shape] = {}
        self._activity: dict[str, int] = {}

    def outcome(self, handler: "Callable[[_Group, Any], Any]", write: Write) -> Any:
        try:
            return handler(self, write)
        except DataLayerError as error:
            return error

    # Threads

    def admit(self, write: Write, thread_id: str, anonymous: bool, author: str | None = None) -> bool:
        """Whether ``write`` may touch the thread: True, made if it is new; False: it was deleted. Raises Forbidden."""
        if ("thread", thread_id) in self.facts.deleted:
            return False
        if thread_id in self.facts.owners:
            self.facts.check_owner(thread_id, write.actor)
            return True
        owner = author or (user_id(write.actor) if write.actor is not None else None)
        if owner is None and not anonymous:
            raise InvalidInput("A new conversation needs an author")
        self._new_thread(write, thread_id, owner)
        return True

    def _new_thread(self, write: Write, thread_id: str, owner: str | None) -> None:
        if write.actor is not None:
            self._users[write.actor] = _user_row(write.actor, {}, write.at)
        self.facts.owners[thread_id] = owner
        times = {"created_at": write.at, "last_activity_at": write.at}
        self._threads.append({"id": thread_id, "user_id": owner, "metadata": {}, **times})

    # Steps, collected so that those of one shape go out as one executemany

    def add_step(self, row: dict[str, Any], given: frozenset[str]) -> None:
        shape = (tuple(sorted(row)), given)
        if self._shapes.setdefault(row["id"], shape) != shape:
            self.flush()  # statements are reordered among rows, never for one row
            self._shapes[row["id"]] = shape
        self._steps.setdefault(shape, []).append(row)

    def touch(self, thread_id: str, at: int) -> None:
        self._activity[thread_id] = max(at, self._activity.get(thread_id, 0))

    def flush(self) -> None:
        """Sends what was collected, parents before children."""
        if self._users:
            self.connection.execute(insert(users).on_conflict_do_nothing(), list(self._users.values()))
        if self._threads:
            self.connection.execute(insert(threads), self._threads)
        for (keys, given), rows in self._steps.items():
            self.connection.execute(_upsert(steps, keys, given), rows)
        if self._activity:
            self.connection.execute(_TOUCH, [{"key": key, "moment": at} for key, at in self._activity.items()])
        for collected in (self._users, self._threads, self._steps, self._shapes, self._activity):
            collected.clear()

    # Deletions

    def bury(self, kind: str, ids: Iterable[str], at: int) -> None:
        buried = list(ids)
        self.facts.deleted.update((kind, key) for key in buried)
        if rows := [{"kind": kind, "id": key, "deleted_at": at} for key in buried]:
            self.connection.execute(insert(tombstones).on_conflict_do_nothing(), rows)

    def delete_elements(self, which: Any, at: int) -> None:
        gone = self.connection.execute(select(elements.c.id, elements.c.blob).where(which)).all()
        self.released.update(row.blob for row in gone if row.blob)
        self.bury("element", [row.id for row in gone], at)
        for row in gone:
            self.facts.elements.pop(row.id, None)
        self.connection.execute(delete(elements).where(which))

    def delete_steps(self, thread_id: str, ids: Sequence[str], at: int) -> None:
        """Deletes steps of one thread and their elements; an element elsewhere may name the same id."""
        for start in range(0, len(ids), _MAX_IDS):
            some = ids[start : start + _MAX_IDS]
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


def _user_row(identifier: str, metadata: dict[str, Any], at: int) -> dict[str, Any]:
    return {"id": user_id(identifier), "identifier": identifier, "metadata": metadata, "created_at": at}


def _upsert(table: Table, keys: tuple[str, ...], given: frozenset[str]) -> Insert:
    """INSERT of the columns ``keys`` that, where the id exists, sets those ``given`` (I4).

    Its WHERE repeats I6 for databases on which Facts cannot lock what it has read.
    """
    if (table.name, keys, given) not in _upserts:
        statement = insert(table)
        _upserts[table.name, keys, given] = statement.on_conflict_do_update(
            index_elements=[table.c.id],
            set_={key: statement.excluded[key] for key in sorted(given)} or {"id": statement.excluded.id},
            where=table.c.thread_id == statement.excluded.thread_id,
        )
    return _upserts[table.name, keys, given]


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


def _upsert_user(group: _Group, write: UpsertUser) -> None:
    key = user_id(write.identifier)
    stored = group.connection.execute(select(users.c.metadata).where(users.c.id == key)).scalar()
    if stored is None:
        group.connection.execute(insert(users), _user_row(write.identifier, write.metadata, write.at))
    elif write.metadata:
        merged = {**stored, **write.metadata}
        group.connection.execute(update(users).where(users.c.id == key).values(metadata=merged))


def _update_thread(group: _Group, write: UpdateThread) -> None:
    if write.actor is not None and write.user_id not in (None, user_id(write.actor)):
        raise Forbidden("A conversation can only be given to oneself")
    if not group.admit(write, write.thread_id, write.anonymous, write.user_id):
        return
    group.flush()
    this = threads.c.id == write.thread_id
    stored = group.connection.execute(
        select(threads.c.user_id, threads.c.name, threads.c.name_source, threads.c.metadata).where(this)
    ).one()
    values: dict[str, Any] = {}
    if write.user_id is not None and stored.user_id != write.user_id:
        if stored.user_id is not None:
            raise Forbidden("A conversation keeps its author")
        values["user_id"] = group.facts.owners[write.thread_id] = write.user_id
    if write.name is not None and _may_name(write.name_source, stored.name_source):
        values |= {"name": write.name, "name_source": write.name_source}
    if write.metadata:
        values["metadata"] = {**stored.metadata, **write.metadata}
    if write.tags is not None:
        values["tags"] = write.tags
    if values:
        group.connection.execute(update(threads).where(this).values(values))


def _may_name(source: str, stored: str | None) -> bool:
    # A first message names the thread once; the same source again is a later message, or a second tab.
    return stored is None or (source != "first_message" and _STRENGTH[source] >= _STRENGTH[stored])


def _delete_thread(group: _Group, write: DeleteThread) -> None:
    key = write.thread_id
    if ("thread", key) in group.facts.deleted:
        return
    if key in group.facts.owners:
        group.facts.check_owner(key, write.actor)
    group.delete_elements(elements.c.thread_id == key, write.at)
    group.bury("step", group.connection.execute(select(steps.c.id).where(steps.c.thread_id == key)).scalars(), write.at)
    group.bury("thread", [key], write.at)
    group.connection.execute(delete(threads).where(threads.c.id == key))
    group.facts.forget_thread(key)


def _upsert_step(group: _Group, write: UpsertStep) -> None:
    facts, values = group.facts, write.values
    parent = values.get("parent_id")
    if facts.steps.get(write.id, write.thread_id) != write.thread_id:
        raise Forbidden("This step belongs to another conversation")
    if ("step", write.id) in facts.deleted or not group.admit(write, write.thread_id, write.anonymous):
        return
    if ("step", parent) in facts.deleted:
        # Part of an answer that is gone: its own children must not come either.
        group.bury("step", [write.id], write.at)
        return
    facts.steps[write.id] = write.thread_id
    if parent is not None and facts.steps.get(parent, write.thread_id) != write.thread_id:
        values = {**values, "parent_id": None}  # a browser may send any parent; the message itself is not lost for it
    if write.edit:
        _drop_answers(group, write)
    if "extra" in values:
        values = {**values, "extra": _merged_extra(group, steps, write.id, values["extra"])}
    if write.replayed and _is_newer(group, write):
        return
    values = {**values, "written_at": write.at}
    given = frozenset(values)
    row = {"created_at": write.at, **values, "id": write.id, "thread_id": write.thread_id}
    group.add_step(row, given)
    if values.get("type") in MESSAGES:
        group.touch(write.thread_id, min(row["created_at"], write.at))


def _is_newer(group: _Group, write: UpsertStep) -> bool:
    """Whether the stored step was written after the call of ``write``, by a process that did not need a spool."""
    group.flush()
    stored = group.connection.execute(select(steps.c.written_at).where(steps.c.id == write.id)).scalar()
    return stored is not None and stored > write.at


def _drop_answers(group: _Group, write: UpsertStep) -> None:
    group.flush()
    stored = group.connection.execute(select(steps.c.type, steps.c.output).where(steps.c.id == write.id)).one_or_none()
    if stored and stored.type == "user_message" and stored.output != write.values.get("output", stored.output):
        group.delete_steps(write.thread_id, group.descendants(write.id), write.at)


def _merged_extra(group: _Group, table: Table, key: str, extra: dict[str, Any]) -> dict[str, Any]:
    group.flush()
    stored = group.connection.execute(select(table.c.extra).where(table.c.id == key)).scalar()
    return {**(stored or {}), **extra}


def _delete_step(group: _Group, write: DeleteStep) -> None:
    facts = group.facts
    if write.id in facts.steps:
        thread_id = facts.steps[write.id]
        facts.check_owner(thread_id, write.actor)
        group.flush()
        group.delete_steps(thread_id, [write.id, *group.descendants(write.id)], write.at)
    else:
        group.bury("step", [write.id], write.at)


def _upsert_element(group: _Group, write: UpsertElement) -> None:
    facts, values = group.facts, dict(write.values)
    for_id = values.get("for_id")
    if write.blob:
        group.released.add(write.blob.sha256)  # an element that is refused leaves nothing behind
    if facts.elements.get(write.id, write.thread_id) != write.thread_id:
        raise Forbidden("This element belongs to another conversation")
    if for_id and facts.steps.get(for_id, write.thread_id) != write.thread_id:
        raise Forbidden("This element's step belongs to another conversation")
    gone = ("element", write.id) in facts.deleted or ("step", for_id) in facts.deleted
    if gone or not group.admit(write, write.thread_id, write.anonymous):
        return
    group.flush()
    facts.elements[write.id] = write.thread_id
    if write.blob:
        _hold_blob(group, write)
        values["blob"] = write.blob.sha256
    if "extra" in values:
        values["extra"] = _merged_extra(group, elements, write.id, values["extra"])
    row = {**values, "id": write.id, "thread_id": write.thread_id, "created_at": write.at}
    group.connection.execute(_upsert(elements, tuple(sorted(row)), frozenset(values)), row)


def _hold_blob(group: _Group, write: UpsertElement) -> None:
    """Ties the blob to the element. Taking and removing a blob both hold the write lock, so the check stays true."""
    assert write.blob is not None
    if not group.store.has(write.blob.sha256):
        raise BlobVanished("The file was removed while it was being stored; send it again")
    row = {"sha256": write.blob.sha256, "size": write.blob.size, "created_at": write.at}
    group.connection.execute(insert(blobs).on_conflict_do_nothing(), row)
    replaced = group.connection.execute(select(elements.c.blob).where(elements.c.id == write.id)).scalar()
    if replaced not in (None, write.blob.sha256):
        group.released.add(replaced)
    group.released.discard(write.blob.sha256)


def _delete_element(group: _Group, write: DeleteElement) -> None:
    facts = group.facts
    if write.id in facts.elements:
        facts.check_owner(facts.elements[write.id], write.actor)
    group.delete_elements(elements.c.id == write.id, write.at)
    group.bury("element", [write.id], write.at)


def _upsert_feedback(group: _Group, write: UpsertFeedback) -> str:
    facts = group.facts
    try:
        thread = facts.steps[write.step_id]
        facts.check_owner(thread, write.actor)
    except (KeyError, Forbidden):
        raise NotFound("There is no such message") from None  # the same words for another user's message
    voter = user_id(write.actor) if write.actor is not None else facts.owner(thread) or ""
    row = {"id": write.id, "step_id": write.step_id, "user_id": voter, "created_at": write.at}
    vote = {"value": write.value, "comment": write.comment}
    statement = insert(feedbacks).values(row | vote)
    statement = statement.on_conflict_do_update(index_elements=["step_id", "user_id"], set_=vote)
    return str(group.connection.execute(statement.returning(feedbacks.c.id)).scalar_one())


def _delete_feedback(group: _Group, write: DeleteFeedback) -> bool:
    which = feedbacks.c.id == write.id
    if write.actor is not None:
        which &= feedbacks.c.user_id == user_id(write.actor)
    return bool(group.connection.execute(delete(feedbacks).where(which)).rowcount)


def _release_blobs(group: _Group, write: ReleaseBlobs) -> None:
    used = set(group.connection.execute(select(elements.c.blob).where(elements.c.blob.in_(write.names))).scalars())
    for name in sorted(set(write.names) - used):
        group.connection.execute(delete(blobs).where(blobs.c.sha256 == name))
        # Before COMMIT on purpose: after it, another process could take the blob between our check and the removal.
        group.store.remove(name)


def mark_interrupted(connection: Connection, live: Collection[str]) -> int:
    """Marks the steps that a process not in ``live`` was streaming, in one statement. Returns how many."""
    dead = or_(steps.c.instance.is_(None), steps.c.instance.not_in(live))
    marked = update(steps).where(steps.c.status == "streaming", dead)
    return connection.execute(marked.values(status="interrupted", streaming=False, instance=None)).rowcount


_HANDLERS: dict[type[Write], Callable[[_Group, Any], Any]] = {
    UpsertUser: _upsert_user,
    UpdateThread: _update_thread,
    DeleteThread: _delete_thread,
    UpsertStep: _upsert_step,
    DeleteStep: _delete_step,
    UpsertElement: _upsert_element,
    DeleteElement: _delete_element,
    UpsertFeedback: _upsert_feedback,
    DeleteFeedback: _delete_feedback,
    ReleaseBlobs: _release_blobs,
}
