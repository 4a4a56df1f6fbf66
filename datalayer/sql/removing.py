"""How a thread goes: into the trash and out of it, and for good, with all that belongs to it."""

from sqlalchemy import delete as delete_rows
from sqlalchemy import select

from ..errors import NotFound
from ..schema import elements, steps, threads
from ..writes import DeleteThread, RestoreThread, TrashThread
from . import organising
from .group import Group


def delete(group: Group, write: DeleteThread) -> None:
    key = write.thread_id
    if ("thread", key) in group.facts.deleted:
        return
    if key in group.facts.owners:
        group.facts.check_owner(key, write.actor)
    if write.trashed_before is not None and not 0 < group.facts.trashed.get(key, 0) < write.trashed_before:
        return
    if key in group.facts.owners:
        group.recount(key)
    said = group.connection.execute(select(steps.c.id).where(steps.c.thread_id == key)).scalars().all()
    group.words.thread(key)
    group.words.steps(said)
    group.delete_elements(elements.c.thread_id == key, write.at)
    group.bury("step", said, write.at)
    group.bury("thread", [key], write.at)
    group.connection.execute(delete_rows(threads).where(threads.c.id == key))
    group.facts.forget_thread(key)


def trash(group: Group, write: TrashThread) -> bool:
    key = write.thread_id
    if ("thread", key) in group.facts.deleted:
        return False
    if key not in group.facts.owners:
        group.bury("thread", [key], write.at)
        return False
    group.facts.check_owner(key, write.actor)
    group.flush()
    if key in group.facts.trashed or not organising.holds(group.connection, key, write.only_if):
        return False
    set_trashed(group, key, max(write.at, 1))
    return True


def restore(group: Group, write: RestoreThread) -> bool:
    key = write.thread_id
    if ("thread", key) in group.facts.deleted or key not in group.facts.owners:
        raise NotFound("There is no such conversation any more")
    group.facts.check_owner(key, write.actor)
    if (since := group.facts.trashed.get(key)) is None or write.trashed_at not in (None, since):
        return False
    set_trashed(group, key, 0)
    return True


def set_trashed(group: Group, thread_id: str, at: int) -> None:
    """``at`` 0: out of the trash."""
    group.flush()
    group.facts.trashed.pop(thread_id, None)
    if at:
        group.facts.trashed[thread_id] = at
    group.set(threads, thread_id, {"trashed_at": at})
    organising.index_tags(group.connection, thread_id, {"trashed_at"})
