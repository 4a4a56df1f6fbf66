"""Who answers: chosen in the message box, kept by the conversation, and written on the answer."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from assistant.texts import Language
from tests.browser.chat import App, Chat
from tests.browser.conftest import OpenTab
from tests.servers.gemini import GeminiServer, finish, text

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(
        tmp_path_factory.mktemp("models"),
        GEMINI_API_KEY="test-key",
        GEMINI_BASE_URL=gemini.url,
        THREADKEEP_FALLBACK_MODELS="gemini-2.5-pro",
    )
    try:
        app.start()
        yield app
    finally:
        app.close()


def ask(chat: Chat, gemini: GeminiServer, question: str, answer: str) -> None:
    gemini.script(text(answer), finish())
    if not chat.answers.count():
        gemini.script(text("A title"), finish())
    chat.send(question)
    expect(chat.answers.last).to_contain_text(answer)
    chat.finished()


@pytest.mark.parametrize(
    ("locale", "to", "size"),
    [("en-US", "en", {"width": 1280, "height": 800}), ("fr-FR", "fr", {"width": 390, "height": 844})],
)
def test_the_model_is_chosen_in_the_message_box_and_named_on_the_answer(
    tab: OpenTab, gemini: GeminiServer, locale: str, to: Language, size: dict[str, int]
) -> None:
    chat = tab(locale=locale, viewport=size)
    picker = chat.page.get_by_role("button", name="Gemini 2.5 Flash", exact=True)
    expect(picker).to_be_visible()
    ask(chat, gemini, f"Good morning, {to}", "Good morning to you")
    picker.click()
    chat.page.locator("#mode-picker-popover-model").get_by_text("gemini-2.5-pro").click()
    ask(chat, gemini, f"And now, {to}?", "Somebody else now, " + "who has more to say than one line holds. " * 9)
    asked = [request.target for request in gemini.requests if "stream" in request.target]
    assert "gemini-2.5-pro" in asked[-1]
    labels = chat.page.locator("[data-author]")
    expect(labels.nth(0)).to_have_attribute("data-author", "Gemini 2.5 Flash")
    expect(labels.nth(1)).to_have_attribute("data-author", "gemini-2.5-pro")
    # A long answer stands beside its picture, as a short one does.
    left = [chat.answers.nth(n).locator(".message-content").bounding_box() for n in (0, 1)]
    assert left[0]
    assert left[1]
    assert left[0]["x"] == left[1]["x"]
    chat.thread_id()
    chat.reload()
    expect(chat.page.get_by_role("button", name="gemini-2.5-pro", exact=True)).to_be_visible()
    expect(labels.nth(1)).to_have_attribute("data-author", "gemini-2.5-pro")
