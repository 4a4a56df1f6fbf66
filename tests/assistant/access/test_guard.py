"""The guard in front of an application that stands for Chainlit, without a server."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from chainlit.config import config as chainlit_config
from starlette.requests import Request
from starlette.responses import JSONResponse

from assistant.access import tokens
from assistant.access.accounts import Accounts
from assistant.access.guard import Guard
from assistant.access.sessions import InFiles, Session, SessionFile
from assistant.access.tokens import Token
from assistant.access.values import Values
from assistant.access.visitors import LOCAL, Visitors
from datalayer import StoreUnavailable
from tests.assistant.access.kept import Kept


async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Stands for Chainlit: tells which headers of a session reached it, or accepts a websocket and drains it."""
    if scope["type"] == "http":
        seen = sorted(name.decode() for name, _ in scope["headers"] if name in (b"cookie", b"authorization"))
        return await JSONResponse(seen)(scope, receive, send)
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": message["type"]})


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINLIT_AUTH_SECRET", "t" * 64)


class OnlyAnna(Visitors):
    """The only session is that of Anna, for as long as she is there."""

    def __init__(self, local: bool = False) -> None:
        accounts = Accounts(Values(Kept), hasher=PasswordHasher(1, 64, 1))
        super().__init__(InFiles(SessionFile(Path("/nowhere"), limit=3)), None if local else accounts)
        self.there = True

    async def session(self, token: Token | None) -> Session | None:
        known = token is not None and token.name == "anna" and self.there
        return Session(valid_after=0, opened_at=0, used_at=0, ends_at=9e9) if known else None

    async def begin(self, request: Request, name: str = LOCAL, valid_after: float = 0) -> str:
        return token(name)


async def request(path: str = "/", method: str = "GET", local: bool = False, **headers: str) -> httpx.Response:
    """Ask a guard; header names are given with underscores. The Host is localhost:8000 unless given."""
    guard = Guard(inner, visitors=OnlyAnna(local))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(guard)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        return await client.request(method, path, headers=named)


def token(name: str) -> str:
    return tokens.issue(name, "session", 60)


def cookie(name: str) -> str:
    return f"access_token={token(name)}"


async def websocket(messages: int = 2, **headers: str) -> list[dict[str, Any]]:
    """Connect, send two messages, leave; return what the guard and the application sent.

    ``messages``: after how many the session ends, without another message.
    """
    named = {"host": "localhost:8000", **headers}
    scope = {
        "type": "websocket",
        "path": "/ws/socket.io/",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
    }
    visitors, incoming = OnlyAnna(local=True), [{"type": "websocket.receive", "text": "a"}] * 2
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if len(incoming) == 2 - messages:
            visitors.there = False
            await asyncio.Event().wait()
        return incoming.pop() if incoming else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(message)

    await Guard(inner, visitors=visitors)(scope, receive, send)
    return sent


