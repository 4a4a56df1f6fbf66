"""An answer that a model is still writing: what was shown of it stays, whether a person or a crash ends it."""

import signal
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from assistant.texts import Language, say
from tests.browser.chat import App, Chat
from tests.browser.conftest import OpenTab
from tests.servers.gemini import Act, Chunk, GeminiServer, finish, text

pytestmark = pytest.mark.browser

BEGINNING = "Glaciers are rivers of ice that flow"


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("streaming")
    app = App(folder, GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


def unfinished(chat: Chat, gemini: GeminiServer, question: str) -> Chat:
    """Ask, and wait until the beginning of an answer that goes on for ever is there."""
    gemini.script(*(text(f"{word} ") for word in BEGINNING.split()), Act.STALL)
    chat.type(question)
    chat.submit()
    expect(chat.answers.first).to_contain_text(BEGINNING)
    chat.thread_id()
    return chat


def test_what_was_shown_when_the_answer_is_stopped_stays(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = unfinished(tab(), gemini, "What is a glacier?")
    chat.stop_button.click()
    chat.finished()
    shown = chat.answer_text().strip()
    assert shown == BEGINNING
    expect(chat.answers.locator(".positive-feedback-off")).to_be_visible()
    chat.reload()
    expect(chat.answers).to_have_count(1)
    assert chat.answer_text().strip() == shown
    assert "manually stopped" not in chat.page.locator("body").inner_text()

    gemini.script(text("Slowly."), finish())
    assert chat.send("How fast?") == "Slowly."
    said = [part["text"] for turn in gemini.requests[-1].body["contents"] for part in turn["parts"]]
    assert said == ["What is a glacier?", f"{shown} ", "How fast?"]


def test_an_answer_that_a_crash_cut_off_can_be_continued_or_written_anew(
    app: App, tab: OpenTab, gemini: GeminiServer
) -> None:
    english = unfinished(tab(), gemini, "What is an ice cap?")
    french = unfinished(tab(locale="fr-FR"), gemini, "Qu’est-ce qu’un névé ?")
    for chat in (english, french):
        wait_until_found(chat, BEGINNING.split()[-1], chat.thread_id())
    app.kill(signal.SIGKILL)
    app.start()

    expect_interrupted(english, "en")
    gemini.script(text("under their own weight."), finish())
    button(english, say("continue", "en")).click()
    whole = f"{BEGINNING} under their own weight."
    expect_answer(english, "en", whole)
    known = [(turn["role"], turn["parts"][0]["text"]) for turn in gemini.requests[-1].body["contents"]]
    assert [role for role, _ in known] == ["user", "model", "user"]
    assert known[2][1] == say("go_on", "en")

    expect_interrupted(french, "fr")
    gemini.script(text("De la neige tassée."), finish())
    button(french, say("retry", "fr")).click()
    expect_answer(french, "fr", "De la neige tassée.")

    for chat, language, answer in ((english, "en", whole), (french, "fr", "De la neige tassée.")):
        chat.reload()
        expect_answer(chat, language, answer)


def test_an_answer_is_finished_while_nobody_looks(tab: OpenTab, gemini: GeminiServer) -> None:
    chat, closed = tab(), threading.Event()
    gemini.script(text("Layer upon layer"), Held(text(" of old snow."), closed), finish())
    chat.type("What is an ice core?")
    chat.submit()
    expect(chat.answers.first).to_contain_text("Layer upon layer")
    thread_id = chat.thread_id()
    chat.page.close()
    closed.set()

    again = tab()
    wait_until_found(again, "snow", thread_id)
    again.open(f"/thread/{thread_id}")
    expect_answer(again, "en", "Layer upon layer of old snow.")


class Held(Chunk):
    """A chunk that the model sends once ``go`` is set. The whole model waits with it."""

    def __init__(self, chunk: Chunk, go: threading.Event) -> None:
        object.__setattr__(self, "_held", (chunk, go))

    @property
    def body(self) -> Mapping[str, Any] | str:
        chunk, go = self._held
        assert go.wait(30)
        return chunk.body


def wait_until_found(chat: Chat, word: str, thread_id: str) -> None:
    """Wait until the store has ``word`` in this conversation: a page shows it up to 250 ms earlier."""
    chat.page.wait_for_function(
        """async ([search, id]) => {
            const body = JSON.stringify({pagination: {first: 20}, filter: {search}});
            const headers = {"Content-Type": "application/json"};
            const answer = await fetch("/project/threads", {method: "POST", headers, body});
            return (await answer.json()).data.some(thread => thread.id === id);
        }""",
        arg=[word, thread_id],
        polling=100,
    )


def expect_interrupted(chat: Chat, language: Language) -> None:
    chat.reload()
    expect(chat.answers).to_have_count(1)
    assert chat.answer_text().strip() == BEGINNING
    expect(chat.page.get_by_text(say("interrupted", language))).to_be_visible()
    for name in ("continue", "retry"):
        expect(button(chat, say(name, language))).to_be_visible()


def expect_answer(chat: Chat, language: Language, answer: str) -> None:
    expect(chat.answers).to_have_count(1)
    expect(chat.answers.locator(".message-content")).to_have_text(answer)
    chat.finished()
    expect(chat.questions).to_have_count(1)
    expect(chat.page.get_by_text(say("interrupted", language))).to_have_count(0)
    expect(button(chat, say("continue", language))).to_have_count(0)


def button(chat: Chat, name: str) -> Locator:
    return chat.page.get_by_role("button", name=name, exact=True)
