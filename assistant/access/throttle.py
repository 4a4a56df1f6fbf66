"""A bound on the tries per key: a name, an address, a device.

Always true: no key gets more than `tries` tries in any `window` that were not taken back or forgotten.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable


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
