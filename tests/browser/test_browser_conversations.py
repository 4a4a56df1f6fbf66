"""What a person does with conversations, and that the page and the store agree on it."""

import re
import uuid
from datetime import datetime

import pytest
from playwright.sync_api import Route, expect

from assistant.texts import date, say
from tests.browser.chat import Chat
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser


def test_a_new_name_stays_also_after_the_next_message(chat: Chat) -> None:
    chat.send("Which knots hold a hammock")
    chat.rename("Which knots hold a hammock", "Hammock knots")
    chat.send("And which ones are easy to untie")
    expect(chat.entry("Hammock knots")).to_be_visible()
    chat.reload()
    expect(chat.entry("Hammock knots")).to_be_visible()
    expect(chat.entry("Which knots hold a hammock")).to_have_count(0)


def test_a_deleted_conversation_is_gone(chat: Chat) -> None:
    chat.send("Compare two lawn mowers")
    deleted = chat.thread_id()
    chat.reload()
    held: list[Route] = []
    chat.page.route("**/project/thread", lambda route: held.append(route))
    chat.menu("Compare two lawn mowers", "delete-thread")
    with chat.page.expect_request("**/project/thread"):
        chat.page.get_by_role("alertdialog").get_by_role("button").last.click()
    expect(chat.questions).to_have_count(1)  # the page has resumed it once more
    held[0].continue_()
    chat.page.unroute("**/project/thread")
    chat.page.wait_for_url(chat.app.url + "/")
    expect(chat.questions).to_have_count(0)
    chat.ready()
    chat.send("Compare two spades")
    assert chat.thread_id() != deleted
    chat.reload()
    expect(chat.questions).to_have_text(["Compare two spades"])
    expect(chat.entry("Compare two lawn mowers")).to_have_count(0)

    chat.page.goto(f"{chat.app.url}/thread/{deleted}")
    expect(chat.toasts.filter(has_text="does not exist")).to_be_visible()
    chat.page.wait_for_url(chat.app.url + "/")
    chat.ready()
    chat.send("Compare two rakes")
    assert chat.thread_id() != deleted
    after = chat.conversation()
    chat.reload()
    expect(chat.entry("Compare two rakes")).to_be_visible()
    assert chat.conversation() == after


def test_an_address_of_no_conversation_starts_a_new_one(tab: OpenTab) -> None:
    nowhere = str(uuid.uuid4())
    chat = tab(f"/thread/{nowhere}")
    chat.page.wait_for_url(chat.app.url + "/")
    chat.ready()
    chat.send("Where did this begin")
    assert chat.thread_id() != nowhere


def test_search_finds_titles_and_messages_whatever_the_accents_and_capitals(chat: Chat) -> None:
    chat.send("Crème brûlée at home")
    chat.send("Do I need a blowtorch or does the GRILL do")
    creme = chat.thread_id()
    chat.new()
    chat.send("Bicycle tyres")
    for words in ("CREME BRULEE", "brûlée", "grill", "Blowtôrch"):
        expect(chat.search(words)).to_have_text([re.compile("Crème brûlée at home")])
    expect(chat.search("zeppelin")).to_have_count(0)
    chat.search("blowtorch").click()
    chat.page.wait_for_url(f"**/thread/{creme}?step=*")
    expect(chat.questions).to_have_count(2)


def test_an_edited_message_is_answered_anew_and_what_followed_goes(chat: Chat) -> None:
    chat.send("How far away is Jupiter")
    chat.send("How many moons has it")
    chat.send("Which one is the largest")
    thread_id = chat.thread_id()
    first = chat.conversation()[:2]
    chat.edit(1, "How long is a day there")
    expect(chat.questions).to_have_text(["How far away is Jupiter", "How long is a day there"])
    expect(chat.answers).to_have_count(2)
    chat.answer(1)
    edited = chat.conversation()
    assert edited[:3] == [*first, "How long is a day there"]
    chat.reload()
    expect(chat.answers).to_have_count(2)
    assert chat.thread_id() == thread_id
    assert chat.conversation() == edited

    chat.edit(0, "How far away is Saturn")  # a message of a resumed conversation
    expect(chat.questions).to_have_text(["How far away is Saturn"])
    chat.answer(0)
    edited = chat.conversation()
    assert len(edited) == 2
    chat.reload()
    expect(chat.answers).to_have_count(1)
    assert chat.conversation() == edited


def test_the_answer_links_to_an_earlier_conversation(chat: Chat) -> None:
    chat.send("Sourdough starter smells of acetone")
    earlier = chat.thread_id()
    chat.new()
    answer = chat.send("My sourdough does not rise")
    assert say("found", "en") in answer
    assert date(datetime.now(), "en") in answer
    link = chat.answers.locator("a", has_text="Sourdough starter smells of acetone")
    with chat.page.context.expect_page() as opened:
        link.click()
    there = Chat(opened.value, chat.app)
    there.ready()
    assert there.thread_id() == earlier
    expect(there.questions).to_contain_text(["Sourdough starter smells of acetone"])


def test_writing_in_a_conversation_that_another_tab_deleted_says_that_it_is_not_kept(chat: Chat) -> None:
    chat.send("Paint for a wooden boat")
    other = Chat(chat.page.context.new_page(), chat.app)
    other.open(f"/thread/{chat.thread_id()}")
    expect(other.answers).to_have_count(1)
    other.delete("Paint for a wooden boat")
    other.ready()
    other.send("/trash empty")

    chat.type("And how many coats")
    chat.submit()
    expect(chat.answers.last).to_contain_text(say("deleted", "en")[:60])
    chat.page.reload()
    chat.page.wait_for_url(chat.app.url + "/")
    chat.ready()
    expect(chat.entry("Paint for a wooden boat")).to_have_count(0)
    expect(chat.entry("And how many coats")).to_have_count(0)
