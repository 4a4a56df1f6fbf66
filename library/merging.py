"""Several conversations made one, and that taken back."""

import uuid
from collections.abc import Sequence

from datalayer import DataLayer, NotFound, merges
from datalayer.merges import CannotMerge, Origin
from datalayer.text import NAME_LENGTH, one_line

from .changing import Change, Outcome
from .texts import Language, say

MERGES = frozenset({"merge", "unmerge"})
_TRIED = 10


async def apply(layer: DataLayer, identifier: str, user_id: str, change: Change, to: Language) -> Outcome:
    """Raises DataLayerError: CannotMerge, NotFound with nothing changed."""
    if change.what == "unmerge":
        return await _unmerge(layer, identifier, user_id, change.ids)
    found = await merges.read(layer.store, identifier, change.ids)
    origins = [origin for origin in found if origin.steps]
    if len(origins) < 2:
        raise CannotMerge("few", "It takes two conversations to merge")
    merge_id = await _unused(layer, origins)
    write = merges.merge(identifier, origins, _name(origins, to), merge_id)
    await layer.store.submit(write)
    return Outcome(len(origins), 0, (Change("unmerge", (write.thread_id,)),))


async def _unused(layer: DataLayer, origins: Sequence[Origin]) -> str:
    """The same where the form is sent twice; another one once the merge was taken back."""
    for merge_id in map(str, range(_TRIED)):
        key = merges.thread_id(origins, merge_id)
        known = await layer.store.thread(key)
        if known is not None and not known.archived:
            return merge_id
        if known is None and not await layer.store.was_deleted(key):
            return merge_id
    return str(uuid.uuid4())


def _name(origins: Sequence[Origin], to: Language) -> str:
    first, second, *others = [one_line(origin.thread.name or "") or say("untitled", to) for origin in origins]
    short = NAME_LENGTH // 2 - 20
    if others:
        return say("merge_name_many", to, first=first[:short], n=len(others) + 1)
    return say("merge_name", to, first=first[:short], second=second[:short])


async def _unmerge(layer: DataLayer, identifier: str, user_id: str, ids: Sequence[str]) -> Outcome:
    changed = 0
    for key in ids:
        thread = await layer.store.thread(key)
        if thread is None or thread.user_id != user_id:
            continue
        if (write := merges.undo(identifier, thread, trash=layer.has_trash)) is None:
            continue
        try:
            await layer.store.submit(write)
        except NotFound:
            continue
        await layer.on_delete(identifier, key)
        changed += len(write.origins)
    return Outcome(changed, 0 if changed else len(ids))
