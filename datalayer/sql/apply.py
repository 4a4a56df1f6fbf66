"""I4, I5, I6: a group of writes becomes SQL inside the transaction of its caller.

``Facts`` reads, in one statement, who owns what the group names; each write is then checked against it, so a refusal
costs no rollback and changes nothing. Rules:

- I4 merge: an upsert sets the columns it was given and leaves the others.
- I5 tombstones: a write to what was deleted is discarded, as if it had come just before the deletion.
- I6 ownership: nothing of another thread or another user is changed, and no thread changes its author.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, bindparam, delete, insert, or_, select, update

from .. import dialects
from ..errors import Forbidden, InvalidInput, NotFound
from ..records import user_id
from ..schema import MESSAGES, elements, feedbacks, preferences, steps, threads, users
from ..search.changes import Changes
from ..writes import (
    APPLICATION,
    ChooseVersion,
    DeleteElement,
    DeleteFeedback,
    DeleteStep,
    DeleteThread,
    ForgetBlobs,
    ForkThread,
    ImportThread,
    PutPreferences,
    PutSummary,
    RecordUsage,
    ReleaseBlobs,
    RemoveArchived,
    RestoreArchived,
    RestoreElement,
    RestoreThread,
    TrashElement,
    TrashThread,
    UndoMerge,
    UpdateThread,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    UpsertUser,
    Write,
    author_id,
)
from . import (
    archiving,
    contents,
    counts,
    forking,
    importing,
    merging,
    organising,
    removing,
    summaries,
    trashing,
    unarchiving,
    usage,
    versions,
)
from .facts import Facts
from .group import Group, user_row
from .values import fit

_STRENGTH = {"first_message": 1, "model": 2, "user": 3}


def apply(
    connection: Connection,
    writes: Sequence[Write],
    vanished: Collection[str] = (),
    vectors_since: int | None = None,
) -> tuple[list[Any], list[str], bool]:
    """Applies ``writes`` in order. Returns a verdict each (a result, or its DataLayerError), what to release, as in
    ReleaseBlobs, and whether deleted words are left in the index. ``vanished``: names of blobs that writes bring along
    and that are not there. ``vectors_since``: as in ``vectors.note``."""
    facts = Facts(connection, writes, lock=not dialects.of(connection).serial)
    group = Group(connection, facts, vanished, vectors_since)
    verdicts: list[Any] = []
    for kind, run in groupby(writes, type):
        verdicts += [group.verdict(_HANDLERS[kind], write) for write in run]
        group.flush()
    counts.mark(connection, group.uncounted)
    return verdicts, sorted(group.released), group.words.store()


def _upsert_user(group: Group, write: UpsertUser) -> None:
    key = user_id(write.identifier)
    stored = group.connection.execute(select(users.c.metadata).where(users.c.id == key)).scalar()
    if stored is None:
        group.connection.execute(insert(users), user_row(write.identifier, write.metadata, write.at))
    elif stored != write.metadata:
        group.connection.execute(update(users).where(users.c.id == key).values(metadata=write.metadata))


def _put_preferences(group: Group, write: PutPreferences) -> None:
    if not isinstance(write.actor, str):
        raise InvalidInput("Preferences need a user")
    user = user_row(write.actor, {}, write.at)
    group.connection.execute(group.sql.keep(users), user)
    row = {"user_id": user["id"], "settings": write.settings, "updated_at": write.at}
    upsert = group.sql.upsert(preferences, ("user_id",), frozenset({"settings", "updated_at"}), newer="updated_at")
    group.connection.execute(upsert, row)


def _update_thread(group: Group, write: UpdateThread) -> bool | None:
    """False: it is not as the write expects it."""
    if isinstance(write.actor, str) and write.user_id not in (None, user_id(write.actor)):
        raise Forbidden("A conversation can only be given to oneself")
    if write.author is not None:
        group.connection.execute(group.sql.keep(users), user_row(write.author, {}, write.at))
    if not group.admit(write, write.thread_id, write.anonymous, write.user_id, write.stored_only):
        return None
    group.flush()
    if not organising.holds(group.connection, write.thread_id, write.only_if):
        return False
    ((author, named_by, metadata, tags),) = group.sql.fetch(group.connection, _STORED, {"key": write.thread_id}, tuple)
    values = organising.wanted(write, tags)
    if write.user_id is not None and author != write.user_id:
        if author is None:
            values["user_id"] = group.facts.owners[write.thread_id] = write.user_id
        elif not write.yields:
            raise Forbidden("A conversation keeps its author")
    if write.name is not None and _may_name(write.name_source, named_by):
        values |= {"name": write.name, "name_source": write.name_source}
    if write.metadata:
        merged = {**metadata, **write.metadata}
        values["metadata"] = {key: value for key, value in merged.items() if value is not None}
    values = fit(threads, values)
    if values:
        _note_thread(group, write.thread_id, values)
        group.set(threads, write.thread_id, values)
        organising.index_tags(group.connection, write.thread_id, values)
    return None


_STORED: Select[Any] = select(threads.c.user_id, threads.c.name_source, threads.c.metadata, threads.c.tags).where(
    threads.c.id == bindparam("key")
)
_SAID = {"name", "tags", "user_id", "folder", "pinned", "archived", "status"}
"""Columns of a thread that its document in the index is made of."""


def _note_thread(group: Group, thread_id: str, values: dict[str, Any]) -> None:
    if values.keys() & _SAID:
        group.words.thread(thread_id)
    if "user_id" in values:  # what nobody had said is this user's now
        these = select(steps.c.id).where(steps.c.thread_id == thread_id)
        group.words.steps(group.connection.execute(these).scalars(), said=False)


def _may_name(source: str, stored: str | None) -> bool:
    # A first message names the thread once; the same source again is a later message, or a second tab.
    return stored is None or (source != "first_message" and _STRENGTH[source] >= _STRENGTH[stored])


def _upsert_step(group: Group, write: UpsertStep) -> bool | None:
    """True: it has taken its thread out of the trash."""
    facts, values = group.facts, fit(steps, write.values)
    parent = values.get("parent_id")
    if facts.steps.get(write.id, write.thread_id) != write.thread_id:
        raise Forbidden("This step belongs to another conversation")
    if ("step", write.id) in facts.deleted or not group.admit(write, write.thread_id, write.anonymous):
        return None
    if ("step", parent) in facts.deleted:
        # Part of an answer that is gone: its own children must not come either.
        group.bury("step", [write.id], write.at)
        return None
    if write.timing != "given":
        values = _timed(facts, write, values)
    new = write.id not in facts.steps
    goes_on = new and values.get("type") == "user_message" and 0 < facts.trashed.get(write.thread_id, 0) < write.at
    if goes_on:
        removing.set_trashed(group, write.thread_id, 0)
    facts.steps[write.id] = write.thread_id
    if parent is not None and facts.steps.get(parent, write.thread_id) != write.thread_id:
        values = {**values, "parent_id": None}  # a browser may send any parent; the message itself is not lost for it
    if write.replayed and facts.written.get(write.id, 0) > write.at:
        return None  # by a process that did not need a spool
    facts.written[write.id] = write.at
    if write.id in facts.aside:
        values = versions.stays_aside(group, write.id, values)
    elif new and parent in facts.aside:
        values = versions.comes_aside(group, parent, values)
        facts.aside.add(write.id)
    if write.edit:
        _drop_answers(group, write)
    if "extra" in values:
        values = {**values, "extra": _merged_extra(group, steps, write.id, values["extra"])}
    values = {**values, "written_at": write.at}
    given = frozenset(values)
    row = {"favorite": False, "created_at": write.at, **values, "id": write.id, "thread_id": write.thread_id}
    group.add_step(row, given, new)
    if values.get("type") in MESSAGES:
        group.touch(write.thread_id, min(row["created_at"], write.at))
    return True if goes_on else None


def _timed(facts: Facts, write: UpsertStep, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` without a time for a step that has one; a new one comes after those that are there."""
    if write.id in facts.steps:
        return {key: value for key, value in values.items() if key != "created_at"}
    given: int = values.get("created_at", write.at)
    if write.timing == "now" and given <= (newest := facts.newest.get(write.thread_id, 0)):
        return {**values, "created_at": newest + 1}
    return values


