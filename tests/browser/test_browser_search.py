"""What was said is found again in the dialog and by command, and opens where it was said."""

import asyncio
import re
import signal
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from datalayer import DataLayer
from tests.browser.chat import App, Chat
from tests.browser.conftest import OpenTab
from tests.browser.test_browser_language import expect_french
from tests.conftest import make_step, new_id

pytestmark = pytest.mark.browser

DATE = re.compile(r"\b20\d\d\b")


def said_before(app: App, *conversations: tuple[str, Sequence[str]]) -> list[str]:
    """Stores conversations, each a name and its messages, while the server is down; their ids."""

    async def store() -> list[str]:
        layer = DataLayer(f"sqlite+aiosqlite:///{app.home}/threads.db", files=app.home / "files")
        ids = [new_id() for _ in conversations]
        for thread_id, (name, messages) in zip(ids, conversations, strict=True):
            await layer.update_thread(thread_id, user_id=user)
            await asyncio.gather(*(layer.create_step(make_step(thread_id, output=text)) for text in messages))
            await layer.update_thread(thread_id, name=name)
        await layer.close()
        return ids

    app.kill(signal.SIGTERM)
    with closing(sqlite3.connect(Path(app.home, "threads.db"))) as database:
        ((user,),) = database.execute("SELECT id FROM users").fetchall()
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(asyncio.run(store())))  # Playwright's loop runs in this one
    thread.start()
    thread.join()
    app.start()
    return found


def notes(chat: Chat) -> Locator:
    return chat.page.locator(".search-notes")


def test_a_hit_shows_its_title_its_date_and_what_matches(tab: OpenTab) -> None:
    chat = tab()
    chat.send("Marmots of the Alps")
    chat.send("Do they whistle *before* dawn")
    hit = chat.search("WHISTLE dawn")
    expect(hit).to_have_count(1)
    expect(hit.locator(".hit-name")).to_have_text("Marmots of the Alps")
    expect(hit.locator(".hit-said")).to_have_text("Do they whistle *before* dawn")
    expect(hit.locator("mark")).to_have_text(["whistle", "dawn"])
    expect(hit.locator(".hit-date")).to_have_text(DATE)
    expect(hit.locator(".line-clamp-2")).to_be_hidden()
    hit = chat.search("whistle before")
    expect(hit.locator("mark")).to_have_text(["whistle", "before"])
    expect(chat.search("marmots alps").locator(".hit-said")).to_have_count(0)
    chat.page.locator("[cmdk-input]").fill("")
    expect(chat.page.locator("[cmdk-item] .hit")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "asked", "note"),
    [
        ("en-US", "before:soon", "Left out: “before:soon” (a date is 2026-11-27, 2026-11, 2026, yesterday or 7d)"),
        ("fr-FR", "de:Paul", "Laissé de côté : « de:Paul » (de:moi ou de:assistant)"),
    ],
)
def test_what_is_not_understood_is_said(tab: OpenTab, locale: str, asked: str, note: str) -> None:
    chat = tab(locale=locale)
    chat.send("Lemmings")
    expect(chat.search(f"lemmings {asked}")).not_to_have_count(0)
    expect(notes(chat)).to_have_text(note)
    if locale == "fr-FR":
        expect_french(chat)
    expect(chat.search("lemmings")).not_to_have_count(0)
    expect(notes(chat)).to_be_hidden()


@pytest.mark.parametrize(
    ("locale", "question"),
    [("en-US", "Did you mean “wolverine”?"), ("fr-FR", "Vouliez-vous dire « wolverine » ?")],
)
def test_a_slip_is_mended_by_a_click(tab: OpenTab, locale: str, question: str) -> None:
    chat = tab(locale=locale)
    chat.send("A wolverine in the snow")
    expect(chat.search("wolverrine")).to_have_count(0)
    notes(chat).get_by_role("button", name=question).click()
    expect(chat.page.locator("[cmdk-input]")).to_have_value("wolverine")
    expect(chat.page.locator("[cmdk-item] .hit-name").first).to_have_text("A wolverine in the snow")
    expect(notes(chat)).to_be_hidden()


