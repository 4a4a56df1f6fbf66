"""The whole app beside the bare SDK: from a message sent by a browser's client to the words that it shows.

One model server, a process of its own on the loopback, answers both: a first token after ``FIRST`` seconds, which is
what a fast model takes, then one every ``BETWEEN``.
"""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

from google import genai
from google.genai.types import HttpOptions

from tests.client import Client
from tests.e2e.conftest import App
from tests.processes import ROOT, Server, free_port
from tests.servers.gemini import Act, GeminiServer, text

from . import Sizes
from .contestants import OURS
from .measure import Result, measure

SDK = "bare google-genai"
FIRST, BETWEEN = 0.4, 0.01
STOPS = 20
SCREENS = 5
"""Answers in a round, of which the slowest counts."""
FIRST_TOKEN, STOP, RATE, AT_ONCE = (
    "time to the first token",
    "from Stop to the end of the request",
    "tokens of an answer of {:,}",
    "{:,} chats of {:,} tokens at once",
)
SECOND_SCREEN = "a second tab's first token after the first tab's"
LOCKED_FIRST = "longest time to a first token, database locked for {} s"
LOCKED_END = "longest time to the end of an answer, database locked for {} s"
MODEL = "gemini-2.5-flash"

Times = tuple[float, float, float]
"""Of one answer, on one clock: asked, first token, last token."""
Ask = Callable[[], Awaitable[Times]]


async def chats(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder)
    port = free_port()
    async with model_server(port, sizes.answer_tokens) as url, AsyncExitStack() as stack:
        app = App(folder, GEMINI_API_KEY="bench", GEMINI_BASE_URL=url, NO_PROXY="127.0.0.1")
        server = stack.enter_context(app.running())
        tabs = [await _tab(stack, server) for _ in range(sizes.chats)]
        client = genai.Client(vertexai=False, api_key="bench", http_options=HttpOptions(base_url=url))
        ours, bare = [partial(_through_app, tab) for tab in tabs], [partial(_through_sdk, client)] * sizes.chats
        await asyncio.gather(*(ask() for ask in ours))  # the first messages: each begins a thread
        results = []
        for name, asks in ((OURS, ours), (SDK, bare)):
            many = AT_ONCE.format(sizes.chats, sizes.answer_tokens)
            results += [
                Result(FIRST_TOKEN, name, partial(_first, asks[0])),
                Result(RATE.format(sizes.answer_tokens), name, partial(_rate, asks[0], sizes), " tokens/s"),
                Result(many, name, partial(_together, asks, sizes, server), " tokens/s"),
            ]
        results += await _stops(stack, folder / "stops")
        return await measure(results, sizes.rounds)


async def screens(folder: Path, sizes: Sizes) -> list[Result]:
    """Two tabs of one conversation, one of which asks."""
    os.makedirs(folder)
    async with model_server(free_port(), sizes.answer_tokens) as url, AsyncExitStack() as stack:
        app = App(folder, GEMINI_API_KEY="bench", GEMINI_BASE_URL=url, NO_PROXY="127.0.0.1")
        first = await _tab(stack, stack.enter_context(app.running()))
        await _through_app(first)
        second = await stack.enter_async_context(first.tab())
        await second.connect(first.thread_id)
        return await measure([Result(SECOND_SCREEN, OURS, partial(_behind, first, second))], sizes.rounds)


async def _behind(first: Client, second: Client, *_: Any) -> float:
    """The longest of some answers; not less than nothing, where the second is told before."""
    behind = 0.0
    for _number in range(SCREENS):
        since = len(second.events)
        seen: list[float] = []

        def react(name: str, _data: Any, seen: list[float] = seen) -> None:
            if name == "stream_start":
                seen.append(time.perf_counter())

        second.react = react
        _asked, shown, _last = await _through_app(first)
        await second.wait_for("task_end", since=since)
        behind = max(behind, seen[0] - shown)
    return behind


async def locked(folder: Path, sizes: Sizes) -> list[Result]:
    """Turns while another process has the database, one after the other, and whether all of them are stored then."""
    os.makedirs(folder)
    port = free_port()
    async with model_server(port, sizes.answer_tokens) as url, AsyncExitStack() as stack:
        app = App(folder, GEMINI_API_KEY="bench", GEMINI_BASE_URL=url, NO_PROXY="127.0.0.1")
        tab = await _tab(stack, stack.enter_context(app.running()))
        ends: list[float] = []
        results = [
            Result(LOCKED_FIRST.format(sizes.locked), OURS, partial(_while_locked, app, tab, sizes, ends)),
            Result(LOCKED_END.format(sizes.locked), OURS, partial(_longest, ends)),
        ]
        return await measure(results, 1)


