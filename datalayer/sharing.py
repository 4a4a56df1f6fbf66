"""Read-only links to a conversation. What is known of a link is the SHA-256 of its secret: nobody who reads the
database can follow it.

Always true: only the author of a thread makes, lists, changes or revokes links to it; what is revoked leads nowhere, on
every instance, when the call returns. So nothing here goes to the spool. A link goes with its thread, and with what it
has kept of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from .records import now
from .shares import Share, Shared, ShareOptions
from .sql import shares as sql

T = TypeVar("T")


class Sharing(ABC):
    """Every method raises StoreUnavailable when the database does not answer, and the kinds of it."""

    @abstractmethod
    async def _settled(self, thread_id: str | None = None) -> None:
        """Returns when the database can be read, with the writes called before."""

    @abstractmethod
    async def _read(self, query: Callable[..., T], *args: Any, thread_id: str | None = None) -> T:
        """As ``Reads._read``."""

    @abstractmethod
    async def _now(self, query: Callable[..., T], *args: Any, changes: bool = False) -> T:
        """As ``AppValues._now``."""

    async def make_share(
        self,
        user_id: str,
        thread_id: str,
        digest: str,
        options: ShareOptions,
        snapshot: dict[str, Any] | None = None,
    ) -> Share:
        """``digest``: the SHA-256 of the link's secret, in hex. ``snapshot``: JSON that is shown instead of what is
        said now. Raises NotFound where the user has no such conversation outside of the trash, CannotShare, and
        InvalidInput for options that cannot be kept."""
        await self._settled(thread_id)
        return await self._now(sql.make, user_id, thread_id, digest, options, snapshot, now(), changes=True)

    async def own_shares(self, user_id: str, thread_id: str | None = None) -> list[Share]:
        """The user's, those made last first, also those that have expired. ``thread_id``: only those to this thread."""
        return await self._read(sql.own, user_id, thread_id)

    async def change_share(self, user_id: str, share_id: str, options: ShareOptions) -> None:
        """Raises NotFound where the user has no such link."""
        await self._now(sql.change, user_id, share_id, options, changes=True)

    async def revoke_share(self, user_id: str, share_id: str) -> bool:
        """Whether there was such a link of the user's."""
        return await self._now(sql.revoke, user_id, share_id, changes=True)

    async def shared(self, digest: str, at: int | None = None) -> Shared | None:
        """What the link leads to whose secret has this SHA-256; None: nowhere, whether there never was one, it has
        expired, or its thread is in the trash. ``at``: what counts as now, in UTC microseconds."""
        return await self._read(sql.shared, digest, now() if at is None else at)

    async def count_view(self, share_id: str) -> None:
        """Somebody has opened it."""
        await self._now(sql.count_view, share_id, changes=True)
