"""Opening a conversation of 10,000 messages beside one of 100: in a browser, and what the server reads for it."""

import os
import shutil
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, async_playwright

from datalayer import DataLayer
from tests.client import Client
from tests.e2e.conftest import App
from tests.long import long_thread

from . import Sizes
from .contestants import OURS
from .measure import Result, measure
from .paint import ARGUMENTS

OPEN, READ = "a conversation of {:,} messages, opened in a browser", "what is read to open {:,} messages"
_SAID = "\n\n" + "What was said is as long as what is said in a conversation, more or less. " * 8
_SHOWN = """async id => {
    while (!document.getElementById(id)) await new Promise(requestAnimationFrame);
    return performance.now();
}"""


async def long(folder: Path, sizes: Sizes) -> list[Result]:
    """From the request for the page to the last message on it, in a browser that has been here before."""
    os.makedirs(folder)
    app = App(folder)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(app.running())
        client = await stack.enter_async_context(Client(server.url))
        await (await client.login()).connect()  # the store has a user now
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        stack.push_async_callback(browser.close)
        profile = await browser.new_context()
        layer = DataLayer(f"sqlite+aiosqlite:///{app.home}/threads.db", spool=folder / "spool")
        stack.push_async_callback(layer.close)
        results: list[Result] = []
        for messages in sizes.messages:
            thread, steps = long_thread(app.home, f"{messages} messages", messages // 2, _SAID)
            address = f"{server.url}/thread/{thread}"
            results += [
                Result(OPEN.format(messages), OURS, partial(_open, profile, address, steps[-1])),
                Result(READ.format(messages), OURS, partial(_read, layer, thread, sizes.read_for)),
            ]
        return await measure(results, sizes.rounds * 3)


async def _open(profile: BrowserContext, address: str, last: str, *_: Any) -> float:
    page = await profile.new_page()
    await page.goto(address)
    milliseconds = float(await page.evaluate(_SHOWN, f"step-{last}"))
    await page.close()
    return milliseconds / 1000


async def _read(layer: DataLayer, thread: str, at_least: float, *_: Any) -> float:
    calls, started, taken = 0, time.perf_counter(), 0.0
    while taken < at_least:
        if await layer.get_part(thread) is None:
            raise RuntimeError("There was no answer")
        calls, taken = calls + 1, time.perf_counter() - started
    return taken / calls
