"""A bound on the tries per name.

Always true: no name gets more than `tries` tries in any `window` without a success.
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
        """`window` is in seconds; beyond `names` names the one tried longest ago is forgotten."""
        self._tries, self._window, self._names, self._clock = tries, window, names, clock
        self._log: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, name: str) -> bool:
        """Count a try and return True, or return False when `name` has used up its tries of this window.

        A try counts before its outcome is known: counted afterwards, many at the same moment would all pass.
        """
        log, now = self._log.setdefault(name, deque(maxlen=self._tries)), self._clock()
        self._log.move_to_end(name)
        if len(log) == self._tries and now - log[0] < self._window:
            return False
        log.append(now)
        if len(self._log) > self._names:
            self._log.popitem(last=False)
        return True

    def reset(self, name: str) -> None:
        """Forget the tries of `name`: it has succeeded."""
        self._log.pop(name, None)
