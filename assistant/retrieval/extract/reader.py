"""Files read in processes of their own, which are started when they are needed and ended when nothing comes.

Always true: a file costs the app no more than its passages. One that ends its process, or takes too long, is refused,
and the next one is read; a caller who is cancelled ends the reading; the event loop waits for nothing.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from asyncio import AbstractEventLoop, TimerHandle
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from datalayer.passages import FileText, Passage, Unit, kind_of, unit_of

from .limits import LIMITS, READER, Limits, Reason
from .wire import unpacked

_log = logging.getLogger(__name__)

_WORKERS = 2
"""Files that are read at once; the others wait."""
_IDLE = 60
"""Seconds after which a process that has nothing to read ends."""
_STARTS = 30
"""Seconds that a process may take to start, on a machine that is busy."""
_LINE = 4 * 1024 * 1024
"""Bytes of one passage, at most."""
_TURN = 50
"""Passages after which others have their turn on the event loop."""
_FOUND = Path(__file__).parents[3]
"""Where the packages are."""


_DEATHS: dict[int, Reason] = {-signal.SIGABRT: "too_large", -signal.SIGALRM: "too_slow"}
"""What has become of a process, by its exit: Rust and C++ abort where there is no memory."""


class Reader:
    """Belongs to the event loop on which it is first used."""

    def __init__(self, limits: Limits = LIMITS, workers: int = _WORKERS, idle: float = _IDLE) -> None:
        self._limits = limits
        self._turns = asyncio.Semaphore(workers)
        self._idle = idle
        self._waiting: dict[Process, TimerHandle] = {}
        self._ending: set[asyncio.Task[int]] = set()

    async def read(self, path: Path, name: str, mime: str | None) -> FileText:
        """What the file at ``path`` says. ``name``, ``mime``: as it was sent; its content is asked first.

        Raises OSError and TimeoutError where no process can be started, which says nothing of the file.
        """
        request = _request(path, name, mime, self._limits)
        unit = unit_of(name, mime)
        async with self._turns:
            text = None
            while text is None and (process := self._take()):
                text = await self._by(process, request, unit)  # one that died while it waited has not taken it
            return text or await self._by(await self._start(), request, unit) or _refused("broken")

    async def _by(self, process: Process, request: bytes, unit: Unit) -> FileText | None:
        """None: it had ended before it was asked."""
        try:
            text, ends = await _ask(process, request, self._limits.seconds, unit)
        except BaseException:
            self._kill(process)
            raise
        if ends:
            self._kill(process)
        else:
            self._waiting[process] = asyncio.get_running_loop().call_later(self._idle, self._end, process)
        return text

    def _take(self) -> Process | None:
        """One that has nothing to do."""
        if not self._waiting:
            return None
        process, timer = self._waiting.popitem()
        timer.cancel()
        return process

    async def _start(self) -> Process:
        """Raises OSError and TimeoutError."""
        process = await _started(self._limits.memory)
        try:
            async with asyncio.timeout(_STARTS):
                if await _line(process) is None:
                    raise OSError("it ended at once")
        except BaseException:
            self._kill(process)
            raise
        return process

    def _end(self, process: Process) -> None:
        if timer := self._waiting.pop(process, None):
            timer.cancel()
            self._kill(process)

    def _kill(self, process: Process) -> None:
        if process.returncode is None:
            process.kill()
        task = asyncio.ensure_future(process.wait())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Ends the processes that have nothing to read; the others end when they are done."""
        for process in list(self._waiting):
            self._end(process)
        await asyncio.gather(*self._ending)


_readers: "WeakKeyDictionary[AbstractEventLoop, Reader]" = WeakKeyDictionary()


async def read(path: Path, name: str, mime: str | None) -> FileText:
    """By the one reader of this event loop; as ``Reader.read``."""
    loop = asyncio.get_running_loop()
    if loop not in _readers:
        _readers[loop] = Reader()
    return replace(await _readers[loop].read(path, name, mime), kind=kind_of(name, mime))


async def close() -> None:
    """Ends what ``read`` has started on this event loop."""
    if reader := _readers.pop(asyncio.get_running_loop(), None):
        await reader.close()


def _refused(reason: Reason) -> FileText:
    return FileText(READER, refused=reason)


def _request(path: Path, name: str, mime: str | None, limits: Limits) -> bytes:
    asked = {"path": str(path.absolute()), "name": name, "mime": mime, "limits": asdict(limits)}
    return json.dumps(asked).encode() + b"\n"


async def _started(memory: int) -> Process:
    """Nothing of the app's environment, where its keys are, is given on."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", "-P", "-m", "assistant.retrieval.extract.worker", str(memory)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd="/",
        env={"PYTHONPATH": str(_FOUND), "PYTHONUTF8": "1", "PATH": os.defpath, "MALLOC_ARENA_MAX": "2"},
        limit=_LINE,
    )


async def _ask(process: Process, request: bytes, seconds: float, unit: Unit) -> tuple[FileText | None, bool]:
    """Also whether the process is not to be asked again. None: it has not taken the request."""
    passages: list[Passage] = []
    assert process.stdin
    try:
        async with asyncio.timeout(seconds):
            process.stdin.write(request)
            if await _line(process) is None:
                return None, True
            while (line := await _line(process)) is not None and "last" not in line:
                passages.append(unpacked(line, unit))
                if len(passages) % _TURN == 0:
                    await asyncio.sleep(0)  # what is buffered already would be read without a pause
            return _read(passages, line) if line else (_refused(await _death(process)), True)
    except TimeoutError:
        return (FileText(READER, tuple(passages), cut=True) if passages else _refused("too_slow")), True
    except (ValueError, TypeError, KeyError):  # not what ours says: the file has got the better of it
        return _refused("broken"), True


def _read(passages: Sequence[Passage], line: dict[str, Any]) -> tuple[FileText, bool]:
    last = line["last"]
    if error := last.get("error"):
        _log.info("A file could not be read: %s", error)
    kept = () if last["refused"] else tuple(passages)
    return FileText(READER, kept, last["refused"], last["pages"], last["cut"]), bool(line["ends"])


async def _death(process: Process) -> Reason:
    """What has become of a process that says no more."""
    return _DEATHS.get(await process.wait(), "broken")


async def _line(process: Process) -> dict[str, Any] | None:
    """None: it has ended."""
    assert process.stdout
    line = await process.stdout.readline()
    return dict(json.loads(line)) if line.endswith(b"\n") else None
