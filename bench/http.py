"""The same read of the data layer by a call, and over HTTP by the REST API, on a connection that is kept.

The server and who asks share a process, so the client speaks HTTP by hand: a library would take more time than the
server. What it takes of a core is counted to the server.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn

from datalayer import DataLayer

from . import Sizes, library
from .contestants import OURS
from .data import USER, USER_ID
from .library import RARE, Shelf
from .measure import Result, Taken, measure, repeat

HTTP = "REST API"
CASES = ("50 threads", "one thread", "10 messages of a thread", "a search for a rare word")
UNCHANGED = "50 threads that have not changed: 304"
Read = Callable[[], Awaitable[object]]


async def http(folder: Path, sizes: Sizes, library: library.Library) -> list[Result]:
    shelf = await library.of(sizes.asked)
    os.makedirs(folder)
    async with AsyncExitStack() as stack:
        layer = DataLayer(f"sqlite+aiosqlite:///{shelf.ours}", files=folder / "files")
        stack.push_async_callback(layer.close)
        ask = await stack.enter_async_context(_served(layer))
        requests, tag = _requests(shelf), await _tag(ask)
        works = {(case, OURS): call for case, call in zip(CASES, _calls(layer, shelf), strict=True)}
        works |= {(case, HTTP): partial(ask, path) for case, path in zip(CASES, requests, strict=True)}
        works[UNCHANGED, HTTP] = partial(ask, requests[0], tag)
        results = [Result(*what, run=partial(_read, call, sizes.read_for)) for what, call in works.items()]
        return await measure(results, sizes.rounds)


async def _read(call: Read, read_for: float, _result: Result, _round: int) -> Taken:
    return await repeat(call, read_for)


def _calls(layer: DataLayer, shelf: Shelf) -> tuple[Read, ...]:
    thread = shelf.newest(0)
    return (
        lambda: layer.store.threads(USER_ID, 50),
        lambda: layer.store.own_threads(USER_ID, [thread]),
        lambda: layer.store.thread_messages(thread),
        lambda: layer.store.search(USER_ID, RARE),
    )


def _requests(shelf: Shelf) -> tuple[str, ...]:
    thread = f"/threads/{shelf.newest(0)}"
    return "/threads?limit=50", thread, f"{thread}/messages", f"/search?q={RARE}"


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    async def __call__(self, path: str, tag: str = "") -> dict[str, str]:
        """The headers of the answer, which is read to its end. Raises RuntimeError for one that is not as expected."""
        known = f"If-None-Match: {tag}\r\n" if tag else ""
        lines = f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n{known}\r\n"
        self._writer.write(lines.encode())
        status, *fields = (await self._reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        found = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        if status.split()[1] != ("304" if tag else "200"):
            raise RuntimeError(f"The API answers {status!r}")
        await self._reader.readexactly(int(found.get("content-length", 0)))
        return found


async def _tag(ask: Connection) -> str:
    return (await ask("/threads?limit=50"))["etag"]


@asynccontextmanager
async def _served(layer: DataLayer) -> AsyncIterator[Connection]:
    """Chainlit's own server with the library of ``layer``, asked with a token."""
    import chainlit.server

    import library as pages
    from datalayer import door
    from library.tokens import Tokens

    pages.mount(layer)
    door.use(door.Limits(requests=1e9))
    _, token = await Tokens(layer.store).make(USER, "bench", ["read"], None)
    with socket.socket(proto=socket.IPPROTO_TCP) as held:  # asyncio sends at once only from one that says so
        held.bind(("127.0.0.1", 0))
        config = uvicorn.Config(chainlit.server.app, lifespan="off", log_level="critical")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([held]))
        while not server.started:  # noqa: ASYNC110  # uvicorn tells it no other way
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*held.getsockname())
        try:
            yield Connection(reader, writer, token)
        finally:
            writer.close()
            server.should_exit = True
            await serving
