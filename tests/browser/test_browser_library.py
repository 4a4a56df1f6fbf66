"""The library in a real browser: by mouse and by keyboard, on a phone, in French, without a script, for everybody."""

import re
import uuid
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chat import DEADLINE, App, Chat
from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Callable[..., BrowserContext]:
    """As everywhere, but without the style that stops what moves: nothing may add one to this page."""
    made: dict[str, BrowserContext] = {}

    def get(**options: object) -> BrowserContext:
        chosen = {"locale": "en-US", "viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options
        if str(chosen) not in made:
            made[str(chosen)] = browser.new_context(**chosen)  # type: ignore[arg-type]
            made[str(chosen)].set_default_timeout(DEADLINE)
        return made[str(chosen)]

    return get


class Library:
    """A tab on the library, as a person uses it."""

    def __init__(self, page: Page, app: App) -> None:
        self.page, self.app = page, app
        self.faults: list[str] = []
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.names = page.locator(".rows .name")
        self.notice = page.locator("#notice p")
        self.preview = page.locator("#preview")

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.app.url}/library{path}")

    def go(self, place: str) -> None:
        """By the column on the left: a conversation may have that name, too."""
        self.page.locator("#places").get_by_role("link", name=place).click()

    def choose(self, *names: str) -> None:
        for name in names:
            self.page.get_by_label(re.compile(f"[“«]\\s?{name}\\s?[”»]")).check()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def faultless(self) -> None:
        """axe finds nothing at all, nothing is wider than the screen, and the console is silent."""
        found = Axe().run(self.page).response["violations"]
        assert [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found] == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert self.faults == []

    def faultless_in_both(self) -> None:
        """Light and dark."""
        for scheme, background in (("dark", "rgb(22, 28, 29)"), ("light", "rgb(252, 250, 248)")):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert self.page.evaluate("getComputedStyle(document.body).backgroundColor") == background
            self.faultless()


def talk(chat: Chat, *titles: str) -> None:
    for title in titles:
        chat.new()
        chat.send(title)
        expect(chat.entry(title)).to_be_visible()


def delete_for_good(library: Library, name: str) -> None:
    """By way of the trash."""
    library.choose(name.replace("+", "[+]"))
    library.press("Delete")
    library.go("Trash")
    expect(library.names.first).to_have_text(name)
    for key in ("j", "x"):
        library.page.keyboard.press(key)
    library.faultless()
    library.press("Delete for good")
    library.faultless()
    library.press("Delete for good")
    expect(library.notice).to_have_text("1 conversation is deleted for good.")


def test_from_the_chat_to_the_library_and_back(tab: OpenTab, app: App) -> None:
    """Found, read, put in order, taken back; what is new appears by itself."""
    chat = tab()
    mark = uuid.uuid4().hex[:8]
    one, two, three = (f"{name} {mark}" for name in ("Walnut", "Hazel", "Almond"))
    talk(chat, one, two)
    chat.send("See this", ("nuts.txt", "text/plain", b"nuts"))
    chat.page.get_by_role("link", name="Library").click()
    library = Library(chat.page, app)
    expect(library.names.first).to_have_text(two)

    library.page.locator("#places summary", has_text="Files and votes").click()
    other = tab()
    talk(other, three)
    expect(library.names.first).to_have_text(three)  # nobody has pressed anything
    expect(library.page.locator("#places details[open] summary")).to_have_text("Files and votes")

    library.choose(one, two)
    library.page.get_by_text("Move", exact=True).first.click()
    library.page.get_by_label("Folder", exact=True).fill(f"Nuts {mark}/Brown")
    library.page.keyboard.press("Enter")
    expect(library.notice).to_have_text(f"2 conversations are in “Nuts {mark}/Brown”.")
    library.go(f"Nuts {mark} 2")
    expect(library.names).to_have_count(2)
    library.choose(one)
    library.press("Delete")
    expect(library.names).to_have_text([two])
    library.press("Undo")
    expect(library.names).to_have_count(2)
    expect(library.notice).to_contain_text("Undone")
    library.choose(one, two)
    library.page.get_by_text("Tag", exact=True).first.click()
    library.page.get_by_label("Tags", exact=True).fill("shelled, for the winter")
    library.page.keyboard.press("Enter")
    expect(library.notice).to_contain_text("have: shelled, for the winter")
    assert (
        library.page.locator(".rows > li").evaluate_all("rows => Math.max(...rows.map(row => row.offsetHeight))") < 50
    )
    library.choose(one, two)
    library.press("Merge")
    expect(library.preview.get_by_role("heading", level=2)).to_have_text(f"{one} + {two}")
    delete_for_good(library, f"{one} + {two}")
    library.page.get_by_role("searchbox", name="Search all").fill(f"walnu {mark}")
    library.page.keyboard.press("Enter")
    expect(library.names).to_have_text([one])
    expect(library.page.locator(".said mark").first).to_be_visible()
    library.faultless()
    library.names.last.click()
    back = Chat(library.page, app)
    expect(back.page.locator(".pointed-at")).to_contain_text(one)
    assert "?step=" in back.page.url


