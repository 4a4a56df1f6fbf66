"""A real Chromium, the real app, and tabs on it."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.chat import DEADLINE, App, Chat
from tests.conftest import missing
from tests.servers.gemini import GeminiServer

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Nobody looks, and each dialog would be waited for until it stands still.
NO_ANIMATION = """addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = "*, *::before, *::after {animation: none !important; transition: none !important}";
    document.head.append(style);
})"""
OpenTab = Callable[..., Chat]


def _chromium() -> str:
    found = os.getenv("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    return found or missing("No Chromium is installed", "REQUIRE_BROWSER") or ""


@pytest.fixture(scope="module")
def gemini() -> Iterator[GeminiServer]:
    """The model, on a loop of its own: this thread's belongs to Playwright."""
    loop, server = asyncio.new_event_loop(), GeminiServer()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


# Not longer than a module: an asyncio test cannot run in a thread where Playwright's loop still does.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = _chromium()
    expect.set_options(timeout=DEADLINE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def _app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("threadkeep"))
    yield app
    app.close()


@pytest.fixture
def app(browser: Browser, _app: App) -> App:
    """One server with one home for all tests; a test speaks of things that no other one does."""
    if not _app.running:
        _app.start()
    return _app


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if call.when == "call" and report.failed:
        item.stash[_failed] = True
    return report


_failed = pytest.StashKey[bool]()


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Callable[..., BrowserContext]:
    """Browser profiles, one for each set of options: a new one would load and compile the page's script again."""
    made: dict[str, BrowserContext] = {}

    def get(**options: object) -> BrowserContext:
        chosen = {"locale": "en-US", "viewport": {"width": 1280, "height": 800}} | options
        if str(chosen) not in made:
            made[str(chosen)] = browser.new_context(**chosen)  # type: ignore[arg-type]
            made[str(chosen)].set_default_timeout(DEADLINE)
            made[str(chosen)].add_init_script(NO_ANIMATION)
        return made[str(chosen)]

    return get


@pytest.fixture
def tab(
    profile: Callable[..., BrowserContext], app: App, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[OpenTab]:
    """Opens tabs. What they show when a test fails lands in its ``tmp_path``."""
    used: set[BrowserContext] = set()

    def open_tab(path: str = "/", **options: object) -> Chat:
        context = profile(**options)
        used.add(context)
        chat = Chat(context.new_page(), app)
        chat.open(path)
        return chat

    yield open_tab
    for number, page in enumerate(page for context in used for page in context.pages):
        if request.node.stash.get(_failed, False):
            page.screenshot(path=tmp_path / f"tab-{number}.png")
            print(f"screenshot: {tmp_path}/tab-{number}.png")
        page.close()


@pytest.fixture
def chat(tab: OpenTab) -> Chat:
    """A tab of an English browser on a new conversation."""
    return tab()
