"""A process of the app with the largest store: how long until its first page, what memory it holds; and the disk."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.client import Client
from tests.e2e.conftest import App
from tests.processes import environment, free_port

from . import Sizes
from .chats import megabytes
from .contestants import CHAINLIT, OURS, PAGE
from .library import EACH, Library, Shelf, Words, fill, index
from .listing import FAR
from .measure import DIRECT, Result, measure
from .paint import BARE_APP, CHAINLITS
from .search import questions

START = "from the start of a process to its first page, {:,} messages"
MEMORY = "resident memory after lists, searches and a conversation, {:,} messages"
SIZE = "size on disk, "
_SHORT, _REAL = SIZE + "{:,} messages of {:,} bytes", SIZE + "{:,} messages as long as real ones, {:,} bytes"
REAL_WORDS = (30, 210)
"""Of a question, of an answer: 200 and 1,500 bytes, as in docs/scaling.md."""
_MEGABYTES, _TIMES = DIRECT[:2]


def memory(threads: int) -> str:
    """The case."""
    return MEMORY.format(threads * EACH)


async def start(folder: Path, sizes: Sizes, library: Library) -> list[Result]:
    shelf = await library.of(sizes.threads[-1])
    bare = folder / "bare"
    bare.mkdir(parents=True)
    (bare / "app.py").write_text(BARE_APP)
    app = App(folder, THREADKEEP_DATABASE_URL=f"sqlite+aiosqlite:///{shelf.ours}")
    ours = _Started(app.folder, app.env, "-m", "assistant", "serve")
    theirs = _Started(bare, {}, "-m", "chainlit", "run", "app.py", "-h")
    starts, held = START.format(shelf.messages), memory(shelf.threads)
    runs = {OURS: partial(_with_lists, ours, shelf), CHAINLITS: partial(_without, theirs)}
    memories = {name: Result(held, name, _never, _MEGABYTES) for name in runs}
    results = [Result(starts, name, partial(run, memories[name])) for name, run in runs.items()]
    # In a quick run the first start is enough.
    await measure(results, sizes.rounds, slow=10 * sizes.slow)
    return [*results, *memories.values(), *await _sizes(folder, sizes, shelf)]


async def _never(*_: Any) -> float:
    """What is measured on the way."""
    raise NotImplementedError


class _Started:
    """A command that serves: begun anew each time, with nothing imported before."""

    def __init__(self, folder: Path, env: dict[str, str], *command: str) -> None:
        self._folder, self._env, self._command = folder, env, command

    @asynccontextmanager
    async def process(self) -> AsyncIterator[tuple[int, str]]:
        """Its pid and its address. It is killed at the end."""
        port = free_port()
        env = environment({"CHAINLIT_PORT": str(port), **self._env})
        with (self._folder / f"{port}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self._command), cwd=self._folder, env=env, stdout=log, stderr=log, process_group=0
            )
        try:
            yield process.pid, f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _answers(url: str, path: str = "/health") -> None:
    """Returns when the server does. Raises TimeoutError."""
    async with httpx.AsyncClient(base_url=url) as http, asyncio.timeout(120):
        while True:
            try:
                (await http.get(path)).raise_for_status()
                return
            except httpx.TransportError:
                await asyncio.sleep(0.01)


async def _with_lists(started: _Started, shelf: Shelf, memory: Result, _result: Result, _number: int) -> float:
    began = time.perf_counter()
    async with started.process() as (pid, url), Client(url) as client:
        await _answers(url)
        await client.login()
        page = (await client.threads()).json()
        taken = time.perf_counter() - began
        for _ in range(min(FAR, shelf.threads // PAGE)):
            page = (await client.threads(cursor=page["pageInfo"]["endCursor"])).json()
        for question in questions(shelf).values():
            (await client.threads(question.ours)).raise_for_status()
        await client.connect(shelf.newest(0))
        if not page["data"]:
            raise RuntimeError("The list has an end")
        _remember(memory, pid)
    return taken


async def _without(started: _Started, memory: Result, _result: Result, _number: int) -> float:
    """Of an app that keeps nothing, so that it has no list: until its page is there."""
    began = time.perf_counter()
    async with started.process() as (pid, url):
        await _answers(url, "/")
        taken = time.perf_counter() - began
        _remember(memory, pid)
    return taken


def _remember(memory: Result, pid: int) -> None:
    memory.seconds.append(megabytes(pid))
    memory.note = f"{_peak(pid):,.0f} MB at most"


def _peak(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


async def _sizes(folder: Path, sizes: Sizes, shelf: Shelf) -> list[Result]:
    real = Shelf(folder, sizes.real_threads)
    fill(real.ours, real.threads, Words(1), REAL_WORDS)
    await index(real.ours)
    results = []
    for case, of, path, name in (
        (_SHORT, shelf, shelf.ours, OURS),
        (_SHORT, shelf, shelf.chainlits, CHAINLIT),
        (_REAL, real, real.ours, OURS),
    ):
        length = of.text_bytes // of.messages
        result = Result(case.format(of.messages, length), name, partial(_times, of, path), _TIMES)
        result.note = f"{path.stat().st_size / 1e6:,.0f} MB" + ("" if name == OURS else ", without any index")
        results.append(result)
    return await measure(results, 1)


async def _times(shelf: Shelf, path: Path, *_: Any) -> float:
    return os.path.getsize(path) / shelf.text_bytes  # noqa: ASYNC240
