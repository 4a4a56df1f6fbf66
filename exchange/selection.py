"""Which threads are exported, read in batches that fit into memory.

I6: in a user's name only that user's threads come out, whatever ids are named; a batch is read by author and ids at
once. A thread is of one moment; two threads may be of two.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datalayer import APPLICATION, Store, text
from datalayer.readonly import ReadOnly
from datalayer.records import Thread, Which
from datalayer.whole import FIRST, NO_SIZE, Size, WholeThread
from datalayer.writes import Role

Source = Store | ReadOnly
"""A store that is open, or one that is only looked at."""

_PAGE = 200
_STEPS, _BYTES = 1_000, 4_000_000
"""Of a batch, unless one thread has more."""


@dataclass(frozen=True, slots=True)
class Selection:
    author: str | Role | None
    """Whose threads, the id of a user; None: those without author; APPLICATION: everybody's."""
    ids: tuple[str, ...] | None = None
    """These, in this order; None: all."""
    folder: str | None = None
    """Those in this folder or below it; None: all."""
    trash: bool = False
    """Also those in the trash."""
    listed: Callable[[], AsyncIterator[Sequence[str]]] | None = None
    """Those whose ids it gives, some at a time, in place of ``ids``; an export of them cannot be gone on with."""

    def told(self) -> dict[str, Any]:
        """What it is, as JSON."""
        author = "everybody" if self.author is APPLICATION else self.author
        ids = None if self.ids is None else list(self.ids)
        return {"author": author, "threads": ids, "folder": self.folder, "trash": self.trash}


Place = list[str]
"""Where an export can go on: whose threads it was at, of which list, and the cursor there. Empty: the beginning."""


@dataclass(frozen=True, slots=True)
class Batch:
    threads: list[WholeThread]
    then: Place | None
    """Where it goes on after this batch; None: not from here."""


@dataclass(frozen=True, slots=True)
class _Page:
    author: str | Role | None
    ids: Sequence[str]
    then: Place


async def batches(source: Source, chosen: Selection, place: Place | None = None) -> AsyncIterator[Batch]:
    """From ``place`` on. Raises DataLayerError: InvalidInput for a folder or place that cannot be."""
    async for page in _pages(source, chosen, place or []):
        parts = list(_parts(page.ids, await source.sizes(page.ids)))
        for number, part in enumerate(parts, 1):
            found = await source.whole_threads(page.author, part, chosen.trash)
            shown = [whole for whole in found if _is_in(whole.thread, chosen.folder)]
            yield Batch(shown, page.then if number == len(parts) else None)


def _is_in(thread: Thread, folder: str | None) -> bool:
    return not folder or thread.folder == folder or (thread.folder or "").startswith(folder + "/")


def _parts(ids: Sequence[str], sizes: dict[str, Size]) -> Iterator[list[str]]:
    part: list[str] = []
    steps = room = 0
    for key in ids:
        size = sizes.get(key, NO_SIZE)
        if part and (steps + size.steps > _STEPS or room + size.bytes > _BYTES):
            yield part
            part, steps, room = [], 0, 0
        part.append(key)
        steps, room = steps + size.steps, room + size.bytes
    if part:
        yield part


async def _pages(source: Source, chosen: Selection, place: Place) -> AsyncIterator[_Page]:
    if chosen.listed is not None:
        async for ids in chosen.listed():
            yield _Page(chosen.author, ids, [])
    elif chosen.ids is not None:
        for page in _named(chosen, place):
            yield page
    elif chosen.author is None:
        async for page in _ownerless(source, chosen, place):
            yield page
    elif isinstance(chosen.author, str):
        async for page in _of_user(source, chosen.author, chosen, place):
            yield page
    else:
        async for page in _of_everybody(source, chosen, place):
            yield page


def _named(chosen: Selection, place: Place) -> Iterator[_Page]:
    ids = [key for key in dict.fromkeys(chosen.ids or ()) if text.is_identifier(key)]
    for start in range(int(place[0]) if place else 0, len(ids), _PAGE):
        yield _Page(chosen.author, ids[start : start + _PAGE], [str(start + _PAGE)])


async def _of_everybody(source: Source, chosen: Selection, place: Place) -> AsyncIterator[_Page]:
    """One user after the other, in the order of their ids, then the threads without author."""
    after = place[0] if place else ""
    if after and after != _NOBODY:
        async for page in _of_user(source, after, chosen, place):
            yield page
    while after != _NOBODY and (some := await source.users(after, _PAGE)):
        for user in some:
            async for page in _of_user(source, user.id, chosen, []):
                yield page
        after = some[-1].id
    async for page in _ownerless(source, chosen, place if after == _NOBODY else []):
        yield page


_NOBODY = "nobody"
"""No id of a user: those are UUIDs."""


async def _of_user(source: Source, user_id: str, chosen: Selection, place: Place) -> AsyncIterator[_Page]:
    """Those made last first; at the end those in the trash."""
    _, at, cursor = place or ["", _LISTS[0], ""]
    for kind in _LISTS[_LISTS.index(at) : 1 + chosen.trash]:
        which = Which(folder=chosen.folder or None, archived=None, trashed=kind == "trash")
        following: str | None = cursor if at == kind else ""
        while following is not None:
            page = await source.threads(user_id, _PAGE, following or None, which=which, sort="created")
            following = page.next
            then = [kind, following] if following else [_LISTS[_LISTS.index(kind) + 1], ""]
            if page.threads:
                yield _Page(user_id, [thread.id for thread in page.threads], [user_id, *then])


_LISTS = ["threads", "trash", "end"]


async def _ownerless(source: Source, chosen: Selection, place: Place) -> AsyncIterator[_Page]:
    after = (int(place[1]), place[2]) if place else FIRST
    while some := await source.ownerless(after, _PAGE):
        after = some[-1][0]
        ids = [key for (_, key), trashed in some if chosen.trash or not trashed]
        yield _Page(None, ids, [_NOBODY, *map(str, after)])
