"""Threads of their own for stores of files: one that does not answer must not hold the threads of everything else."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_threads = ThreadPoolExecutor(16, "datalayer-files")


async def in_thread(function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """What ``function`` returns. Who stops waiting does not stop it."""
    return await asyncio.wrap_future(_threads.submit(function, *args, **named))
