"""Signing in with an account: why it was refused is said in the language of the browser."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chat import App, Chat, with_account

pytestmark = pytest.mark.browser

WRONG = {
    "en-US": "Sign-in failed. Check the account name and the password.",
    "fr-FR": "La connexion a échoué. Vérifiez le nom du compte et le mot de passe.",
}
TOO_MANY = {
    "en-US": "Too many tries for this account. Wait a quarter of an hour, then try again.",
    "fr-FR": "Trop d’essais pour ce compte. Patientez un quart d’heure, puis réessayez.",
}


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with with_account(tmp_path_factory.mktemp("accounts")) as app:
        yield app


@pytest.mark.parametrize("locale", WRONG)
def test_a_refusal_has_a_reason(app: App, profile: Callable[..., BrowserContext], locale: str) -> None:
    context = profile(locale=locale)
    page = context.new_page()
    page.goto(app.url + "/")
    page.wait_for_url(app.url + "/login")
    name = f"intruder-{locale}"
    sign_in(page, name, "wrong password")
    expect(page.get_by_text(WRONG[locale])).to_be_visible()
    for _ in range(9):
        assert context.request.post(app.url + "/login", form={"username": name, "password": "wrong"}).status == 401
    sign_in(page, name, "wrong password")
    expect(page.get_by_text(TOO_MANY[locale])).to_be_visible()
    expect(page.locator("[data-sonner-toast]")).to_have_count(0)

    sign_in(page, "camille", "correct horse")
    Chat(page, app).ready()
    page.close()


def sign_in(page: Page, name: str, password: str) -> None:
    page.locator("#email").fill(name)
    page.locator("#password").fill(password)
    page.locator("button[type=submit]").click()
