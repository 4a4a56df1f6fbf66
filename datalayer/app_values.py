"""What an app keeps beside conversations, for all its instances: JSON under keys. What it means only the app knows.

Always true: a change is stored when the call returns, or nothing of it is; of two at once one is told. Nothing here
goes to the spool, so there is no file in which a value is read.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .records import AppValue
from .sql import app_values as sql

T = TypeVar("T")


class AppValues(ABC):
    """Every method raises StoreUnavailable when the database does not answer, and the kinds of it."""

    @abstractmethod
    async def _now(self, query: Callable[..., T], *args: Any, changes: bool = False) -> T:
        """``query(connection, *args)``, without waiting for writes; ``changes``: in a transaction that may write."""

    async def app_versions(self, keys: Sequence[str]) -> dict[str, int]:
        """Those of the values that are there."""
        return await self._now(sql.versions, keys)

    async def app_values(self, keys: Sequence[str]) -> dict[str, AppValue]:
        """Those that are there."""
        return await self._now(sql.values, keys)

    async def app_values_under(self, prefix: str) -> dict[str, AppValue]:
        """All whose key begins so."""
        return await self._now(sql.under, prefix)

    async def app_versions_under(self, prefix: str) -> dict[str, int]:
        """The keys that begin so, with the versions of their values."""
        return await self._now(sql.versions_under, prefix)

    async def put_app_value(self, key: str, value: Any, version: int) -> int | None:
        """Puts ``value`` (JSON; None removes it) in place of the one of that ``version``, 0: where there is none.

        Returns the new version, 0 without a value; None when another change came first, and nothing was changed.
        ``key``: 255 characters at most.
        """
        return await self._now(sql.put, key, value, version, changes=True)
