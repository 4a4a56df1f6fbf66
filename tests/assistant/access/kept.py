"""Values without a database: a store that can be away, for what keeps things in one."""

from collections.abc import Sequence
from typing import Any

from datalayer import StoreUnavailable
from datalayer.records import AppValue


class Kept:
    """As `datalayer.Store`, as far as values go. Several `Values` may share it, as instances do a database."""

    def __init__(self) -> None:
        self.rows: dict[str, AppValue] = {}
        self.away = False
        self.asked = 0
        self._count = 0

    async def app_versions(self, keys: Sequence[str]) -> dict[str, int]:
        self._ask()
        return {key: self.rows[key].version for key in keys if key in self.rows}

    async def app_values(self, keys: Sequence[str]) -> dict[str, AppValue]:
        self._ask()
        return {key: self.rows[key] for key in keys if key in self.rows}

    async def app_values_under(self, prefix: str) -> dict[str, AppValue]:
        self._ask()
        return {key: row for key, row in self.rows.items() if key.startswith(prefix)}

    async def put_app_value(self, key: str, value: Any, version: int) -> int | None:
        self._ask()
        if version != (self.rows[key].version if key in self.rows else 0):
            return None
        self._count += 1
        if value is None:
            self.rows.pop(key, None)
            return 0
        self.rows[key] = AppValue(value, self._count)
        return self._count

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("The database does not answer")
