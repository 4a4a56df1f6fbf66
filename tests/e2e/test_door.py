"""What a client names and sends, at an app of ten lines that has nothing but the data layer, and at the whole app."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from socketio.exceptions import ConnectionError as Refused

from tests import raw
from tests.client import Client, until
from tests.e2e.conftest import tracebacks
from tests.e2e.test_wheel import TEN_LINES
from tests.processes import ROOT, Server, free_port, running_server

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app of ten lines."""
    folder = tmp_path_factory.mktemp("small") / "app"
    folder.mkdir()
    (folder / "app.py").write_text(TEN_LINES)
    (folder / "dot.png").write_bytes(b"x")
    with running_server(folder, {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}, free_port()) as server:
        yield server


@pytest.fixture
async def ann(small: Server) -> AsyncIterator[Client]:
    async with Client(small.url, greets=False) as client:
        yield await client.login("ann", "open")


def folder_of(server: Server) -> Path:
    return server.log.parent


def said(server: Server, what: str) -> list[str]:
    return [line for line in server.log.read_text().splitlines() if what in line]


def hello(**over: Any) -> dict[str, Any]:
    return {"sessionId": str(uuid.uuid4()), "clientType": "webapp"} | over


# --- the handshake -------------------------------------------------------------------------------------------------

NO_SESSIONS = [
    *("../../precious", "..", ".", "", "x", "a/b", "C:\\x", "\0", "a" * 5000),
    *(uuid.uuid4().hex, f"{{{uuid.uuid4()}}}", f"urn:uuid:{uuid.uuid4()}", f"{uuid.uuid4()}\n", f" {uuid.uuid4()}"),
    str(uuid.UUID(int=2**128 - 1)).upper(),
    *(7, None, ["x"], {"a": 1}, True),
]


async def test_a_session_is_named_by_a_uuid_or_there_is_none(ann: Client, small: Server) -> None:
    precious = folder_of(small) / "precious"
    precious.mkdir()
    (precious / "kept.txt").write_text("kept")
    for name in (str(precious), *NO_SESSIONS):
        async with raw.websocket(ann, hello(sessionId=name)) as socket:
            assert (await raw.answer(socket, "40", "44")).startswith('44{"message":"A session is named by a UUID')
            await socket.send('42["clear_session"]')
        assert (await ann.upload("x.txt", b"x", session_id=str(name))).status_code == 404
    async with Client(small.url, greets=False) as other:  # a session's end takes its own files along
        await (await other.login("ann", "open")).connect()
        await other.attach("a.txt", b"a")
        uploads = folder_of(small) / ".files" / other.session_id
        assert uploads.is_dir()
        await other.disconnect(leave=True)

        async def gone() -> bool:
            return not uploads.exists()

        await until(gone)
    assert (precious / "kept.txt").read_text() == "kept"
    assert tracebacks(small.log) == []


@pytest.mark.parametrize(
    "over",
    [
        {"clientType": "slack"},  # for which the data layer acts in the name of the application
        {"clientType": None},
        {"clientType": ["webapp"]},
        {"threadId": 7},
        {"threadId": {"a": 1}},
        {"chatProfile": ["x"]},
        {"chatProfile": "x" * 5000},
    ],
    ids=str,
)
async def test_what_no_page_says_of_itself_is_refused_with_a_sentence(ann: Client, over: dict[str, Any]) -> None:
    async with raw.websocket(ann, hello(**over)) as socket:
        assert (await raw.answer(socket, "40", "44")).startswith('44{"message":"')


async def test_no_words_at_all_and_too_many_are_refused(ann: Client, small: Server) -> None:
    for auth in ([1], "x", 7, []):
        async with raw.websocket(ann, auth) as socket:
            assert (await raw.answer(socket, "40", "44")).startswith("44")
    async with raw.websocket(ann, hello(userEnv="x" * 100_000)) as socket:
        assert await raw.answer(socket, "40", "44") == ""
    assert tracebacks(small.log) == []


