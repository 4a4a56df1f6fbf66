"""An answer that a model is still writing: what was shown of it stays, whether a person or a crash ends it."""

import asyncio
import signal
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat import App, Chat
from tests.browser.conftest import OpenTab
from tests.gemini_server import Act, GeminiServer, finish, text

pytestmark = pytest.mark.browser

BEGINNING = "Glaciers are rivers of ice that flow"


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


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("streaming")
    app = App(folder, GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


@pytest.fixture
def writing(tab: OpenTab, gemini: GeminiServer) -> Chat:
    """A tab with an answer that goes on for ever."""
    chat = tab()
    gemini.script(*(text(f"{word} ") for word in BEGINNING.split()), Act.STALL)
    chat.type("What is a glacier?")
    chat.submit()
    expect(chat.answers.first).to_contain_text(BEGINNING)
    chat.thread_id()
    return chat


def test_what_was_shown_when_the_answer_is_stopped_stays(writing: Chat, gemini: GeminiServer) -> None:
    writing.stop_button.click()
    writing.finished()
    shown = writing.answer_text()
    assert shown == BEGINNING
    expect(writing.answers.locator(".positive-feedback-off")).to_be_visible()
    writing.reload()
    expect(writing.answers).to_have_count(1)
    assert writing.answer_text() == shown
    assert "manually stopped" not in writing.page.locator("body").inner_text()

    gemini.script(text("Slowly."), finish())
    assert writing.send("How fast?") == "Slowly."
    said = [part["text"] for turn in gemini.requests[-1].body["contents"] for part in turn["parts"]]
    assert said == ["What is a glacier?", f"{shown} ", "How fast?"]


def test_what_was_shown_of_an_answer_is_still_there_after_a_crash(app: App, writing: Chat) -> None:
    app.kill(signal.SIGKILL)
    expect(writing.page.locator("#session-error")).to_be_visible()
    app.start()
    expect(writing.page.locator("#session-error")).to_have_count(0, timeout=30_000)
    writing.reload()
    expect(writing.questions).to_have_count(1)
    expect(writing.answers).to_have_count(1)
    assert writing.answer_text().startswith(BEGINNING)
