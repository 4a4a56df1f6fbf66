"""The accounts of an installation, changed from outside as `python -m assistant users` does, by any test."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from assistant.access.accounts import Account, Accounts
from assistant.access.values import Values
from datalayer import Store


class AccountsOf:
    """Each call opens the database anew, in a thread of its own, so that tests with an event loop can use it."""

    def __init__(self, home: Path, url: str | None = None) -> None:
        self._home, self._url = home, url or f"sqlite+aiosqlite:///{home}/threads.db"

    def add(self, name: str, password: str) -> None:
        self._run(lambda accounts: accounts.add(name, password))

    def set_password(self, name: str, password: str) -> None:
        self._run(lambda accounts: accounts.set_password(name, password))

    def disable(self, name: str) -> None:
        self._run(lambda accounts: accounts.disable(name))

    def list(self) -> Mapping[str, Account]:
        return self._run(lambda accounts: accounts.list())

    def signs_in(self, name: str, password: str) -> bool:
        async def check(accounts: Accounts) -> bool:
            return accounts.matches(await accounts.get(name), password)

        return self._run(check)

    def _run(self, use: Callable[[Accounts], Coroutine[Any, Any, Any]]) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, self._use(use)).result()

    async def _use(self, use: Callable[[Accounts], Coroutine[Any, Any, Any]]) -> Any:
        self._home.mkdir(parents=True, exist_ok=True)
        store = Store(self._url, self._home / "files")
        try:
            return await use(Accounts(Values(lambda: store), hasher=PasswordHasher(1, 64, 1)))
        finally:
            await store.close()
