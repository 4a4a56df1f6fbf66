"""Browsers without a script on Chainlit's own server, to which the library of a real data layer is mounted."""

import re
from collections.abc import AsyncIterator, Callable
from html import unescape
from typing import Any

import httpx
import pytest
from chainlit.auth import create_jwt
from chainlit.config import config
from chainlit.server import app
from chainlit.user import PersistedUser, User

import library
from datalayer import DataLayer
from tests.conftest import OpenLayer, register, start_thread

HTML = {"accept": "text/html,application/xhtml+xml", "accept-language": "en"}


class Browser(httpx.AsyncClient):
    """Signed in as somebody, on a page."""

    text = ""
    root = ""

    async def visit(self, path: str = "", **headers: str) -> httpx.Response:
        answer = await self.get(f"{self.root}/library{path}", headers=headers)
        self.text = answer.text
        return answer

    @property
    def guard(self) -> str:
        return self.hidden("guard")

    def hidden(self, name: str) -> str:
        found = re.search(f'name="{name}" value="([^"]*)"', self.text)
        assert found, name
        return unescape(found[1])

    async def do(self, what: str, *ids: str, path: str = "/threads", **fields: str) -> httpx.Response:
        """Presses a button of the page it is on."""
        data = {"guard": self.guard, "do": what, "id": list(ids)} | fields
        answer = await self.post(f"{self.root}/library{path}", data=data, headers={"origin": "http://chat"})
        self.text = answer.text
        return answer

    async def undo(self) -> httpx.Response:
        return await self.do("", path="/undo", undo=self.hidden("undo"))

    @property
    def notice(self) -> str:
        found = re.search(r'<div class="notice[^>]*>\s*<p>(.*?)</p>', self.text)
        return unescape(re.sub("</?bdi>", "", found[1])) if found else ""

    @property
    def names(self) -> list[str]:
        return list(map(unescape, re.findall(r'<bdi class="name">(.*?)</bdi>', self.text)))


OpenBrowser = Callable[..., Browser]


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(_name: str, _password: str) -> User | None:
        return None

    monkeypatch.setenv("CHAINLIT_AUTH_SECRET", "a secret of at least thirty-two bytes")
    monkeypatch.setattr(config.code, "password_auth_callback", nobody)


@pytest.fixture
def mounted(chainlit_layer: DataLayer, monkeypatch: pytest.MonkeyPatch) -> DataLayer:
    _mount(chainlit_layer, monkeypatch)
    return chainlit_layer


def _mount(layer: DataLayer, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
    monkeypatch.setattr(app.router, "routes", list(app.router.routes))
    monkeypatch.setattr(config.ui, "header_links", None)
    library.mount(layer, **options)


@pytest.fixture
def layer(open_layer: OpenLayer) -> DataLayer:
    return open_layer(trash_days=30)


@pytest.fixture
async def open_browser(login: None, mounted: DataLayer) -> AsyncIterator[OpenBrowser]:
    """Makes a browser in which the named user is signed in; None: nobody."""
    opened: list[Browser] = []

    def make(identifier: str | None = "ann", **headers: str) -> Browser:
        cookies = {"access_token": create_jwt(User(identifier=identifier))} if identifier else {}
        transport = httpx.ASGITransport(app=app)
        opened.append(Browser(transport=transport, base_url="http://chat", cookies=cookies, headers=HTML | headers))
        return opened[-1]

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
async def ann(mounted: DataLayer) -> PersistedUser:
    return await register(mounted, "ann")


@pytest.fixture
async def browser(open_browser: OpenBrowser) -> Browser:
    """Ann's, on the first page."""
    opened = open_browser()
    await opened.visit()
    return opened


async def thread(layer: DataLayer, user: PersistedUser, name: str, said: str = "Good morning") -> str:
    """A conversation of ``user``'s; returns its id."""
    message = await start_thread(layer, user, output=said)
    await layer.update_thread(message["threadId"], name=name)
    return str(message["threadId"])


def links(text: str) -> list[str]:
    """Where a page leads."""
    return list(map(unescape, re.findall(r'href="([^"]*)"', text)))
