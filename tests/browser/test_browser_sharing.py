"""A conversation is shared, read by somebody without an account, shown in a page of another site, and taken back."""

import http.server
import re
import threading
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.accounts import AccountsOf
from tests.browser.chat import DEADLINE, App, Chat, png, with_account
from tests.browser.test_browser_sign_in import sign_in

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with with_account(tmp_path_factory.mktemp("sharing")) as app:
        yield app


@pytest.fixture
def profiles(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Each call makes a browser that nobody has used yet."""
    made: list[BrowserContext] = []

    def new(**options: object) -> BrowserContext:
        made.append(browser.new_context(**{"locale": "en-US", "reduced_motion": "reduce"} | options))  # type: ignore[arg-type]
        made[-1].set_default_timeout(DEADLINE)
        return made[-1]

    yield new
    for context in made:
        context.close()


class Site(http.server.BaseHTTPRequestHandler):
    """A page of another site, with what the query says in a frame."""

    def do_GET(self) -> None:
        page = f'<!doctype html><title>x</title><iframe src="{self.path.partition("?")[2]}"></iframe>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def site() -> Iterator[int]:
    """Its port: one site is localhost, and another one 127.0.0.1."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def faultless(page: Page) -> None:
    """axe finds nothing, nothing is wider than the screen, in the light and in the dark."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page).response["violations"]
        assert [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def seen(picture: Locator) -> None:
    """The picture of 40 pixels, which is loaded when somebody comes to it."""
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 40)


def made(page: Page, app: App) -> str:
    """The link that the page shows once, whole."""
    field = page.get_by_label("The link", exact=True)
    expect(field).to_have_value(re.compile(f"^{app.url}/share/"))
    return field.input_value()


def test_shared_read_framed_and_revoked(app: App, profiles: Callable[..., BrowserContext], site: int) -> None:
    page = profiles().new_page()
    page.goto(app.url + "/login")
    sign_in(page, "camille", "correct horse")
    chat = Chat(page, app)
    chat.ready()
    chat.send("Where is the heron?", ("heron.png", "image/png", png(40, 30)))
    expect(chat.entry("Where is the heron?")).to_be_visible()
    shared = chat.thread_id()
    page.goto(f"{app.url}/library?thread={shared}")
    page.locator("details.share summary").focus()
    page.keyboard.press("Enter")
    faultless(page)
    page.get_by_label("the files").check()
    page.get_by_label("Sites that may show it").fill(f"http://localhost:{site}")
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator("#notice")).to_contain_text("The link has been made.")
    link = made(page, app)
    snippet = page.get_by_label("To show it in a page of another site").input_value()
    embed = link.replace("/share/", "/embed/")
    assert f'<iframe src="{embed}"' in snippet
    faultless(page)

    reader = profiles(viewport=PHONE, java_script_enabled=False).new_page()
    reader.goto(link)
    expect(reader.get_by_role("heading", name="Where is the heron?")).to_be_visible()
    expect(reader.locator(".message")).to_have_count(2)
    stranger = profiles(viewport=PHONE).new_page()
    stranger.goto(link)
    seen(stranger.locator(".picture img"))
    faultless(stranger)
    assert stranger.context.cookies() == []

    framing = profiles().new_page()
    framing.goto(f"http://localhost:{site}/?{embed}")
    expect(framing.frame_locator("iframe").locator(".message")).to_have_count(2)
    seen(framing.frame_locator("iframe").locator(".picture img"))
    framing.goto(f"http://127.0.0.1:{site}/?{embed}")
    expect(framing.frame_locator("iframe").locator(".message")).to_have_count(0)
    framing.goto(f"http://localhost:{site}/?{link}")
    expect(framing.frame_locator("iframe").locator(".message")).to_have_count(0)

    page.goto(f"{app.url}/library/shares")
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#notice")).to_contain_text("The link leads nowhere now.")
    for gone in (stranger, reader):
        answer = gone.goto(link)
        assert answer is not None
        assert answer.status == 404
    faultless(stranger)
    answer = framing.goto(embed)
    assert answer is not None
    assert answer.status == 404


def test_a_reader_goes_on_with_it_and_a_password_opens_it(app: App, profiles: Callable[..., BrowserContext]) -> None:
    AccountsOf(app.home).add("bruno", "battery staple")
    page = profiles().new_page()
    page.goto(app.url + "/login")
    sign_in(page, "camille", "correct horse")
    chat = Chat(page, app)
    chat.ready()
    chat.send("What do herons eat?")
    expect(chat.entry("What do herons eat?")).to_be_visible()
    shared = chat.thread_id()
    chat.send("/share")
    form = page.get_by_role("link", name="Choose what a link to this conversation shows").get_attribute("href")
    page.goto(app.url + (form or ""))
    page.get_by_label("Password (optional)").fill("open sesame")
    page.get_by_role("button", name="Make the link").click()
    link = made(page, app)

    reader = profiles(locale="fr-FR").new_page()
    reader.goto(app.url + "/login")
    sign_in(reader, "bruno", "battery staple")
    Chat(reader, app).ready()
    reader.goto(link)
    faultless(reader)
    reader.get_by_label("Mot de passe").fill("open sesame")
    reader.keyboard.press("Enter")
    reader.get_by_role("link", name="Continuer dans ma propre conversation").click()
    faultless(reader)
    reader.get_by_role("button", name="Continuer dans ma propre conversation").click()
    reader.wait_for_url("**/thread/*")
    own = Chat(reader, app)
    own.ready()
    assert own.conversation()[0] == "What do herons eat?"
    assert own.thread_id() != shared
    own.send("And where?")
    expect(own.entry("What do herons eat?")).to_be_visible()
    page.goto(link)
    page.get_by_label("Password").fill("open sesame")
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_have_count(2)


def test_a_token_is_made_and_revoked_by_keyboard_on_a_phone(app: App, profiles: Callable[..., BrowserContext]) -> None:
    page = profiles(viewport=PHONE, locale="fr-FR").new_page()
    page.goto(app.url + "/login")
    sign_in(page, "camille", "correct horse")
    Chat(page, app).ready()
    page.goto(f"{app.url}/library/tokens")
    faultless(page)
    page.get_by_label("Nom", exact=True).focus()
    page.keyboard.type("Sauvegarde <b>")
    page.keyboard.press("Enter")
    token = page.get_by_label(re.compile("Copiez votre jeton"))
    expect(token).to_have_value(re.compile("^tk_[A-Za-z0-9_-]{80,}$"))
    faultless(page)
    asked = {"headers": {"Authorization": f"Bearer {token.input_value()}", "Cookie": ""}}
    assert page.request.get(f"{app.url}/api/v1/me", **asked).json()["scopes"] == ["read"]  # type: ignore[arg-type]
    page.get_by_role("button", name=re.compile("Révoquer")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Le jeton est révoqué.")
    assert page.request.get(f"{app.url}/api/v1/me", **asked).status == 401  # type: ignore[arg-type]
    page.goto(f"{app.url}/api/v1/docs")
    faultless(page)
