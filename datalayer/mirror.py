"""A copy of each stored write as JSON, beside the database: while an app moves from a store of JSON to this one.

Always true: what is told to a caller never depends on the mirror. A write is copied after its commit, in the order of
the commits, by a task of its own; one that the mirror cannot take is counted, and the file says where how many are
missing. At most MOST, with MOST_TEXT, wait in memory.

``<folder>/<process>.jsonl``, a line a write: ``{"at": microseconds, "write": as lines.to_json}``; ``{"at", "mark":
"opened" | "closed" | "missing", "count"}`` between. Lines are only ever added. They are fsynced once a second and at
the end: a power cut can cost the mirror its last second, never the database.
"""

import asyncio
import json
import logging
import os
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from . import lines
from .dialects.base import reason
from .errors import DataLayerError
from .records import now
from .writes import ForgetBlobs, ImportThread, ReleaseBlobs, RestoreArchived, UpsertElement, Write

logger = logging.getLogger("datalayer")

MOST = 20_000
MOST_TEXT = 50_000_000
"""Writes, and characters in them, that wait for a disk that is slower than the database's."""
_AT_ONCE = 500
_SYNC = 1.0
"""Seconds from one fsync to the next."""
BEFORE = "before.jsonl"
"""The file with what was there before a mirror."""
_PAUSE = 1.0
"""Seconds after which a disk that has failed is tried again."""


