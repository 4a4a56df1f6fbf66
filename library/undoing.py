"""What takes a change back, as a page sends it, and as it is kept where it is too much for a page: a day long.

Of what is done to thousands of conversations a part is kept with each batch, beside the conversations. It is there
before the batch is made, so that nothing is changed which cannot be taken back.
"""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

from datalayer import InvalidInput, Store
from datalayer.records import now

from .changing import CHANGES, MOST, Change

_KEY = "library.undo."
_DAY = 86_400_000_000
_UNDOS = CHANGES - {"purge"} | {"unmerge"}


def to_text(changes: Iterable[Change]) -> str:
    """What ``from_text`` reads."""
    return json.dumps(_listed(changes), separators=(",", ":"))


def from_text(given: str) -> list[Change]:
    """Raises InvalidInput for what ``to_text`` has not written."""
    try:
        changes = _read(json.loads(given))
    except (ValueError, TypeError, RecursionError):
        changes = []
    texts = [part for change in changes for part in (change.what, *change.ids, *change.values)]
    known = all(isinstance(part, str) for part in texts) and all(change.what in _UNDOS for change in changes)
    if not (changes and known) or sum(len(change.ids) for change in changes) > MOST:
        raise InvalidInput("This cannot be undone any more")
    return changes


def _listed(changes: Iterable[Change]) -> list[Any]:
    return [[change.what, change.values, change.ids] for change in changes]


def _read(given: Any) -> list[Change]:
    return [Change(what, tuple(ids), tuple(values), undoes=True) for what, values, ids in given]


class Kept(NamedTuple):
    key: str
    version: int


def begin() -> str:
    """The name of what is to be kept part by part: when it began."""
    return str(now())


def is_name(given: str) -> bool:
    return given.isdecimal() and given.isascii() and len(given) < 20


async def keep(store: Store, user_id: str, name: str, changes: Iterable[Change]) -> Kept:
    """Raises StoreUnavailable."""
    key = f"{_KEY}{user_id}.{name}.{now()}"
    return Kept(key, await store.put_app_value(key, _listed(changes), 0) or 0)


async def correct(store: Store, kept: Kept, changes: Iterable[Change]) -> None:
    await store.put_app_value(kept.key, _listed(changes) or None, kept.version)


async def parts(store: Store, user_id: str, name: str) -> AsyncIterator[tuple[Kept, list[Change], bool]]:
    """All that is kept, the last first, each with whether others follow."""
    found = sorted(await store.app_versions_under(f"{_KEY}{user_id}.{name}."), reverse=True)
    for key in found:
        for value in (await store.app_values([key])).values():
            yield Kept(key, value.version), _read(value.value), key != found[-1]


async def count(store: Store, user_id: str, name: str) -> int:
    """How many conversations all that is kept concerns."""
    return sum([len(change.ids) async for _, changes, _ in parts(store, user_id, name) for change in changes])


async def forget(store: Store, kept: Kept) -> None:
    await store.put_app_value(kept.key, None, kept.version)


async def forget_old(store: Store) -> None:
    """What anybody has not taken back within a day."""
    for key, version in (await store.app_versions_under(_KEY)).items():
        name = key.removeprefix(_KEY).split(".")[1]
        if int(name) < now() - _DAY:
            await forget(store, Kept(key, version))