def test_more_than_twenty_hits_are_said_to_be_more(app: App, tab: OpenTab) -> None:
    tab().send("A person begins")
    said_before(app, *((f"Stoat {number}", ["a stoat"]) for number in range(21)))
    chat = tab()
    expect(chat.search("stoat")).to_have_count(20)
    expect(notes(chat)).to_have_text("These are the latest 20; other words show more.")
    expect(chat.search("stoat 7")).to_have_count(1)
    expect(notes(chat)).to_be_hidden()


def test_an_index_that_is_being_built_is_told_until_it_is(app: App, tab: OpenTab) -> None:
    for locale, note in (
        ("fr-FR", "Les conversations plus anciennes sont en cours d’indexation : 0 %."),
        ("en-US", "Older conversations are still being indexed: 0%."),
    ):
        chat = tab(locale=locale)
        chat.send("A dormouse sleeps")
        with closing(sqlite3.connect(Path(app.home, "threads.db"))) as database, database:
            database.execute("UPDATE search_state SET value = '' WHERE name = 'version'")
        expect(chat.search("dormouse")).not_to_have_count(0)
        expect(notes(chat)).to_have_text(note)
    for number in range(60):  # the app looks every ten seconds whether there is anything to build
        chat.search("dormouse" + " sleeps" * (number % 2 == 0))
        chat.page.wait_for_timeout(500)
        if notes(chat).is_hidden():
            break
    expect(notes(chat)).to_be_hidden()


def test_a_search_that_ends_early_goes_on_by_a_click(app: App, tab: OpenTab) -> None:
    tab().send("A person begins")
    rare = "a needle of gold"
    said_before(app, ("Haystack", [rare, *["gold, a needle of"] * 4_000]))
    chat = tab()
    expect(chat.search('"needle of gold"')).to_have_count(0)
    expect(notes(chat)).to_contain_text("Only what was said since")
    notes(chat).get_by_role("button", name="Look further back").click()
    expect(chat.page.locator("[cmdk-input]")).to_have_value(re.compile(r'^"needle of gold" before:20\d\d-\d\d-\d\d$'))


ODD = """<img src=x onerror="document.title='broken'">"""


def test_whatever_was_said_is_shown_as_it_was_written(app: App, tab: OpenTab) -> None:
    tab().send("A person begins")
    said_before(
        app,
        ("x" * 500, ["longtitle " + "y" * 3000]),
        ("مرحبا بالعالم", ["النص rtlword العربي"]),
        ("😀 family 👩‍👩‍👧", ["👩‍👩‍👧 emojiword 😀"]),
        (ODD, [f"htmlword {ODD} <mark>no</mark>"]),
        ("In lines", ["first\n\nbreakword\r\nthird"]),
    )
    chat = tab(viewport={"width": 375, "height": 667})
    chat.page.locator("#header #sidebar-trigger-button").click()
    for word, name, snippet in (
        ("longtitle", "x" * 500, None),
        ("rtlword", "مرحبا بالعالم", "النص rtlword العربي"),
        ("emojiword", "😀 family 👩‍👩‍👧", "👩‍👩‍👧 emojiword 😀"),
        ("htmlword", ODD, f"htmlword {ODD} <mark>no</mark>"),
        ("breakword", "In lines", "first breakword third"),
    ):
        hit = chat.search(word)
        expect(hit.locator(".hit-name")).to_have_text(name)
        expect(hit.locator("mark")).to_have_text([word])
        if snippet:
            expect(hit.locator(".hit-said")).to_have_text(snippet)
        assert chat.page.evaluate("document.documentElement.scrollWidth") <= 375
        box = hit.bounding_box()
        assert box
        assert box["x"] + box["width"] <= 375
    assert "broken" not in chat.page.title()
    expect(chat.page.locator("[cmdk-item] img")).to_have_count(0)


