"""How much may come through the door, and the lines of the log that say what did not."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from datalayer import text

logger = logging.getLogger("datalayer")


@dataclass(frozen=True)
class Limits:
    """Sizes are bytes. The defaults are those of an app that uses only the data layer."""

    body: int = 1_000_000
    """Of a request that uploads no file. Uploads have Chainlit's own limit, ``max_size_mb``."""
    everywhere: bool = False
    """Whether ``body`` holds for all routes of the server; False: for Chainlit's own, whatever else the app adds."""
    headers: int = 32 * 1024
    address: int = 16 * 1024
    """Path and query."""
    handshake: int = 32 * 1024
    """What a page says of itself when it connects."""
    packet: int = 1_000_000
    """Of the websocket; this is the limit of engine.io, too."""
    attachments: int = 4
    """Binary parts of one packet."""
    packets: float = 100
    """A second, of one person, after a burst of twice as many; what comes faster is read later."""
    requests: float = 50
    """A second, of one person, after a burst of six times as many; what comes faster is refused."""
    sessions: int = 100
    """Of one person, with those whose page was closed less than ``session_timeout`` ago."""
    files: int = 100
    """That the open sessions of one person hold."""
    files_size: int = 500 * 1024 * 1024
    uploads: int = 4
    """Of one person at once; further ones wait."""
    larger: dict[str, int] = field(default_factory=dict)
    """Routes whose bodies may be larger than ``body``: the beginning of the path, and how large."""


class _Current:
    limits = Limits()
    shared: ClassVar[dict[str, "Buckets"]] = {}


def limits() -> Limits:
    return _Current.limits


def use(limits: Limits) -> None:
    """From now on these hold, for the one server of this process."""
    _Current.limits = limits


def shared() -> "dict[str, Buckets]":
    """The buckets of this server, by what they bound: where there are several instances, each may tell the others what
    was taken of them."""
    return _Current.shared


class Bucket:
    """Tokens that come back at ``rate`` a second, up to ``size``."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._clock = rate, size, clock
        self._tokens, self._at = size, clock()
        self.taken = 0.0
        """Since somebody has set it to 0."""

    def take(self, tokens: float = 1) -> float:
        """Takes them, and returns for how many seconds one should wait before going on; 0: not at all."""
        self._fill()
        self._tokens -= tokens
        self.taken += tokens
        return max(0.0, -self._tokens / self._rate)

    def try_take(self) -> bool:
        """Takes one token, if there is one."""
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        self.taken += 1
        return True

    @property
    def empty(self) -> bool:
        self._fill()
        return self._tokens < 1

    def take_elsewhere(self, tokens: float) -> None:
        """The same person has taken them of another instance's bucket. Nobody waits for more than one filling."""
        self._fill()
        self._tokens = max(self._tokens - tokens, -self._size)

    @property
    def full(self) -> bool:
        self._fill()
        return self._tokens >= self._size

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Buckets:
    """A bucket for each person; those that are full again are forgotten."""

    def __init__(self, size: float) -> None:
        """``size``: seconds' worth of tokens that a bucket holds."""
        self._size = size
        self._held: dict[str, Bucket] = {}

    def taken(self) -> dict[str, float]:
        """What each person has taken since the last call."""
        found = {who: bucket.taken for who, bucket in self._held.items() if bucket.taken}
        for who in found:
            self._held[who].taken = 0.0
        return found

    def take_elsewhere(self, who: str, tokens: float) -> None:
        """See `Bucket.take_elsewhere`."""
        if bucket := self._held.get(who):
            bucket.take_elsewhere(tokens)

    def of(self, who: str, rate: float) -> Bucket:
        if len(self._held) > 1000:
            self._held = {name: bucket for name, bucket in self._held.items() if not bucket.full}
        return self._held.setdefault(who, Bucket(rate, rate * self._size))


class Refusals:
    """One line of the log for what is refused, at most ten a minute; the number of the others, a minute later."""

    def __init__(self, each_minute: int = 10, clock: Callable[[], float] = time.monotonic) -> None:
        self._each_minute, self._clock = each_minute, clock
        self._since, self._said, self._unsaid = clock(), 0, 0

    def __call__(self, what: str) -> None:
        if self._clock() - self._since >= 60:
            if self._unsaid:
                logger.warning("refused, and not told one by one: %s more in a minute", self._unsaid)
            self._since, self._said, self._unsaid = self._clock(), 0, 0
        if self._said < self._each_minute:
            logger.warning("refused: %s", text.one_line(what)[:200])
            self._said += 1
        else:
            self._unsaid += 1


refused = Refusals()
