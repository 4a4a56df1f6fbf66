"""Signing in, the signing secret, the command line, and the real server in both modes."""

import asyncio
import fcntl
import json
import subprocess
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio

from assistant.access.auth import _is_loopback, signing_secret
from assistant.config import Config
from tests.accounts import AccountsOf
from tests.client import until
from tests.processes import Server, ServerFailed, free_port, module, run, running_server
from tests.servers import databases

PASSWORD = "correct horse"
POLLING = "/ws/socket.io/?EIO=4&transport=polling"
APP = """
import chainlit as cl
from assistant import config, services
from assistant.access import auth

loaded = config.load()
auth.install(loaded)

@cl.data_layer
def data_layer():
    return services.make_layer(loaded)

@cl.on_message
async def answer(message: cl.Message) -> None:
    await cl.Message("heard").send()
"""


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINLIT_AUTH_SECRET", "t" * 64)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_addresses(host: str) -> None:
    assert _is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.168.1.2", "example.org", "localhost.example.org"])
def test_other_addresses(host: str) -> None:
    assert not _is_loopback(host)


# --- the signing secret ------------------------------------------------------------------------------------------


class TestSecret:
    @pytest.fixture
    def config(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
        monkeypatch.delenv("CHAINLIT_AUTH_SECRET")
        monkeypatch.setenv("THREADKEEP_HOME", str(tmp_path))
        return Config()

    def test_it_is_made_once_and_private(self, config: Config) -> None:
        first = signing_secret(config)
        assert len(first) >= 64
        assert signing_secret(config) == first
        assert (config.home / "secret").stat().st_mode & 0o777 == 0o600

    def test_permissions_are_corrected(self, config: Config) -> None:
        first = signing_secret(config)
        (config.home / "secret").chmod(0o644)
        assert signing_secret(config) == first
        assert (config.home / "secret").stat().st_mode & 0o777 == 0o600

    def test_a_file_left_short_by_a_crash_is_filled(self, config: Config) -> None:
        (config.home / "secret").write_text("ab")
        filled = signing_secret(config)
        assert len(filled) >= 64
        assert signing_secret(config) == filled  # and nobody is signed out by the next start

    def test_the_configured_one_wins(self, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CHAINLIT_AUTH_SECRET", "c" * 40)
        assert signing_secret(Config()) == "c" * 40
        assert not (config.home / "secret").exists()

    def test_one_of_two_that_start_at_once_waits_for_the_other(
        self, config: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits, flock = threading.Event(), fcntl.flock

        def seen(file: Any, operation: int) -> None:
            waits.set()
            flock(file, operation)

        with (config.home / "secret").open("w") as first, ThreadPoolExecutor(1) as pool:
            flock(first, fcntl.LOCK_EX)  # the first has made the file, and has not filled it yet
            monkeypatch.setattr("assistant.access.auth.fcntl.flock", seen)
            second = pool.submit(signing_secret, config)
            assert waits.wait(60)
            first.write("f" * 64)
            first.flush()
            flock(first, fcntl.LOCK_UN)
            assert second.result(60) == "f" * 64


# --- the command line --------------------------------------------------------------------------------------------


def users(home: Path, *arguments: str, password: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    env = {"THREADKEEP_HOME": str(home), **env}
    return run(module("assistant"), "users", *arguments, cwd=home, env=env, stdin=password)


class TestCommandLine:
    def test_the_life_of_an_account(self, tmp_path: Path) -> None:
        accounts = AccountsOf(tmp_path)
        assert users(tmp_path, "add", "Zoé", "--password-stdin", password=PASSWORD + "\n").returncode == 0
        assert accounts.signs_in("Zoé", PASSWORD)
        assert users(tmp_path, "passwd", "Zoé", "--password-stdin", password="another password").returncode == 0
        assert accounts.signs_in("Zoé", "another password")
        assert users(tmp_path, "disable", "Zoé").returncode == 0
        assert "Zoé\tdisabled\t20" in users(tmp_path, "list").stdout
        assert users(tmp_path, "enable", "Zoé").returncode == 0
        listed = users(tmp_path, "list").stdout
        assert "Zoé\tactive\t20" in listed
        assert "argon2" not in listed

    @pytest.mark.services
    @pytest.mark.parametrize("kind", ["postgres", "mysql"])
    def test_it_is_the_same_on_a_server_and_two_at_once_lose_nothing(self, tmp_path: Path, kind: str) -> None:
        given = {"THREADKEEP_DATABASE_URL": databases.empty_database(kind)}
        names = [f"Zoé {number}" for number in range(4)]

        def add(name: str) -> int:
            return users(tmp_path, "add", name, "--password-stdin", password=PASSWORD, **given).returncode

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(add, names)) == [0] * 4
        assert users(tmp_path, "add", names[0], "--password-stdin", password=PASSWORD, **given).returncode == 1
        assert users(tmp_path, "disable", names[1], **given).returncode == 0
        listed = [line.split("\t")[:2] for line in users(tmp_path, "list", **given).stdout.splitlines()]
        assert listed == [[name, "disabled" if name == names[1] else "active"] for name in names]
        assert AccountsOf(tmp_path, given["THREADKEEP_DATABASE_URL"]).signs_in(names[0], PASSWORD)

    @pytest.mark.parametrize(
        ("arguments", "password"),
        [
            (["add", "a/b", "--password-stdin"], PASSWORD),
            (["add", "anna", "--password-stdin"], "short"),
            (["disable", "nobody"], ""),
            (["passwd", "nobody", "--password-stdin"], PASSWORD),
        ],
    )
    def test_an_error_is_one_line(self, tmp_path: Path, arguments: list[str], password: str) -> None:
        done = users(tmp_path, *arguments, password=password)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1

    def test_a_database_that_does_not_answer_is_one_line_without_its_password(self, tmp_path: Path) -> None:
        away = f"postgresql+asyncpg://ann:a-secret@127.0.0.1:{free_port()}/chat"
        for arguments in (["list"], ["add", "anna", "--password-stdin"], ["disable", "anna"]):
            done = users(tmp_path, *arguments, password=PASSWORD, THREADKEEP_DATABASE_URL=away)
            assert (done.returncode, done.stdout) == (1, "")
            assert len(done.stderr.splitlines()) == 1
            assert "a-secret" not in done.stderr

    def test_a_damaged_file_and_a_bad_variable_are_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "accounts.json").write_text("{")
        for done in (users(tmp_path, "list"), users(tmp_path, "list", CHAINLIT_PORT="x")):
            assert done.returncode == 1
            assert len(done.stderr.splitlines()) == 1


# --- the real server ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("app")
    (path / "app.py").write_text(APP)
    return path


@pytest.fixture(scope="module")
def local_server(folder: Path) -> Iterator[Server]:
    with running_server(folder, {"THREADKEEP_HOME": str(folder / "local")}, free_port()) as server:
        yield server


@pytest.fixture(scope="module")
def accounts(folder: Path) -> AccountsOf:
    (folder / "accounts").mkdir()
    return AccountsOf(folder / "accounts")


@pytest.fixture(scope="module")
def accounts_server(folder: Path, accounts: AccountsOf) -> Iterator[Server]:
    env = {"THREADKEEP_HOME": str(folder / "accounts"), "THREADKEEP_AUTH": "accounts"}
    with running_server(folder, env, free_port()) as server:
        yield server


@pytest.fixture
async def local(local_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=local_server.url) as client:
        yield client


@pytest.fixture
async def remote(accounts_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=accounts_server.url) as client:
        yield client


async def sign_in(client: httpx.AsyncClient, name: str, password: str) -> httpx.Response:
    return await client.post("/login", data={"username": name, "password": password})


def token_of(client: httpx.AsyncClient) -> str:
    """The token of its session, whose cookie is named after the data folder."""
    [token] = [value for name, value in client.cookies.items() if name.startswith("threadkeep_")]
    return token


def hello() -> dict[str, str]:
    """Return what a browser says of itself when it connects: a session of its own."""
    return {"sessionId": str(uuid.uuid4()), "clientType": "webapp"}


async def open_socket(client: httpx.AsyncClient, **headers: str) -> socketio.AsyncClient:
    """Connect as a browser with the client's cookies would. Raises socketio's ConnectionError."""
    socket = socketio.AsyncClient(reconnection=False)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    await socket.connect(
        str(client.base_url),
        headers={"Cookie": cookies, **headers},
        auth=hello(),
        socketio_path="/ws/socket.io",
        transports=["websocket"],
        wait_timeout=60,
    )
    return socket


async def turned_away(client: httpx.AsyncClient) -> None:
    """The server has heard of what another process has changed."""

    async def unknown() -> bool:
        return (await client.get("/user")).status_code == 401

    await until(unknown)


class TestLocalServer:
    async def test_the_person_is_let_in_without_a_form(self, local: httpx.AsyncClient) -> None:
        assert (await local.get("/user")).status_code == 401
        assert (await local.get("/auth/config")).json()["headerAuth"] is True
        assert (await local.post("/auth/header")).status_code == 200
        assert (await local.get("/user")).json()["identifier"] == "local"

    async def test_other_names_and_other_sites_are_refused(self, local: httpx.AsyncClient) -> None:
        assert (await local.get("/", headers={"Host": "evil.example"})).status_code == 403
        assert (await local.post("/auth/header", headers={"Origin": "http://evil.example"})).status_code == 403
        assert (await local.post("/auth/header", headers={"Origin": str(local.base_url).rstrip("/")})).is_success

    async def test_the_socket_opens_for_this_site_only(self, local: httpx.AsyncClient) -> None:
        await local.post("/auth/header")
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            assert (await local.get(POLLING, headers=headers)).status_code == 403
            with pytest.raises(socketio.exceptions.ConnectionError):
                await open_socket(local, **headers)
        own = {"Origin": str(local.base_url).rstrip("/")}
        assert (await local.get(POLLING, headers=own)).status_code == 200
        await (await open_socket(local, **own)).disconnect()

    async def test_sharing_does_not_exist(self, local: httpx.AsyncClient) -> None:
        await local.post("/auth/header")
        assert (await local.get("/project/share/x")).status_code == 404
        body = {"threadId": "x", "isShared": True}
        assert (await local.put("/project/thread/share", json=body)).status_code == 404

    def test_it_refuses_to_listen_to_other_machines(self, folder: Path) -> None:
        for host in ("0.0.0.0", "::", ""):
            env = {"THREADKEEP_HOME": str(folder / "open"), "CHAINLIT_HOST": host}
            with pytest.raises(ServerFailed) as caught, running_server(folder, env, free_port()):
                pass
            assert caught.value.returncode == 1
            assert "Traceback" not in caught.value.output
            lines = [line for line in caught.value.output.splitlines() if " - INFO - " not in line]
            assert len(lines) == 1
            assert f"CHAINLIT_HOST={host} " in lines[0]
            assert "THREADKEEP_AUTH=accounts" in lines[0]


class TestAccountsServer:
    async def test_unknown_disabled_and_wrong_are_answered_alike(
        self, remote: httpx.AsyncClient, accounts: AccountsOf
    ) -> None:
        accounts.add("known", PASSWORD)
        accounts.add("gone", PASSWORD)
        accounts.disable("gone")
        answers = [await sign_in(remote, name, "wrong password") for name in ("known", "gone", "unknown", "a/b")]
        answers.append(await sign_in(remote, "gone", PASSWORD))
        assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
        assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1

    async def test_signing_in(self, remote: httpx.AsyncClient, accounts: AccountsOf) -> None:
        accounts.add("anna", PASSWORD)
        assert (await sign_in(remote, "anna", PASSWORD)).status_code == 200
        assert (await remote.get("/user")).json()["identifier"] == "anna"
        assert (await remote.post("/auth/header")).status_code == 400

    @pytest.mark.parametrize("end", ["disable", "passwd"])
    async def test_a_session_ends_soon(self, remote: httpx.AsyncClient, accounts: AccountsOf, end: str) -> None:
        accounts.add(end, PASSWORD)
        await sign_in(remote, end, PASSWORD)
        bearer = {"Authorization": f"Bearer {token_of(remote)}"}
        assert (await remote.get("/user")).status_code == 200
        if end == "disable":
            accounts.disable(end)
        else:
            accounts.set_password(end, "another password")
        await turned_away(remote)
        assert (await remote.post("/project/threads", json={})).status_code == 401
        assert (await remote.post("/auth/jwt", headers=bearer)).status_code == 401
        # The way back in stays open, although the browser still sends the old cookie.
        assert (await remote.get("/login")).status_code == 200
        answer = await sign_in(remote, end, "another password")
        assert answer.status_code == (401 if end == "disable" else 200)
        assert (await remote.get("/user")).status_code == answer.status_code

    async def test_an_open_websocket_ends_with_its_session(
        self, remote: httpx.AsyncClient, accounts: AccountsOf, accounts_server: Server
    ) -> None:
        accounts.add("websocket", PASSWORD)
        await sign_in(remote, "websocket", PASSWORD)
        socket, gone = await open_socket(remote), asyncio.Event()
        socket.on("disconnect", lambda *reason: gone.set())
        accounts.disable("websocket")
        await socket.emit("fetch_favorites")
        await asyncio.wait_for(gone.wait(), 10)  # before the first ping: the message was the end
        with pytest.raises(socketio.exceptions.ConnectionError):
            await open_socket(remote)
        assert "Traceback" not in accounts_server.log.read_text()

    async def test_polling_ends_with_its_session(self, remote: httpx.AsyncClient, accounts: AccountsOf) -> None:
        accounts.add("polling", PASSWORD)
        await sign_in(remote, "polling", PASSWORD)
        url = f"{POLLING}&sid={json.loads((await remote.get(POLLING)).text[1:])['sid']}"
        assert (await remote.post(url, content=f"40{json.dumps(hello())}")).text.lower() == "ok"
        assert (await remote.get(url)).text.startswith('40{"sid"')
        accounts.disable("polling")
        await turned_away(remote)
        event = '42["fetch_favorites"]'
        assert (await remote.post(url, content=event)).status_code == 401
        assert (await remote.get(url)).status_code == 401
        remote.cookies.clear()
        assert (await remote.post(url, content=event)).status_code == 401

    async def test_the_eleventh_try_is_refused(self, remote: httpx.AsyncClient, accounts: AccountsOf) -> None:
        accounts.add("tried", PASSWORD)
        for name in ("tried", "nobody at all"):
            tries = [(await sign_in(remote, name, "wrong password")).status_code for _ in range(11)]
            assert tries == [401] * 10 + [429]
        assert (await sign_in(remote, "tried", PASSWORD)).status_code == 429

    def test_a_damaged_file_stops_the_start(self, folder: Path) -> None:
        home = folder / "damaged"
        home.mkdir()
        (home / "accounts.json").write_text("{")
        env = {"THREADKEEP_HOME": str(home), "THREADKEEP_AUTH": "accounts"}
        with pytest.raises(ServerFailed) as caught, running_server(folder, env, free_port()):
            pass
        assert caught.value.returncode == 1
        assert "damaged" in caught.value.output
        assert "Traceback" not in caught.value.output