def test_blanks_and_signs_hide_no_hit(tab: OpenTab) -> None:
    chat = tab()
    chat.send("A great auk")
    for typed in ("  auk", "auk  ", "AUK", "auk\0", "“a great auk”", "auk -penguin"):
        expect(chat.search("auk -great")).to_have_count(0)
        expect(chat.search(typed)).not_to_have_count(0)
        expect(chat.page.locator("[cmdk-item] .hit-name").first).to_have_text("A great auk")


@pytest.mark.parametrize(
    ("locale", "tips", "line", "counts"),
    [
        ("en-US", "Narrow the search", "has:file", ["1 conversation", "No conversations"]),
        ("fr-FR", "Préciser la recherche", "avec:fichier", ["1 conversation", "Aucune conversation"]),
    ],
)
def test_by_keyboard_and_heard(tab: OpenTab, locale: str, tips: str, line: str, counts: list[str]) -> None:
    chat = tab(locale=locale)
    word = f"capercaillie{locale[:2]}"
    chat.send(f"A {word}")
    chat.new()
    chat.page.keyboard.press("Control+k")
    expect(chat.page.locator("[cmdk-input]")).to_be_focused()
    dialog = chat.page.get_by_role("dialog")
    heard = dialog.locator(".sr-only[role=status]")
    expect(dialog.get_by_text(line)).to_be_hidden()
    dialog.get_by_text(tips).focus()
    chat.page.keyboard.press("Enter")
    expect(dialog.get_by_text(line)).to_be_visible()
    expect(dialog).to_be_visible()
    chat.page.locator("[cmdk-input]").focus()
    for typed, count in zip((word, "zzzz"), counts, strict=True):
        chat.search(typed)
        expect(heard).to_have_text(count)
    expect(chat.search(word[:-3] + "x" + word[-3:])).to_have_count(0)
    notes(chat).get_by_role("button").focus()
    chat.page.keyboard.press("Enter")
    expect(chat.page.locator("[cmdk-input]")).to_have_value(word)
    expect(chat.page.locator("[cmdk-item]").first).to_have_attribute("aria-selected", "true")
    chat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_hit_opens_its_conversation_at_the_message_and_marks_it(app: App, tab: OpenTab) -> None:
    tab().send("A person begins")
    messages = [f"message {number}" for number in range(300)]
    messages[20] = "where the quokka sleeps"
    (long,) = said_before(app, ("Marsupials", messages))
    chat = tab()
    chat.search("quokka").click()
    expect_at(chat, long, "where the quokka sleeps")

    chat.new()
    reply = chat.send("/search quokka")
    assert "where the quokka sleeps" in reply
    link = chat.answers.last.get_by_role("link", name="Marsupials")
    chat.page.goto(chat.app.url + (link.get_attribute("href") or ""))
    expect_at(chat, long, "where the quokka sleeps")

    # In the conversation that is open.
    expect(chat.search("message 21").locator("mark").first).to_have_text("message")
    expect(chat.page.locator("[cmdk-item]")).to_have_attribute("aria-selected", "true")
    chat.page.keyboard.press("Enter")
    expect_at(chat, long, "message 21")


def expect_at(chat: Chat, thread_id: str, text: str) -> None:
    chat.page.wait_for_url(re.compile(rf"/thread/{thread_id}\?step="))
    marked = chat.page.locator(".pointed-at")
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text(text)
    expect(marked).to_be_in_viewport()


def test_a_search_finds_neither_commands_nor_their_replies(tab: OpenTab) -> None:
    chat = tab()
    chat.send("What do pikas eat")
    first = chat.thread_id()
    chat.new()
    assert "What do pikas eat" in chat.send("/search pikas")
    assert chat.send("/search pikas").count("What do pikas eat") == 1
    hit = chat.search("pikas")
    expect(hit).to_have_count(1)
    expect(hit).to_have_attribute("data-value", f"pikas-{first}")
