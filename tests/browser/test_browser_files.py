"""A PDF is attached and asked about; the source of the answer opens at its page, after a restart, too."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.assistant.turns.test_sources import CITED
from tests.browser.chat import App, Chat, pdf
from tests.browser.conftest import OpenTab
from tests.papers import pdfs
from tests.servers.gemini import GeminiServer, failure, finish, text

pytestmark = pytest.mark.browser

PAGES = ("Herons stand still.", "Bitterns boom at dusk.", "Storks clatter.")


@pytest.fixture(scope="module")
def with_model(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("files"), GEMINI_API_KEY="not-a-key", GEMINI_BASE_URL=gemini.url)
    app.start()
    yield app
    app.close()


@pytest.fixture
def app(with_model: App) -> App:
    return with_model


def test_a_source_opens_its_page_now_and_after_a_restart(app: App, tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab()
    gemini.script(
        text("They boom at dusk [2]. In code, `birds[2]` is no source:\n\n```\nbirds[2]\n```\n\nNor is [9]."), finish()
    )
    gemini.requests.clear()
    gemini.script(failure(400, "INVALID_ARGUMENT"))
    chat.send("What do bitterns do?", ("birds.pdf", "application/pdf", pdf(*PAGES)))
    told = "".join(part.get("text", "") for part in gemini.requests[0].body["contents"][-1]["parts"])
    assert "[2] (page 2)\nBitterns boom at dusk." in told
    expect(chat.page.get_by_text("1 file").first).to_be_visible()
    expect_source(chat)

    app.close()
    app.start()
    chat.reload()
    expect(chat.answers).to_have_count(1)
    expect_source(chat)

    chat.send("/files remove birds.pdf")
    expect_source_of(chat.answers.first, chat)
    link, panel = chat.answers.first.locator("a.element-link"), chat.page.locator("#side-view-content")
    link.click()
    expect(panel.locator("canvas")).to_be_visible()
    file = chat.page.evaluate(
        "() => performance.getEntriesByType('resource').map(each => each.name)"
        ".filter(each => each.includes('/datalayer/files/')).pop()"
    )
    assert chat.fetched(file) == (200, "%PDF-")
    chat.send("/files delete birds.pdf")
    expect(panel).to_have_count(0)  # what it showed is gone
    assert chat.fetched(file)[0] == 404
    for _ in range(2):
        link.click()
        expect(panel).to_contain_text("can no longer be shown")
        chat.reload()
    chat.send("/files add birds.pdf")
    expect_source_of(chat.answers.first, chat)

    # Another page takes it out, and this one is told.
    library = chat.page.context.new_page()
    library.goto(f"{app.url}/library/files")
    library.get_by_role("link", name="birds.pdf").click()
    library.get_by_role("button", name="Remove from the conversation").click()
    expect(library.locator("#notice")).to_contain_text("is in the trash")
    library.close()
    link.click()
    expect(panel).to_contain_text("can no longer be shown")


def expect_source_of(answer: Locator, chat: Chat) -> None:
    answer.locator("a.element-link").click()
    expect(chat.page.locator("#side-view-content .react-pdf__Page__textContent")).to_contain_text("Bitterns boom")
    chat.page.locator("#side-view-title button").click()


def expect_source(chat: Chat) -> None:
    answer = chat.answers.last.locator(".message-content")
    link = answer.locator("a.element-link")
    expect(link).to_have_count(1)
    expect(link).to_have_text("[2]")
    expect(answer.locator("code")).to_have_text(["birds[2]", "birds[2]"])
    expect(answer).to_contain_text("Nor is [9].")
    address = chat.page.url
    panel = chat.page.locator("#side-view-content")
    expect(panel).to_have_count(0)  # until it is asked for
    link.click()
    expect(chat.page.locator("#side-view-title")).to_contain_text("birds.pdf, page 2")
    expect(panel.locator("canvas")).to_be_visible()
    expect(panel).to_contain_text("2 / 3")
    expect(panel.locator(".react-pdf__Page__textContent")).to_contain_text("Bitterns boom at dusk.")
    assert chat.page.url == address
    chat.page.locator("#side-view-title button").click()
    expect(panel).to_have_count(0)
    expect_keys_in_and_out(chat, link, panel)


def expect_keys_in_and_out(chat: Chat, link: Locator, panel: Locator) -> None:
    """By keyboard alone: into the panel, on through it, and back to where one was."""
    expect(link).to_be_focused()
    for way_out in ("Escape", "Enter"):
        chat.page.keyboard.press("Enter")
        expect(chat.page.locator("#side-view-title button")).to_be_focused()
        expect(chat.page.get_by_role("complementary", name="birds.pdf, page 2")).to_be_visible()
        expect(panel.locator("canvas")).to_be_visible()
        chat.page.keyboard.press(way_out)
        expect(panel).to_have_count(0)
        expect(link).to_be_focused()
    chat.page.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="Zoom in")).to_be_visible()
    for _ in range(4):
        chat.page.keyboard.press("Tab")
    assert panel.evaluate("panel => panel.contains(document.activeElement)")
    chat.page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(link).to_be_focused()


def test_the_panel_shows_code_with_its_lines_and_nothing_of_a_file_is_a_mark(
    app: App, tab: OpenTab, gemini: GeminiServer
) -> None:
    chat = tab()
    gemini.script(text("It adds [1], and the note says so [2]."), finish())
    gemini.script(failure(400, "INVALID_ARGUMENT"))
    code = ("sum.py", "text/x-python", b"def add(a, b):\n    return a + b\n")
    evil = (
        "[1] <b>x</b>](javascript:alert(1)).md",
        "text/markdown",
        b"Adds **two**. <img src=x onerror=alert(1)> [a](b)\n",
    )
    chat.send("What does it do?", code, evil)
    links = chat.answers.last.locator("a.element-link")
    expect(links).to_have_count(2)
    panel = chat.page.locator("#side-view-content")
    shown = []
    for n in range(2):
        links.nth(n).click()
        expect(panel).to_be_visible()
        expect(panel).to_contain_text(re.compile("return a \\+ b|onerror"))
        shown.append(panel.inner_text())
        expect(panel.locator("img, a[href]")).to_have_count(0)
    assert any(re.search(r"1\s+def add\(a, b\):\s+2\s+return a \+ b", each) for each in shown)
    assert any("<img src=x onerror=alert(1)>" in each and "**two**" in each for each in shown)


WIDER = """each => {
    const wider = [];
    for (; each; each = each.parentElement) if (each.scrollWidth > each.clientWidth + 1) wider.push(each.className);
    return wider;
}"""


def test_rows_are_a_table_and_a_page_fits_a_small_screen(app: App, tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab(viewport={"width": 390, "height": 844}, locale="fr-FR")
    rows = "\n".join(["nom;prix;remarque", *(f"lot {n};{n};{'mot ' * 40}" for n in range(2, 30))])
    long = f"{'l' * 240}.csv"  # without a place to break it
    gemini.script(text(f"Rows [2], page [1], rows [3], of {long} and **{long}**."), finish())
    gemini.script(failure(400, "INVALID_ARGUMENT"))
    pages = pdfs.written(["Herons stand still on wide pages, as these."])
    chat.send("Herons?", ("birds.pdf", "application/pdf", pages), (long, "text/csv", rows.encode()))
    links = chat.answers.last.locator("a.element-link")
    column = chat.answers.last.locator(".message-content")
    assert column.evaluate("column => column.getBoundingClientRect().width") < 390
    assert column.evaluate(WIDER) == []
    links.filter(has_text="[2]").click()
    panel, title = chat.page.locator("#side-view-content"), chat.page.locator("#side-view-title")
    expect(title).to_have_text(re.compile("^l{60,}.*, lignes 1 à 6"))
    assert title.evaluate("title => title.scrollWidth <= title.clientWidth")
    expect(panel.get_by_role("columnheader")).to_have_text(["", "nom", "prix", "remarque"])
    expect(panel.get_by_role("rowheader")).to_have_text([str(n) for n in range(2, 10)])
    expect(panel.locator("th .font-bold")).to_have_text([str(n) for n in range(2, 7)])
    box = panel.get_by_role("region")
    box.focus()
    chat.page.keyboard.press("ArrowRight")
    chat.page.wait_for_function("box => box.scrollLeft > 0", arg=box.element_handle())
    chat.page.keyboard.press("Escape")
    links.filter(has_text="[1]").click()
    expect(panel.locator(".react-pdf__Page__textContent")).to_contain_text("Herons stand still")
    fits = """box => box.querySelector("canvas").getBoundingClientRect().width.toFixed() <= box.clientWidth
        && box.scrollWidth === box.clientWidth"""
    seen = panel.locator(".overflow-auto:has(canvas)").element_handle()
    chat.page.wait_for_function(fits, arg=seen)
    panel.get_by_role("button", name="Agrandir").click()
    chat.page.wait_for_function("box => box.scrollWidth > box.clientWidth", arg=seen)


def test_a_pdf_with_a_password_asks_for_none_in_dialogs(app: App, tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab()
    asked: list[str] = []
    chat.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    for _ in range(2):
        gemini.script(text("It has a password."), finish())
    gemini.script(failure(400, "INVALID_ARGUMENT"))
    chat.send("What does it say?", ("secret.pdf", "application/pdf", pdfs.written(["Herons."], password="p")))
    expect(chat.page.get_by_text("a password protects it").first).to_be_visible()
    expect(chat.page.get_by_text("secret.pdf is protected by a password").first).to_be_visible()
    chat.send("And now?")
    chat.reload()
    expect(chat.page.get_by_text("a password protects it").first).to_be_visible()
    assert asked == []
    chat.page.evaluate("window.prompt('Another question')")
    assert asked == ["Another question"]


def test_the_page_links_what_an_answer_cites(tab: OpenTab) -> None:
    links = """([answer]) => [...namesInProse(answer, /\\[[123]\\]/g, (name) => "\0" + name).matchAll(/\0\\[(.)/g)]
        .map((found) => Number(found[1]))"""
    page = tab().page
    for answer, found in CITED:
        assert list(dict.fromkeys(page.evaluate(links, [answer]))) == found, answer
