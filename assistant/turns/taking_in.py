"""Files that were attached are read once, and kept as context of their conversation.

Always true: a content is read once at a time, whoever waits for it; and nobody waits without limit.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from datalayer.passages import ContextFile, FileText, kind_of

logger = logging.getLogger("assistant")

Read = Callable[[Path, str, str | None], Awaitable[FileText]]
Keep = Callable[[str, FileText], Awaitable[object]]
OnDisk = Callable[[ContextFile], AbstractAsyncContextManager[Path]]
Told = Callable[[ContextFile, FileText | None], Awaitable[None]]
"""Told what was read of a file; None: it could not be read or kept, and is tried again with the next question."""

Content = tuple[str, str]
"""What is read: its SHA-256, and which kind of file it is said to be."""

_AT_ONCE = 2
"""Files that are read at the same time by this process."""


@dataclass(eq=False)
class _Reading:
    task: "asyncio.Task[FileText | None]"
    waiting: int = 0


@dataclass(eq=False)
class TakingIn:
    """``read``: what a file says. ``at_once``: files that are read at the same time."""

    read: Read
    at_once: int = _AT_ONCE
    _running: dict[tuple[str, str, str], _Reading] = field(default_factory=dict)
    _turns: asyncio.Semaphore | None = None

    async def take(
        self, files: Sequence[ContextFile], owner: str, on_disk: OnDisk, keep: Keep, told: Told, seconds: float
    ) -> list[ContextFile]:
        """Reads ``files`` and keeps what they say; returns those that are still being read after ``seconds``.

        ``owner``: for whom it is kept, such as the store or one session: with another one equal content is read anew.
        Cancelled, it ends what nobody else waits for.
        """
        wanted: dict[Content, list[ContextFile]] = {}
        for file in files:
            wanted.setdefault((file.sha256, kind_of(file.name, file.mime)), []).append(file)
        begun = {key: self._begin((owner, *key), some[0], on_disk, keep) for key, some in wanted.items()}
        try:
            return await self._wait(wanted, begun, told, seconds)
        except asyncio.CancelledError:
            for reading in begun.values():
                if reading.waiting == 1:
                    reading.task.cancel()
            raise
        finally:
            for reading in begun.values():
                reading.waiting -= 1

    async def _wait(
        self, wanted: dict[Content, list[ContextFile]], begun: dict[Content, _Reading], told: Told, seconds: float
    ) -> list[ContextFile]:
        keys = {reading.task: key for key, reading in begun.items()}
        end = asyncio.get_running_loop().time() + seconds
        while keys:
            left = max(end - asyncio.get_running_loop().time(), 0)
            done, _ = await asyncio.wait(keys, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                break
            for task in done:
                text = None if task.cancelled() else task.result()
                for file in wanted[keys.pop(task)]:
                    await told(file, text)
        return [file for key in keys.values() for file in wanted[key]]

    def _begin(self, key: tuple[str, str, str], file: ContextFile, on_disk: OnDisk, keep: Keep) -> _Reading:
        reading = self._running.get(key)
        if reading is None or reading.task.done():
            reading = self._running[key] = _Reading(asyncio.create_task(self._read_one(file, on_disk, keep)))
            reading.task.add_done_callback(partial(self._end, key))
        reading.waiting += 1
        return reading

    def _end(self, key: tuple[str, str, str], task: object) -> None:
        if (reading := self._running.get(key)) and reading.task is task:  # and not one that began since
            del self._running[key]

    async def _read_one(self, file: ContextFile, on_disk: OnDisk, keep: Keep) -> FileText | None:
        self._turns = self._turns or asyncio.Semaphore(self.at_once)
        try:
            async with self._turns, on_disk(file) as path:
                text = await self.read(path, file.name, file.mime)
            await keep(file.sha256, text)
        except Exception as error:  # its text may name what is in the file
            logger.warning("a file is not taken in: %s", type(error).__name__)
            return None
        return text

    async def close(self) -> None:
        """What was not read yet is taken in with the next question."""
        tasks = [reading.task for reading in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
