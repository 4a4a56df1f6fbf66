"""A temporary conversation on the page: chosen where it begins, told as long as it is open, gone with the page."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser


def choose(chat: Chat, profile: str) -> None:
    with chat.page.expect_websocket():
        chat.page.locator("#chat-profiles").click()
        option = chat.page.get_by_role("option", name=profile)
        option.hover()
        expect(chat.page.locator("#chat-profile-description")).to_be_in_viewport(ratio=1)
        option.click()
    chat.ready()


def kept_by_the_browser(page: Page) -> str:
    return str(page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.title, location.href])"))


@pytest.mark.parametrize(
    ("options", "names", "note"),
    [
        ({"locale": "en-US"}, ("Kept", "Temporary"), "nothing of it is kept"),
        ({"locale": "fr-FR", "viewport": {"width": 390, "height": 844}}, ("Conservée", "Temporaire"), "n’en est"),
    ],
    ids=["en", "fr, phone"],
)
def test_it_says_so_works_and_is_gone_with_the_page(
    tab: OpenTab, options: dict[str, object], names: tuple[str, str], note: str
) -> None:
    chat = tab(**options)
    page, said = chat.page, f"A canary in {options['locale']}"
    told = page.locator("#temporary-note")
    profiles = page.locator("#chat-profiles")
    expect(profiles).to_have_text(names[0])
    expect(page.get_by_role("combobox", name=re.compile("Keep this|Conserver cette"))).to_be_visible()
    expect(told).to_have_count(0)
    choose(chat, names[1])
    expect(told).to_contain_text(note)
    expect(told).to_have_role("status")
    chat.type(said)
    assert said not in kept_by_the_browser(page)
    chat.submit()
    chat.answer(0)
    expect(told).to_be_in_viewport()
    expect(page.locator("[class*=positive-feedback-]:visible")).to_have_count(0)
    chat.edit(0, f"{said}, edited")
    expect(chat.questions).to_have_text([f"{said}, edited"])
    chat.answer(0)
    assert "/thread/" not in page.url
    assert said not in kept_by_the_browser(page)
    chat.reload()
    expect(chat.questions).to_have_count(0)
    expect(told).to_contain_text(note)
    expect(profiles).to_have_text(names[1])
    choose(chat, names[0])
    chat.reload()
    expect(profiles).to_have_text(names[0])
    expect(told).to_have_count(0)
    chat.send(f"A stork in {options['locale']}")
    chat.thread_id()
    assert said not in page.content()


def test_a_stored_conversation_is_opened_as_one(chat: Chat) -> None:
    chat.send("A kept kestrel")
    key = chat.thread_id()
    chat.new()
    choose(chat, "Temporary")
    chat.send("A passing passerine")
    expect(chat.entry("A passing passerine")).to_have_count(0)
    chat.page.locator("#chat-profiles").click()
    chat.page.get_by_role("option", name="Kept").click()
    expect(chat.page.get_by_role("dialog")).to_contain_text("If it is temporary, it will be gone.")
    chat.page.keyboard.press("Escape")
    chat.open_thread("A kept kestrel")
    expect(chat.page.locator("#temporary-note")).to_have_count(0)
    expect(chat.page.locator("#chat-profiles")).to_have_text("Kept")
    chat.send("goes on")
    assert chat.thread_id() == key
    chat.reload()
    expect(chat.questions).to_have_text(["A kept kestrel", "goes on"])
