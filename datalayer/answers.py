"""What has become of a task that several wait for, and the answer of what need not be done."""

import asyncio
from typing import Any


def nothing() -> asyncio.Future[Any]:
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    answer.set_result(None)
    return answer


async def nobody(*_: Any) -> None:
    """Who is told where nobody wants to know."""


def succeeded(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and task.done() and not failed(task)


def failed(task: asyncio.Task[Any] | None) -> bool:
    """Whether it has ended with an error, which is seen by that."""
    return task is not None and task.done() and (task.cancelled() or task.exception() is not None)
