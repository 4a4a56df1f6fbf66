"""A bound on the tries per key: a name, an address, a device.

Always true: no key gets more than `tries` tries in any `window` that were not taken back or forgotten: of one process,
and of all instances together while they share a Redis. When it is away, each goes on from what it has counted itself.
"""

import hashlib
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it needs a package that one instance does without
    from assistant.memory.link import Link


class Throttle:
    """Counts tries in memory, for one event loop; a restart forgets them."""

    def __init__(
        self,
        tries: int = 10,
        window: float = 15 * 60,
        names: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`window` is in seconds; beyond `names` keys the one tried longest ago is forgotten."""
        self._tries, self._window, self._names, self._clock = tries, window, names, clock
        self._log: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, key: str) -> bool:
        """Count a try and return True, or return False when `key` has used up its tries of this window.

        A try counts before its outcome is known: counted afterwards, many at the same moment would all pass.
        """
        log = self._log.setdefault(key, deque(maxlen=self._tries))
        self._log.move_to_end(key)
        if self.wait(key):
            return False
        log.append(self._clock())
        if len(self._log) > self._names:
            self._log.popitem(last=False)
        return True

    def wait(self, key: str) -> float:
        """Seconds until `key` may try again; 0: now."""
        log = self._log.get(key)
        return max(0.0, log[0] + self._window - self._clock()) if log and len(log) == self._tries else 0.0

    def take_back(self, key: str) -> None:
        """Forget the newest try of `key`: it was no try at a password, or the right one."""
        if log := self._log.get(key):
            log.pop()

    def reset(self, key: str) -> None:
        """Forget the tries of `key`: it has succeeded."""
        self._log.pop(key, None)


class SharedThrottle:
    """As `Throttle`, counted by all instances together. `link` None: there is one."""

    def __init__(self, what: str, link: "Link | None", tries: int = 10, window: float = 15 * 60) -> None:
        """`what`: a word for the keys of this bound, the same on all instances."""
        self._own, self._link, self._what = Throttle(tries, window), link, what
        self._tries, self._window = tries, int(window * 1000)

    async def admit(self, key: str) -> float:
        """Count a try and return 0, or return the seconds until `key` may try again."""
        if not self._own.admit(key):
            return max(self._own.wait(key), 0.001)  # time goes on between the two
        wait = await self._run(_ADMIT, key, self._tries, self._window, secrets.token_hex(8))
        if not isinstance(wait, int) or wait == 0:  # Redis is away, or lets it pass
            return 0.0
        self._own.take_back(key)
        return wait / 1000

    async def take_back(self, key: str) -> None:
        self._own.take_back(key)
        await self._run(_TAKE_BACK, key)

    async def reset(self, key: str) -> None:
        self._own.reset(key)
        await self._run(_RESET, key)

    async def _run(self, script: str, key: str, *arguments: str | int) -> object:
        if self._link is None:
            return None
        # Names and addresses stay here: whoever reads Redis need not learn who has tried.
        kept = f"chat_tries:{self._what}:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
        return await self._link.run(script, [kept], list(arguments))


# By Redis's own clock, so that those of the instances need not agree.
_ADMIT = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) and not redis.call('ZSCORE', KEYS[1], ARGV[3]) then
  return math.max(1, redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + ARGV[2] - now)
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 0
"""
_TAKE_BACK = "redis.call('ZPOPMAX', KEYS[1]) return 0"
_RESET = "redis.call('DEL', KEYS[1]) return 0"
