"""Texts that are too long: the person is told, the text is still there, and the chat goes on."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chat import App
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("too-much"), THREADKEEP_MESSAGE_BYTES="10000")
    app.start()
    yield app
    app.close()


def test_a_text_that_is_too_long_is_told_and_stays_and_the_chat_goes_on(tab: OpenTab) -> None:
    chat = tab()
    for length, sentence in (
        (11_000, "was not sent: a message has at most 10"),
        (100_000, "was not sent: it has more"),
    ):
        chat.type(f"Long {length} " + "word " * (length // 5))
        chat.submit()
        expect(chat.toasts.filter(has_text=sentence)).to_be_visible()
        expect(chat.questions.filter(has_text=f"Long {length}")).to_be_visible()
        chat.finished()
    chat.type("And something short")
    chat.submit()
    chat.answer(0)
    chat.thread_id()
    chat.reload()
    assert chat.questions.count() == 1
