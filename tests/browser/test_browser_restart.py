"""What was seen on the screen is still there after the server ended, however it ended."""

import re
import signal

import pytest
from playwright.sync_api import expect

from tests.browser.chat import App, Chat, pdf, png
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser

OFFLINE = "Answered without a model: the settings of this conversation ask for that"
FIRST, SECOND = "What is a hash table?", "Plan a weekend in Lyon"


def test_a_conversation_is_still_there_after_a_restart(app: App, tab: OpenTab) -> None:
    chat = tab()
    assert chat.page.locator("input[type=password]").count() == 0
    answer = streamed_answer(chat, FIRST)
    chat.send(
        "Look at these", ("green.png", "image/png", png(320, 200)), ("paper.pdf", "application/pdf", pdf("Paper"))
    )
    vote(chat, "Clear and short")
    first_settings = {"model": "Gemini 2.5 Pro", "temperature": "1.3", "system_prompt": "Answer in one sentence."}
    chat.set("Gemini 2.5 Pro", 13, "Answer in one sentence.")
    first_id, first = chat.thread_id(), chat.conversation()
    assert first[1] == answer

    chat.new()
    chat.set("Offline (no model)", 2, "Speak as a travel guide.")
    chat.send(SECOND)
    second_settings, second = chat.settings(), chat.conversation()
    assert second_settings == {
        "model": "Offline (no model)",
        "temperature": "0.2",
        "system_prompt": "Speak as a travel guide.",
    }
    expect(chat.listed(FIRST, SECOND)).to_have_text([SECOND, FIRST])

    app.kill(signal.SIGTERM)
    app.start()
    chat.reload()

    expect(chat.listed(FIRST, SECOND)).to_have_text([SECOND, FIRST])
    chat.open_thread(FIRST)
    assert chat.thread_id() == first_id
    assert chat.conversation() == first
    expect_files(chat)
    expect_vote(chat, "Clear and short")
    assert chat.settings() == first_settings

    chat.open_thread(SECOND)
    expect(chat.answers).to_have_count(1)
    assert chat.conversation() == second
    assert chat.settings() == second_settings

    chat.open_thread(FIRST)
    expect(chat.answers).to_have_count(2)
    chat.send("And how does it grow?")
    grown = chat.conversation()
    assert len(grown) == 6
    assert grown[:4] == first
    chat.reload()
    expect(chat.answers).to_have_count(3)
    assert chat.conversation() == grown
    expect(chat.listed(FIRST, SECOND)).to_have_text([FIRST, SECOND])
    expect_files(chat)
    expect_vote(chat, "Clear and short")
    assert chat.settings() == first_settings


@pytest.mark.parametrize("unread", [False, True])
def test_a_page_left_open_goes_on_with_its_conversation_after_a_crash(app: App, tab: OpenTab, unread: bool) -> None:
    """``unread``: the server still took what it could not read any more."""
    chat = tab()
    chat.send("How do tides work?")
    chat.set("Offline (no model)", 4, "Be precise.")
    thread_id, before, settings = chat.thread_id(), chat.conversation(), chat.settings()

    chat.type("And why twice a day?")
    if unread:
        with app.dying():
            chat.page.keyboard.press("Enter")
            expect(chat.questions).to_have_count(2)
    else:
        app.kill(signal.SIGKILL)
        chat.page.keyboard.press("Enter")  # before the page has noticed, or when it just has
    expect(chat.page.locator("#session-error")).to_be_visible()
    chat.type("Does the Moon matter?")
    app.start()
    chat.answer(1)
    expect(chat.input).to_have_value("Does the Moon matter?")
    chat.submit()
    chat.answer(2)
    expect(chat.page.get_by_role("button", name="Try again")).to_have_count(1)

    after = chat.conversation()
    assert after[:2] == before
    assert after[2::2] == ["And why twice a day?", "Does the Moon matter?"]
    chat.reload()
    expect(chat.answers).to_have_count(3)
    assert chat.thread_id() == thread_id
    assert chat.conversation() == after
    assert chat.settings() == settings
    assert all(text.startswith(OFFLINE) for text in after[3::2]), "not answered under the settings of the conversation"


def test_coming_back_to_the_tab_while_the_server_is_down_loses_nothing(app: App, tab: OpenTab) -> None:
    chat = tab()
    chat.send("Which tea has no caffeine?")
    address = chat.thread_id()
    app.kill(signal.SIGKILL)
    expect(chat.page.locator("#session-error")).to_be_visible()
    chat.type("And which coffee?")
    with chat.page.expect_event("requestfailed", lambda request: request.url.endswith("/user")):
        # The page asks again who is there, at most every five seconds.
        chat.page.evaluate("setInterval(() => dispatchEvent(new Event('focus')), 500) && 0")
    app.start()
    expect(chat.page.locator("#session-error")).to_have_count(0, timeout=30_000)
    assert chat.thread_id() == address
    expect(chat.input).to_have_value("And which coffee?")
    chat.submit()
    chat.answer(1)


def test_a_link_to_a_conversation_works_in_a_browser_that_was_never_here(tab: OpenTab) -> None:
    chat = tab()
    chat.send("How tall is a giraffe?")
    elsewhere = tab("/thread/" + chat.thread_id(), timezone_id="Asia/Tokyo")
    assert elsewhere.thread_id() == chat.thread_id()
    expect(elsewhere.questions).to_have_text(["How tall is a giraffe?"])


def streamed_answer(chat: Chat, text: str) -> str:
    """Say ``text`` and return the answer, having seen it grow."""
    chat.page.evaluate(
        """() => {
            window.lengths = [];
            new MutationObserver(() => {
                const answer = document.querySelector('[data-step-type="assistant_message"] .message-content');
                const length = answer ? answer.innerText.length : 0;
                if (length && length !== window.lengths.at(-1)) window.lengths.push(length);
            }).observe(document.body, {childList: true, subtree: true, characterData: true});
        }"""
    )
    answer = chat.send(text)
    assert len(chat.page.evaluate("window.lengths")) > 5, "the answer came at once"
    return answer


def vote(chat: Chat, comment: str) -> None:
    chat.answers.first.locator(".positive-feedback-off").click()
    dialog = chat.page.get_by_role("dialog")
    dialog.locator("textarea").fill(comment)
    dialog.locator("#submit-feedback").click()
    expect(chat.answers.first.locator(".positive-feedback-on")).to_be_visible()


def expect_vote(chat: Chat, comment: str) -> None:
    expect(chat.answers.first.locator(".positive-feedback-on")).to_be_visible()
    expect(chat.page.locator(".positive-feedback-on")).to_have_count(1)
    chat.answers.first.locator("button:has(.lucide-message-circle)").click()
    dialog = chat.page.get_by_role("dialog")
    expect(dialog.locator("textarea")).to_have_value(comment)
    chat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def expect_files(chat: Chat) -> None:
    """The picture and the PDF of the second message, as stored."""
    assert chat.picture_width() == 320
    expect(chat.questions.locator("img")).to_have_attribute("src", re.compile(r"/datalayer/files/"))
    preview = chat.page.locator(".inline-pdf")
    expect(preview.locator("canvas")).to_be_visible()
    preview.click()
    link = chat.page.locator("[role=dialog] a[download]")
    expect(chat.page.locator("[role=dialog] canvas")).to_be_visible()
    url = link.get_attribute("href") or ""
    assert "/datalayer/files/" in url
    assert chat.fetched(url) == (200, "%PDF-")
    chat.page.keyboard.press("Escape")
    expect(chat.page.get_by_role("dialog")).to_have_count(0)