async def _while_locked(app: App, tab: Client, sizes: Sizes, ends: list[float], result: Result, _number: int) -> float:
    """The longest time to a first token. ``ends``: of the turns, from their questions on."""
    await _through_app(tab)  # begins the thread, or shows that it goes on
    times: list[Times] = []
    with closing(sqlite3.connect(app.home / "threads.db")) as database:
        database.execute("BEGIN EXCLUSIVE")
        until = time.perf_counter() + sizes.locked
        while time.perf_counter() < until:
            times.append(await _through_app(tab))
        database.rollback()
    while (await tab.request("GET", "/health/store")).json()["pending"]:  # noqa: ASYNC110 (a server of its own)
        await asyncio.sleep(0.05)
    stored = [step for step in (await tab.stored())["steps"] if "message" in step["type"]]
    result.note = f"{len(times)} turns"
    shown = [step for step in tab.screen.values() if "message" in step["type"]]
    result.written, result.lost = len(shown), len(shown) - len(stored)
    ends[:] = [last - asked for asked, _first, last in times]
    return max(first - asked for asked, first, _last in times)


async def _longest(ends: Sequence[float], *_: Any) -> float:
    return max(ends)


async def _stops(stack: AsyncExitStack, folder: Path) -> list[Result]:
    """A model server in this process: it must be seen when its request ends."""
    os.makedirs(folder)
    model = await stack.enter_async_context(GeminiServer())
    app = App(folder, GEMINI_API_KEY="bench", GEMINI_BASE_URL=model.url, NO_PROXY="127.0.0.1")
    server = await asyncio.to_thread(stack.enter_context, app.running())  # the app asks the model for its list
    tab = await _tab(stack, server)
    client = genai.Client(vertexai=False, api_key="bench", http_options=HttpOptions(base_url=model.url))
    return [
        Result(STOP, OURS, partial(_stopped, model, partial(_stop_in_app, tab))),
        Result(STOP, SDK, partial(_stopped, model, partial(_stop_in_sdk, client))),
    ]


async def _stopped(model: GeminiServer, stop: Callable[[], AsyncIterator[None]], *_: Any) -> float:
    taken = 0.0
    for _number in range(STOPS):
        model.script(text("Once upon"), Act.STALL)
        async with asynccontextmanager(stop)():  # it stops when it is left
            received, started = model.requests[-1], time.perf_counter()
        await received.over.wait()
        taken += time.perf_counter() - started
    return taken / STOPS


async def _stop_in_app(tab: Client) -> AsyncIterator[None]:
    since = len(tab.events)
    await tab.post("Tell me something")
    await tab.wait_for("stream_start", since=since)
    yield
    await tab.emit("stop")


async def _stop_in_sdk(client: genai.Client) -> AsyncIterator[None]:
    begun = asyncio.Event()

    async def read() -> None:
        async for _chunk in await client.aio.models.generate_content_stream(model=MODEL, contents="Tell me something"):
            begun.set()

    reading = asyncio.create_task(read())
    await begun.wait()
    yield
    reading.cancel()


@asynccontextmanager
async def model_server(port: int, tokens: int) -> AsyncIterator[str]:
    options = ["--tokens", str(tokens), "--first", str(FIRST), "--between", str(BETWEEN)]
    command = [sys.executable, "-m", "tests.servers.gemini", str(port), *options]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        await process.stdout.readline()  # it says so when it listens
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def _tab(stack: AsyncExitStack, server: Server) -> Client:
    client = await stack.enter_async_context(Client(server.url))
    await client.login()
    return await client.connect()


async def _through_app(tab: Client) -> Times:
    first = last = 0.0

    def react(name: str, _data: Any) -> None:
        nonlocal first, last
        if name in ("stream_start", "stream_token"):
            last = time.perf_counter()
            first = first or last

    tab.react = react
    asked = time.perf_counter()
    await tab.send("Tell me something")
    return asked, first, last


async def _through_sdk(client: genai.Client) -> Times:
    first = last = 0.0
    asked = time.perf_counter()
    async for chunk in await client.aio.models.generate_content_stream(model=MODEL, contents="Tell me something"):
        if chunk.text:
            last = time.perf_counter()
            first = first or last
    return asked, first, last


async def _first(ask: Ask, *_: Any) -> float:
    asked, first, _last = await ask()
    return first - asked


async def _rate(ask: Ask, sizes: Sizes, *_: Any) -> float:
    _asked, first, last = await ask()
    return (last - first) / (sizes.answer_tokens - 1)


async def _together(asks: Sequence[Ask], sizes: Sizes, server: Server, result: Result, _number: int) -> float:
    started = time.perf_counter()
    await asyncio.gather(*(ask() for ask in asks))
    if result.contestant == OURS:
        result.note = f"{megabytes(server.process.pid):,.0f} MB resident"
    return (time.perf_counter() - started) / (len(asks) * sizes.answer_tokens)


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024
