"""The way in and one's own account in a real browser: by keyboard, in both themes, on a phone, without a script."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.accounts import AccountsOf
from tests.browser.chat import App, Chat, with_account
from tests.browser.test_browser_sign_in import sign_in

pytestmark = pytest.mark.browser

PASSWORD, NEW = "correct horse", "battery staple"


@pytest.fixture(scope="module", params=["", "/chat"], ids=["root", "below a path"])
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[App]:
    env = {"CHAINLIT_ROOT_PATH": request.param} if request.param else {}
    with with_account(tmp_path_factory.mktemp("account"), PASSWORD, **env) as app:
        app.url += request.param
        yield app


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes']}" for each in found if each["impact"] in ("serious", "critical")]


def test_a_link_survives_the_sign_in_and_the_account_is_in_the_app(
    app: App, profile: Callable[..., BrowserContext]
) -> None:
    page = profile(locale="fr-FR").new_page()
    page.goto(f"{app.url}/")
    sign_in(page, "camille", PASSWORD)
    chat = Chat(page, app)
    chat.ready()
    chat.send("Bonjour")
    thread = f"{app.url}/thread/{chat.thread_id()}"
    page.context.clear_cookies()
    page.reload()
    page.wait_for_url(f"{app.url}/login?next={urlsplit(thread).path}")
    sign_in(page, "camille", PASSWORD)
    page.wait_for_url(thread)
    expect(chat.questions).to_have_text("Bonjour")

    said = page.locator(".step [id^=step-]").first.get_attribute("id")
    assert said
    page.context.clear_cookies()
    page.goto(f"{thread}?step={said.removeprefix('step-')}")
    sign_in(page, "camille", PASSWORD)
    expect(page.locator(".pointed-at")).to_contain_text("Bonjour")
    page.goto(thread)

    other = profile(locale="en-GB").new_page()  # another browser
    other.request.post(app.url + "/login", form={"username": "camille", "password": PASSWORD})
    other.goto(app.url + "/account")
    other.get_by_role("button", name="End all others").click()
    # An open page leaves by itself: the server leads it, with where it was, or Chainlit does, and the tab knows it.
    expect(page).to_have_url(re.compile(rf"{re.escape(app.url)}/login(\?next={urlsplit(thread).path})?$"))
    other.close()
    sign_in(page, "camille", PASSWORD)
    page.wait_for_url(thread)
    chat.ready()

    page.get_by_role("link", name="Compte").click()
    page.wait_for_url(app.url + "/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre compte")
    page.get_by_role("link", name="Retour aux conversations").click()
    chat.ready()
    page.close()


@pytest.mark.parametrize("app", [""], indirect=True, ids=["root"])
def test_a_sign_out_is_seen_in_every_tab(app: App, browser: Browser) -> None:
    context = browser.new_context(locale="en-US")
    context.request.post(app.url + "/login", form={"username": "camille", "password": PASSWORD})
    first, second = context.new_page(), context.new_page()
    for page in (first, second):
        page.goto(app.url + "/")
        Chat(page, app).ready()
    first.locator("#user-nav-button").click()
    first.get_by_role("menuitem", name="Sign out").click()
    for page in (first, second):
        page.wait_for_url(app.url + "/login")
    context.close()


@pytest.mark.parametrize("app", [""], indirect=True, ids=["root"])
def test_another_origin_is_never_led_to(app: App, profile: Callable[..., BrowserContext]) -> None:
    context = profile(locale="en-GB")
    for address in ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"):
        context.clear_cookies()
        page = context.new_page()
        page.goto(f"{app.url}/login?next={address}")
        sign_in(page, "camille", PASSWORD)
        Chat(page, app).ready()
        assert page.url == app.url + "/"
        page.close()  # else it would go to the login by itself, once its cookie is gone


@pytest.mark.parametrize("app", [""], indirect=True, ids=["root"])
def test_the_account_without_a_script(app: App, browser: Browser) -> None:
    phone = {"width": 390, "height": 844}
    context = browser.new_context(locale="en-US", java_script_enabled=False, viewport=phone)
    other = browser.new_context(locale="en-US")
    for each in (context, other):
        login = each.request.post(app.url + "/login", form={"username": "camille", "password": PASSWORD})
        assert login.ok
    page = context.new_page()
    page.goto(app.url + "/account")
    expect(page.get_by_text("this browser")).to_have_count(1)
    for _ in range(2):
        page.keyboard.press("Tab")
    for value in (PASSWORD, NEW, NEW):  # by keyboard alone
        page.keyboard.type(value)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The password is changed, and all other sessions have ended.")
    assert other.request.get(app.url + "/user").status == 401
    assert context.request.get(app.url + "/user").status == 200
    assert other.request.post(app.url + "/login", form={"username": "camille", "password": NEW}).ok

    page.reload()
    page.get_by_label("Current password").fill("wrong")
    for label in ("New password", "New password once more"):
        page.get_by_label(label, exact=True).fill(NEW)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_have_text("The current password is not right.")
    page.get_by_role("button", name=re.compile("^End the session of Chrome on Linux")).first.click()
    expect(page.get_by_role("status")).to_contain_text("ended")
    AccountsOf(app.home).set_password("camille", PASSWORD)
    context.close()
    other.close()


@pytest.mark.parametrize("app", [""], indirect=True, ids=["root"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anybody_can_read_it(app: App, browser: Browser, scheme: str) -> None:
    context = browser.new_context(locale="fr-FR", color_scheme=scheme, viewport={"width": 390, "height": 844})  # type: ignore[arg-type]
    for _ in range(2):
        context.request.post(app.url + "/login", form={"username": "camille", "password": PASSWORD})
        other = browser.new_context()
        other.request.post(app.url + "/login", form={"username": "camille", "password": PASSWORD})
        other.close()
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(app.url + "/account")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(252, 250, 248)", "dark": "rgb(22, 28, 29)"}[scheme]
    assert faults == []
    assert serious(page) == []
    context.close()
