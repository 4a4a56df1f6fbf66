"""A real page at two instances behind nginx: the one that holds it is killed, and the page goes on at the other."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.accounts import AccountsOf
from tests.browser.chat import App, Chat
from tests.servers import postgres
from tests.servers.gemini import GeminiServer, finish, text
from tests.servers.nginx import Nginx
from tests.servers.redis import RedisServer
from tests.servers.s3 import S3Server

pytestmark = [pytest.mark.browser, pytest.mark.services]


@dataclass
class Pair:
    url: str
    apps: dict[str, App]


@pytest.fixture(scope="module")
def pair(
    browser: Browser, gemini: GeminiServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    redis = RedisServer(folder)
    redis.start()
    with postgres.running() as database:
        env = {
            "THREADKEEP_DATABASE_URL": f"{database.url}?heartbeat=0.3",
            "THREADKEEP_FILES": f"s3://{s3_server.new_bucket()}/files",
            **s3_server.environment(),
            "THREADKEEP_MEMORY_URL": redis.url,
            "THREADKEEP_AUTH": "accounts",
            "CHAINLIT_AUTH_SECRET": "s" * 64,
            "CHAINLIT_AUTH_COOKIE_NAME": "threadkeep",
            "THREADKEEP_BACKUPS": "off",
            "GEMINI_API_KEY": "AIzaSy-not-a-real-key-0123456789",
            "GEMINI_BASE_URL": gemini.url,
        }
        AccountsOf(folder / "command", database.url).add("camille", "correct horse")
        apps = {name: App(folder / name, **env) for name in "12"}
        proxy = Nginx(folder, (apps["1"]._port, apps["2"]._port))
        try:
            for app in apps.values():
                app.start()
            proxy.start()
            yield Pair(proxy.url, apps)
        finally:
            proxy.close()
            for app in apps.values():
                app.close()
            redis.kill()


def test_a_page_whose_instance_is_killed_goes_on_at_the_other(
    pair: Pair, gemini: GeminiServer, profile: Callable[..., BrowserContext]
) -> None:
    context = profile()
    page = context.new_page()
    chat = Chat(page, pair.apps["1"])
    page.goto(pair.url)
    page.locator("#email").fill("camille")
    page.locator("#password").fill("correct horse")
    page.locator("button[type=submit]").click()
    chat.ready()

    def place() -> str:
        return next(str(cookie["value"]) for cookie in context.cookies() if cookie["name"] == "threadkeep_at")

    gemini.script(text("Fine."), finish())
    chat.send("Hello")
    first = place()
    pair.apps[first].kill(signal.SIGKILL)
    gemini.script(text("Still here."), finish())
    chat.type("Are you there?")
    chat.submit()
    expect(chat.answers).to_have_count(2)
    assert chat.answer(1) == "Still here."
    assert place() != first
    gemini.script(text("A glacier."), finish())
    assert chat.send("Read this", ("note.txt", "text/plain", b"Glaciers move.")) == "A glacier."
    assert page.locator("#email").count() == 0
    told = chat.conversation()
    chat.reload()
    expect(chat.answers).to_have_count(3)
    assert chat.conversation() == told
