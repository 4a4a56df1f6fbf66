"""A long conversation in the page: its end, more from above without a jump, and a message deep inside."""

import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.chat import App, Chat, png
from tests.browser.conftest import OpenTab
from tests.long import attached, long_thread
from tests.servers.gemini import Act, GeminiServer, finish, text

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "fr-FR", "has_touch": True}


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("long"), GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


def opened(tab: OpenTab, turns: int, at: int | None = None, **options: object) -> tuple[Chat, list[str]]:
    """A tab on a long conversation, at its message ``at``; and the ids of its messages."""
    chat = tab(**options)
    thread_id, ids = long_thread(chat.app.home, f"{turns} turns", turns)
    opened_at(chat, thread_id, None if at is None else ids[at])
    expect(message(chat, f"Answer {turns}")).to_be_attached()
    return chat, ids


def opened_at(chat: Chat, thread_id: str, step_id: str | None) -> None:
    chat.open(f"/thread/{thread_id}" + ("" if step_id is None else f"?step={step_id}"))


def message(chat: Chat, said: str) -> Locator:
    return chat.page.locator(".step").filter(has=chat.page.get_by_text(said, exact=True))


def more(chat: Chat, which: str = "earlier") -> Locator:
    return chat.page.locator(f".load-more[data-more={which}] button")


def top(of: Locator) -> float:
    box = of.bounding_box()
    assert box
    return box["y"]


def shown(chat: Chat) -> tuple[int, str]:
    """How many messages the page has, and the first of them."""
    return chat.questions.count() + chat.answers.count(), chat.questions.first.inner_text()


def test_earlier_messages_come_in_place_until_there_are_none(tab: OpenTab) -> None:
    chat, _ = opened(tab, 101)
    expect(message(chat, "Answer 101")).to_be_in_viewport()
    assert shown(chat) == (100, "Question 52")
    for first, count in ((2, 200), (1, 202)):
        reading = message(chat, f"Answer {chat.questions.first.inner_text().split()[1]}")
        more(chat).focus()
        before = top(reading)
        chat.page.keyboard.press("Enter")
        expect(chat.questions.first).to_have_text(f"Question {first}")
        expect(more(chat) if first > 1 else message(chat, "Question 1")).to_be_focused()
        assert shown(chat)[0] == count
        chat.page.wait_for_timeout(600)  # what the page itself would scroll it does in this time
        assert abs(top(reading) - before) < 2
    expect(more(chat)).to_have_count(0)
    expect(chat.page.locator(".sr-only[role=status]")).to_have_text("2 earlier messages loaded")


def numbers(chat: Chat) -> list[int]:
    """Those of the questions on the page, top down."""
    return [int(said.split()[1]) for said in chat.questions.all_inner_texts() if said.startswith("Question")]


def test_of_many_messages_some_are_shown_and_all_can_be(tab: OpenTab) -> None:
    chat, _ = opened(tab, 330)
    first = 281
    while first > 1:
        more(chat).focus()
        chat.page.keyboard.press("Enter")
        first = max(first - 50, 1)
        expect(chat.questions.first).to_have_text(f"Question {first}")
        expect(chat.page.locator("[aria-busy=true]")).to_have_count(0)
    expect(more(chat)).to_have_count(0)
    expect(message(chat, "Question 1")).to_be_focused()
    assert numbers(chat) == [*range(1, 251), *range(281, 331)]
    more(chat, "later").scroll_into_view_if_needed()
    reading = message(chat, "Answer 250")
    before = top(reading)
    more(chat, "later").click()
    expect(more(chat, "later")).to_have_count(0)
    assert numbers(chat) == [*range(81, 331)]
    chat.page.wait_for_timeout(600)
    assert abs(top(reading) - before) < 2
    expect(more(chat)).to_have_count(1)


