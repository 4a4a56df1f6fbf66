"""What a merge does to the threads that it is made of, and how that is undone: they are archived, and come back.

A thread in which more was said than the merge has is not archived: nobody would see it. Those that were archived before
stay so.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select

from ..errors import InvalidInput, NotFound
from ..forks import MERGED_FROM
from ..schema import MESSAGES, steps, threads
from ..search.documents import UNSEARCHED
from ..writes import DeleteThread, ForkThread, TrashThread, UndoMerge
from . import removing
from .facts import Facts
from .group import Group


def check(facts: Facts, write: ForkThread) -> None:
    """Raises Forbidden, NotFound."""
    for origin in write.origins:
        if origin in facts.owners:
            facts.check_owner(origin, write.actor)
        if not write.replayed and (origin not in facts.owners or origin in facts.trashed):
            raise NotFound("A conversation was deleted before it could be merged")


def archive(group: Group, write: ForkThread) -> dict[str, Any]:
    """The origins; what the metadata of the merge says of them."""
    facts = group.facts
    whole = [
        origin
        for origin, newest in write.origins.items()
        if origin in facts.owners and origin not in facts.trashed and facts.newest.get(origin, 0) <= newest
    ]
    archived = _set_archived(group, whole, True)
    until = write.at + len(write.steps)  # as forking writes them
    return {MERGED_FROM: {"threads": list(write.origins), "archived": archived, "until": until}}


def undo(group: Group, write: UndoMerge) -> bool | None:
    """Raises Forbidden, NotFound, InvalidInput."""
    facts, key = group.facts, write.thread_id
    if ("thread", key) in facts.deleted:
        return None
    if key not in facts.owners:
        raise NotFound("There is no such conversation")
    facts.check_owner(key, write.actor)
    group.flush()
    metadata = group.connection.execute(select(threads.c.metadata).where(threads.c.id == key)).scalar_one()
    merged = metadata.get(MERGED_FROM)
    if not isinstance(merged, dict):
        raise InvalidInput("This conversation was not merged of others")
    back = set(merged.get("archived") or ()) & set(write.origins) & facts.owners.keys()
    for origin in back:
        facts.check_owner(origin, write.actor)
    _set_archived(group, sorted(back), False)
    if kept := _is_gone_on_with(group, key, merged.get("until") or 0):
        _keep(group, key, metadata | {MERGED_FROM: merged | {"undone": True}})
    else:
        of: dict[str, Any] = {"actor": write.actor, "thread_id": key, "at": write.at}
        if write.trash:
            removing.trash(group, TrashThread(**of))
        else:
            removing.delete(group, DeleteThread(**of))
    return kept


def _set_archived(group: Group, ids: Sequence[str], archived: bool) -> list[str]:
    """Those of the threads that were not yet as they are now."""
    others = and_(threads.c.id.in_(ids), threads.c.archived == (not archived))
    changed = sorted(group.connection.execute(select(threads.c.id).where(others)).scalars())
    for key in changed:
        group.words.thread(key)
    for key in changed:
        group.set(threads, key, {"archived": archived})
    return changed


def _keep(group: Group, key: str, metadata: dict[str, Any]) -> None:
    """In the archive."""
    _set_archived(group, [key], True)
    group.set(threads, key, {"metadata": metadata})


def _is_gone_on_with(group: Group, key: str, until: int) -> bool:
    """Whether a message was written or changed later; what no search finds, such as a command, is none."""
    later = and_(steps.c.thread_id == key, steps.c.written_at > until, steps.c.type.in_(MESSAGES))
    found = group.connection.execute(select(steps.c.metadata).where(later)).scalars()
    return any(not (metadata or {}).get(UNSEARCHED) for metadata in found)
