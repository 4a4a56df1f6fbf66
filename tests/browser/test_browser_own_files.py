"""One's own files in the library: found, read, left out, removed; by keyboard, on a phone, in French, unscripted."""

import base64
import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.chat import App, Chat
from tests.browser.conftest import OpenTab
from tests.browser.test_browser_library import PHONE, Library
from tests.browser.test_browser_library import profile as profile

pytestmark = pytest.mark.browser
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def text_of(mark: str) -> bytes:
    pages = "\n\n".join(f"## Part {n}\n\n{f'Filling {n} of the page. ' * 90}" for n in range(30))
    return f"# Nuts {mark}\n\nA walnut <b>{mark}</b> has a hard shell.\n\n{pages}".encode()


def attached(tab: OpenTab, mark: str, **options: object) -> Chat:
    """Two conversations with a file of equal content, one with a newer version of it and with a picture."""
    chat, content = tab(**options), text_of(mark)
    chat.send(f"First {mark}", (f"nuts {mark}.md", "text/markdown", content))
    chat.new()
    chat.send(f"Second {mark}", (f"nuts {mark}.md", "text/markdown", content))
    chat.send(f"Newer {mark}", (f"nuts {mark}.md", "text/markdown", b"Only almonds " + mark.encode()))
    chat.send(f"Look {mark}", (f"dot {mark}.png", "image/png", PIXEL + mark.encode()))
    return chat


def leave_out_and_remove(library: Library, mark: str) -> None:
    """Of the older version: with Undo, into the trash and out of it, then for good."""
    first = library.preview.locator(".uses > li", has_text=f"First {mark}")
    first.get_by_role("button", name="Leave out of answers").click()
    expect(library.notice).to_contain_text("no longer draw on")
    library.faultless()
    library.page.keyboard.press("u")
    expect(library.notice).to_contain_text("Undone: ")
    first.get_by_role("button", name="Remove from the conversation").click()
    expect(library.notice).to_contain_text("is in the trash")
    library.open("/files")
    thrown = library.page.locator(".thrown > li", has_text=f"nuts {mark}.md")
    expect(thrown).to_have_count(1)
    library.faultless_in_both()
    thrown.get_by_role("button", name="Restore").click()
    expect(library.notice).to_contain_text("is back in")
    library.page.keyboard.press("u")
    expect(library.notice).to_contain_text("is in the trash")
    thrown.get_by_role("button", name="Remove for good").click()
    expect(library.page.get_by_role("heading", level=1)).to_have_text("Remove the file?")
    library.faultless()
    library.press("Remove for good")
    expect(library.notice).to_contain_text("for good")
    expect(thrown).to_have_count(0)


def test_found_read_left_out_and_removed(tab: OpenTab, app: App) -> None:
    mark = uuid.uuid4().hex[:8]
    library = Library(attached(tab, mark).page, app)
    library.open()
    library.page.locator("#places").get_by_role("link", name=re.compile(r"^Files \d+ · ")).click()
    expect(library.page.get_by_role("heading", level=1)).to_have_text("Files")
    expect(library.page.locator('#places [aria-current="page"]')).to_have_count(1)
    library.page.get_by_role("searchbox", name="Search your files").fill(mark)
    library.page.keyboard.press("Enter")
    expect(library.names.first).to_have_text(f"dot {mark}.png")
    expect(library.page.locator(".said mark").first).to_be_visible()
    library.faultless()

    library.open(f"/files?words=nuts+{mark}")
    expect(library.names).not_to_have_count(0)
    library.names.nth(1).click()
    expect(library.preview.get_by_role("heading", level=2)).to_have_text(f"nuts {mark}.md")
    expect(library.preview.get_by_role("heading", level=2)).to_be_focused()
    expect(library.preview.locator(".uses > li")).to_have_count(2)
    expect(library.preview).to_contain_text("Version 1 of 2: a newer one has taken its place in answers")
    expect(library.preview.locator("article").first).to_contain_text(f"A walnut <b>{mark}</b> has a hard shell.")
    library.faultless_in_both()
    library.preview.get_by_role("link", name="What follows").first.click()
    expect(library.preview.locator("article").first).to_contain_text("Filling")
    expect(library.preview.get_by_role("link", name="What comes before").first).to_be_visible()
    with library.page.expect_download() as saved:
        library.preview.get_by_role("link", name="Download").click()
    assert saved.value.path().read_bytes() == text_of(mark)

    leave_out_and_remove(library, mark)
    library.open(f"/files?words=nuts+{mark}")
    library.names.nth(1).click()
    expect(library.preview.locator(".uses > li")).to_have_count(1)
    library.preview.get_by_label("Use it in another conversation, too").select_option(f"First {mark}")
    library.faultless()
    library.press("Add")
    expect(library.notice).to_contain_text(f"is now in “First {mark}”, too")
    expect(library.preview.locator(".uses > li")).to_have_count(2)
    library.preview.locator(".uses a").last.click()
    chat = Chat(library.page, app)
    expect(chat.page.locator(".pointed-at")).to_contain_text(f"Second {mark}")


def test_by_keyboard_without_a_script_and_on_a_phone_in_french(
    tab: OpenTab, app: App, browser: Browser, profile: Callable[..., BrowserContext]
) -> None:
    mark = uuid.uuid4().hex[:8]
    chat = attached(tab, mark, locale="fr-FR", viewport=PHONE, color_scheme="light", has_touch=True)
    library = Library(chat.page, app)
    library.open("/files")
    expect(library.page.get_by_role("heading", level=1)).to_have_text("Fichiers")
    library.faultless_in_both()
    for key in ("j", "Enter"):
        library.page.keyboard.press(key)
    expect(library.preview.locator("img.picture")).to_be_visible()
    expect(library.preview).to_be_in_viewport(ratio=0.8)
    library.faultless_in_both()
    library.page.keyboard.press("Escape")
    expect(library.preview.get_by_role("heading")).to_have_count(0)
    expect(library.page.locator(".rows .open").first).to_be_focused()
    for path in ("?sort=size", "?words=walnut", "?words=nothinglikeit", "?after=nonsense", "?file=nothing"):
        library.open(f"/files{path}")
        library.faults = [fault for fault in library.faults if "404" not in fault]
        library.faultless()

    context = browser.new_context(locale="en-US", java_script_enabled=False)
    plain = Library(context.new_page(), app)
    plain.open("/files")
    plain.page.get_by_label("Order", exact=True).select_option("Name")
    plain.page.locator("#list").get_by_role("button", name="Show").click()
    assert "sort=name" in plain.page.url
    plain.page.get_by_role("searchbox", name="Search your files").fill(f"nuts {mark}")
    plain.page.get_by_role("button", name="Search", exact=True).click()
    plain.names.first.click()
    plain.preview.get_by_role("button", name="Leave out of answers").click()
    expect(plain.notice).to_contain_text("no longer draw on")
    plain.press("Undo")
    expect(plain.notice).to_contain_text("Undone: ")
    plain.preview.get_by_role("link", name="Close").click()
    expect(plain.preview.get_by_role("heading")).to_have_count(0)
    context.close()
