"""How a method is called whose answer may be awaited by nobody: Chainlit makes a task of most, and forgets it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

from ..errors import DataLayerError

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger("datalayer")


def at_call(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Runs ``method`` when it is called, not when the task that Chainlit makes of it comes to run: that is the order in
    which Chainlit meant the calls, and the context (session, run) they were made in. Its errors come when awaited."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        try:
            return _answer(method(*args, **kwargs))
        except DataLayerError as error:
            logger.error("refused: %s: %s", method.__name__, error)
            return _answer(_raise(error))

    return call


async def _answer(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except DataLayerError:
        task = asyncio.current_task()
        if task is not None and getattr(task.get_coro(), "cr_code", None) is _answer.__code__:
            # Chainlit's task, which it forgets: asyncio would log twenty lines more when it is collected.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise


async def then(done: Awaitable[Any], answer: T) -> T:
    await done
    return answer


async def both(first: Awaitable[Any], second: Awaitable[Any]) -> None:
    """Raises the first error, when both have ended."""
    for error in await asyncio.gather(first, second, return_exceptions=True):
        if isinstance(error, BaseException):
            raise error


async def tell_if(done: Awaitable[Any], told: Callable[[str], Awaitable[None]], about: str) -> None:
    if await done:
        await told(about)


async def _raise(error: DataLayerError) -> NoReturn:
    raise error