def _drop_answers(group: Group, write: UpsertStep) -> None:
    group.flush()
    stored = group.connection.execute(select(steps.c.type, steps.c.output).where(steps.c.id == write.id)).one_or_none()
    if stored and stored.type == "user_message" and stored.output != write.values.get("output", stored.output):
        group.delete_steps(write.thread_id, group.descendants(write.id), write.at)


def _merged_extra(group: Group, table: Table, key: str, extra: dict[str, Any]) -> dict[str, Any]:
    group.flush()
    stored = group.connection.execute(select(table.c.extra).where(table.c.id == key)).scalar()
    return {**(stored or {}), **extra}


def _delete_step(group: Group, write: DeleteStep) -> None:
    facts = group.facts
    if write.id in facts.steps:
        thread_id = facts.steps[write.id]
        facts.check_owner(thread_id, write.actor)
        if write.thread_id not in (None, thread_id) and not write.anywhere:
            return
        group.delete_steps(thread_id, [write.id, *group.descendants(write.id)], write.at)
    else:
        group.bury("step", [write.id], write.at)


def _upsert_element(group: Group, write: UpsertElement) -> None:
    facts, values = group.facts, fit(elements, write.values)
    for_id = values.get("for_id")
    if write.blob:
        group.released.add(write.blob.name)  # an element that is refused leaves nothing behind
    if facts.elements.get(write.id, write.thread_id) != write.thread_id:
        raise Forbidden("This element belongs to another conversation")
    if for_id and facts.steps.get(for_id, write.thread_id) != write.thread_id:
        raise Forbidden("This element's step belongs to another conversation")
    gone = ("element", write.id) in facts.deleted or ("step", for_id) in facts.deleted
    if gone or not group.admit(write, write.thread_id, write.anonymous):
        return
    group.flush()
    new = write.id not in facts.elements
    facts.elements[write.id] = write.thread_id
    if write.blob:
        _hold_blob(group, write)
        group.recount(write.thread_id)
        values["blob"] = write.blob.sha256
    if "extra" in values:
        values["extra"] = _merged_extra(group, elements, write.id, values["extra"])
    row = {**values, "id": write.id, "thread_id": write.thread_id, "created_at": write.at}
    stored = select(elements.c.for_id).where(elements.c.id == write.id)
    before = () if new else group.connection.execute(stored).scalars()
    group.note_element((each, write.thread_id) for each in (*before, for_id))
    group.connection.execute(group.put(elements, frozenset(values), new), row)


