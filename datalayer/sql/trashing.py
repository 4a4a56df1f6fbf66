"""How a file of a thread goes: into the trash and out of it, and for good."""

from sqlalchemy import ColumnElement, select, update

from ..errors import NotFound
from ..schema import elements
from ..writes import DeleteElement, RestoreElement, TrashElement
from .group import Group


def delete(group: Group, write: DeleteElement) -> None:
    facts = group.facts
    if write.id in facts.elements:
        facts.check_owner(facts.elements[write.id], write.actor)
        if write.thread_id not in (None, facts.elements[write.id]):
            return
    if write.trashed_before is not None and not 0 < _trashed_at(group, write.id) < write.trashed_before:
        return
    group.delete_elements(elements.c.id == write.id, write.at)
    group.bury("element", [write.id], write.at)


def trash(group: Group, write: TrashElement) -> bool:
    return _is_there(group, write) and _set(group, write, elements.c.trashed_at == 0, max(write.at, 1))


def restore(group: Group, write: RestoreElement) -> bool:
    if not _is_there(group, write):
        raise NotFound("There is no such file any more")
    since = elements.c.trashed_at
    return _set(group, write, since > 0 if write.trashed_at is None else since == write.trashed_at, 0)


def _is_there(group: Group, write: TrashElement | RestoreElement) -> bool:
    """Raises Forbidden."""
    if group.facts.elements.get(write.id) != write.thread_id:
        return False
    group.facts.check_owner(write.thread_id, write.actor)
    return True


def _set(group: Group, write: TrashElement | RestoreElement, was: ColumnElement[bool], at: int) -> bool:
    """``at`` 0: out of the trash."""
    group.flush()
    group.recount(write.thread_id)
    for_id = group.connection.execute(select(elements.c.for_id).where(elements.c.id == write.id)).scalar()
    group.note_element([(for_id, write.thread_id)])
    changed = update(elements).where(elements.c.id == write.id, was).values(trashed_at=at)
    return bool(group.connection.execute(changed).rowcount)


def _trashed_at(group: Group, element_id: str) -> int:
    found = group.connection.execute(select(elements.c.trashed_at).where(elements.c.id == element_id)).scalar()
    return found or 0
