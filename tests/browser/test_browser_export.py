"""Conversations are saved as files from the chat and from the library; the page stays, what is saved is read."""

import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chat import DEADLINE, App, Chat

pytestmark = pytest.mark.browser


def choose(page: Page, app: App, mark: str) -> None:
    page.goto(f"{app.url}/library")
    page.locator(".rows > li", has_text=mark).locator("input").check()
    page.locator(".tools summary", has_text="Export").click()


def saved(page: Page, press: Callable[[], None], folder: Path) -> Path:
    with page.expect_download() as waited:
        press()
    path = folder / waited.value.suggested_filename
    waited.value.save_as(path)
    return path


def test_from_the_chat_and_from_the_library(chat: Chat, app: App, tmp_path: Path) -> None:
    page, mark = chat.page, uuid.uuid4().hex[:8]
    chat.send(f"Owls {mark}")
    chat.send("/export")
    link = page.get_by_role("link", name="download")
    expect(link).to_be_visible()
    path = saved(page, link.click, tmp_path)
    assert path.suffix == ".md"
    assert f"Owls {mark}" in path.read_text()
    chat.finished()

    choose(page, app, mark)
    page.locator("#format").select_option("html")
    address = page.url
    path = saved(page, page.get_by_role("button", name="Save as a file").click, tmp_path)
    assert path.suffix == ".html"
    assert page.url == address
    expect(page.locator(".chosen")).to_have_text("1 chosen")
    expect(page.locator(".tools details[open]")).to_have_count(0)
    page.locator(".tools summary", has_text="Export").click()
    page.locator("#format").select_option("json")
    assert mark in saved(page, page.get_by_role("button", name="Save as a file").click, tmp_path).read_text()
    page.get_by_role("button", name="Archive", exact=True).click()  # the other buttons still do what they did
    expect(page.locator("#notice p")).to_contain_text("archived")


def test_the_page_that_is_saved_is_whole_light_dark_and_on_paper(
    chat: Chat, app: App, browser: Browser, tmp_path: Path
) -> None:
    page, mark = chat.page, uuid.uuid4().hex[:8]
    chat.send(f"{mark} <script>document.title='bad'</script> **bold**\n\n```python\ndef f(): pass\n```")
    choose(page, app, mark)
    page.locator("#format").select_option("html")
    path = saved(page, page.get_by_role("button", name="Save as a file").click, tmp_path)
    context: BrowserContext = browser.new_context(offline=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(DEADLINE)
    shown, faults = context.new_page(), list[str]()
    shown.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    shown.goto(path.as_uri())
    expect(shown).to_have_title(re.compile(mark))
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(shown).response["violations"]
        assert [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found] == []
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults == []
    assert shown.pdf()[:5] == b"%PDF-"
    context.close()


def test_without_a_script(chat: Chat, app: App, browser: Browser, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex[:8]
    chat.send(f"Bats {mark}")
    state = chat.page.context.storage_state()
    context = browser.new_context(java_script_enabled=False, storage_state=state, locale="en-US")
    context.set_default_timeout(DEADLINE)
    page = context.new_page()
    choose(page, app, mark)
    path = saved(page, page.get_by_role("button", name="Save as a file").click, tmp_path)
    assert f"Bats {mark}" in path.read_text()
    context.close()
