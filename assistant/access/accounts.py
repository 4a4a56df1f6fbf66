"""The accounts of a multi-user deployment, in one JSON file.

Always true: the file is complete or absent; one that cannot be understood is never overwritten; two commands at once
lose nothing; and the password of an account is nowhere but in its argon2id hash.
"""

import fcntl
import os
import secrets
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datalayer.durable import sync

FILE_NAME = "accounts.json"
_MAX_NAME = 64  # characters
_MAX_PASSWORD = 1024  # bytes


class AccountError(Exception):
    """A name or a password that is not accepted, an account that is missing, or a file that cannot be read.

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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other process, and thread, out of the block. The file `path` is made if it is missing."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace(path: Path, text: str) -> None:
    """Put `text` into `path` (mode 0600) so that a crash leaves the old content or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp gives 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync(path.parent)


class Accounts:
    """The accounts in the file `path`, which is read again whenever it has changed. Safe to use from threads.

    Every method raises AccountError when the file cannot be read; a missing file holds no account.
    """

    def __init__(self, path: Path, hasher: PasswordHasher | None = None) -> None:
        """`hasher` None: argon2id at the cost that RFC 9106 recommends for 64 MiB."""
        self._path = path
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._seen: tuple[tuple[int, int, int], dict[str, Account]] | None = None

    def add(self, name: str, password: str) -> None:
        """Create an account. Raises AccountError when it exists or its name or password is not accepted."""
        name, hashed = clean_name(name), self._hash(password)
        with self._changing() as accounts:
            if name in accounts:
                raise AccountError(f"The account {name} exists already.")
            now = time.time()
            accounts[name] = Account(hash=hashed, created_at=now, valid_after=now)

    def set_password(self, name: str, password: str) -> None:
        """Change the password and end every session of the account. Raises AccountError."""
        self._update(name, hash=self._hash(password), valid_after=time.time())

    def change_password(self, name: str, old: str, new: str) -> float | None:
        """As `set_password`, for a person who knows the `old` one; return the new `valid_after`.

        None: `old` is wrong, or another change came first. Raises AccountError.
        """
        account = self._read().get(name)
        if account is None or account.disabled or not self._matches(account.hash, old):
            return None
        hashed, now = self._hash(new), time.time()
        with self._changing() as accounts:
            if accounts.get(name) != account:
                return None
            accounts[name] = account.model_copy(update={"hash": hashed, "valid_after": now})
        return now

    def disable(self, name: str) -> None:
        """Refuse the account and end its sessions for good. Raises AccountError when there is no such account."""
        self._update(name, disabled=True, valid_after=time.time())

    def enable(self, name: str) -> None:
        """Accept the account again. Raises AccountError when there is no such account."""
        self._update(name, disabled=False)

    def verify(self, name: str, password: str) -> float | None:
        """Return the account's `valid_after`, for `is_current` of the session that begins; None means refused.

        One hash is computed whatever the reason for a refusal, so that time does not tell which names exist.
        """
        account = self._read().get(account_key(name))
        matches = self._matches(account.hash if account else self._nobody, password)
        return account.valid_after if account and matches and not account.disabled else None

    def is_current(self, name: str, valid_after: object) -> bool:
        """Whether a session that began with this `valid_after` may go on: the account is neither disabled nor changed.

        A session carries the value that `verify` read together with the hash, rather than the time of its token:
        those have whole seconds, and a sign-in that overlaps a change of password would outlive it.
        """
        account = self._read().get(name)
        return account is not None and not account.disabled and account.valid_after == valid_after

    def list(self) -> Mapping[str, Account]:
        """Return the accounts by name, sorted."""
        return dict(sorted(self._read().items()))

    def _hash(self, password: str) -> str:
        prepared = _password_bytes(password)
        if not fits(password):
            raise AccountError(f"A password has at least 8 characters and at most {_MAX_PASSWORD} bytes.")
        return self._hasher.hash(prepared)

    def _matches(self, hashed: str, password: str) -> bool:
        try:  # one byte more than any password has: long ones fail without being hashed whole
            return self._hasher.verify(hashed, _password_bytes(password)[: _MAX_PASSWORD + 1])
        except (VerifyMismatchError, InvalidHashError):
            return False

    def _update(self, name: str, **changes: Any) -> None:
        name = clean_name(name)
        with self._changing() as accounts:
            if name not in accounts:
                raise AccountError(f"There is no account {name}.")
            accounts[name] = accounts[name].model_copy(update=changes)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """Yield the accounts under the lock; what the block made of them is stored unless it raises."""
        with locked(self._path.with_suffix(".lock")):
            accounts = dict(self._read())
            yield accounts
            replace(self._path, _File(accounts=accounts).model_dump_json(indent=2))

    def _read(self) -> dict[str, Account]:
        try:
            stat = self._path.stat()
            signature = stat.st_ino, stat.st_mtime_ns, stat.st_size
            if self._seen is None or self._seen[0] != signature:
                self._seen = signature, _File.model_validate_json(self._path.read_bytes()).accounts
            return self._seen[1]
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError):
            raise AccountError(f"{self._path} is damaged or not readable: restore it from a backup.") from None