def test_what_comes_from_above_has_its_picture_and_can_be_voted_on(tab: OpenTab) -> None:
    chat = tab()
    thread_id, ids = long_thread(chat.app.home, "With a picture", 60)
    attached(chat.app.home, thread_id, ids[2], png(30, 20))
    chat.open(f"/thread/{thread_id}")
    expect(chat.page.locator("img.inline-image")).to_have_count(0)
    more(chat).click()
    assert chat.picture_width() == 30
    answer = message(chat, "Answer 1")
    answer.locator("[class*=positive-feedback-]").click()
    chat.page.get_by_role("dialog").locator("#submit-feedback").click()
    expect(answer.locator(".positive-feedback-on")).to_have_count(1)
    chat.reload()
    more(chat).click()
    expect(message(chat, "Answer 1").locator(".positive-feedback-on")).to_have_count(1)


def test_more_comes_while_an_answer_is_written_and_in_one_tab_only(tab: OpenTab, gemini: GeminiServer) -> None:
    chat, _ = opened(tab, 60)
    other = tab()
    other.open(chat.page.url.removeprefix(chat.app.url))
    gemini.script(text("Half"), Act.STALL)
    chat.type("And now?")
    chat.submit()
    for each in (chat, other):
        expect(message(each, "Half")).to_be_attached()
    more(chat).click()
    expect(chat.questions.first).to_have_text("Question 1")
    chat.stop_button.click()
    chat.finished()
    for each, first in ((chat, 1), (other, 11)):
        assert numbers(each) == [*range(first, 61)]
        expect(each.questions.last).to_have_text("And now?")
        assert each.answer_text().startswith("Half")
    gemini.script(text("All of it."), finish())
    chat.type("Once more.")
    chat.submit()
    for each in (chat, other):
        expect(message(each, "All of it.")).to_be_attached()


def test_a_link_opens_at_its_message_and_the_rest_can_be_loaded(tab: OpenTab) -> None:
    chat, ids = opened(tab, 300, at=200)
    target = message(chat, "Question 101")
    expect(target).to_be_in_viewport()
    expect(target).to_be_focused()
    expect(target).to_have_attribute("aria-current", "location")
    assert shown(chat) == (300, "Question 51")
    chat.page.mouse.move(640, 400)
    chat.page.mouse.wheel(0, 50)  # until somebody scrolls, the page holds what the link points at
    more(chat, "later").scroll_into_view_if_needed()
    reading = message(chat, "Answer 150")
    before = top(reading)
    more(chat, "later").click()
    expect(message(chat, "Question 151")).to_be_attached()
    assert abs(top(reading) - before) < 2
    assert shown(chat) == (400, "Question 51")
    more(chat, "later").click()
    expect(more(chat, "later")).to_have_count(0)
    expect(message(chat, "Question 225")).to_be_attached()
    expect(more(chat)).to_have_count(1)
    chat.open(f"/thread/{chat.page.url.split('/')[-1].split('?')[0]}?step={ids[0][:-4]}0000")
    expect(chat.page.get_by_role("alert")).to_have_text("This message is no longer in the conversation.")


def test_wherever_a_link_points_it_opens_there(tab: OpenTab) -> None:
    chat = tab()
    thread_id, ids = long_thread(chat.app.home, "300 turns", 300)
    for at in (0, 1, 301, 598, 599):
        opened_at(chat, thread_id, ids[at])
        said = f"{('Question', 'Answer')[at % 2]} {at // 2 + 1}"
        expect(message(chat, said)).to_be_in_viewport()
        expect(message(chat, said)).to_have_class(re.compile("pointed-at"))
        expect(message(chat, said)).to_be_focused()
        expect(message(chat, "Answer 300")).to_be_attached()


def test_a_link_to_a_step_that_is_not_drawn_opens_at_what_came_of_it(tab: OpenTab) -> None:
    chat = tab()
    thread_id, ids = long_thread(chat.app.home, "With runs", 150)
    with closing(sqlite3.connect(chat.app.home / "threads.db")) as database:
        ((run,),) = database.execute("SELECT parent_id FROM steps WHERE id = ?", (ids[41],))
    chat.open(f"/thread/{thread_id}?step={run}")
    expect(chat.page.locator(".pointed-at")).to_have_count(1)
    expect(message(chat, "Answer 21")).to_have_class(re.compile("pointed-at"))
    expect(message(chat, "Answer 21")).to_be_in_viewport()


