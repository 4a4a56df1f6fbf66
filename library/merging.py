"""Several conversations made one, and that taken back."""

from collections.abc import Sequence

from datalayer import DataLayer, NotFound, merges
from datalayer.merges import CannotMerge, Origin
from datalayer.text import NAME_LENGTH, one_line

from .changing import Change, Outcome
from .texts import Language, say

MERGES = frozenset({"merge", "unmerge"})


async def apply(layer: DataLayer, identifier: str, user_id: str, change: Change, to: Language) -> Outcome:
    """Raises DataLayerError: CannotMerge, NotFound with nothing changed."""
    if change.what == "unmerge":
        return await _unmerge(layer, identifier, user_id, change.ids)
    found = await merges.read(layer.store, identifier, change.ids)
    origins = [origin for origin in found if origin.steps]
    if len(origins) < 2:
        raise CannotMerge("few", "It takes two conversations to merge")
    merge_id, _ = await merges.next_id(layer.store, identifier, origins)  # the same where the form is sent twice
    write = merges.merge(identifier, origins, _name(origins, to), merge_id)
    await layer.store.submit(write)
    undo = Change("unmerge", (write.thread_id,), undoes=True)
    return Outcome(len(origins), empty=len(found) - len(origins), undo=(undo,))


def _name(origins: Sequence[Origin], to: Language) -> str:
    first, second, *others = [one_line(origin.thread.name or "") or say("untitled", to) for origin in origins]
    short = NAME_LENGTH // 2 - 20
    if others:
        return say("merge_name_many", to, first=first[:short], n=len(others) + 1)
    return say("merge_name", to, first=first[:short], second=second[:short])


async def _unmerge(layer: DataLayer, identifier: str, user_id: str, ids: Sequence[str]) -> Outcome:
    changed = missing = 0
    for key in ids:
        thread = await layer.store.thread(key)
        if thread is None or thread.user_id != user_id:
            missing += 1
            continue
        if (write := merges.undo(identifier, thread, trash=layer.has_trash)) is None:
            missing += 1
            continue
        try:
            await layer.store.submit(write)
        except NotFound:
            missing += 1
            continue
        await layer.on_delete(identifier, key)
        changed += len(write.origins)
    return Outcome(changed, missing)