async def test_a_page_cannot_connect_twice_by_an_event(ann: Client, small: Server) -> None:
    """socket.io would hand the event to the handler of connections, with an environment of the client's making."""
    precious = folder_of(small) / "by-event"
    precious.mkdir()
    async with raw.websocket(ann, hello()) as socket:
        await raw.answer(socket, "40")
        await socket.send(f'42["connect", {{"HTTP_COOKIE": ""}}, {{"sessionId": "{precious}"}}]')
        await socket.send('42["disconnect"]')
        await socket.send('421["connection_successful"]')
        assert await raw.answer(socket, "431")
    assert precious.is_dir()
    assert tracebacks(small.log) == []


async def test_what_a_page_brings_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        TEN_LINES.replace("reply = ", 'await cl.Message(str(cl.user_session.get("env"))).send(); reply = ')
    )
    (tmp_path / "dot.png").write_bytes(b"x")
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}
    with running_server(tmp_path, env, free_port()) as server:
        async with Client(server.url, greets=False) as client:
            await client.login("ann", "open")
            auth = hello(sessionId=client.session_id, userEnv='{"KEY": "x"}')
            async with raw.websocket(client, auth) as socket:
                assert (await raw.answer(socket, "40", "44")).startswith("40")
            await client.connect()  # the same session, by its id
            assert "{}" in [step["output"] for step in await client.send("Hello")]


async def test_one_person_has_so_many_sessions_and_the_oldest_that_nobody_looks_at_ends(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TEN_LINES + "\nfrom datalayer import door\ndoor.use(door.Limits(sessions=2))\n")
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}
    with running_server(tmp_path, env, free_port()) as server:
        async with Client(server.url, greets=False) as first, Client(server.url, greets=False) as second:
            for client in (first, second):
                await (await client.login("ann", "open")).connect()
            third = first.tab()
            with pytest.raises(Refused):
                await third.connect()
            assert said(server, "Too many pages of yours are open")
            await first.disconnect()
            await (await Client(server.url, greets=False).login("ben", "open")).connect()  # another person
            await third.connect()
            assert (await third.upload("a.txt", b"a")).status_code == 200
            assert (await third.upload("a.txt", b"a", session_id=first.session_id)).status_code == 404
            await third.disconnect()


# --- packets -------------------------------------------------------------------------------------------------------

NO_PACKETS = [
    *("", "x", "9", "4", "4x", "47", "b", "b!", "2", "2x", "0", '4{"a":1}', "4" + "[" * 50_000, "é", "\0"),
    *("42{", "42", "42[]", "42{}", "42null", "42[7]", "42[[]]", '42[{"a":1}]', "42" + "[" * 50_000, "42" + "9" * 200),
    *(
        "43[",
        "43{}",
        "431[]",
        "44",
        "45-",
        '450-["x"]',
        '4599999-["x"]',
        '45["x"]',
        '459999999999999-["x"]',
        "40{",
        "40x",
    ),
    *('42["stop",{}]', '42["client_message"]', '42["client_message",7]', '42["no such event",{}]', "41/x,", "40/x,{}"),
    *('42["client_message",{"message":{"id":"x"}}]', '42["edit_message",{"message":[]}]', '42["audio_chunk",{}]'),
    *('42["chat_settings_change",[]]', '42["message_favorite",null]', '42["client_message",{"message":{"id":{}}}]'),
    '451-["audio_chunk",{"_placeholder":true,"num":9}]',
    *(b"", b"x", b"\xff" * 10, b"42"),
]