def _hold_blob(group: Group, write: UpsertElement) -> None:
    assert write.blob is not None
    stored = write.blob.name not in group.vanished
    spare = contents.hold(group.connection, group.sql, write.blob, write.at, stored)
    group.released -= {write.blob.name, write.blob.sha256}
    replaced = group.connection.execute(select(elements.c.blob).where(elements.c.id == write.id)).scalar()
    group.released |= {name for name in (spare, replaced) if name not in (None, write.blob.sha256)}


def _upsert_feedback(group: Group, write: UpsertFeedback) -> str:
    facts = group.facts
    try:
        thread = facts.steps[write.step_id]
        facts.check_owner(thread, write.actor)
    except (KeyError, Forbidden):
        raise NotFound("There is no such message") from None  # the same words for another user's message
    if write.thread_id not in (None, thread):
        raise NotFound("There is no such message")
    voter = author_id(write.actor) or facts.owner(thread) or ""
    group.recount(thread)
    group.words.steps([write.step_id], said=False)
    row = {"step_id": write.step_id, "user_id": voter, "created_at": write.at}
    vote = {"id": write.id, "value": write.value, "comment": write.comment}  # the id that the caller was told
    group.connection.execute(group.sql.upsert(feedbacks, ("step_id", "user_id"), frozenset(vote)), row | vote)
    return write.id


def _delete_feedback(group: Group, write: DeleteFeedback) -> bool:
    which = feedbacks.c.id == write.id
    if write.actor is not APPLICATION:
        which &= feedbacks.c.user_id == (author_id(write.actor) or "")
    voted = select(steps.c.id, steps.c.thread_id).join(feedbacks, feedbacks.c.step_id == steps.c.id).where(which)
    for step_id, thread_id in group.connection.execute(voted).all():
        group.words.steps([step_id], said=False)
        group.recount(thread_id)
    return bool(group.connection.execute(delete(feedbacks).where(which)).rowcount)


def _release_blobs(group: Group, write: ReleaseBlobs) -> list[str]:
    return contents.release(group.connection, write.names, write.at)


def _forget_blobs(group: Group, write: ForgetBlobs) -> None:
    contents.forget(group.connection, write.names)


def _record_usage(group: Group, write: RecordUsage) -> None:
    usage.record(group.connection, group.sql, group.facts, write)


def _put_summary(group: Group, write: PutSummary) -> None:
    summaries.put(group.connection, group.sql, group.facts, write)


def mark_interrupted(connection: Connection, live: Collection[str], vectors_since: int | None = None) -> int:
    """Marks the steps that a process not in ``live`` was streaming. Returns how many. ``vectors_since``: as in
    ``vectors.note``."""
    dead = and_(steps.c.status == "streaming", or_(steps.c.instance.is_(None), steps.c.instance.not_in(live)))
    words = Changes(connection, Facts(connection, ()), vectors_since)
    words.steps(connection.execute(select(steps.c.id).where(dead)).scalars())
    marked = update(steps).where(dead).values(status="interrupted", streaming=False, instance=None)
    count = connection.execute(marked).rowcount
    words.store()
    return count


_HANDLERS: dict[type[Write], Callable[[Group, Any], Any]] = {
    UpsertUser: _upsert_user,
    UpdateThread: _update_thread,
    DeleteThread: removing.delete,
    RemoveArchived: archiving.remove,
    RestoreArchived: unarchiving.restore,
    TrashThread: removing.trash,
    RestoreThread: removing.restore,
    ForkThread: forking.fork,
    ImportThread: importing.store,
    UndoMerge: merging.undo,
    UpsertStep: _upsert_step,
    DeleteStep: _delete_step,
    ChooseVersion: versions.choose,
    UpsertElement: _upsert_element,
    DeleteElement: trashing.delete,
    TrashElement: trashing.trash,
    RestoreElement: trashing.restore,
    UpsertFeedback: _upsert_feedback,
    DeleteFeedback: _delete_feedback,
    ReleaseBlobs: _release_blobs,
    ForgetBlobs: _forget_blobs,
    PutPreferences: _put_preferences,
    RecordUsage: _record_usage,
    PutSummary: _put_summary,
}
