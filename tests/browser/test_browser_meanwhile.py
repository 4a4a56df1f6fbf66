"""The page while things happen: answers on several screens, drafts, picked commands, keys, a server that is away."""

import signal
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from assistant.texts import say
from tests.browser.chat import App, pdf
from tests.browser.conftest import OpenTab
from tests.browser.test_browser_streaming import Held, button
from tests.servers.gemini import Act, GeminiServer, finish, text

pytestmark = pytest.mark.browser
ENDLESS_NOTICE = """const timer = window.setTimeout;
window.setTimeout = (run, after, ...given) => (after === 6000 ? 0 : timer(run, after, ...given));"""
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "fr-FR"}


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("meanwhile"), GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


def test_an_answer_goes_on_in_a_second_tab_and_after_coming_back(tab: OpenTab, gemini: GeminiServer) -> None:
    chat, go, end = tab(), threading.Event(), threading.Event()
    gemini.script(text("Layer"), Held(text(" upon layer"), go), Held(text(" of snow."), end), finish())
    chat.type("What is firn?")
    chat.submit()
    expect(chat.answers.first).to_contain_text("Layer")
    thread_id = chat.thread_id()
    other = tab(**PHONE)
    other.page.goto(f"{chat.app.url}/thread/{thread_id}")
    expect(other.answers).to_have_text(["Layer"])
    expect(other.stop_button).to_be_visible()
    with chat.page.expect_websocket():
        chat.page.locator("#new-chat-button").click()
    go.set()
    expect(other.answers.locator(".message-content")).to_have_text("Layer upon layer")
    expect(chat.answers).to_have_count(0)
    chat.page.go_back()
    expect(chat.answers.locator(".message-content")).to_have_text("Layer upon layer")
    end.set()
    for each in (chat, other):
        expect(each.answers.locator(".message-content")).to_have_text("Layer upon layer of snow.")
        each.finished()
        expect(each.questions).to_have_count(1)
    gemini.script(text("Névé is younger."), finish())
    chat.send("And névé?")
    expect(other.answers.locator(".message-content")).to_have_text(["Layer upon layer of snow.", "Névé is younger."])


def test_a_new_conversation_has_its_address_before_the_list_has_come(tab: OpenTab, gemini: GeminiServer) -> None:
    gemini.script(text("Yes."), finish())
    chat = tab()
    chat.page.route("**/project/threads", lambda route: None)  # it never comes
    chat.type("Is a tarn a lake?")
    chat.submit()
    chat.thread_id()
    chat.type("And a mere?")
    chat.answer(0)
    chat.page.unroute("**/project/threads")
    chat.reload()
    expect(chat.questions).to_have_text(["Is a tarn a lake?"])
    expect(chat.input).to_have_value("And a mere?")
    chat.entry("Is a tarn a lake?").locator("a").click()
    assert chat.thread_id()


@pytest.mark.parametrize("options", [{}, PHONE], ids=["english", "french phone"])
def test_what_undo_brings_back_is_said_until_it_is_pressed(
    tab: OpenTab, gemini: GeminiServer, options: dict[str, object]
) -> None:
    chat = tab(**options)
    gemini.script(text("From snow."), finish())
    gemini.script(text("A title"), finish())
    chat.send("What is a glacier made of?")
    before = chat.conversation()
    chat.page.evaluate(ENDLESS_NOTICE)
    gemini.script(text("From ice."), finish())
    chat.edit(0, "What is it made of?")
    expect(chat.answers.locator(".message-content")).to_have_text("From ice.")
    expect(chat.page.locator("#page-notice")).to_contain_text(say("undo", "fr" if options else "en"))
    chat.page.locator("button[id^=undo-]").click()
    expect(chat.questions).to_have_text(["What is a glacier made of?"])
    expect(chat.page.locator("#page-notice")).to_have_count(0)
    assert chat.conversation() == before


def test_a_draft_stays_with_its_conversation(tab: OpenTab, gemini: GeminiServer) -> None:
    gemini.script(text("Fine."), finish())
    chat = tab()
    chat.send("The first of two")
    chat.thread_id()
    chat.type("Half a thought about the first")
    chat.new()
    expect(chat.input).to_have_value("")
    chat.type("And one that is new")
    chat.reload()
    expect(chat.input).to_have_value("And one that is new")
    chat.open_thread("The first of two")
    expect(chat.input).to_have_value("Half a thought about the first")
    other = tab(chat.page.url.removeprefix(chat.app.url))
    expect(other.input).to_have_value("Half a thought about the first")
    other.input.fill("Said from the other tab")
    gemini.script(text("Fine."), finish())
    other.submit()
    other.answer(1)
    chat.reload()
    expect(chat.input).to_have_value("Half a thought about the first")
    gemini.script(text("Fine."), finish())
    chat.submit()
    chat.answer(2)
    chat.reload()
    expect(chat.input).to_have_value("")