async def test_a_packet_that_means_nothing_costs_one_line_of_the_log(ann: Client, small: Server) -> None:
    for packet in NO_PACKETS:
        before = len(small.log.read_text().splitlines())
        async with raw.websocket(ann, hello()) as socket:
            await raw.answer(socket, "40")
            await socket.send(packet)
            if str(packet).startswith("451-"):
                await socket.send(b"x")
            await socket.send('429["connection_successful"]')
            await raw.answer(socket, "439")  # or the connection is closed
        lines = small.log.read_text().splitlines()[before:]
        assert len(lines) <= 1, (packet, lines)
    assert tracebacks(small.log) == []
    await ann.connect()
    assert await ann.send("Still there?")


async def test_what_is_complained_of_over_and_over_is_told_ten_times(ann: Client, small: Server) -> None:
    unknown = f'{{"message":{{"id":"{uuid.uuid4()}"}}}}'
    before = len(small.log.read_text().splitlines())
    async with raw.websocket(ann, hello()) as socket:
        await raw.answer(socket, "40")
        for _ in range(50):
            await socket.send('42["fetch_favorites",null]')
            await socket.send(f'42["message_favorite",{unknown}]')
        await socket.send('429["connection_successful",null]')
        assert await raw.answer(socket, "439")
    for _ in range(50):
        await ann.http.post("/login", content=b"x", headers={"Content-Type": "multipart/form-data; boundary=B"})
    lines = small.log.read_text().splitlines()[before:]
    assert 10 <= len(lines) <= 25, lines
    assert tracebacks(small.log) == []


async def test_what_uvicorn_cannot_parse_any_more_is_told_ten_times(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TEN_LINES)
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}
    with running_server(tmp_path, env, free_port()) as server:
        async with Client(server.url, greets=False) as anybody:
            head, endless = ("Transfer-Encoding: chunked",), b"3;" + b"e" * 200_000 + b"\r\na=b\r\n0\r\n\r\n"
            for _ in range(30):
                with suppress(ConnectionResetError):
                    await raw.request(anybody, "POST", "/login", head, [endless])
        assert len(tracebacks(server.log)) <= 12


async def test_an_attachment_that_was_announced_and_never_comes_holds_nothing(ann: Client, small: Server) -> None:
    async with raw.websocket(ann, hello()) as socket:
        await raw.answer(socket, "40")
        await socket.send('455-["audio_chunk",{"_placeholder":true,"num":0}]')
        assert await raw.answer(socket, "4") in ("", "41")
    assert tracebacks(small.log) == []


async def test_a_message_that_cannot_be_read_gets_a_sentence_and_the_chat_goes_on(ann: Client) -> None:
    await ann.connect()
    await ann.emit("client_message", {"message": {"id": "x", "output": "lost?"}})
    step = await ann.wait_for("new_message", lambda step: step.get("isError"))
    assert "could not be read" in step["output"]
    await ann.wait_for("task_end", since=ann.events.index(("new_message", step)))
    assert await ann.send("And now a proper one")


# --- bodies --------------------------------------------------------------------------------------------------------


