"""The page for everybody: axe on every part of it, by keyboard alone, heard instead of seen, and on a phone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from assistant.fixes import head
from tests.browser.chat import App, Chat, png, with_account
from tests.processes import ROOT
from tests.servers.gemini import GeminiServer, finish, text

pytestmark = pytest.mark.browser

ANSWER = """Here is **everything** with $E = mc^2$ and [a link](https://example.com).

| Model | In |
|---|--:|
| flash | 1 |

```python
def hello():  # a comment
    return "world"
```

> quoted `code`
"""
COVERED = """end => {
    const middle = (element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return [x + width / 2, y + height / 2];
    };
    const area = document.querySelector(".step").closest(".overflow-y-auto");
    const covers = (button) => {
        area.scrollBy({ top: middle(button)[1] - middle(end)[1], behavior: "instant" });
        return document.elementFromPoint(...middle(button))?.closest("button") !== button;
    };
    const below = [...document.querySelectorAll(".ai-message .flex-wrap:has(.positive-feedback-off) button")];
    if (!below.length) throw Error("no buttons");
    return below.filter(covers).map((button) => button.ariaLabel);
}"""
"""Which buttons below answers the button to the end, or what is around it, lies over when they come to its height."""
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    gemini.default = (text("A title"), finish())
    env = {"GEMINI_API_KEY": "test-key", "GEMINI_BASE_URL": gemini.url}
    with with_account(tmp_path_factory.mktemp("access"), **env) as app:
        yield app


@pytest.fixture
def signed_in(app: App, profile: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    def sign_in(**options: Any) -> BrowserContext:
        context = profile(**options)
        form = {"username": "camille", "password": "correct horse"}
        assert context.request.post(app.url + "/login", form=form).ok
        return context

    return sign_in


def serious(page: Page) -> list[str]:
    """What axe finds to be serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"locale": "en-US", "color_scheme": "light"},
        {"locale": "fr-FR", "color_scheme": "dark"},
        {"locale": "fr-FR", "color_scheme": "light", **PHONE},
        {"locale": "en-US", "color_scheme": "dark", **PHONE},
    ],
    ids=["en-light", "fr-dark", "fr-light-phone", "en-dark-phone"],
)
def test_axe_finds_nothing_serious(
    app: App, gemini: GeminiServer, profile: Callable[..., BrowserContext], signed_in: Any, options: dict[str, Any]
) -> None:
    found: dict[str, list[str]] = {}
    page = profile(**options).new_page()
    page.goto(app.url + "/login")
    expect(page.locator("#password")).to_be_visible()
    found["sign-in page"] = serious(page)
    signed_in(**options)
    chat = Chat(page, app)
    chat.open()
    found["first page"] = serious(page)
    gemini.script(text(ANSWER), finish())
    chat.send("Look", ("green.png", "image/png", png(64, 40)), ("notes.txt", "text/plain", b"hello"))
    page.locator(".positive-feedback-off").first.click()
    page.locator("#submit-feedback").click()
    expect(page.locator(".positive-feedback-on")).to_have_attribute("aria-pressed", "true")
    chat.send("/usage")
    expect(page.locator(".inline-plotly .bars")).to_have_count(1)
    chat.questions.first.locator("img").focus()
    found["conversation"] = serious(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").locator("img")).to_be_visible()
    found["picture"] = serious(page)
    page.keyboard.press("Escape")
    chat.open_settings()
    found["settings"] = serious(page)
    page.keyboard.press("Escape")
    if page.locator("#thread-history").count() == 0:
        page.locator("#sidebar-trigger-button").click()
    page.locator("#thread-options").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#rename-thread")).to_be_visible()
    found["menu of a conversation"] = serious(page)
    page.keyboard.press("Escape")
    chat.search("hello before:soon")
    expect(page.locator("[cmdk-item] .hit").first).to_be_visible()
    expect(page.locator(".search-notes")).to_be_visible()
    found["search"] = serious(page)
    page.close()
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_a_conversation_is_renamed_by_keyboard_and_the_focus_comes_back(app: App, signed_in: Any) -> None:
    chat = Chat(signed_in(locale="fr-FR").new_page(), app)
    chat.open()
    chat.send("Bonjour")
    page, entry = chat.page, chat.entry("A title").first
    page.locator("#user-nav-button").focus()
    for label in ("Continuer à partir d’ici dans une copie", "Copier"):
        page.keyboard.press("Tab")
        expect(chat.questions.first.get_by_role("button", name=label)).to_be_focused()
    page.locator("#new-chat-button").focus()
    for _ in range(2):
        page.keyboard.press("Tab")  # the link, then its menu
    menu = entry.get_by_role("button", name="Renommer ou supprimer")
    expect(menu).to_be_focused()
    assert menu.evaluate("e => [getComputedStyle(e).opacity, getComputedStyle(e).outlineStyle]") == ["1", "solid"]
    page.keyboard.press("Enter")
    expect(page.locator("#rename-thread")).to_be_focused()
    page.keyboard.press("Enter")
    name = page.get_by_role("dialog").locator("#name")
    expect(name).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    for label in ("Copier", "Modifier", "Favori"):
        button = chat.questions.first.get_by_role("button", name=label)
        button.focus()
        page.keyboard.press("Shift")  # whoever uses keys sees what they are at
        expect(button).to_have_css("opacity", "1")
    for label in ("Envoyer", "Joindre des fichiers", "Réglages de la conversation", "Utile", "Réessayer"):
        expect(page.get_by_role("button", name=label, exact=True)).to_have_count(1)
    page.close()


def test_an_answer_is_heard_once(app: App, gemini: GeminiServer, signed_in: Any) -> None:
    chat = Chat(signed_in(reduced_motion="reduce").new_page(), app)
    chat.open()
    region = chat.page.get_by_role("status").first
    region.evaluate("""region => {
        window.said = [];
        new MutationObserver(() => region.textContent && said.push(region.textContent))
            .observe(region, {childList: true, characterData: true, subtree: true});
    }""")
    gemini.script(*(text(f"{word} ") for word in ["One", "two", "three", "four"]), finish())
    chat.send("Count")
    expect(region).to_have_text("One two three four")
    chat.send("/help")
    expect(region).to_contain_text("/search")
    said = chat.page.evaluate("said")
    assert (len(said), said[0].strip()) == (2, "One two three four")
    assert chat.page.locator("#chat-submit").evaluate("e => parseFloat(getComputedStyle(e).animationDuration)") < 0.01
    chat.page.close()


def test_on_a_phone_one_tap_is_one_action(app: App, gemini: GeminiServer, signed_in: Any) -> None:
    chat = Chat(signed_in(**PHONE).new_page(), app)
    page = chat.page
    chat.open()
    gemini.script(text("Of old."), finish())
    gemini.script(text("Older talk"), finish())
    chat.send("An older one")
    older = chat.thread_id()  # a reload would find it
    expect(page).to_have_title("Older talk")
    page.locator("#new-chat-button").tap()
    expect(chat.questions).to_have_count(0)
    chat.ready()
    wide = "x" * 400
    gemini.script(text(f"{ANSWER}\n\n`{wide}`\n\n{wide}\n\n$$x = {'y + ' * 60} z$$"), finish())
    gemini.script(text("Newer talk"), finish())
    chat.send("A newer one")
    chat.thread_id()
    expect(page).to_have_title("Newer talk")
    chat.send("/usage")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    table = page.locator("table").last.locator("..")
    assert table.evaluate("e => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX") == "auto"
    expect(page.locator(".modebar-container").first).to_be_hidden()
    chat.send("/info")
    expect(chat.answers.last).to_contain_text("Files: 0")  # the chart is no file
    small = page.locator("button:visible").evaluate_all(
        """all => all.map(e => [e.id || e.ariaLabel, e.getBoundingClientRect()])
            .filter(([, box]) => box.width < 40 || box.height < 40).map(([name]) => name)"""
    )
    assert small == []
    chat.questions.first.scroll_into_view_if_needed()
    end = page.get_by_role("button", name="Go to the end")
    expect(end).to_be_visible()
    assert end.evaluate(COVERED) == []

    page.locator("#sidebar-trigger-button").tap()
    expect(chat.titles.first).to_be_visible()
    tooltip = page.locator("[data-radix-popper-content-wrapper]:has([role=tooltip])")
    expect(tooltip).to_be_attached()
    expect(tooltip).to_be_hidden()
    page.locator(f"#thread-{older} .truncate").tap()
    expect(chat.questions.first).to_contain_text("An older one")
    expect(chat.titles).to_have_count(0)
    expect(page).to_have_title("Older talk")
    page.close()


def test_the_tab_is_called_what_its_conversation_is_called(app: App, gemini: GeminiServer, signed_in: Any) -> None:
    chat = Chat(signed_in().new_page(), app)
    chat.open()
    expect(chat.page).to_have_title("Threadkeep")
    gemini.script(text("Eight."), finish())
    gemini.script(text("Legs of a spider"), finish())
    chat.send("How many legs has a spider?")
    expect(chat.page).to_have_title("Legs of a spider")
    chat.rename("Legs of a spider", "Spiders")
    expect(chat.page).to_have_title("Spiders")
    chat.new()
    expect(chat.page).to_have_title("Threadkeep")
    chat.open_thread("Spiders")
    expect(chat.page).to_have_title("Spiders")
    chat.reload()
    expect(chat.page).to_have_title("Spiders")
    chat.page.close()


def test_a_long_paste_is_folded_and_copied_whole(app: App, signed_in: Any) -> None:
    chat = Chat(signed_in(permissions=["clipboard-read", "clipboard-write"]).new_page(), app)
    page = chat.page
    chat.open()
    pasted = "\n".join(f"Line {number} of *what was pasted*: 12:30" for number in range(2500))
    assert len(pasted) > 90_000
    page.evaluate("text => navigator.clipboard.writeText(text)", pasted)
    chat.input.click()
    page.keyboard.press("Control+V")
    expect(chat.input).to_have_value(pasted)
    chat.submit()
    chat.answer(0)
    expect(chat.questions.first.locator(".message-content")).to_have_text(pasted)
    for _ in range(2):
        message = chat.questions.first
        more = message.get_by_role("button", name="Show all")
        expect(more).to_have_attribute("aria-expanded", "false")
        assert message.evaluate("e => e.offsetHeight") < 600
        more.focus()
        page.keyboard.press("Enter")
        less = message.get_by_role("button", name="Show less")
        expect(less).to_have_attribute("aria-expanded", "true")
        assert message.evaluate("e => e.offsetHeight") > 20_000
        less.click()
        message.get_by_role("button", name="Copy", exact=True).click()
        assert page.evaluate("navigator.clipboard.readText()") == pasted
        chat.reload()
    page.close()
    chat = Chat(signed_in(locale="fr-FR").new_page(), app)
    chat.open()
    chat.send("\n\n".join(["ligne"] * 50))
    expect(chat.questions.first.get_by_role("button", name="Tout afficher")).to_be_visible()
    chat.send("court")
    expect(chat.questions.last.get_by_role("button", name="Tout afficher")).to_have_count(0)
    chat.page.close()


def test_a_phone_can_install_it(app: App, signed_in: Any) -> None:
    page = signed_in().new_page()
    page.goto(app.url)
    manifest = page.locator('link[rel="manifest"]').get_attribute("href") or ""
    answer = page.request.get(app.url + manifest)
    assert answer.headers["content-type"].startswith("application/manifest+json")
    told = answer.json()
    assert (told["name"], told["display"], told["start_url"], told["scope"]) == (
        "Threadkeep",
        "standalone",
        "../",
        "../",
    )
    assert {(icon["sizes"], icon["purpose"]) for icon in told["icons"]} >= {("192x192", "any"), ("512x512", "maskable")}
    base = app.url + manifest.rsplit("/", 1)[0] + "/"
    touch = page.locator('link[rel="apple-touch-icon"]').get_attribute("href") or ""
    for url in (*(base + icon["src"] for icon in told["icons"]), app.url + touch):
        icon = page.request.get(url)
        assert (icon.status, icon.headers["content-type"]) == (200, "image/png")
    assert page.locator('meta[name="theme-color"]').count() == 2
    page.close()


def test_what_the_page_needs_is_named_in_its_head_under_a_root_path_too() -> None:
    modules = [path.name for path in (ROOT / "public/page").glob("*.js")]
    for root in ("", "/chat"):
        named = re.findall(rf'href="{root}/public/([^"]+)"', head.tags(root))
        assert sorted(named) == sorted([*(f"page/{name}" for name in modules), "manifest.webmanifest", "icons/180.png"])