def test_all_of_a_list_an_order_and_a_tag_among_many(tab: OpenTab, app: App) -> None:
    """In batches, by itself, and taken back; the order is chosen without a button, the tag found while it is typed."""
    chat = tab()
    mark = uuid.uuid4().hex[:8]
    talk(chat, *(f"Pear {n} {mark}" for n in range(3)))
    library = Library(chat.page, app)
    library.open()
    library.choose(f"Pear 0 {mark}")
    library.page.get_by_text("Tag", exact=True).first.click()
    library.page.get_by_label("Tags", exact=True).fill(", ".join(f"t{n} {mark}" for n in range(20)))
    library.page.keyboard.press("Enter")
    expect(library.notice).to_contain_text("1 conversation has")

    find = library.page.get_by_role("searchbox", name="Folder or tag")
    find.press_sequentially(f"17 {mark}")
    expect(library.page.locator("#found a")).to_have_text([f"t17 {mark}1"])
    expect(find).to_be_focused()
    library.faultless()
    library.page.get_by_role("link", name=f"t17 {mark}").first.click()
    expect(library.names).to_have_text([f"Pear 0 {mark}"])

    library.open(f"?q=pear+{mark}")
    library.page.get_by_role("link", name="Choose the whole list").click()
    expect(library.page.get_by_role("status")).to_contain_text("All 3 conversations of this list")
    library.faultless()
    library.page.get_by_text("Move", exact=True).first.click()
    library.page.get_by_label("Folder", exact=True).fill(f"Pears {mark}")
    library.page.keyboard.press("Enter")
    expect(library.notice).to_have_text(f"3 conversations are in “Pears {mark}”.")

    library.open(f"?in=Pears+{mark}")
    library.page.get_by_label("Order", exact=True).select_option("Oldest")
    expect(library.names).to_have_text([f"Pear {n} {mark}" for n in range(3)])
    assert "sort=oldest" in library.page.url
    library.page.get_by_role("link", name="Choose the whole list").click()
    expect(library.page.locator(".chosen")).to_have_text("3 chosen")
    library.page.keyboard.press("e")
    expect(library.notice).to_have_text("3 conversations are archived.")
    expect(library.names).to_have_count(0)
    library.page.keyboard.press("u")
    expect(library.notice).to_have_text("Undone: 3 conversations are as they were.")
    expect(library.names).to_have_count(3)


def test_what_is_in_the_trash_is_read_there(tab: OpenTab, app: App) -> None:
    chat = tab()
    mark = uuid.uuid4().hex[:8]
    talk(chat, f"Quince {mark}")
    library = Library(chat.page, app)
    library.open()
    library.choose(f"Quince {mark}")
    library.press("Delete")
    library.go("Trash")
    expect(library.page.get_by_role("heading", level=1)).to_have_text("Trash")
    expect(library.names.first).to_have_text(f"Quince {mark}")
    library.page.keyboard.press("j")
    library.page.keyboard.press("Enter")
    expect(library.preview).to_contain_text("This conversation is in the trash.")
    expect(library.preview.locator("article").first).to_contain_text(f"Quince {mark}")
    library.faultless()
    library.page.keyboard.press("o")  # it cannot be opened in the chat
    library.preview.get_by_role("button", name="Restore").click()
    expect(library.notice).to_have_text("1 conversation is back from the trash.")
    library.page.get_by_role("link", name=re.compile("^All ")).click()
    expect(library.names.first).to_have_text(f"Quince {mark}")
    library.page.get_by_role("link", name="How long it is kept").click()
    expect(library.page.get_by_role("heading", level=1)).to_have_text("What is kept, and for how long")
    library.faultless()


