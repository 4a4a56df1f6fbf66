"""What may be attached is said before it is chosen; what is beyond is refused whole, and what was typed stays."""

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from assistant.texts import say
from tests.browser.chat import App
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser

DROP = """([kind, sizes]) => {
    const transfer = new DataTransfer();
    for (const [n, size] of sizes.entries()) transfer.items.add(new File([new Uint8Array(size).fill(65)], `d${n}.txt`));
    const input = document.querySelector("#chat-input"), about = {bubbles: true, cancelable: true};
    if (kind === "paste") input.dispatchEvent(new ClipboardEvent("paste", {...about, clipboardData: transfer}));
    else for (const each of kind === "drop" ? ["dragenter", "dragover", "drop"] : ["dragenter"])
        input.dispatchEvent(new DragEvent(each, {...about, dataTransfer: transfer}));
}"""
LIMITS = {
    "en": "Up to 10 files at once, 25\u00a0MB each.",
    "fr": "Jusqu’à 10 fichiers à la fois, 25\u00a0Mo chacun.",
}
ROOM = {"en": "1\u00a0MB of your 1\u00a0MB are free.", "fr": "Il vous reste 1\u00a0Mo sur 1\u00a0Mo."}


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("files"), THREADKEEP_MAX_STORAGE_MB="1")
    app.start()
    yield app
    app.close()


@pytest.mark.parametrize("to", ["en", "fr"])
def test_limits_are_said_before_and_what_is_beyond_is_refused(tab: OpenTab, to: str) -> None:
    chat = tab(locale={"en": "en-US", "fr": "fr-FR"}[to])
    page, notice = chat.page, chat.page.locator("#page-notice")
    button = page.locator("#upload-button")
    told = f"{LIMITS[to]} {ROOM[to]}"
    expect(button).to_have_accessible_description(told)
    button.hover()
    expect(page.locator(".files-allowed").first).to_have_text(told)
    chat.type("Please read this")
    page.evaluate(DROP, ["drag", [1]])
    expect(notice).to_have_text(told)
    one = {"en": "1\u00a0MB", "fr": "1\u00a0Mo"}[to]
    refused = say("files_no_room", to, left=one, most=one)
    for kind in ("drop", "paste"):
        page.evaluate("document.getElementById('page-notice')?.remove()")
        page.evaluate(DROP, [kind, [600_000, 600_000]])
        expect(notice).to_have_text(refused)
    many = [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"one of many"} for n in range(11)]
    page.locator("#upload-button-input").set_input_files(many)  # type: ignore[arg-type]
    expect(notice).to_have_text(say("files_too_many", to, count=10))
    beyond = {"name": "beyond.txt", "mimeType": "text/plain", "buffer": b"A" * 25_000_001}
    page.locator("#upload-button-input").set_input_files([beyond])  # type: ignore[list-item]
    most = {"en": "25\u00a0MB", "fr": "25\u00a0Mo"}[to]
    expect(notice).to_have_text(say("files_too_large", to, most=most, names="\u2068beyond.txt\u2069"))
    notice.get_by_role("button", name={"en": "Close", "fr": "Fermer"}[to]).click()
    expect(notice).to_have_count(0)
    large = {"name": "large.txt", "mimeType": "text/plain", "buffer": os.urandom(10) + b"A" * 1_100_000}
    page.locator("#upload-button-input").set_input_files([large])  # type: ignore[list-item]
    expect(notice).to_have_text(refused)
    expect(page.locator("#attachments")).to_have_count(0)
    expect(chat.input).to_have_value("Please read this")


def test_the_room_that_is_left_is_told_anew(tab: OpenTab) -> None:
    chat = tab()
    button = chat.page.locator("#upload-button")
    expect(button).to_have_accessible_description(re.compile("1.MB are free|MB of your"))
    chat.type("Please read this")
    chat.page.evaluate(DROP, ["drop", [300_000]])
    expect(chat.page.locator("#attachments")).to_contain_text("d0.txt")
    chat.page.reload()  # what was uploaded and not sent yet counts as well
    expect(button).to_have_accessible_description(re.compile("(700|699[.]\\d).kB of your 1.MB are free"))
    # What is chosen before the server knows the page waits for it.
    page, held = chat.page, list[Route]()
    page.route("**/set-session-cookie", lambda route: held.append(route))
    with page.expect_request("**/set-session-cookie"):
        page.reload()
    chat.attach(("early.txt", "text/plain", b"Early."))
    expect(page.locator("#attachments")).to_contain_text("early.txt")
    with page.expect_response("**/project/file?*") as answer:
        for each in held:
            each.continue_()
    assert answer.value.status == 200
