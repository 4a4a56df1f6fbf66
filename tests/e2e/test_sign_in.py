"""Signing in and out of the real server: who gets in while others try, and what ends a session."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from http.cookies import SimpleCookie

import httpx
import pytest
import pytest_asyncio
from chainlit.auth.jwt import create_jwt
from chainlit.user import User
from socketio.exceptions import ConnectionError as Refused

from tests.accounts import AccountsOf
from tests.client import Client
from tests.e2e.conftest import PASSWORD, App, Tabs, tracebacks
from tests.processes import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("team"), THREADKEEP_AUTH="accounts")
    app.home.mkdir(mode=0o700)
    for name in ("alice", "bob", "carol", "dora", "emil", "fay", "gil"):
        AccountsOf(app.home).add(name, PASSWORD)
    yield app
    app.close()


@pytest.fixture(scope="module")
def server(team: App) -> Server:
    return team.alive()


@pytest_asyncio.fixture(loop_scope="module")
async def open_tabs() -> AsyncIterator[Tabs]:
    async with AsyncExitStack() as stack:
        yield Tabs(stack)


async def login(client: httpx.AsyncClient, name: str, password: str = "wrong", **headers: str) -> httpx.Response:
    return await client.post("/login", data={"username": name, "password": password}, headers=headers)


class TestAttacks:
    async def test_wrong_passwords_do_not_lock_out_a_browser_that_knows_her(self, server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.url) as hers, httpx.AsyncClient(base_url=server.url) as other:
            assert (await login(hers, "alice", PASSWORD)).is_success
            assert (await hers.post("/logout")).is_success
            for _ in range(10):
                assert (await login(other, "alice")).status_code == 401
            refused = await login(other, "alice", PASSWORD, **{"Accept-Language": "fr-FR"})
            assert refused.status_code == 429
            assert refused.json()["detail"] == "toomanytries"
            assert refused.json()["message"].startswith("Trop d’essais pour ce compte")
            assert 1 <= int(refused.headers["Retry-After"]) <= 900
            assert (await login(hers, "alice", PASSWORD)).is_success
            forged = {"Cookie": "; ".join(f"{name}=x{value}" for name, value in hers.cookies.items())}
            assert (await login(other, "alice", PASSWORD, **forged)).status_code == 429

    async def test_a_crowd_of_names_is_refused_at_once_and_bob_comes_in(self, server: Server) -> None:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=60) as crowd:
            sent = [asyncio.create_task(login(crowd, f"nobody {number}")) for number in range(60)]
            await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as bob:
                assert (await login(bob, "bob", PASSWORD)).is_success
            answers = await asyncio.gather(*sent)
        busy = [answer for answer in answers if answer.status_code == 503]
        assert busy
        assert {answer.json()["detail"] for answer in busy} == {"busy"}
        assert all(1 <= int(answer.headers["Retry-After"]) <= 10 for answer in busy)
        assert {answer.status_code for answer in answers} == {503, 401}, [answer.text for answer in answers]

    async def test_no_form_at_all(self, server: Server) -> None:
        async with httpx.AsyncClient(base_url=server.url) as client:
            for body in ({}, {"username": "bob"}, {"password": "x"}):
                assert (await client.post("/login", data=body)).status_code == 422
            files = {"username": ("a.txt", b"bob"), "password": ("b.txt", b"x")}
            assert (await client.post("/login", files=files)).status_code in (400, 422)
            assert (await client.post("/login", json=["bob"])).status_code == 422


class TestEnd:
    async def test_sign_out_ends_the_session_in_every_tab_and_after_a_restart(self, team: App, open_tabs: Tabs) -> None:
        url = team.alive().url
        first = await open_tabs(url, "bob")
        second = first.tab()
        await second.connect()
        other = await open_tabs(url, "bob")
        kept = dict(first.http.cookies)
        assert (await first.request("POST", "/logout")).is_success
        for tab in (first, second):
            await tab.wait_for("disconnect")
        await second.disconnect()
        for _ in range(2):
            async with Client(url) as thief:
                thief.http.cookies.update(kept)
                assert (await thief.request("GET", "/user")).status_code == 401
                bearer = {"Authorization": f"Bearer {token(kept)}"}
                assert (await thief.request("GET", "/user", headers=bearer)).status_code == 401
                assert (await thief.request("POST", "/auth/jwt", headers=bearer)).status_code == 401
                with pytest.raises(Refused):
                    await thief.connect()
            assert (await other.request("GET", "/user")).status_code == 200
            await other.disconnect()
            team.close()
            team.alive()
        assert tracebacks(team.alive().log) == []

    async def test_a_token_that_is_exchanged_is_still_the_same_session(self, team: App, open_tabs: Tabs) -> None:
        me = await open_tabs(team.alive().url, "carol", connect=False)
        async with Client(me.url) as other:
            bearer = {"Authorization": f"Bearer {token(dict(me.http.cookies))}"}
            assert (await other.request("POST", "/auth/jwt", headers=bearer)).is_success
            assert (await other.request("GET", "/user")).json()["identifier"] == "carol"
            await me.request("POST", "/logout")
            assert (await other.request("GET", "/user")).status_code == 401

    async def test_a_token_without_a_session_is_nobodys(self, team: App, monkeypatch: pytest.MonkeyPatch) -> None:
        """As Chainlit makes them, and as this app did: signed with the right secret, and without an end."""
        url = team.alive().url
        monkeypatch.setenv("CHAINLIT_AUTH_SECRET", (team.home / "secret").read_text())
        made = create_jwt(User("carol", metadata={"valid_after": AccountsOf(team.home).list()["carol"].valid_after}))
        async with Client(url) as client:
            headers = {"Authorization": f"Bearer {made}"}
            assert (await client.request("GET", "/user", headers=headers)).status_code == 401
            assert (await client.request("POST", "/auth/jwt", headers=headers)).status_code == 401

    async def test_a_change_of_password_ends_an_idle_websocket(self, team: App, open_tabs: Tabs) -> None:
        me = await open_tabs(team.alive().url, "carol")
        AccountsOf(team.home).set_password("carol", PASSWORD)
        await me.wait_for("disconnect", deadline=20)  # engine.io pings after 25 s: nobody has said anything

    async def test_the_local_session_ends_too(self, app: App, open_tabs: Tabs) -> None:
        me = await open_tabs(app.alive().url)
        kept = token(dict(me.http.cookies))
        await me.request("POST", "/logout")
        await me.wait_for("disconnect")
        async with Client(me.url) as client:
            headers = {"Authorization": f"Bearer {kept}"}
            assert (await client.request("GET", "/user", headers=headers)).status_code == 401
            page = await client.request("GET", "/", headers={"Accept": "text/html"})
            assert page.status_code == 200
            assert (await client.request("GET", "/user")).json()["identifier"] == "local"


class TestCookies:
    @pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", False)])
    async def test_they_are_secure_behind_tls_only(self, server: Server, scheme: str, secure: bool) -> None:
        headers = {"X-Forwarded-Proto": scheme, "X-Forwarded-For": "192.0.2.9"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
            made = [
                *set_cookies(await login(client, "carol", PASSWORD)),
                *set_cookies(await client.post("/set-session-cookie", json={"session_id": str(uuid.uuid4())})),
                *set_cookies(await client.post("/logout", headers={"Cookie": header(client)})),
            ]
        assert len({name for name, _ in made}) == 3
        for name, attributes in made:
            assert bool(attributes["secure"]) is secure, name
            assert attributes["samesite"].lower() == "lax", name
            assert attributes["httponly"] or attributes["max-age"] == "0", name

    async def test_a_proxy_that_is_not_trusted_says_nothing(self, app: App) -> None:
        app.env |= {"FORWARDED_ALLOW_IPS": "192.0.2.1"}
        async with httpx.AsyncClient(base_url=app.alive().url, headers={"X-Forwarded-Proto": "https"}) as client:
            [(_, attributes)] = set_cookies(await client.get("/", headers={"Accept": "text/html"}))
            assert not attributes["secure"]

    async def test_two_instances_in_one_browser_do_not_sign_each_other_out(
        self, server: Server, app: App, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        third = App(tmp_path_factory.mktemp("named"), CHAINLIT_AUTH_COOKIE_NAME="mine")
        try:
            async with httpx.AsyncClient() as browser:
                page = {"Accept": "text/html"}
                for url in (app.alive().url, third.alive().url):
                    assert (await browser.get(url + "/", headers=page)).status_code == 200
                data = {"username": "carol", "password": PASSWORD}
                assert (await browser.post(server.url + "/login", data=data)).is_success
                for url, name in ((app.alive().url, "local"), (third.alive().url, "local"), (server.url, "carol")):
                    assert (await browser.get(url + "/user")).json()["identifier"] == name
                await browser.post(third.alive().url + "/logout")
                assert "mine" not in browser.cookies
                assert (await browser.get(app.alive().url + "/user")).status_code == 200
                assert (await browser.get(server.url + "/user")).status_code == 200
        finally:
            third.close()


def token(cookies: dict[str, str]) -> str:
    [value] = [value for name, value in cookies.items() if name.startswith("threadkeep_")]
    return value


def header(client: httpx.AsyncClient) -> str:
    """All cookies, also those that httpx sends over TLS only."""
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)


def set_cookies(answer: httpx.Response) -> list[tuple[str, dict[str, str]]]:
    """Names and attributes of the cookies that an answer sets or takes away."""
    assert answer.is_success
    found = [SimpleCookie(line) for line in answer.headers.get_list("set-cookie")]
    return [(name, dict(morsel)) for cookie in found for name, morsel in cookie.items()]


class TestAccountPage:
    PAGE = {"Accept": "text/html", "Accept-Language": "de, fr;q=0.8, en;q=0.5"}  # noqa: RUF012

    async def test_the_own_password_is_changed_and_all_else_ends(self, team: App, open_tabs: Tabs) -> None:
        url = team.alive().url
        me, other = await open_tabs(url, "dora", connect=False), await open_tabs(url, "dora")
        before = token(dict(me.http.cookies))
        for old, new, again, status, said in (
            ("wrong", "another one", "another one", 422, "n’est pas le bon"),
            (PASSWORD, "another one", "another two", 422, "diffèrent"),
            (PASSWORD, "short", "short", 422, "8\u00a0caractères"),
        ):
            answer = await change(me, old, new, again)
            assert (answer.status_code, said in answer.text) == (status, True), answer.text
        assert (await me.request("GET", "/user")).status_code == 200
        answer = await change(me, PASSWORD, "another one", "another one")
        assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=password")
        await other.wait_for("disconnect")
        assert token(dict(me.http.cookies)) != before
        for stale in (before, token(dict(other.http.cookies))):
            async with Client(url) as thief:
                answer = await thief.request("GET", "/user", headers={"Authorization": f"Bearer {stale}"})
                assert answer.status_code == 401
        page = await me.request("GET", "/account?done=password", headers=self.PAGE)
        assert "Le mot de passe est changé" in page.text
        async with httpx.AsyncClient(base_url=url) as again_in:
            assert (await login(again_in, "dora", PASSWORD)).status_code == 401
            assert (await login(again_in, "dora", "another one")).is_success

    async def test_the_old_password_is_not_to_be_guessed(self, team: App, open_tabs: Tabs) -> None:
        me = await open_tabs(team.alive().url, "emil", connect=False)
        answers = [await change(me, f"wrong {number}", "another one", "another one") for number in range(11)]
        assert [answer.status_code for answer in answers] == [422] * 10 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert (await me.request("GET", "/user")).status_code == 200

    async def test_the_own_sessions_are_shown_and_ended(self, team: App, open_tabs: Tabs) -> None:
        url = team.alive().url
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        me = await open_tabs(url, "fay", connect=False, **{"User-Agent": agent})
        phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1"
        other = await open_tabs(url, "fay", **{"User-Agent": phone})
        third = await open_tabs(url, "fay", connect=False, **{"User-Agent": '<script>alert("x")</script>'})
        page = (await me.request("GET", "/account", headers=self.PAGE)).text
        assert 'lang="fr"' in page
        assert [said in page for said in ("Firefox sur Linux", "ce navigateur", "Safari sur iPhone")] == [True] * 3
        assert "<script" not in page
        keys = re.findall(r'name="end" value="([^"]+)" aria-label="[^"]*Safari', page)
        answer = await me.request("POST", "/account/sessions", data={"guard": guard(page), "end": keys[0]})
        assert answer.headers["location"] == "/account?done=1"
        await other.wait_for("disconnect")
        assert (await third.request("GET", "/user")).status_code == 200
        answer = await me.request("POST", "/account/sessions", data={"guard": guard(page), "others": "yes"})
        assert answer.headers["location"] == "/account?done=1"
        assert (await third.request("GET", "/user")).status_code == 401
        assert (await me.request("GET", "/user")).status_code == 200
        last = (await me.request("GET", "/account?done=2", headers=self.PAGE)).text
        assert "2\u00a0sessions sont fermées" in last
        assert 'name="end"' not in last

    async def test_a_form_from_elsewhere_does_nothing(self, team: App, open_tabs: Tabs) -> None:
        me = await open_tabs(team.alive().url, "gil", connect=False)
        await open_tabs(me.url, "gil", connect=False)
        page = (await me.request("GET", "/account", headers=self.PAGE)).text
        data = {"others": "yes", "guard": guard(page)}
        evil = {"Origin": "https://evil.example"}
        assert (await me.request("POST", "/account/sessions", data=data, headers=evil)).status_code == 403
        async with Client(me.url) as stranger:
            assert (await stranger.request("GET", "/account")).status_code == 401
            led = await stranger.request("GET", "/account", headers=self.PAGE)
            assert (led.status_code, led.headers["location"]) == (303, "/login?next=/account")
            for path in ("/account/sessions", "/account/password"):
                assert (await stranger.request("POST", path, data=data)).status_code == 401
                for forged in ({}, {"guard": ""}, {"guard": "é"}, {"guard": "0" * 64}):
                    assert (await me.request("POST", path, data=forged)).status_code == 403
        policy = (await me.request("GET", "/account")).headers["content-security-policy"]
        assert "unsafe" not in policy
        assert page.count('name="end"') == 1

    async def test_a_link_leads_over_the_sign_in_page(self, team: App) -> None:
        async with Client(team.alive().url) as stranger:
            for path in ("/thread/1f0c", "/element/1f0c"):
                led = await stranger.request("GET", path, headers=self.PAGE)
                assert (led.status_code, led.headers["location"]) == (303, f"/login?next={path}")
            led = await stranger.request("GET", "/thread/1f0c?step=2a", headers=self.PAGE)
            assert led.headers["location"] == "/login?next=/thread/1f0c%3Fstep%3D2a"
            for path in ("/", "/login", "/thread", "/public/login.svg"):
                assert (await stranger.request("GET", path, headers=self.PAGE)).status_code == 200
            odd = await stranger.request("GET", "/thread/%2F%2Fevil.example%3Fx&y", headers=self.PAGE)
            assert odd.status_code in (200, 303)
            assert odd.headers.get("location", "/login").startswith("/login")


async def change(client: Client, old: str, new: str, again: str) -> httpx.Response:
    page = (await client.request("GET", "/account")).text
    data = {"guard": guard(page), "old": old, "new": new, "again": again}
    return await client.request("POST", "/account/password", data=data, headers=TestAccountPage.PAGE)


def guard(page: str) -> str:
    found = re.search(r'name="guard" value="(\w+)"', page)
    assert found
    return found[1]
