"""What a page has sent to a server that dies before it reads it is done by the next one."""

import pytest
from playwright.sync_api import expect

from tests.browser.chat import App
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser


def test_a_first_message_that_a_dying_server_did_not_read_is_answered_by_the_next(app: App, tab: OpenTab) -> None:
    chat = tab()
    chat.type("Who built the first lighthouse?")
    with app.dying():
        chat.page.keyboard.press("Enter")
        expect(chat.questions).to_have_count(1)
    app.start()
    expect(chat.answers.nth(0)).to_contain_text("nothing on this yet")  # its last words
    before = chat.conversation()
    chat.open("/thread/" + chat.thread_id())
    assert chat.conversation() == before


def test_an_edit_that_a_dying_server_did_not_read_is_made_by_the_next(app: App, tab: OpenTab) -> None:
    chat = tab()
    chat.send("How old is the Moon?")
    with app.dying():
        chat.edit(0, "How old is the Sun?")
        expect(chat.page.locator("#edit-chat-input")).to_have_count(0)
    app.start()
    chat.answer(0)
    expect(chat.questions).to_have_text(["How old is the Sun?"])
    chat.reload()
    expect(chat.questions).to_have_text(["How old is the Sun?"])
    expect(chat.answers).to_have_count(1)
