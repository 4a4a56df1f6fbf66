"""What a case measured, and the rounds in which all contestants take turns."""

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from statistics import median
from typing import Any, TypeVar

Answer = TypeVar("Answer")
Taken = float | tuple[float, float]
"""Seconds of one operation; or these, and what 95 of 100 calls took at most."""


@dataclass(slots=True)
class Result:
    """``run`` is given this result and the number of the round. ``seconds``: of one operation, by round; ``unit``: in
    which it is shown, or of what ``seconds`` holds, where that is no time (``DIRECT``). ``tails``: what 95 of 100 calls
    took at most, by round; empty where calls are not timed one by one. ``lost`` of ``written``: reported as stored, and
    not there. ``note``: what else was seen. ``given_up``: why there is no figure. ``once``: too slow for all rounds.
    ``complete``: the answer was all that there is."""

    case: str
    contestant: str
    run: Callable[["Result", int], Coroutine[Any, Any, Taken]]
    unit: str = " ms"
    seconds: list[float] = field(default_factory=list)
    tails: list[float] = field(default_factory=list)
    written: int = 0
    lost: int = 0
    note: str = ""
    given_up: str = ""
    once: bool = False
    complete: bool = True


DIRECT = (" MB", " times the texts", " of all", " MB/s", " passages/s")


class GivenUp(Exception):
    """A contestant cannot do this, or not in time; str() says which."""


class Missing(Exception):
    """This machine lacks what a group needs; str() says what."""


async def measure(
    results: list[Result], rounds: int, before: Callable[[], None] = lambda: None, slow: float = inf
) -> list[Result]:
    """Round 0 warms up and is not counted, unless it takes ``slow`` seconds: then it counts, and is the only one.
    ``before``: is called before each round."""
    for number in range(rounds + 1):
        before()
        for result in results:
            if result.given_up or result.once:
                continue
            progress(f"round {number} of {rounds}: {result.case}: {result.contestant}")
            gc.collect()
            try:
                taken = await asyncio.create_task(result.run(result, number))  # a session belongs to the task
            except GivenUp as reason:
                result.given_up = str(reason)
                continue
            seconds, *tail = taken if isinstance(taken, tuple) else (taken,)
            result.once = number == 0 and seconds >= slow
            if number or result.once:
                result.seconds.append(seconds)
                result.tails += tail
    progress("")
    return results


def progress(text: str) -> None:
    """A line that the next one replaces, for whoever watches."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text[:100]}", end="", file=sys.stderr, flush=True)


async def repeat(call: Callable[[], Awaitable[object]], at_least: float, calls: int = 20) -> tuple[float, float]:
    """The median and the 95th of 100: for ``at_least`` seconds and ``calls`` calls, but not for more than ten times as
    long; at least once."""
    times: list[float] = []
    until = time.perf_counter() + at_least
    latest = until + 9 * at_least
    while not times or (now := time.perf_counter()) < until or (len(times) < calls and now < latest):
        started = time.perf_counter()
        await call()
        times.append(time.perf_counter() - started)
    return middle(times)


def middle(times: Sequence[float]) -> tuple[float, float]:
    """The median, and what 95 of 100 are at most."""
    return median(times), sorted(times)[ceil(len(times) * 0.95) - 1]


class Patience:
    """Ends what takes longer than ``seconds``. Who took longer is not asked the same of a larger store."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._over: dict[tuple[str, str], tuple[int, str]] = {}

    async def wait(
        self, result: Result, what: str, size: int, call: Callable[[], Awaitable[Answer]], interrupt: Callable[[], None]
    ) -> Answer:
        """The answer of ``call``. ``what``: is asked, of a store of that ``size``. ``interrupt``: has ``call`` return
        or raise soon. Raises GivenUp."""
        key = (result.contestant, what)
        too_large, why = self._over.get(key, (size + 1, ""))
        if size >= too_large:
            raise GivenUp(f"not tried ({why})")
        timer = asyncio.get_running_loop().call_later(self.seconds, interrupt)
        started = time.perf_counter()
        try:
            answer = await call()
        except Exception:
            if time.perf_counter() - started < self.seconds:
                raise
        finally:
            timer.cancel()
        if time.perf_counter() - started >= self.seconds:
            self._over[key] = size, f"{result.case}: longer than {self.seconds:g} s"
            raise GivenUp(f"longer than {self.seconds:g} s")
        return answer
