"""A ChatGPT export is brought in, one of its conversations opened, exported, and imported again: nothing changes."""

import json
import re
import uuid
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat import DEADLINE, App, Chat, png
from tests.exchange.origins.chatgpts import answered, asked, conversation, message, node

pytestmark = pytest.mark.browser
PICTURE = {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_0123456789ab"}


def chatgpt(path: Path, mark: str) -> Path:
    """With a branch, a picture and a hidden message."""
    hidden = message(f"h{mark}", "system", "hidden away", metadata={"is_visually_hidden_from_conversation": True})
    nodes = (
        node(f"h{mark}", "root1", hidden),
        asked(f"q{mark}", f"h{mark}", {"content_type": "multimodal_text", "parts": [PICTURE, f"What is {mark}?"]}, 1),
        answered(f"a{mark}", f"q{mark}", "An avocet.", 2),
        answered(f"b{mark}", f"q{mark}", "A heron.", 3),
    )
    made = conversation(1, *nodes, id=mark, conversation_id=mark, title=f"Bird {mark}")
    other = conversation(2, id=f"{mark}-2", conversation_id=f"{mark}-2", title=f"Other {mark}")
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("conversations.json", json.dumps([made, other, 5]))
        packed.writestr("file_0123456789ab.dat", png(8, 8))
    return path


def faultless(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def look(page: Page, path: Path) -> None:
    page.get_by_label("The file, or drop it here").set_input_files(path)
    page.get_by_role("button", name="Look at it").click()


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name, timeout=DEADLINE)


def test_in_out_and_in_again(chat: Chat, app: App, tmp_path: Path) -> None:
    page, mark = chat.page, uuid.uuid4().hex[:8]
    faults: list[str] = []
    page.goto(f"{app.url}/library")
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.get_by_role("link", name="Import", exact=True).click()
    heading(page, "Bring conversations in")
    faultless(page)
    look(page, chatgpt(tmp_path / "chatgpt.zip", mark))
    heading(page, "Bring these conversations in?")
    expect(page.locator("#list")).to_contain_text("Conversations read (ChatGPT): 2")
    expect(page.locator("#list")).to_contain_text("conversations.json, item 3")
    for scheme, size in (("dark", {"width": 390, "height": 844}), ("light", {"width": 1280, "height": 800})):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        faultless(page)
    page.get_by_role("button", name="Bring them in").focus()
    page.keyboard.press("Enter")
    heading(page, "The conversations are here")
    expect(page.locator("#list")).to_contain_text("New: 2")
    faultless(page)
    assert faults == []

    page.get_by_role("link", name=f"Bird {mark}").click()
    chat.ready()
    expect(page.get_by_text(f"What is {mark}?")).to_be_visible()
    expect(page.get_by_text("A heron.")).to_be_visible()
    expect(page.get_by_text("hidden away")).to_have_count(0)
    assert chat.picture_width() == 8

    page.goto(f"{app.url}/library?q={mark}")
    page.locator(".rows > li", has_text=f"Bird {mark}").locator("input").first.check()
    page.locator(".tools summary", has_text="Export").click()
    page.locator("#format").select_option("json")
    with page.expect_download() as waited:
        page.get_by_role("button", name="Save as a file").click()
    path = tmp_path / waited.value.suggested_filename
    waited.value.save_as(path)

    page.goto(f"{app.url}/library/import")
    look(page, path)
    heading(page, "There is nothing to bring in")
    expect(page.locator("#list")).to_contain_text("Were here, and are as they were: 1")
    expect(page.locator("#list")).to_contain_text("New: 0")


def test_without_a_script(chat: Chat, app: App, browser: Browser, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex[:8]
    state = chat.page.context.storage_state()
    context = browser.new_context(java_script_enabled=False, storage_state=state, locale="en-US")
    context.set_default_timeout(DEADLINE)
    page = context.new_page()
    page.goto(f"{app.url}/library/import")
    look(page, chatgpt(tmp_path / "chatgpt.zip", mark))
    heading(page, "Bring these conversations in?")
    page.get_by_role("button", name="Bring them in").click()
    heading(page, "The conversations are here")
    expect(page.get_by_role("link", name=re.compile(mark))).to_have_count(2)
    context.close()