class TestHost:
    async def test_local_mode_signs_in_with_the_page_itself(self) -> None:
        page = await request("/thread/1", local=True, accept="text/html")
        assert "access_token=" in page.headers["set-cookie"]
        assert "set-cookie" not in (await request("/thread/1", local=True, accept="*/*")).headers
        assert "set-cookie" not in (await request("/thread/1", accept="text/html")).headers
        assert len(page.headers.get_list("content-length")) == 1  # nothing but cookies is added
        signed_in = await request("/thread/1", local=True, accept="text/html", cookie=cookie("anna"))
        assert "set-cookie" not in signed_in.headers

    async def test_the_page_comes_although_no_session_can_be_stored(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def begin(*_: Any) -> str:
            raise OSError("disk full")

        monkeypatch.setattr(OnlyAnna, "begin", begin)
        page = await request("/", local=True, accept="text/html")
        assert (page.status_code, "set-cookie" in page.headers) == (200, False)
        assert [record.getMessage() for record in caplog.records] == ["No session can begin: disk full"]

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "127.1.2.3", "[::1]", "[::1]:8000"])
    async def test_local_mode_answers_loopback_names(self, host: str) -> None:
        assert (await request(local=True, host=host)).status_code == 200

    @pytest.mark.parametrize(
        "host",
        ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "192.168.1.2", "x@localhost"],
    )
    async def test_local_mode_refuses_any_other(self, host: str) -> None:
        assert (await request(local=True, host=host)).status_code == 403
        assert await websocket(host=host, cookie=cookie("anna")) == [{"type": "websocket.close", "code": 1008}]

    async def test_accounts_mode_answers_any_name(self) -> None:
        assert (await request(host="chat.example.org")).status_code == 200

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            *(("/user", 503), ("/project/threads", 503), ("/account", 503), ("/ws/socket.io/?transport=polling", 503)),
            *(("/", 200), ("/thread/1", 200), ("/assets/index.js", 200), ("/login", 200), ("/users", 200)),
        ],
    )
    async def test_while_nobody_knows_who_asks_the_page_comes_and_asks_again(
        self, monkeypatch: pytest.MonkeyPatch, path: str, status: int
    ) -> None:
        async def session(*_: Any) -> Session:
            raise StoreUnavailable("The database does not answer")

        monkeypatch.setattr(OnlyAnna, "session", session)
        answer = await request(path, cookie=cookie("anna"))
        assert answer.status_code == status
        if status == 200:
            assert answer.json() == []  # a stranger's
        assert await websocket(cookie=cookie("anna")) == [{"type": "websocket.close", "code": 1008}]

    async def test_a_header_given_twice_is_refused(self) -> None:
        guard = Guard(inner, visitors=OnlyAnna(local=True))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://localhost") as client:
            for name in ("Cookie", "Origin", "Host", "Authorization"):
                answer = await client.get("/", headers=[("Host", "localhost"), (name, "a"), (name, "b")])
                assert answer.status_code == 400


class TestOrigin:
    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("http://localhost:8000", "localhost:8000"),
            ("https://Chat.example.org", "chat.example.org"),
            ("https://chat.example.org", "chat.example.org:443"),
            ("http://chat.example.org:80", "chat.example.org"),
            ("http://[::1]:8000", "[::1]:8000"),
        ],
    )
    async def test_the_own_origin_passes(self, origin: str, host: str) -> None:
        assert (await request(method="POST", origin=origin, host=host)).status_code == 200

    @pytest.mark.parametrize(
        "origin",
        [
            "null",
            "",
            "http://evil.example",
            "http://localhost:3000",
            "http://localhost",
            "ftp://localhost:8000",
            "https://localhost:8000.evil.example",
            "chrome-extension://localhost:8000",
            "localhost:8000",
        ],
    )
    @pytest.mark.parametrize("local", [True, False])
    async def test_any_other_is_refused(self, origin: str, local: bool) -> None:
        for method in ("GET", "POST", "OPTIONS"):
            assert (await request(method=method, local=local, origin=origin)).status_code == 403
        refused = await websocket(origin=origin, cookie=cookie("anna"))
        assert refused == [{"type": "websocket.close", "code": 1008}]

    async def test_a_foreign_page_may_link_here_and_nothing_else(self) -> None:
        link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
        assert (await request(**link)).status_code == 200
        assert (await request(method="POST", **link)).status_code == 403
        assert (await request(**{**link, "sec_fetch_dest": "iframe"})).status_code == 403
        assert (await request(**{**link, "sec_fetch_mode": "no-cors"})).status_code == 403
        frame = {**link, "sec_fetch_dest": "iframe"}
        assert (await request("/embed/abc", **frame)).status_code == 200
        assert (await request("/embed/abc/x", **frame)).status_code == 403
        assert (await request("/embed/abc", method="POST", **frame)).status_code == 403
        assert (await request(sec_fetch_site="same-origin")).status_code == 200
        assert (await request(sec_fetch_site="none")).status_code == 200


