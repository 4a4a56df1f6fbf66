"""The accounts of a multi-user deployment: a value of the database each, the same for all instances.

Always true: what cannot be understood is never overwritten; two commands at once lose nothing; the password of an
account is nowhere but in its argon2id hash, and the hash nowhere but in its value: not in a user's metadata, not in the
spool, not in a log.
"""

import asyncio
import os
import secrets
import time
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.access.values import Values

FILE_NAME = "accounts.json"
"""Where earlier versions kept them; it is taken over once."""
PREFIX = "account/"
_MAX_NAME = 64  # characters
_MAX_PASSWORD = 1024  # bytes


class AccountError(Exception):
    """A name or a password that is not accepted, an account that is missing, or one that cannot be read.

    The message is one line for the person at the command line; it holds no password and no hash.
    """


class Account(BaseModel):
    """One account. Times are seconds since 1970."""

    # A key of a newer version would be lost at the next change: refuse the file instead.
    model_config = ConfigDict(extra="forbid", frozen=True)

    hash: str = Field(repr=False)
    disabled: bool = False
    created_at: float
    valid_after: float
    """Sessions that were opened before it are over."""


class _File(BaseModel):
    """How accounts were kept before they were in the database."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = 1
    accounts: dict[str, Account] = {}


def clean_name(name: str) -> str:
    """Return the one form of `name` that is stored and compared (NFC, stripped). Raises AccountError."""
    clean = unicodedata.normalize("NFC", name[: 8 * _MAX_NAME]).strip()
    if (
        len(name) > 8 * _MAX_NAME
        or not (1 <= len(clean) <= _MAX_NAME and clean.isprintable())
        or "/" in clean
        or "\\" in clean
    ):
        raise AccountError(f"A name has 1 to {_MAX_NAME} printable characters and no slash.")
    return clean


def account_key(name: str) -> str:
    """Return `clean_name(name)`, or "" (no account's name) for a name that nobody can have."""
    try:
        return clean_name(name)
    except AccountError:
        return ""


def _password_bytes(password: str) -> bytes:
    # Keyboards differ in how they compose "é"; a browser may also send what no encoding holds (lone surrogates).
    # What is too long however it is composed stays as it is: normalising takes the square of a run of accents.
    composed = password if len(password) > 2 * _MAX_PASSWORD else unicodedata.normalize("NFC", password)
    return composed.encode("utf-8", "surrogatepass")


def fits(password: str) -> bool:
    """Whether a new password is accepted: 8 characters or more, and no more than 1024 bytes."""
    return len(password) >= 8 and len(_password_bytes(password)) <= _MAX_PASSWORD


class Accounts:
    """The accounts among `values`.

    Every method raises AccountError when an account cannot be understood, and StoreUnavailable, or another
    DataLayerError, when the database does not answer; a look is answered by what is known.
    """

    def __init__(self, values: Values, former: Path | None = None, hasher: PasswordHasher | None = None) -> None:
        """`former`: the file of an earlier version, which is taken over. `hasher` None: argon2id at the cost that RFC
        9106 recommends for 64 MiB."""
        self._values, self._former = values, former
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    async def add(self, name: str, password: str) -> None:
        """Create an account. Raises AccountError when it exists or its name or password is not accepted."""
        name, hashed = clean_name(name), await asyncio.to_thread(self._hash, password)

        def new(found: Account | None) -> Account:
            if found is not None:
                raise AccountError(f"The account {name} exists already.")
            now = time.time()
            return Account(hash=hashed, created_at=now, valid_after=now)

        await self._change(name, new)

    async def set_password(self, name: str, password: str) -> None:
        """Change the password and end every session of the account. Raises AccountError."""
        await self._update(name, hash=await asyncio.to_thread(self._hash, password), valid_after=time.time())

    async def change_password(self, name: str, old: Account, hashed: str) -> float | None:
        """As `set_password`, for a person who knew the password of `old`; return the new `valid_after`.

        None: another change came first.
        """
        now, done = time.time(), False

        def changed(found: Account | None) -> Account | None:
            nonlocal done
            done = found == old
            return old.model_copy(update={"hash": hashed, "valid_after": now}) if done else found

        await self._change(name, changed)
        return now if done else None

    async def disable(self, name: str) -> None:
        """Refuse the account and end its sessions for good. Raises AccountError when there is no such account."""
        await self._update(name, disabled=True, valid_after=time.time())

    async def enable(self, name: str) -> None:
        """Accept the account again. Raises AccountError when there is no such account."""
        await self._update(name, disabled=False)

    async def get(self, name: str, now: bool = False) -> Account | None:
        """The account of that name, disabled or not. `now`: see `Values.get`."""
        await self.take_over()
        return _account(await self._values.get(PREFIX + name, now)) if account_key(name) else None

    def matches(self, account: Account | None, password: str) -> bool:
        """Whether `account` may sign in with `password`. Takes a fifth of a second of a core.

        One hash is computed whatever the reason for a refusal, so that time does not tell which names exist.
        """
        hashed = account.hash if account else self._nobody
        try:  # one byte more than any password has: long ones fail without being hashed whole
            right = self._hasher.verify(hashed, _password_bytes(password)[: _MAX_PASSWORD + 1])
        except (VerifyMismatchError, InvalidHashError):
            return False
        return right and account is not None and not account.disabled

    def rehashed(self, account: Account | None, old: str, new: str) -> str | None:
        """The hash of `new`, None: `old` is not the password of `account`. Raises AccountError."""
        return self._hash(new) if self.matches(account, old) else None

    async def is_current(self, name: str, valid_after: object) -> bool:
        """Whether a session that began with this `valid_after` may go on: the account is neither disabled nor changed.

        A session carries the value that was read together with the hash, rather than the time of its token: those have
        whole seconds, and a sign-in that overlaps a change of password would outlive it.
        """
        for now in (False, True):
            account = await self.get(name, now)
            if account is not None and not account.disabled and account.valid_after == valid_after:
                return True
        return False

    async def list(self) -> Mapping[str, Account]:
        """Return the accounts by name, sorted."""
        await self.take_over()
        found = {key.removeprefix(PREFIX): _account(value) for key, value in (await self._values.under(PREFIX)).items()}
        return {name: account for name, account in sorted(found.items()) if account is not None}

    async def take_over(self) -> None:
        """Take what an earlier version left into the database, and keep the file aside. A second call does nothing."""
        if self._former is None:
            return
        for name, account in former_accounts(self._former).items():
            kept = account.model_dump()
            await self._values.change(PREFIX + name, lambda found, kept=kept: found or kept)  # type: ignore[misc]
        with suppress(OSError):  # there is none, or another process was faster; twice does no harm
            os.replace(self._former, self._former.with_name(f"{FILE_NAME}.taken-over"))
        self._former = None

    def _hash(self, password: str) -> str:
        prepared = _password_bytes(password)
        if not fits(password):
            raise AccountError(f"A password has at least 8 characters and at most {_MAX_PASSWORD} bytes.")
        return self._hasher.hash(prepared)

    async def _update(self, name: str, **changes: Any) -> None:
        name = clean_name(name)

        def updated(found: Account | None) -> Account:
            if found is None:
                raise AccountError(f"There is no account {name}.")
            return found.model_copy(update=changes)

        await self._change(name, updated)

    async def _change(self, name: str, change: Callable[[Account | None], Account | None]) -> None:
        await self.take_over()

        def changed(value: Any) -> Any:
            account = change(_account(value))
            return account.model_dump() if account else None

        await self._values.change(PREFIX + name, changed)


def _account(value: Any) -> Account | None:
    try:
        return None if value is None else Account.model_validate(value)
    except ValidationError:
        raise AccountError("An account in the database is damaged, or of a newer version.") from None


def former_accounts(path: Path) -> Mapping[str, Account]:
    """What an earlier version left in the file `path`; nothing without one. Raises AccountError."""
    try:
        return _File.model_validate_json(path.read_bytes()).accounts
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError):
        raise AccountError(f"{path} is damaged or not readable: restore it from a backup.") from None
