"""One person sends a burst of messages: what another one's answer takes then, and what the server's memory is."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.e2e.conftest import PASSWORD, App
from tests.processes import Server, free_port

from . import Sizes
from .chats import megabytes, model_server
from .contestants import OURS
from .measure import Result, measure

IDLE = "Threadkeep (idle)"
FLOOD = "an answer of {:,} tokens beside {:,} messages of another person"
_QUIET = 3.0
"""Seconds without an event after which the flood is over."""


async def flood(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder)
    case = FLOOD.format(sizes.flood_tokens, sizes.flood)
    async with model_server(free_port(), sizes.flood_tokens) as url, AsyncExitStack() as stack:
        env = {"GEMINI_API_KEY": "bench", "GEMINI_BASE_URL": url, "NO_PROXY": "127.0.0.1"}
        app = App(folder, THREADKEEP_AUTH="accounts", **env)
        app.add_users("ann", "bob")
        server = stack.enter_context(app.running())
        ann = await stack.enter_async_context(Client(server.url))
        await (await ann.login("ann", PASSWORD)).connect()
        await ann.send("The first message begins a thread")
        results = [
            Result(case, IDLE, partial(_alone, ann)),
            Result(case, OURS, partial(_beside, ann, server, sizes)),
        ]
        return await measure(results, 1)  # the twenty turns that a burst leaves take half a minute


async def _alone(ann: Client, *_: Any) -> float:
    started = time.perf_counter()
    await ann.send("Tell me something")
    return time.perf_counter() - started


async def _beside(ann: Client, server: Server, sizes: Sizes, result: Result, _number: int) -> float:
    before = megabytes(server.process.pid)
    async with Client(server.url) as bob:
        await (await bob.login("bob", PASSWORD)).connect()
        for number in range(sizes.flood):
            await bob.post(f"Message {number}")
        taken = await _alone(ann)
        seen = -1
        while seen != len(bob.events):
            seen = len(bob.events)
            await asyncio.sleep(_QUIET)
        not_taken = sum(name == "refused" for name, _ in bob.events)
    after = megabytes(server.process.pid)
    result.note = f"{not_taken:,} told that they were not taken; {before:,.0f} MB resident before, {after:,.0f} after"
    return taken
