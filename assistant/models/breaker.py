"""Which models have no quota left, and until when.

Always true: no call goes to a model of a provider between the end of its quota and the moment it is back. Then one call
goes first, and the others wait for what it finds.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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


def _pacific() -> tzinfo:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:  # a slim container has no time zones: at most an hour early in winter or summer
        return timezone(timedelta(hours=-8))


@dataclass(slots=True)
class _Pause:
    until: float
    asked: float
    scope: Literal["minute", "day"] | None
    failures: int = 1


class Breaker:
    """``clock``: seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._pauses: dict[Key, _Pause] = {}

    def check(self, key: Key, insist: bool = False, trial: bool = True) -> None:
        """Raises QuotaExhausted while the quota is used up; its ``retry_after`` counts from now.

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
        raise QuotaExhausted("not asked: the quota is used up", pause.until - now, pause.scope)

    def exhausted(self, key: Key, error: QuotaExhausted) -> float:
        """Notes that ``key`` has no quota left; returns the seconds until it is back."""
        before, now = self._pauses.get(key), self._clock()
        failures = before.failures + 1 if before else 1
        seconds = self._seconds(error, failures)
        self._pauses[key] = _Pause(now + seconds, now, error.scope, failures)
        return seconds

    def answered(self, key: Key) -> None:
        """Notes that ``key`` has quota."""
        self._pauses.pop(key, None)

    def _seconds(self, error: QuotaExhausted, failures: int) -> float:
        told = error.retry_after
        # Google sends the delay of a per-minute quota along with a daily one: half a minute, all day long.
        if error.scope == "day" and (told is None or told < 3600):
            return self._until_midnight()
        if told is not None:
            return min(max(told, 0.0), _MOST)
        return float(min(_SHORTEST * 2 ** min(failures - 1, 10), _LONGEST))

    def _until_midnight(self) -> float:
        """Daily quotas begin anew at midnight Pacific time: https://ai.google.dev/gemini-api/docs/rate-limits"""
        now = datetime.fromtimestamp(self._clock(), _pacific())
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight.timestamp() - now.timestamp()
