"""The first page in a browser that was never here: Threadkeep's beside that of a Chainlit app that does nothing."""

import os
import shutil
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from tests.e2e.conftest import App
from tests.processes import free_port, running_server

from . import Sizes
from .contestants import OURS
from .measure import Result, measure

CHAINLITS = "Chainlit (no data layer)"
PAINT = "first paint of the first page"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BARE_APP = "import chainlit as cl\n\n@cl.on_message\nasync def message(asked): await cl.Message('Fine.').send()\n"
_FIRST_PAINT = """async () => {
    const seen = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    while (!seen()) await new Promise(requestAnimationFrame);
    return seen();
}"""


async def paint(folder: Path, sizes: Sizes) -> list[Result]:
    os.makedirs(folder / "bare")
    (folder / "bare" / "app.py").write_text(BARE_APP)
    async with AsyncExitStack() as stack:
        ours = stack.enter_context(App(folder).running())
        theirs = stack.enter_context(running_server(folder / "bare", {}, free_port()))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        stack.push_async_callback(browser.close)
        pages = ((OURS, ours.url), (CHAINLITS, theirs.url))
        results = [Result(PAINT, name, partial(_open, browser, url)) for name, url in pages]
        return await measure(results, sizes.rounds * 3)


async def _open(browser: Browser, url: str, *_: Any) -> float:
    profile = await browser.new_context()
    page = await profile.new_page()
    await page.goto(url)
    milliseconds = float(await page.evaluate(_FIRST_PAINT))
    await profile.close()
    return milliseconds / 1000