def test_by_keyboard_alone(tab: OpenTab, app: App) -> None:
    chat = tab()
    mark = uuid.uuid4().hex[:8]
    talk(chat, f"Other {mark}", f"First {mark}", f"Second {mark}")
    library = Library(chat.page, app)
    library.open()
    keys = library.page.keyboard
    keys.press("?")
    expect(library.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    library.faultless()
    keys.press("Escape")
    for key in ("j", "j", "k", "Enter"):
        keys.press(key)
    expect(library.preview.get_by_role("heading", level=2)).to_have_text(f"Second {mark}")
    expect(library.preview.get_by_role("heading", level=2)).to_be_focused()
    expect(library.preview.locator("article").first).to_contain_text(f"Second {mark}")
    library.faultless()
    keys.press("Escape")
    expect(library.preview.get_by_role("heading")).to_have_count(0)
    expect(library.page.locator(".rows .open").first).to_be_focused()
    keys.press("j")
    keys.press("x")
    expect(library.page.locator(".chosen")).to_have_text("1 chosen")
    keys.press("e")
    expect(library.notice).to_have_text("1 conversation is archived.")
    expect(library.page.locator(".rows .open").nth(1)).to_be_focused()
    expect(library.names.filter(has_text=f"First {mark}")).to_have_count(0)
    keys.press("u")
    expect(library.names.filter(has_text=f"First {mark}")).to_have_count(1)
    library.choose(f"First {mark}")
    keys.press("e")
    expect(library.notice).to_have_text("1 conversation is archived.")
    expect(library.page.locator(".rows .open").nth(1)).to_be_focused()
    keys.press("/")
    keys.type(f"First {mark} is:archived")
    keys.press("Enter")
    expect(library.names.first).to_have_text(f"First {mark}")
    keys.press("Escape")
    keys.press("j")
    keys.press("o")
    expect(Chat(library.page, app).questions.first).to_have_text(f"First {mark}")


def test_on_a_phone_in_french_light_and_dark(tab: OpenTab, app: App) -> None:
    chat = tab(locale="fr-FR", viewport=PHONE, color_scheme="light", has_touch=True)
    title = f"رحلة <b>{uuid.uuid4().hex[:8]}"
    chat.send(title)
    library = Library(chat.page, app)
    library.open()
    expect(library.page.get_by_role("heading", level=1)).to_have_text("Toutes les conversations")
    library.page.locator(".choose input").first.check()
    library.page.locator("summary", has_text="Étiqueter").click()
    library.faultless_in_both()
    library.page.get_by_label("Étiquettes", exact=True).fill("שלום, été")
    library.press("Ajouter")
    expect(library.notice).to_contain_text("1 conversation porte")
    library.names.first.click()
    expect(library.preview.get_by_role("heading", level=2)).to_have_text(title)
    expect(library.preview).to_be_in_viewport(ratio=0.8)
    library.faultless_in_both()
    library.page.go_back()
    expect(library.names.first).to_be_visible()
    expect(library.preview.get_by_role("heading")).to_have_count(0)
    paths = ("?tag=été&with=file", "/usage", "?show=trash", "?q=nothinglikeit", "?after=nonsense")
    for path in (*paths, "?all=1", "?sort=oldest", "?find=%C3%A9t%C3%A9", "/kept", "?q=%D8%B1%D8%AD%D9%84%D8%A9&all=1"):
        library.open(path)
        library.faults = [fault for fault in library.faults if "404" not in fault]
        library.faultless_in_both()


def test_without_a_script(tab: OpenTab, app: App, browser: Browser) -> None:
    """List, search, read, archive, Undo."""
    chat = tab()
    mark = uuid.uuid4().hex[:8]
    talk(chat, f"Plain {mark}", f"Simple {mark}")
    context = browser.new_context(locale="en-US", java_script_enabled=False)
    library = Library(context.new_page(), app)
    library.open()
    expect(library.names.first).to_have_text(f"Simple {mark}")
    library.page.get_by_role("searchbox", name="Search all").fill(f"plain {mark}")
    library.page.get_by_role("searchbox", name="Search all").press("Enter")
    expect(library.names.first).to_have_text(f"Plain {mark}")
    library.open()
    library.names.first.click()
    expect(library.preview.locator("article").first).to_contain_text(f"Simple {mark}")
    library.preview.get_by_role("link", name="Close").click()
    library.choose(f"Simple {mark}")
    library.press("Archive")
    expect(library.notice).to_have_text("1 conversation is archived.")
    expect(library.names.filter(has_text=f"Simple {mark}")).to_have_count(0)
    library.press("Undo")
    expect(library.names.first).to_have_text(f"Simple {mark}")
    library.choose(f"Simple {mark}")
    library.press("Archive")
    library.page.get_by_role("link", name="Archived").click()
    expect(library.names.first).to_have_text(f"Simple {mark}")
    library.page.get_by_role("link", name=re.compile("^All ")).click()
    library.choose(f"Plain {mark}")
    library.page.get_by_text("Tag", exact=True).click()
    library.page.get_by_label("Tags", exact=True).fill("by hand")
    library.page.get_by_label("Tags", exact=True).press("Enter")
    expect(library.notice).to_have_text("1 conversation has: by hand.")
    library.page.get_by_label("Order", exact=True).select_option("Newest")
    library.page.locator("#list").get_by_role("button", name="Show").click()
    expect(library.names.first).to_have_text(f"Plain {mark}")
    assert "sort=created" in library.page.url
    library.open(f"?q={mark}&all=1")
    expect(library.page.get_by_role("status")).to_contain_text("All 2 conversations")
    library.press("Mark as done")
    expect(library.notice).to_have_text("2 conversations are done.")
    library.press("Undo")
    expect(library.notice).to_have_text("Undone: 2 conversations are as they were.")
    context.close()