def test_a_picked_command_runs_at_the_first_enter_and_can_be_taken_back(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab()
    chat.input.fill("")  # what another test has left unsent
    chip = chat.page.locator(".command-buttons-container .command-button")
    chat.type("/hel")
    chat.page.keyboard.press("Enter")
    assert "What can be typed here" in chat.answer(0)
    expect(chip).to_have_count(0)
    for key in ("Backspace", "Escape"):
        chat.type("/renam")
        chat.page.keyboard.press("Enter")
        expect(chip).to_be_visible()
        expect(chat.input).to_be_focused()
        chat.page.keyboard.press(key)
        expect(chip).to_have_count(0)
    expect(chat.questions).to_have_count(1)


def test_enter_renames_and_escape_stops(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab()
    gemini.script(text("Once upon"), Act.STALL)
    chat.type("Tell me of an esker")
    chat.submit()
    expect(chat.answers.first).to_contain_text("Once upon")
    chat.thread_id()
    chat.page.keyboard.press("Escape")
    chat.finished()
    expect(button(chat, say("continue", "en"))).to_be_visible()
    gemini.script(text(" a time."), finish())
    button(chat, say("continue", "en")).click()
    expect(chat.answers.locator(".message-content")).to_have_text("Once upon a time.")
    chat.finished()
    chat.menu("Tell me of an esker", "rename-thread")
    dialog = chat.page.get_by_role("dialog")
    dialog.locator("#name").fill("Eskers")
    chat.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(chat.entry("Eskers")).to_be_visible()


def test_the_answer_to_a_file_is_in_view(tab: OpenTab, gemini: GeminiServer) -> None:
    gemini.script(text("It is about moraines."), finish())
    chat = tab()
    chat.send("What is in these?", *((f"{n}.pdf", "application/pdf", pdf(f"Moraine {n}")) for n in range(3)))
    expect(chat.page.locator("canvas")).to_have_count(3)
    expect(chat.answers.last.locator(".message-content")).to_be_in_viewport()
    chat.reload()
    expect(chat.page.locator("canvas")).to_have_count(3)
    expect(chat.answers.last.locator(".message-content")).to_be_in_viewport()


@pytest.mark.parametrize("options", [{}, PHONE], ids=["english", "french phone"])
def test_a_server_that_is_away_leaves_the_page_as_it_is(
    app: App, tab: OpenTab, gemini: GeminiServer, options: dict[str, object]
) -> None:
    word = "cannot be reached" if not options else "injoignable"
    kames, kettles = ("Kames", "Kettles") if not options else ("Drumlins", "Nunataks")
    for name in (kames, kettles):
        gemini.script(text("Yes."), finish())
        gemini.script(text(name), finish())
        chat = tab(**options)
        chat.send(name)
        chat.thread_id()
    address = chat.page.url
    if options:
        chat.page.locator("#sidebar-trigger-button").first.click()
    expect(chat.search(kettles)).to_have_count(1)
    app.kill(signal.SIGKILL)
    expect(chat.page.locator("#session-error")).to_be_attached()
    chat.page.locator("[cmdk-input]").fill(kames)
    expect(chat.page.locator("[cmdk-item]:visible")).to_have_count(0)
    chat.page.keyboard.press("Escape")
    chat.entry(kames).locator("a").click()
    expect(chat.page.locator("#page-notice")).to_contain_text(word)
    assert chat.page.url == address
    chat.menu(kames, "delete-thread")
    chat.page.get_by_role("alertdialog").get_by_role("button").last.click()
    expect(chat.page.locator("#page-notice")).to_contain_text(word)
    assert chat.page.url == address
    expect(chat.questions).to_have_text([kettles])
    app.start()


def test_a_link_to_no_conversation_says_so_on_a_page_that_works(tab: OpenTab, gemini: GeminiServer) -> None:
    gemini.script(text("Fine."), finish())
    chat = tab("/thread/5c9f6f0e-6f2f-4f0e-9a52-0d3a4f0b7a11", locale="fr-FR")
    expect(chat.toasts).to_contain_text("Cette conversation n’existe pas, ou n’existe plus.")
    assert chat.send("Et maintenant ?") == "Fine."
