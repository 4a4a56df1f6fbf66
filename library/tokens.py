"""Personal tokens: by one a program acts for a person.

Always true: only the SHA-256 of a token is stored; what is revoked or has ended lets nobody in from that moment, on no
instance. A token names its person, so that it is found by one key among the app's own values.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from datalayer import InvalidInput, Store, StoreUnavailable, text
from datalayer.records import now, user_id

Scope = Literal["read", "write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MOST = 50
"""Of one person."""
NAME_LENGTH = 100
MOST_DAYS = 3_660
PREFIX = "tk_"
_GIVEN = re.compile(r"tk_([0-9a-f]{32})([0-9a-f]{8})([A-Za-z0-9_-]{43})")
_DAY = 86_400_000_000
_NOTED = 60_000_000
"""Microseconds after which a use is written down anew."""
_TRIED = 10


@dataclass(frozen=True, slots=True)
class Token:
    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: int
    """UTC microseconds, as all times here."""
    ends_at: int | None
    """None: it does not."""
    used_at: int | None
    """Last use, to the minute; None: never."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who has sent a token that holds."""

    identifier: str
    token: Token


class TooManyTokens(InvalidInput):
    """This person has ``MOST`` tokens already."""


class Tokens:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def make(self, identifier: str, name: str, scopes: Iterable[Scope], days: int | None) -> tuple[Token, str]:
        """A new one of the person's, with what is to be sent, which nobody can tell again. ``days``: until it ends;
        None: it does not. Raises TooManyTokens, InvalidInput."""
        shown = text.one_line(text.undirected(name)).strip()
        chosen = tuple(scope for scope in SCOPES if scope in set(scopes))
        if not 0 < len(shown) <= NAME_LENGTH or not text.is_storable(shown):
            raise InvalidInput(f"The name of a token has 1 to {NAME_LENGTH} characters")
        if not chosen or not (days is None or 0 < days <= MOST_DAYS):
            raise InvalidInput(f"A token has a scope, and lasts for 1 to {MOST_DAYS} days")
        key, secret, moment = secrets.token_hex(4), secrets.token_urlsafe(32), now()
        made = Token(key, shown, chosen, moment, moment + days * _DAY if days else None, None)

        def added(held: dict[str, Any]) -> dict[str, Any]:
            if len(held) >= MOST:
                raise TooManyTokens(f"There are {MOST} tokens already")
            return held | {key: {**asdict(made), "hash": _hash(secret)}}

        await self._change(identifier, added)
        return made, f"{PREFIX}{user_id(identifier).replace('-', '')}{key}{secret}"

    async def of(self, identifier: str) -> list[Token]:
        """The newest first."""
        held, _ = await self._held(user_id(identifier))
        return sorted((_token(each) for each in held.get("tokens", {}).values()), key=lambda each: -each.created_at)

    async def revoke(self, identifier: str, key: str) -> bool:
        """Whether there was such a token of the person's."""
        held, _ = await self._held(user_id(identifier))
        if key not in held.get("tokens", {}):
            return False
        await self._change(identifier, lambda tokens: {name: each for name, each in tokens.items() if name != key})
        return True

    async def find(self, given: str) -> Bearer | None:
        """Whose token that is; None: nobody's, any more."""
        if (parts := _GIVEN.fullmatch(given)) is None:
            return None
        person, key, secret = parts.groups()
        held, _ = await self._held(f"{person[:8]}-{person[8:12]}-{person[12:16]}-{person[16:20]}-{person[20:]}")
        stored = held.get("tokens", {}).get(key, {"hash": ""})
        if not hmac.compare_digest(_hash(secret), stored["hash"]):
            return None
        found = _token(stored)
        if found.ends_at is not None and found.ends_at <= now():
            return None
        if now() - (found.used_at or 0) > _NOTED:
            await self._note(held["identifier"], key)
        return Bearer(held["identifier"], found)

    async def _note(self, identifier: str, key: str) -> None:
        """That it was used. Who asks need not wait for a database that cannot write now."""
        used = {"used_at": now()}
        try:
            await self._change(
                identifier,
                lambda tokens: {name: each | used if name == key else each for name, each in tokens.items()},
            )
        except StoreUnavailable:
            return

    async def _held(self, person: str) -> tuple[dict[str, Any], int]:
        """What is stored of the person, with its version."""
        name = _key(person)
        found = (await self._store.app_values([name])).get(name)
        return (found.value, found.version) if found else ({}, 0)

    async def _change(self, identifier: str, change: Any) -> None:
        """``change``: the person's tokens by id, as they are to be of those that are."""
        person = user_id(identifier)
        for _ in range(_TRIED):
            held, version = await self._held(person)
            tokens = change(held.get("tokens", {}))
            value = {"identifier": identifier, "tokens": tokens} if tokens else None
            if await self._store.put_app_value(_key(person), value, version) is not None:
                return
        raise StoreUnavailable("The tokens are being changed by somebody else all the time")


def _key(person: str) -> str:
    return f"library/tokens/{person}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(stored: dict[str, Any]) -> Token:
    named = {name: stored[name] for name in Token.__dataclass_fields__}
    return Token(**named | {"scopes": tuple(stored["scopes"])})
