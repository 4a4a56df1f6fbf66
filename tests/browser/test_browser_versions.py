"""‹ 2/3 › below a question: by mouse, finger and keyboard, in both languages, and how a screen reader names it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat import App
from tests.browser.conftest import OpenTab
from tests.servers.gemini import GeminiServer, finish, text

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "fr-FR", "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("versions"), GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


@pytest.mark.parametrize("options", [{}, PHONE], ids=["english", "french phone"])
def test_versions_of_an_older_question_are_shown_in_place(
    tab: OpenTab, gemini: GeminiServer, options: dict[str, object]
) -> None:
    french = bool(options)
    chat = tab(**options)
    gemini.script(text("From snow."), finish())
    gemini.script(text("Glaciers"), finish())
    chat.send("What is a glacier made of?")
    gemini.script(text("Slowly."), finish())
    chat.send("How does it move?")
    expect(chat.page.locator(".versions")).to_have_count(0)
    other = tab(f"/thread/{chat.thread_id()}", **options)
    first = chat.conversation()
    gemini.script(text("From ice."), finish())
    chat.edit(0, "What is it made of?")
    expect(chat.answers.locator(".message-content")).to_have_text(["From ice."])
    chat.finished()
    second = chat.conversation()
    previous = chat.page.get_by_role("button", name="Version précédente" if french else "Previous version")
    following = chat.page.get_by_role("button", name="Version suivante" if french else "Next version")
    said = "Version {} sur 2" if french else "Version {} of 2"
    for each in (chat, other):
        expect(each.page.get_by_role("group", name=said.format(2))).to_be_visible()
    expect(chat.page.locator(".versions > [data-place='2/2']")).to_be_visible()
    expect(chat.questions).to_have_text(["What is it made of?"])
    if french:
        box = previous.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40
        previous.tap()
    else:
        previous.focus()
        chat.page.keyboard.press("Enter")
    expect(chat.answers.locator(".message-content")).to_have_text(["From snow.", "Slowly."])
    expect(other.answers.locator(".message-content")).to_have_text(["From snow.", "Slowly."])
    expect(chat.page.get_by_role("group", name=said.format(1))).to_be_visible()
    expect(previous).to_have_attribute("aria-disabled", "true")
    assert chat.conversation() == first
    if not french:
        expect(previous).to_be_focused()
        chat.page.keyboard.press("Enter")  # there is none before
        chat.page.keyboard.press("Tab")
        expect(following).to_be_focused()
        chat.page.keyboard.press("Enter")
        expect(chat.answers.locator(".message-content")).to_have_text(["From ice."])
        chat.page.keyboard.press("Shift+Tab")
        chat.page.keyboard.press("Enter")
        expect(chat.answers.locator(".message-content")).to_have_text(["From snow.", "Slowly."])
    chat.reload()
    expect(chat.page.get_by_role("group", name=said.format(1))).to_be_visible()
    following.click()
    expect(chat.answers.locator(".message-content")).to_have_text(["From ice."])
    assert chat.conversation() == second
    expect(other.page.get_by_role("group", name=said.format(2))).to_be_visible()