def test_a_link_to_no_message_of_it_says_so(tab: OpenTab) -> None:
    chat = tab()
    thread_id, _ = long_thread(chat.app.home, "Its own", 2)
    _, foreign = long_thread(chat.app.home, "Another", 2)
    for odd in (foreign[0], "x", "%00", "%27%20OR%201=1", "..%2F..%2Fuser", "%3Cimg%20src=x%3E", "é" * 300):
        opened_at(chat, thread_id, odd)
        expect(chat.page.get_by_role("alert")).to_have_text("This message is no longer in the conversation.")
        expect(message(chat, "Answer 2")).to_be_in_viewport()
        expect(chat.page.locator(".pointed-at")).to_have_count(0)
        expect(more(chat)).to_have_count(0)


def test_a_server_that_has_started_since_shows_what_the_page_had(tab: OpenTab) -> None:
    chat, _ = opened(tab, 101)
    more(chat).scroll_into_view_if_needed()
    more(chat).click()
    expect(chat.questions.first).to_have_text("Question 2")
    reading = message(chat, "Question 52")
    before = top(reading)
    with chat.page.expect_websocket():
        chat.app.kill(signal.SIGKILL)
        chat.app.start()
    chat.ready()
    chat.page.wait_for_timeout(600)
    assert shown(chat) == (200, "Question 2")
    assert abs(top(reading) - before) < 2


def test_an_answer_further_up_and_one_at_the_end(tab: OpenTab, gemini: GeminiServer) -> None:
    chat, _ = opened(tab, 200, at=100)
    other = tab()
    other.open(chat.page.url.removeprefix(chat.app.url).split("?")[0])
    gemini.script(text("At the end."), finish())
    chat.type("Go on.")
    chat.submit()
    for each in (chat, other):
        expect(message(each, "At the end.")).to_be_attached()
        each.finished()
    gemini.script(text("Otherwise."), finish())
    question = message(chat, "Question 51")
    question.hover()
    question.locator(".edit-message").click()
    chat.editor.fill("Question 51, asked otherwise")
    chat.page.locator(".confirm-edit").click()
    expect(message(chat, "Otherwise.")).to_be_attached()
    expect(more(chat, "later")).to_have_count(0)
    for each in (chat, other):
        each.finished()
        expect(each.questions.last).to_have_text("Question 51, asked otherwise")
        expect(each.answers.locator(".message-content").last).to_have_text("Otherwise.")


def test_on_a_phone_in_french(tab: OpenTab) -> None:
    chat, _ = opened(tab, 51, **PHONE)
    expect(more(chat)).to_have_text("Charger les messages précédents")
    more(chat).scroll_into_view_if_needed()
    box = more(chat).bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["height"] >= 40
    before = top(message(chat, "Question 2"))
    more(chat).tap()
    expect(chat.questions.first).to_have_text("Question 1")
    assert abs(top(message(chat, "Question 2")) - before) < 2
    expect(chat.page.locator(".sr-only[role=status]")).to_have_text("2 messages précédents chargés")


NESTING = """() => {
    const step = (id, parentId, output = "") => ({ id, parentId, output });
    const gone = [step("e", "gone"), step("f", "g")];
    const shown = (steps, held, part) => nestedSteps({ steps, part })(held);
    const first = shown([step("a"), step("b", "a"), step("c", "b"), step("d"), ...gone], []);
    const again = shown([step("z"), step("a"), step("b", "a"), step("c", "b", "new"), step("d")], first);
    const tree = (messages) => messages.map(({ id, steps }) => [id, tree(steps ?? [])]);
    return [tree(first), tree(again), again[2] === first[1], again[1] === first[0], again[1].steps[0].steps[0].output];
}"""


def test_steps_stand_below_their_parents_and_are_drawn_again_only_where_they_changed(chat: Chat) -> None:
    first, again, same, changed, output = chat.page.evaluate(NESTING)
    of_a = ["a", [["b", [["c", []]]]]]
    assert first == [of_a, ["d", []], ["e", []], ["f", []]]
    assert again == [["z", []], of_a, ["d", []]]
    assert same
    assert not changed
    assert output == "new"
