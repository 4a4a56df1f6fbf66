"""Pinned and archived conversations in the sidebar and in the search dialog."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "fr-FR", "has_touch": True}


@pytest.mark.parametrize(
    ("locale", "command", "heading"), [("en-US", "/pin", "Pinned"), ("fr-FR", "/épingler", "Épinglées")]
)
def test_a_pinned_conversation_stands_first_under_a_heading(
    tab: OpenTab, locale: str, command: str, heading: str
) -> None:
    chat = tab(locale=locale)
    chat.send(f"The first of two {locale}")
    chat.send(command)
    group = chat.sidebar.locator("[data-sidebar=group].pinned")
    expect(group.locator("[data-sidebar=group-label]")).to_have_text(heading)
    expect(group.locator(".truncate")).to_have_text([f"The first of two {locale}"])
    chat.send("and it goes on")
    expect(group.locator(".truncate")).to_have_text([f"The first of two {locale}"])
    chat.new()
    chat.send(f"The second {locale}")
    other = chat.entry(f"The second {locale}")
    expect(other).to_be_visible()
    pinned = chat.entry(f"The first of two {locale}").bounding_box()
    below = other.bounding_box()
    assert pinned
    assert below
    assert pinned["y"] < below["y"]
    headings = chat.sidebar.locator("[data-sidebar=group-label]")
    expect(headings.first).to_have_text(heading)  # in the order of the page, too
    chat.page.locator("#search-chats-button").focus()
    reached = chat.sidebar.locator("a:focus")
    for _ in range(12):
        chat.page.keyboard.press("Tab")
        if reached.count():
            break
    expect(reached).to_contain_text(f"The first of two {locale}")
    chat.reload()
    expect(group.locator(".truncate")).to_have_text([f"The first of two {locale}"])
    chat.open_thread(f"The first of two {locale}")
    chat.send(command)
    expect(group).to_have_count(0)


def test_an_archived_conversation_leaves_the_sidebar_and_is_found_as_one(chat: Chat) -> None:
    chat.send("Which oak grows fastest")
    chat.send("/archive")
    expect(chat.entry("Which oak grows fastest")).to_have_count(0)
    found = chat.search("fastest oak")
    expect(found.first.locator(".hit-date")).to_contain_text("archived")


@pytest.mark.parametrize("is_open", [True, False])
def test_a_deletion_is_undone_from_its_notice(chat: Chat, is_open: bool) -> None:
    title = f"Which beech is oldest {is_open}"
    chat.send(title)
    key = chat.thread_id()
    if not is_open:
        chat.new()
        chat.send("Something else")
    chat.delete(title)
    chat.ready()
    notice = chat.page.locator("#page-notice")
    expect(notice).to_contain_text("in the trash")
    notice.get_by_role("button", name="Undo").click()
    expect(chat.entry(title)).to_be_visible()
    expect(notice).to_have_count(0)
    chat.page.wait_for_url(f"**/thread/{key}")
    expect(chat.questions).to_have_text([title])


@pytest.mark.parametrize(
    ("options", "name", "copied"),
    [
        ({}, "Go on from here in a copy", "(fork)"),
        (PHONE, "Continuer à partir d’ici dans une copie", "(copie)"),
    ],
    ids=["desktop", "phone"],
)
def test_a_fork_begins_at_any_answer_by_mouse_finger_or_keyboard(
    tab: OpenTab, options: dict[str, Any], name: str, copied: str
) -> None:
    chat = tab(**options)
    for question in ("Which alder stands in water", "And which in the wind"):
        chat.send(question)
    first = chat.thread_id()
    buttons = chat.page.get_by_role("button", name=name, exact=True)
    expect(buttons).to_have_count(4)
    chat.reload()
    expect(buttons).to_have_count(4)
    buttons = chat.page.locator(".ai-message").get_by_role("button", name=name, exact=True)
    buttons.first.scroll_into_view_if_needed()
    if options:
        buttons.first.tap()
    else:
        chat.answers.first.get_by_role("button", name="Copy").first.focus()
        focused = chat.page.locator(":focus")
        for _ in range(5):
            if focused.get_attribute("aria-label") == name:
                break
            chat.page.keyboard.press("Tab")
        expect(buttons.first).to_be_focused()
        chat.page.keyboard.press("Enter")
    chat.page.wait_for_url(lambda url: "/thread/" in url and first not in url)
    expect(chat.questions).to_have_text(["Which alder stands in water"])
    expect(chat.answers).to_have_count(1)
    chat.send("And on the shore")
    expect(chat.questions).to_have_text(["Which alder stands in water", "And on the shore"])
    expect(chat.page).to_have_title(re.compile(re.escape(f"Which alder stands in water {copied}")))


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_a_fork_begins_at_a_message_of_ones_own(tab: OpenTab, options: dict[str, Any]) -> None:
    chat = tab(**options)
    for question in ("Which beech stands alone", "And which in a wood"):
        chat.send(question)
    first = chat.thread_id()
    own = chat.questions.last.locator(".fork-message")
    if options:
        own.tap()
    else:
        chat.questions.last.hover()
        expect(own).to_have_css("opacity", "1")
        own.click()
    chat.page.wait_for_url(lambda url: "/thread/" in url and first not in url)
    expect(chat.questions).to_have_text(["Which beech stands alone", "And which in a wood"])
    expect(chat.answers).to_have_count(1)


def test_a_fork_opens_by_itself(chat: Chat) -> None:
    chat.send("Which willow grows by a pond")
    first = chat.thread_id()
    chat.type("/fork")
    chat.submit()
    chat.page.wait_for_url(lambda url: "/thread/" in url and first not in url)
    expect(chat.questions).to_have_text(["Which willow grows by a pond"])
    expect(chat.entry("Which willow grows by a pond (fork)")).to_be_visible()
    expect(chat.entry("Which willow grows by a pond")).to_be_visible()