class TestSession:
    async def test_a_current_session_passes_untouched(self) -> None:
        answer = await request(cookie=cookie("anna"), authorization=f"Bearer {token('anna')}")
        assert answer.json() == ["authorization", "cookie"]

    async def test_an_ended_session_is_taken_out_wherever_it_is(self) -> None:
        value = token("bruno")
        for headers in (
            {"cookie": f"access_token={value}"},
            {"cookie": f"access_token_0={value[:20]}; access_token_1={value[20:]}"},
            {"authorization": f"Bearer {value}"},
            {"authorization": f"bearer\t{value}", "cookie": cookie("anna")},
        ):
            assert (await request(**headers)).json() == []
        # What else the browser keeps stays, as the sign of its device.
        for kept in ("device_access_token=b", "access_token_theme=b", "other_thing_x1=b"):
            assert (await request(cookie=f"{kept}; access_token={value}")).json() == ["cookie"]

    async def test_a_request_is_a_use_of_its_session(self, monkeypatch: pytest.MonkeyPatch) -> None:
        used: list[str] = []
        monkeypatch.setattr(OnlyAnna, "used", lambda _, token: used.append(token.name))
        await request(cookie=cookie("anna"))
        await request(cookie="access_token=x")
        assert used == ["anna"]

    async def test_a_request_is_known_to_have_been_of_a_session_that_goes_on(self) -> None:
        visitors = OnlyAnna()
        by_anna, by_nobody = (
            Request({"type": "http", "headers": [(b"cookie", each.encode())]}) for each in (cookie("anna"), "a=b")
        )
        assert [await visitors.stays(by_anna), await visitors.stays(by_nobody)] == [True, False]
        visitors.there = False
        assert not await visitors.stays(by_anna)

    async def test_what_is_no_token_is_left_to_chainlit(self) -> None:
        assert (await request(cookie="access_token=x")).json() == ["cookie"]
        assert (await request(cookie="theme=dark", authorization="Bearer")).json() == ["authorization", "cookie"]

    async def test_the_socket_wants_a_current_cookie_over_polling_too(self) -> None:
        for path in ("/ws/socket.io/", "/chat/ws/socket.io/"):
            assert (await request(path)).status_code == 401
            assert (await request(path, "POST", cookie=cookie("bruno"))).status_code == 401
            assert (await request(path, authorization=f"Bearer {token('anna')}")).status_code == 401
            assert (await request(path, cookie=cookie("anna"))).status_code == 200

    async def test_a_websocket_wants_a_current_cookie(self) -> None:
        assert (await websocket(cookie=cookie("anna")))[0] == {"type": "websocket.accept"}
        for headers in ({}, {"cookie": cookie("bruno")}, {"cookie": "access_token=x"}):
            assert await websocket(**headers) == [{"type": "websocket.close", "code": 1008}]

    async def test_an_open_websocket_ends_with_its_session(self) -> None:
        sent = await websocket(messages=1, cookie=cookie("anna"))
        assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]

    async def test_nothing_waits_for_a_message_once_the_application_has_left_the_websocket(self) -> None:
        waiting, cancelled = asyncio.Event(), asyncio.Event()

        async def receive() -> Any:
            waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            reading = asyncio.create_task(receive())
            await waiting.wait()
            reading.cancel()

        headers = [(b"host", b"localhost"), (b"cookie", cookie("anna").encode())]
        scope = {"type": "websocket", "path": "/ws/socket.io/", "headers": headers}
        await Guard(app, visitors=OnlyAnna(local=True))(scope, receive, inner)
        async with asyncio.timeout(20):
            await cancelled.wait()

    async def test_the_lifespan_is_handed_on(self) -> None:
        seen: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["type"])

        await Guard(app, visitors=OnlyAnna())({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
        assert seen == ["lifespan"]


class TestSharing:
    async def test_sharing_does_not_exist_while_it_is_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = [("/project/thread/share", "PUT"), ("/project/share/some-id", "GET"), ("/chat/project/share/x", "GET")]
        for path, method in asked:
            assert (await request(path, method, cookie=cookie("anna"))).status_code == 404
        assert (await request("/project/thread", "PUT")).status_code == 200
        monkeypatch.setattr(chainlit_config.features, "allow_thread_sharing", True)
        for path, method in asked:
            assert (await request(path, method)).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"])
async def test_there_is_no_documentation_of_the_server_for_anybody(path: str) -> None:
    assert (await request(path, cookie=cookie("anna"))).status_code == 404
