"""All conversations that a list or a search has, beyond the page that is shown.

They are those of an address as they were at a moment: what has come since, or in which something was said since, is not
among them. Nothing lists their ids, so it is one sentence for ten or a hundred thousand.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from datalayer import Store
from datalayer.records import Thread, Which, utc_offset

from .address import Address

SIZE = 100
"""Conversations that are read, and changed, together."""


@dataclass(frozen=True, slots=True)
class Selection:
    address: Address
    moment: int
    """UTC microseconds."""

    @property
    def which(self) -> Which:
        """Raises InvalidInput."""
        which = self.address.which
        until = self.moment if which.until is None else min(which.until, self.moment)
        return replace(which, until=until, made_before=self.moment)

    async def count(self, store: Store, user_id: str) -> tuple[int, bool]:
        """How many there are, and whether these are all: of a search that most of what is said matches, they are the
        conversations of the newest. Raises DataLayerError."""
        if not self.address.words:
            return await store.count(user_id, self.which), True
        ids, complete = await self._found(store, user_id)
        return len(ids), complete

    async def batches(
        self, store: Store, user_id: str, after: str | None = None
    ) -> AsyncIterator[tuple[list[Thread], str | None]]:
        """The conversations, some at a time, in an order that is not changed by what is done to them; with each what
        ``after`` is to be where it goes on, None at the end. Raises DataLayerError: InvalidInput for another
        ``after``."""
        if self.address.words:
            ids, _ = await self._found(store, user_id)
            for start in range(bisect_right(ids, after or ""), len(ids), SIZE):
                some = ids[start : start + SIZE]
                yield self._then(await store.own_threads(user_id, some)), some[-1] if ids[-1] > some[-1] else None
            return
        while True:
            page = await store.threads(user_id, SIZE, after, which=self.which, sort="created")
            yield self._then(page.threads), (after := page.next)
            if after is None:
                return

    async def _found(self, store: Store, user_id: str) -> tuple[list[str], bool]:
        return await store.threads_found(user_id, self.address.words, self.moment, utc_offset())

    def _then(self, threads: Sequence[Thread]) -> list[Thread]:
        """Those that were there at the moment."""
        return [each for each in threads if max(each.created_at, each.last_activity_at, each.trashed_at) < self.moment]