def resident(server: Server) -> float:
    """Megabytes of memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def much(megabytes: int) -> Iterator[bytes]:
    return (b"x" * MEGABYTE for _ in range(megabytes))


def chunked(megabytes: int) -> Iterator[bytes]:
    return (b"%x\r\n%s\r\n" % (MEGABYTE, piece) for piece in much(megabytes))


async def test_a_cookie_of_backslashes_costs_no_time_of_the_server(ann: Client, small: Server) -> None:
    odd, before = "a=" + 5000 * '"\\"a=' + '"', processor(small)
    for _ in range(20):
        assert (await ann.request("GET", "/auth/config", headers={"Cookie": odd})).status_code == 200
    assert processor(small) - before < 5  # the square of its length took a minute
    [cookie] = [f'{name}="\\{ord(value[0]):03o}{value[1:]}"' for name, value in ann.http.cookies.items()]
    assert (await ann.request("GET", "/user", headers={"Cookie": cookie})).status_code == 200


def processor(server: Server) -> float:
    """Seconds that the process has computed for."""
    spent = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")


async def test_a_body_is_refused_before_it_is_held(ann: Client, small: Server) -> None:
    nobody, own = Client(small.url), "; ".join(f"Cookie: {key}={value}" for key, value in ann.http.cookies.items())
    length, unknown = f"Content-Length: {100 * MEGABYTE}", "Transfer-Encoding: chunked"
    await ann.connect()
    before, upload = resident(small), f"/project/file?session_id={ann.session_id}"
    for client, headers, status in ((nobody, [], 401), (ann, [own], 413)):
        for method, path in (("POST", "/project/threads"), ("PUT", "/feedback"), ("PUT", "/project/element")):
            answer = await raw.request(client, method, path, [*headers, length], much(100))
            assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
            assert b'{"detail":"' in answer
            answer = await raw.request(client, method, path, [*headers, unknown], chunked(100))
            assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    form = "Content-Type: multipart/form-data; boundary=b"
    assert (await raw.request(nobody, "POST", upload, [form, length], much(100))).startswith(b"HTTP/1.1 401 ")
    await nobody.http.aclose()
    assert (await raw.request(ann, "POST", upload, [own, form, f"Content-Length: {10**12}"], much(1)))[9:12] == b"413"
    assert resident(small) < before + 60
    assert tracebacks(small.log) == []
    assert await ann.send("Still there?")


async def test_a_request_that_is_odd_is_refused(ann: Client) -> None:
    for headers, status in (
        (["Content-Length: x"], b"400"),
        (["Content-Length: -1"], b"400"),
        (["Content-Length: 1", "Content-Length: 2"], b"400"),
        ([f"X-{number}: {'x' * 8000}" for number in range(5)], b"431"),
    ):
        assert (await raw.request(ann, "POST", "/project/threads", headers, [b"{}"]))[9:12] == status
    assert (await raw.request(ann, "GET", "/project/settings?" + "x" * 20_000, [], []))[9:12] == b"414"


async def test_the_open_sessions_of_a_person_hold_so_many_files(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TEN_LINES + "\nfrom datalayer import door\ndoor.use(door.Limits(files=3))\n")
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}
    with running_server(tmp_path, env, free_port()) as server:
        async with Client(server.url, greets=False) as ann, Client(server.url, greets=False) as ben:
            await (await ann.login("ann", "open")).connect()
            await (await ben.login("ben", "open")).connect()
            other = await ann.tab().connect()
            for client in (ann, ann, other):
                await client.attach("a.txt", b"a")
            for client in (ann, other):
                answer = await client.upload("a.txt", b"a")
                assert (answer.status_code, answer.json()["detail"]) == (413, "Too many files")
            await ben.attach("b.txt", b"b")
            await other.disconnect()


async def test_a_person_who_asks_too_often_waits_and_another_does_not(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(TEN_LINES + "\nfrom datalayer import door\ndoor.use(door.Limits(requests=1))\n")
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}
    with running_server(tmp_path, env, free_port()) as server:
        async with Client(server.url, greets=False) as ann, Client(server.url, greets=False) as ben:
            await ann.login("ann", "open")
            await ben.login("ben", "open")
            answers = [await ann.threads() for _ in range(30)]
            assert [answer.status_code for answer in answers[:5]] == [200] * 5
            [refused, *_] = [answer for answer in answers if answer.status_code != 200]
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
            assert (await ben.threads()).status_code == 200


async def test_a_file_is_sent_so_that_it_does_nothing_in_this_sites_name(ann: Client) -> None:
    await ann.connect()
    for name, mime in (("page.html", "text/html"), ("odd", "x/y z"), ("script.js", "text/javascript")):
        file = await ann.attach(name, b"<script>alert(1)</script>", mime)
        answer = await ann.request("GET", f"/project/file/{file}", params={"session_id": ann.session_id})
        assert answer.status_code == 200
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["content-disposition"] == "attachment"
        assert answer.headers["x-content-type-options"] == "nosniff"