class Mirror:
    """``folder`` is made when there is something to keep in it. Belongs into one event loop."""

    def __init__(self, folder: Path | None) -> None:
        """None: nothing is copied."""
        self.folder = folder
        self._path = folder / f"{uuid.uuid4()}.jsonl" if folder is not None else None
        self._waiting: deque[tuple[int, Write]] = deque()
        self._text = 0
        self._missing = 0
        self._failing = self._writing = False
        self._file: BinaryIO | None = None
        self._synced = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def add(self, writes: Sequence[Write], verdicts: Sequence[Any]) -> None:
        """What a transaction has stored. Waits for nothing, raises nothing."""
        if self._path is None or self._closing:
            return
        at = now()
        for write, verdict in zip(writes, verdicts, strict=False):
            if isinstance(verdict, DataLayerError) or isinstance(write, (ReleaseBlobs, ForgetBlobs)):
                continue
            size = _size(write)
            if len(self._waiting) >= MOST or self._text + size > MOST_TEXT:
                self._missing += 1
            else:
                self._waiting.append((at, write))
                self._text += size
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="datalayer-mirror")
        self._wake.set()

    async def settled(self) -> None:
        """Returns when all that was added is in the file, or counted as missing."""
        while self._task is not None and not self._task.done() and (self._writing or self._waiting or self._missing):
            if self._failing:
                return
            await asyncio.sleep(0.01)

    async def close(self, patience: float) -> None:
        """Writes what waits, for ``patience`` seconds at most."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=patience)
            self._task.cancel()

    async def _run(self) -> None:
        while not self._closing or self._waiting:
            if not self._waiting and not self._missing:
                await self._wake.wait()
                self._wake.clear()
            some = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            self._text -= sum(_size(write) for _, write in some)
            if not await self._keep(some) and not self._closing:
                await asyncio.sleep(_PAUSE)
        await self._keep([], end=True)

    async def _keep(self, some: Sequence[tuple[int, Write]], end: bool = False) -> bool:
        missing, self._missing = self._missing, 0
        self._writing = True
        try:
            await asyncio.to_thread(self._append, some, missing, end)
        except Exception as error:  # it must never stop: a full disk, a folder that is gone, a write no JSON can carry
            self._missing += missing + len(some)
            if not self._failing:
                logger.error("the mirror cannot be written, and will miss writes: %s", reason(error))
            self._failing = True
            return False
        finally:
            self._writing = False
        if self._failing:
            logger.warning("the mirror is written again; %s writes are missing in it", missing)
        self._failing = False
        return True

    def _append(self, some: Sequence[tuple[int, Write]], missing: int, end: bool) -> None:
        made = [f'{{"at":{at},"write":{lines.to_json(write)}}}\n' for at, write in some]
        file = self._opened()
        if missing:
            made.insert(0, _mark("missing", missing))
        if end:
            made.append(_mark("closed"))
        try:
            file.write("".join(made).encode())
            file.flush()
            if end or time.monotonic() - self._synced >= _SYNC:
                os.fsync(file.fileno())
                self._synced = time.monotonic()
        except OSError:
            self._file = None  # what was written of it ends in a line that cannot be read
            with suppress(OSError):
                file.close()
            raise
        if end:
            file.close()

    def _opened(self) -> BinaryIO:
        """The file, to be added to. What stands there may end in half a line."""
        if self._file is None:
            assert self._path is not None
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(handle, "ab")
            self._file.write(("\n" if self._file.tell() else _mark("opened")).encode())
        return self._file


def _size(write: Write) -> int:
    return sum(len(value) for value in getattr(write, "values", {}).values() if isinstance(value, str))


def _mark(name: str, count: int = 0) -> str:
    return json.dumps({"at": now(), "mark": name} | ({"count": count} if count else {})) + "\n"


@dataclass(slots=True)
class Mirrored:
    """What stands in a mirror."""

    writes: int = 0
    missing: int = 0
    damaged: int = 0
    """Lines that cannot be read."""
    cut_off: int = 0
    """Processes that did not end by themselves, so their last writes may be missing."""
    since: int | None = None
    """When the first of it was written, in UTC microseconds; 0: it has all that was there before, too."""


def read(folder: Path, found: Mirrored, before: bool = True) -> Iterator[Write]:
    """The writes of all processes in the order in which they were copied; ``found`` is told of all else. ``before``:
    first what was there before. Blocks. Raises OSError."""
    paths = [path for path in sorted(folder.glob("*.jsonl")) if before or path.name != BEFORE]
    files = [_entries(path, found) for path in paths]
    for at, write in merge(*files, key=lambda entry: entry[0]):
        found.writes += 1
        found.since = at if found.since is None else min(found.since, at)
        yield write


def _entries(path: Path, found: Mirrored) -> Iterator[tuple[int, Write]]:
    closed = True
    with path.open("rb") as file:
        for line in file:
            try:
                entry = json.loads(line)
                if "write" not in entry:
                    found.missing += entry.get("count", 0)
                    closed = entry["mark"] == "closed"
                    continue
                yield int(entry["at"]), lines.from_json(json.dumps(entry["write"]))
            except (ValueError, KeyError, TypeError, AttributeError):
                found.damaged += bool(line.strip())
    found.cut_off += not closed


def write_before(part: BinaryIO, writes: Iterable[ImportThread]) -> None:
    """What was there before the mirror, so that it has all: of the moment 0. Blocks. Raises OSError."""
    part.writelines(f'{{"at":0,"write":{lines.to_json(write)}}}\n'.encode() for write in writes)


class Replica(Protocol):
    """A store that is thrown away."""

    def submit(self, write: Write) -> Awaitable[Any]: ...

    async def drain(self) -> None: ...


async def replay(into: Replica, folder: Path, found: Mirrored, seen: Callable[[Write], None]) -> int:
    """Does again in ``into`` what the mirror says, without the contents of files, which are not in it. ``seen`` gets
    each write before. How many could not be done without what was there before the mirror. Raises OSError."""
    refused, writes = 0, read(folder, found)
    while some := await asyncio.to_thread(lambda: list(islice(writes, _AT_ONCE))):
        for write in some:
            seen(write)
        answers = [into.submit(_without_content(write)) for write in some]
        refused += sum(isinstance(each, Exception) for each in await asyncio.gather(*answers, return_exceptions=True))
    await into.drain()
    return refused


def _without_content(write: Write) -> Write:
    if isinstance(write, UpsertElement):
        return replace(write, blob=None)
    if isinstance(write, (ImportThread, RestoreArchived)):
        return replace(write, blobs=[])
    return write
