"""How a password is checked: who may try, how often, and after whom.

Always true: a name gets ten wrong tries in a quarter of an hour from all unknown devices together, an address a
hundred, a known device ten of its own; a known device waits for other known ones only.
"""

import ipaddress
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from assistant.access.accounts import AccountError, Accounts, account_key
from assistant.access.throttle import SharedThrottle
from datalayer import DataLayerError

from .devices import Device
from .hashing import Busy, HashQueue

if TYPE_CHECKING:
    from assistant.memory.link import Link

_BUSY_FOR, AWAY_FOR = 3, 5  # seconds


class SignInRefused(Exception):
    """No password was looked at. `status` is HTTP's; `reason`: away, busy, toomanytries or toomanyhere;
    `retry_after`: s."""

    def __init__(self, status: int, reason: str, retry_after: int) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, reason, retry_after


def address_key(host: str) -> str:
    """What counts as one address: of IPv6 the 64 bits that name a network, since anybody has all the others."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a Unix socket, or what a proxy puts there instead
        return host[:64]
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address.packed[:8] + bytes(8), 64)))
    return str(address)


class Passwords:
    """Checks passwords of `accounts`, for one event loop."""

    def __init__(self, accounts: Accounts, link: "Link | None" = None) -> None:
        """`link`: to the Redis by which all instances count together."""
        self.accounts = accounts
        self._names, self._devices = SharedThrottle("name", link), SharedThrottle("device", link)
        self._addresses = SharedThrottle("address", link, tries=100)
        self._known, self._unknown = HashQueue(), HashQueue()

    async def check(self, username: str, password: str, host: str, device: Device) -> tuple[str, float] | None:
        """The one form of the name, and the account's `valid_after`; None: refused, without a reason.

        Raises SignInRefused, and AccountError when the account cannot be understood.
        """
        name, address = account_key(username), address_key(host)
        if device.knows(name):
            counts, queue, key = [(self._devices, f"{device.id}")], self._known, f"{device.id}"
        else:
            counts, queue, key = [(self._addresses, address), (self._names, name)], self._unknown, address
        await self._count(counts)
        async with _no_try_if_it_fails(counts):
            account = await self.accounts.get(name, now=True)
            right = await queue.run(key, self.accounts.matches, account, password)
        if account is None or not right:
            return None
        await _take_back(counts)  # nor does one's own account give an address new tries at other ones
        await counts[-1][0].reset(counts[-1][1])
        return name, account.valid_after

    async def change(self, name: str, old: str, new: str, session: str) -> float | None:
        """Change the password of `name`, whose `session` asks; return the new `valid_after`. None: `old` is wrong, or
        another change came first.

        Raises SignInRefused, and AccountError when `new` is not accepted or the account cannot be understood.
        """
        counts = [(self._devices, session)]
        await self._count(counts)
        async with _no_try_if_it_fails(counts):
            account = await self.accounts.get(name, now=True)
            hashed = await self._known.run(session, self.accounts.rehashed, account, old, new)
            if account is None or hashed is None:
                return None
            changed = await self.accounts.change_password(name, account, hashed)
        if changed is not None:
            await self._devices.reset(session)
        return changed

    async def _count(self, counts: list[tuple[SharedThrottle, str]]) -> None:
        for place, (throttle, key) in enumerate(counts):
            if wait := await throttle.admit(key):
                await _take_back(counts[:place])
                reason = "toomanyhere" if throttle is self._addresses else "toomanytries"
                raise SignInRefused(429, reason, math.ceil(wait))


@asynccontextmanager
async def _no_try_if_it_fails(counts: list[tuple[SharedThrottle, str]]) -> AsyncIterator[None]:
    try:
        yield
    except (Busy, AccountError, DataLayerError) as error:
        await _take_back(counts)
        if isinstance(error, AccountError):
            raise
        reason, wait = ("busy", _BUSY_FOR) if isinstance(error, Busy) else ("away", AWAY_FOR)
        raise SignInRefused(503, reason, wait) from error


async def _take_back(counts: list[tuple[SharedThrottle, str]]) -> None:
    for throttle, key in counts:
        await throttle.take_back(key)
