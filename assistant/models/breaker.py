"""Which models have no quota left, and until when.

Always true: no call goes to a model of a provider between the end of its quota and the moment it is back. Then one call
goes first, and the others wait for what it finds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .base import QuotaExhausted

Key = tuple[str, str]
"""Provider and model: quotas are counted for each."""

TRIAL = 30.0
"""Seconds that the first call after a pause may take before the next one may go."""

_SHORTEST, _LONGEST = 60.0, 3600.0
"""Seconds of the first pause where the provider names none; each further one is twice as long, up to the longest."""

_MOST = 86_400.0
"""Seconds of a pause at most, whatever a provider says: some have said years."""

_INSISTING = 1.0
"""Seconds between two calls of people who ask again although the quota is said to be used up: they may have paid."""


@dataclass(slots=True)
class _Pause:
    until: float
    asked: float
    scope: Literal["minute", "day"] | None
    known: bool
    failures: int = 1


class Breaker:
    """``clock``: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._pauses: dict[Key, _Pause] = {}

    def check(self, key: Key, insist: bool = False, trial: bool = True) -> None:
        """Raises QuotaExhausted while the quota is used up; its ``retry_after`` counts from now, None as it was told.

        ``insist``: a person asks for this very call; it goes unless one just went. ``trial``: it shows whether the
        quota is back, so that others wait for what it finds.
        """
        pause, now = self._pauses.get(key), self._clock()
        if pause is None:
            return
        if now >= pause.until or (insist and now - pause.asked >= _INSISTING):
            if trial:
                pause.asked, pause.until = now, max(pause.until, now + TRIAL)
            return
        raise QuotaExhausted("not asked: the quota is used up", pause.until - now if pause.known else None, pause.scope)

    def exhausted(self, key: Key, error: QuotaExhausted) -> float | None:
        """Notes that ``key`` has no quota left; returns the seconds until it is asked again. None: that is no
        promise, but an hour of a quota of the day whose end nobody tells."""
        before, now = self._pauses.get(key), self._clock()
        failures = before.failures + 1 if before else 1
        seconds = self._seconds(error, failures)
        known = error.retry_after is not None or error.scope != "day"
        self._pauses[key] = _Pause(now + seconds, now, error.scope, known, failures)
        return seconds if known else None

    def answered(self, key: Key) -> None:
        """Notes that ``key`` has quota."""
        self._pauses.pop(key, None)

    def _seconds(self, error: QuotaExhausted, failures: int) -> float:
        if error.retry_after is not None:
            return min(max(error.retry_after, 0.0), _MOST)
        if error.scope == "day":
            return _LONGEST
        return float(min(_SHORTEST * 2 ** min(failures - 1, 10), _LONGEST))
