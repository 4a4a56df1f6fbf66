"""What a case measured, and the rounds in which all contestants take turns."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Result:
    """``run`` is given this result and the number of the round. ``seconds``: of one operation, by round; ``unit``: in
    which it is shown. ``lost`` of ``written``: reported as stored, and not there. ``note``: what else was seen."""

    case: str
    contestant: str
    run: Callable[["Result", int], Coroutine[Any, Any, float]]
    unit: str = " ms"
    seconds: list[float] = field(default_factory=list)
    written: int = 0
    lost: int = 0
    note: str = ""


async def measure(results: list[Result], rounds: int, before: Callable[[], None] = lambda: None) -> list[Result]:
    """Round 0 warms up and is not counted. ``before``: is called before each round."""
    for number in range(rounds + 1):
        before()
        for result in results:
            gc.collect()
            seconds = await asyncio.create_task(result.run(result, number))  # a session belongs to the task
            if number:
                result.seconds.append(seconds)
    return results
