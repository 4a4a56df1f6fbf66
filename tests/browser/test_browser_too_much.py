"""What is too long or too many: the person is told, the text is in the box again, and the chat goes on."""

import signal
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.chat import App
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser

WRITING = """const original = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  original.call(this, data);
  if (!String(data).startsWith('42["client_message"')) return;
  setTimeout(() => {
    const box = document.querySelector("#chat-input");
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, "Meanwhile");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
};"""


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    bounds = {"MESSAGE_BYTES": "10000", "SESSION_FILES": "1", "WAITING_MESSAGES": "1"}
    app = App(tmp_path_factory.mktemp("too-much"), **{f"THREADKEEP_{name}": most for name, most in bounds.items()})
    app.start()
    yield app
    app.close()


def test_a_text_that_is_too_long_is_told_and_in_the_box_again_and_the_chat_goes_on(tab: OpenTab) -> None:
    chat = tab()
    for length, sentence in (
        (11_000, "was not sent: a message has at most 10"),
        (100_000, "was not sent: it has more"),
    ):
        text = f"Long {length} " + "word " * (length // 5)
        chat.type(text)
        chat.submit()
        expect(chat.toasts.filter(has_text=sentence)).to_be_visible()
        expect(chat.input).to_have_value(text)
        expect(chat.questions).to_have_count(0)
        chat.reload()
        expect(chat.input).to_have_value(text)
        chat.input.fill("")
    chat.type("And something short")
    chat.submit()
    chat.answer(0)
    chat.thread_id()
    chat.reload()
    expect(chat.input).to_have_value("")
    assert chat.questions.count() == 1


def test_what_is_refused_stays_on_the_page_where_something_else_is_being_written(tab: OpenTab) -> None:
    chat = tab()
    chat.page.add_init_script(WRITING)
    chat.reload()
    text = "Long " + "word " * 2200
    chat.type(text)
    chat.submit()
    expect(chat.toasts.filter(has_text="was not sent")).to_be_visible()
    expect(chat.input).to_have_value("Meanwhile")
    expect(chat.questions.filter(has_text="Long word")).to_be_visible()


def test_an_edit_that_is_not_made_is_in_the_editor_and_nothing_is_gone(app: App, tab: OpenTab) -> None:
    chat = tab()
    chat.input.fill("")  # what another test has left unsent
    for question in ("How deep is a fjord?", "And a loch?"):
        chat.send(question)
    before = chat.conversation()
    long = "Long " + "word " * 2200
    chat.edit(0, long)
    expect(chat.page.locator("#page-notice")).to_contain_text("was not sent")
    expect(chat.editor).to_have_value(long)
    expect(chat.questions).to_have_count(2)
    chat.page.locator("button:has(~ .confirm-edit)").click()
    expect(chat.editor).to_have_count(0)

    with app.frozen():
        for question in ("One", "Two"):
            chat.type(question)
            chat.page.keyboard.press("Enter")
        chat.edit(0, "How deep is a lake?")
        expect(chat.questions).to_have_count(1)
    expect(chat.toasts.filter(has_text="was not sent")).to_be_visible()
    expect(chat.editor).to_have_value("How deep is a lake?")
    chat.answer(3)
    expect(chat.questions).to_have_count(4)
    assert chat.conversation()[:3] == before[1:]  # the first is in the editor
    chat.page.locator(".confirm-edit").click()
    expect(chat.questions).to_have_text(["How deep is a lake?"])
    chat.answer(0)


def test_an_edit_waits_in_the_editor_while_the_server_is_away(app: App, tab: OpenTab) -> None:
    chat = tab(locale="fr-FR")
    chat.send("Où naît le Rhône ?")
    app.kill(signal.SIGKILL)
    expect(chat.page.locator("#session-error")).to_be_attached()
    chat.edit(0, "Où naît le Rhin ?")
    expect(chat.page.locator("#page-notice")).to_contain_text("injoignable")
    expect(chat.editor).to_have_value("Où naît le Rhin ?")
    expect(chat.answers).to_have_count(1)
    app.start()
    expect(chat.page.locator("#session-error")).to_have_count(0)
    chat.page.locator(".confirm-edit").click()
    expect(chat.questions).to_have_text(["Où naît le Rhin ?"])
    chat.answer(0)


def test_the_refusals_of_the_server_are_told_in_the_language_of_the_page(tab: OpenTab) -> None:
    chat = tab(locale="fr-FR")
    with chat.page.expect_response("**/project/file?*"):
        chat.attach(("one.txt", "text/plain", b"one"))
    chat.attach(("two.txt", "text/plain", b"two"))
    told = chat.toasts.filter(has_text="vos pages ouvertes ont reçu trop de fichiers")
    expect(told).to_be_visible()
    for status, sentence, french in (
        (429, "Too many requests; wait a moment", "Trop de demandes à la fois. Patientez un instant, puis réessayez."),
        (413, "This request is too large", "C’est trop volumineux pour le serveur."),
        (401, "Sign in first", "Votre session est fermée\u00a0: connectez-vous de nouveau."),
    ):
        chat.page.route("**/project/file?*", partial(Route.fulfill, status=status, json={"detail": sentence}))
        chat.attach(("three.txt", "text/plain", b"three"))
        expect(chat.toasts.filter(has_text=french)).to_be_visible()
        chat.page.unroute("**/project/file?*")
