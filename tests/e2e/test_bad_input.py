"""Whatever comes over the wire: it is stored whole, or refused with a clear word; never a 500, never half."""

import json
import re
import uuid
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from socketio.exceptions import ConnectionError as Refused

from tests.client import Client, until
from tests.e2e.conftest import Tabs
from tests.processes import Server

GARBAGE_IDS = [
    "x",
    "null",
    "0",
    "' OR 1=1 --",
    "%",
    "..",
    "a" * 300,
    "a" * 5000,
    "\N{PILE OF POO}",
    "a\x00b",
    "a\nb",
    " ",
]
UNKNOWN = str(uuid.UUID(int=4, version=4))
TEXTS = {
    "emoji": "\U0001f469\U0001f3fe\u200d\U0001f467 \U0001f1eb\U0001f1f7",
    "right to left": "\u202eשלום עולם \u200fمرحبا\u202c",
    "one megabyte": "é" + "0123456789 abcdef\n" * 60_000 + "end",
    "markup": "<script>alert(1)</script> \" ' ` $(x) {{7*7}} %s \\u0000 \\",
    "controls": "bell\x07 escape\x1b[31m tab\t crlf\r\n delete\x7f next\x85 \u2028\u2029\ufeff\ufffe",
    "combining": "Z" + "\u0301" * 1000,
}


def ids(value: Any) -> str:
    return re.sub(r"\W+", "_", str(value))[:20]


def assert_refused(answer: httpx.Response, *statuses: int) -> str:
    """Refused with one of these, and with a word for people; returns it."""
    assert answer.status_code in statuses, (
        f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    )
    detail = answer.json()["detail"]
    assert detail
    assert not re.search(r"sqlite|SELECT|INSERT|Traceback|/tmp/|\.py", str(detail))
    return str(detail)


# --- texts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TEXTS)
async def test_a_text_comes_back_as_it_was_sent(me: Client, kind: str) -> None:
    own = str(uuid.uuid4())
    await me.send(TEXTS[kind], id=own)
    found = {step["id"]: step["output"] for step in (await me.stored())["steps"]}
    assert found[own] == TEXTS[kind]


@pytest.mark.parametrize(
    ("sent", "stored"), [("a\x00b", "a\ufffdb"), ("a\ud800b", "a\ufffdb"), ("\udfff\ud800", "\ufffd" * 2)]
)
async def test_what_no_database_can_hold_becomes_a_replacement_character(
    me: Client, shared: Server, tabs: Tabs, sent: str, stored: str
) -> None:
    own = str(uuid.uuid4())
    await me.send(sent, id=own)
    thread = await me.stored()
    assert {step["id"]: step["output"] for step in thread["steps"]}[own] == stored
    assert (await me.listed())[me.thread_id] == thread["name"] == stored
    again = await tabs.resume(shared.url, me.thread_id)
    assert again.screen[own]["output"] == stored
    await again.send("and it goes on")


async def test_lone_surrogates_in_a_json_body_are_refused_or_replaced(me: Client) -> None:
    await me.send("Hello")
    for method, path, body in [
        ("PUT", "/project/thread", f'{{"threadId": "{me.thread_id}", "name": "x\\ud800"}}'),
        ("PUT", "/project/thread", '{"threadId": "\\ud800", "name": "x"}'),
        ("DELETE", "/project/thread", '{"threadId": "\\ud800"}'),
        ("POST", "/project/threads", '{"pagination": {"first": 5}, "filter": {"search": "\\ud800"}}'),
        ("POST", "/project/threads", '{"pagination": {"first": 5, "cursor": "\\ud800"}, "filter": {}}'),
        ("DELETE", "/feedback", '{"feedbackId": "\\ud800"}'),
    ]:
        answer = await me.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, f"{method} {path} {body}: {answer.status_code}"
    assert (await me.thread()).status_code == 200


@pytest.mark.parametrize(
    "search", ["%", "_", '"', "'", "*", "NEAR(", "a\x00b", "x" * 100_000, "\N{PILE OF POO}"], ids=ids
)
async def test_any_text_can_be_searched_for(http: Client, search: str) -> None:
    answer = await http.threads(search=search)
    assert answer.status_code == 200
    assert isinstance(answer.json()["data"], list)


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../../x.txt",
        "..\\..\\x.txt",
        "/etc/x.txt",
        "a\r\nSet-Cookie: x=1\r\n\r\n.txt",
        "n" * 2_000 + ".txt",
        'a";b.txt',
        "é\N{PILE OF POO}.txt",
        ".txt",
    ],
    ids=ids,
)
async def test_a_file_name_reaches_neither_a_path_nor_a_header(me: Client, shared: Server, name: str) -> None:
    content = uuid.uuid4().hex.encode()
    await me.send("See this", [await me.attach(name, content)])
    [element] = (await me.stored())["elements"]
    answer = await me.request("GET", element["url"])
    assert (answer.status_code, answer.content) == (200, content)
    disposition = answer.headers["Content-Disposition"]
    assert len(disposition) < 4_000
    assert not re.search(r"[\r\n/\\]|%2F|%5C|%0D|%0A", disposition, re.IGNORECASE)
    assert "Set-Cookie" not in answer.headers
    installation = shared.log.parents[1]
    assert not [
        path for path in installation.rglob("*") if path.name.startswith(("x.txt", "nnnn")) and not path.is_symlink()
    ]


@pytest.mark.parametrize(
    ("name", "content", "mime", "word"),
    [
        ("empty.txt", b"", "text/plain", "empty"),
        ("large.txt", b"x" * (25 * 1024 * 1024 + 1), "text/plain", "large"),
        ("program.exe", b"MZ\0\0", "application/octet-stream", "type"),
    ],
    ids=ids,
)
async def test_a_file_that_is_not_taken_is_refused_with_a_clear_word(
    me: Client, name: str, content: bytes, mime: str, word: str
) -> None:
    assert word in assert_refused(await me.upload(name, content, mime), 400)
    await me.send("The chat goes on")


@pytest.mark.parametrize(
    ("name", "content", "mime", "told"),
    [
        ("program.txt", b"MZ\0\x01\x02" * 99, "text/plain", "Nothing here can read **program.txt**"),
        ("table.csv", b"PK\x03\x04\0\0\x06\0" * 9, "application/vnd.ms-excel", "is not the kind of file"),
    ],
    ids=ids,
)
async def test_what_is_named_text_and_is_none_stays_attached_and_is_told_of(
    me: Client, name: str, content: bytes, mime: str, told: str
) -> None:
    await me.send("See this", [await me.attach(name, content, mime)])
    stored = await me.stored()
    [element] = stored["elements"]
    answer = await me.request("GET", element["url"])
    assert answer.content == content
    assert answer.headers["Content-Type"].startswith("text/")
    said = [step["output"] for step in stored["steps"] if step["type"] == "assistant_message"]
    assert any(told in text for text in said), said


async def test_a_file_without_a_type_is_refused(me: Client) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    params = {"session_id": me.session_id}
    assert_refused(await me.request("POST", "/project/file", params=params, content=form, headers=headers), 400)


async def test_text_of_any_name_is_kept_and_served_as_plain_text(me: Client) -> None:
    given = [
        ("prices.csv", "application/vnd.ms-excel"),
        ("notes.md", "application/octet-stream"),
        ("app.ts", "video/mp2t"),
        ("app.py", "text/x-python"),
        ("ci.yaml", "application/yaml"),
        ("page.html", "text/html"),
        ("page.xhtml", "image/png"),
        ("drawing.svg", "image/svg+xml"),
    ]
    ids_ = [await me.attach(name, b"<script>alert(1)</script>", mime) for name, mime in given]
    await me.send("Read these", ids_)
    elements = (await me.stored())["elements"]
    assert {element["name"] for element in elements} == {name for name, _ in given}
    for element in elements:
        answer = await me.request("GET", element["url"])
        kind = "text/csv" if element["name"] == "prices.csv" else "text/plain"
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_name_of_5000_characters_is_refused_or_shortened(me: Client) -> None:
    assert (await me.upload("n" * 5_000 + ".txt", b"x")).status_code in (200, 400)


async def test_an_upload_into_no_session_or_without_a_file_is_refused(me: Client) -> None:
    assert_refused(await me.upload("a.txt", b"a", session_id=UNKNOWN), 404)
    assert_refused(await me.request("POST", "/project/file", params={"session_id": me.session_id}), 422)


async def test_a_message_that_names_an_unknown_file_is_stored_without_it(me: Client) -> None:
    await me.send("See this", [UNKNOWN, "../../x"])
    assert (await me.stored())["elements"] == []


# --- ids ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [*GARBAGE_IDS, UNKNOWN], ids=ids)
async def test_a_thread_that_is_not_there_is_404_in_every_endpoint(http: Client, garbage: str) -> None:
    path = quote(garbage, safe="").replace(".", "%2E")
    assert_refused(await http.request("GET", f"/project/thread/{path}"), 404)
    assert_refused(await http.request("GET", f"/project/thread/{path}/element/{path}"), 404)
    assert_refused(await http.request("GET", f"/project/share/{path}"), 404)
    assert_refused(await http.request("GET", f"/datalayer/files/{path}"), 404)
    assert_refused(await http.rename("x", garbage), 404)
    assert_refused(await http.delete(garbage), 404)
    assert_refused(await http.share(garbage), 404)
    assert (await http.request("GET", f"/project/file/{path}", params={"session_id": garbage})).status_code in (
        401,
        404,
    )


@pytest.mark.parametrize("garbage", ["x", "a" * 300, "a\x00b", "", UNKNOWN], ids=ids)
async def test_a_vote_on_a_message_that_is_not_there_is_refused(http: Client, garbage: str) -> None:
    assert_refused(await http.vote(garbage, threadId=garbage), 400, 404)
    answer = await http.unvote(garbage)
    assert answer.status_code in (200, 400, 404), answer.text


async def test_a_vote_that_is_neither_up_nor_down_is_refused(me: Client) -> None:
    [answer] = await me.send("Hello")
    for value in (2, -1, "x", None):
        assert_refused(await me.vote(answer["id"], value), 400, 422)  # type: ignore[arg-type]


@pytest.mark.parametrize("session", [UNKNOWN, "", "x" * 5000, "a\x00b"], ids=ids)
async def test_a_session_that_is_not_there_is_refused_in_every_endpoint(http: Client, session: str) -> None:
    element = {"id": UNKNOWN, "type": "custom", "name": "x", "display": "inline", "props": {}}
    assert_refused(await http.element("PUT", element, session), 400, 401, 404)
    assert_refused(await http.element("DELETE", element, session), 400, 401, 404)
    assert_refused(await http.action("x", session), 400, 401, 404)
    for method in ("POST", "DELETE"):
        assert_refused(await http.request(method, "/mcp", json={"sessionId": session, "name": "x"}), 400, 401, 404)


@pytest.mark.parametrize("wrong", [{}, {"type": "custom"}, {"type": "custom", "id": 1, "name": 2, "props": 4}], ids=ids)
async def test_a_custom_element_without_its_keys_is_refused(me: Client, wrong: dict[str, Any]) -> None:
    assert (await me.element("PUT", wrong)).status_code < 500


async def test_an_action_without_its_keys_is_refused(me: Client) -> None:
    answer = await me.request("POST", "/project/action", json={"action": {}, "sessionId": me.session_id})
    assert answer.status_code < 500


@pytest.mark.parametrize("garbage", [*GARBAGE_IDS, UNKNOWN, "../../x", "a\ud800"], ids=ids)
async def test_a_message_under_a_garbage_thread_id_goes_to_a_fresh_thread(http: Client, garbage: str) -> None:
    me = await http.connect(garbage)
    mark = len(me.events)
    own = await me.post("Where does this go?")
    await me.wait_for("first_interaction")
    assert uuid.UUID(me.thread_id).version == 4
    assert me.thread_id != garbage
    await me.wait_for("task_end", since=mark)
    listed = await me.listed()
    assert me.thread_id in listed
    assert garbage not in listed  # no ghost of it either
    assert own in [step["id"] for step in (await me.stored())["steps"]]


@pytest.mark.parametrize("garbage", [7, ["x"], {"a": 1}], ids=ids)
async def test_a_thread_id_that_is_no_text_is_refused_or_goes_to_a_fresh_thread(http: Client, garbage: Any) -> None:
    try:
        await http.connect(garbage)
    except Refused:
        return
    await http.post("Where does this go?")
    await http.wait_for("first_interaction")
    assert http.thread_id in await http.listed()


@pytest.mark.parametrize("auth", [None, {}, {"sessionId": None}, {"sessionId": "x"}, [1], "x"], ids=ids)
async def test_a_connection_without_the_usual_words_leaves_the_server_alive(me: Client, auth: Any) -> None:
    async with me.tab() as other:
        assert me._socket is not None
        socket = type(me._socket)(reconnection=False)
        cookies = "; ".join(f"{key}={value}" for key, value in other.http.cookies.items())
        try:
            await socket.connect(
                me.url,
                headers={"Cookie": cookies, "Origin": me.url},
                auth=auth,
                socketio_path="/ws/socket.io",
                transports=["websocket"],
                wait_timeout=1,
            )
            await socket.emit("client_message", {"message": {}})
        except Refused:
            pass
        await socket.disconnect()
    await me.send("Still there?")


async def test_a_deleted_thread_is_gone_and_what_an_open_tab_writes_goes_nowhere_and_says_so(
    me: Client, shared: Server, tabs: Tabs
) -> None:
    await me.send("Hello")
    gone = me.thread_id
    assert (await me.delete()).status_code == 200
    assert_refused(await me.thread(gone), 404)
    assert_refused(await me.rename("x", gone), 404)
    assert_refused(await me.delete(gone), 404)
    await (await tabs(shared.url)).send("/trash empty")
    [answer] = await me.send("Are you there?")
    assert answer["isError"]
    assert "deleted" in answer["output"]
    assert_refused(await me.thread(gone), 404)
    assert gone not in await me.listed()
    other = await tabs.resume(shared.url, gone)
    await other.wait_for("resume_thread_error")
    await other.post("A new start")
    await other.wait_for("first_interaction")
    assert other.thread_id != gone
    assert other.thread_id in await until(other.listed)
    assert_refused(await me.thread(gone), 404)


async def test_a_message_id_of_another_thread_changes_nothing_there(me: Client, shared: Server, tabs: Tabs) -> None:
    own = str(uuid.uuid4())
    await me.send("The original", id=own)
    before = (await me.thread()).content
    other = await tabs(shared.url)
    await other.send("The copy", id=own)
    assert (await me.thread()).content == before


async def test_a_message_id_used_twice_in_a_thread_stays_one_message(me: Client) -> None:
    own = str(uuid.uuid4())
    await me.send("The first", id=own)
    await me.send("The second", id=own)
    outputs = [step["output"] for step in (await me.stored())["steps"] if step["id"] == own]
    assert outputs == ["The second"]


@pytest.mark.parametrize(
    "id", ["x", "", "a" * 5000, str(uuid.uuid1()), 7], ids=["x", "empty", "long", "uuid1", "number"]
)
async def test_a_message_whose_id_is_no_uuid_is_refused_and_the_chat_goes_on(me: Client, id: Any) -> None:
    await me.emit("client_message", {"message": {"id": id, "type": "user_message", "output": "x", "createdAt": ""}})
    await me.wait_for("task_end", since=len(me.events) - 1)
    await me.wait_for("new_message", lambda step: step.get("isError"))
    await me.send("And now a proper one")
    outputs = [step["output"] for step in (await me.stored())["steps"] if step["type"] == "user_message"]
    assert outputs == ["And now a proper one"]


@pytest.mark.parametrize(
    "payload",
    [None, {}, [], "x", {"message": None}, pytest.param({"message": {"id": str(uuid.uuid4())}}, id="only an id")],
    ids=ids,
)
async def test_a_message_without_its_parts_does_not_stop_the_chat(me: Client, payload: Any) -> None:
    await me.emit("client_message", payload)
    await me.emit("edit_message", payload)
    await me.emit("message_favorite", payload)
    await me.emit("chat_settings_change", payload)
    other = await me.tab().connect()
    await other.send("And now a proper one")
    await other.disconnect()


async def test_an_output_that_is_no_text_does_not_stop_the_chat(me: Client) -> None:
    for output in (None, 7, ["x"], {"a": "\ud800"}):
        own = str(uuid.uuid4())
        await me.send(output, id=own, name=None)  # type: ignore[arg-type]
    stored = await me.stored()
    assert len([step for step in stored["steps"] if step["type"] == "user_message"]) == 4


async def test_an_edit_of_a_message_that_is_not_there_changes_nothing(me: Client) -> None:
    await me.send("Hello")
    before = (await me.thread()).content
    for id in (UNKNOWN, "x", None):
        await me.edit(id, "forged")  # type: ignore[arg-type]
    assert (await me.thread()).content == before


# --- names, cursors, JSON ------------------------------------------------------------------------------------------


async def test_a_name_of_501_characters_is_refused_and_the_old_one_stays(me: Client) -> None:
    await me.send("Hello")
    assert "500" in assert_refused(await me.rename("x" * 501), 400)
    assert (await me.stored())["name"] == "Hello"
    assert (await me.rename("x" * 500)).status_code == 200
    assert (await me.stored())["name"] == "x" * 500


async def test_an_empty_name_never_leaves_a_conversation_without_one_in_the_sidebar(me: Client) -> None:
    """The page shows "Untitled" for an empty name."""
    await me.send("Hello")
    for name in ("", " \n\t "):
        answer = await me.rename(name)
        assert answer.status_code in (200, 400)
        assert (await me.stored())["name"] == ("" if answer.status_code == 200 else "Hello")
        assert me.thread_id in await me.listed()


async def test_names_are_one_line_of_what_can_be_stored(me: Client) -> None:
    await me.send("Hello")
    assert (await me.rename("a\x00b\r\nc\u2028d\te")).status_code == 200
    assert (await me.stored())["name"] == "a\ufffdb c d e"


@pytest.mark.parametrize(
    "cursor", ["x", ".", "12", "x.y", "1e5.x", "9" * 30 + ".x", "\x00", " 1.x", "1_0.x", "٣.x", "a" * 5000], ids=ids
)
async def test_a_malformed_cursor_is_refused(http: Client, cursor: str) -> None:
    answer = await http.threads(cursor=cursor)
    if cursor == "٣.x":
        assert answer.status_code in (200, 400)
    else:
        assert_refused(answer, 400)


@pytest.mark.parametrize("first", [0, -1, 10**9, 10**30, "x", None, 1.5], ids=ids)
async def test_a_page_of_an_impossible_size_is_refused(http: Client, first: Any) -> None:
    assert_refused(await http.threads(first=first), 400, 422)


async def test_a_filter_that_nobody_offers_is_refused(http: Client) -> None:
    for feedback in (2, -1, "up"):
        assert_refused(await http.threads(feedback=feedback), 422)
    assert_refused(await http.threads(search={"a": 1}), 422)  # type: ignore[arg-type]


JSON_ENDPOINTS = [
    ("POST", "/project/threads"),
    ("PUT", "/project/thread"),
    ("DELETE", "/project/thread"),
    ("PUT", "/feedback"),
    ("DELETE", "/feedback"),
    ("PUT", "/project/element"),
    ("DELETE", "/project/element"),
    ("POST", "/project/action"),
    ("POST", "/mcp"),
    ("DELETE", "/mcp"),
]


@pytest.mark.parametrize("body", ["", "{", "null", "[]", "7", '"x"', "{}", '{"threadId": 7}', "\x00"], ids=ids)
async def test_malformed_json_is_422(http: Client, body: str) -> None:
    for method, path in JSON_ENDPOINTS:
        answer = await http.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert_refused(answer, 422)


async def test_json_of_any_depth_is_refused(http: Client) -> None:
    for method, path in JSON_ENDPOINTS:
        answer = await http.request(method, path, content="[" * 50_000, headers={"Content-Type": "application/json"})
        assert_refused(answer, 400, 422)


async def test_bytes_that_are_no_text_are_422_or_400(http: Client) -> None:
    for method, path in JSON_ENDPOINTS:
        answer = await http.request(method, path, content=b"\xff\xfe{", headers={"Content-Type": "application/json"})
        assert_refused(answer, 400, 422)


async def test_nan_and_infinity_are_no_json(http: Client) -> None:
    for word in ("NaN", "Infinity", "1e999"):
        body = f'{{"pagination": {{"first": {word}}}, "filter": {{}}}}'
        answer = await http.request(
            "POST", "/project/threads", content=body, headers={"Content-Type": "application/json"}
        )
        assert_refused(answer, 400, 422)


async def test_the_session_cookie_endpoint_refuses_what_it_cannot_read(http: Client) -> None:
    for body in ("{", "[]", json.dumps({"session_id": "a\r\nb"}), json.dumps({"session_id": 7}), "{}"):
        answer = await http.request("POST", "/set-session-cookie", content=body)
        assert answer.status_code < 500, f"{body}: {answer.status_code}"


async def test_query_parameters_that_are_nonsense_are_refused(http: Client) -> None:
    for path in ("/project/settings", "/project/translations"):
        for language in ("../../x", "x" * 500, "\x00", ""):
            assert_refused(await http.request("GET", path, params={"language": language}), 422)
    assert_refused(await http.request("GET", "/avatars/%2E%2E%5C"), 400)
    for path in ("/public/%2E%2E/app.py", "/assets/%2E%2E/%2E%2E/server.py"):
        assert (await http.request("GET", path)).status_code in (400, 404), path


async def test_nul_in_the_path_of_a_static_file_is_refused(http: Client) -> None:
    assert (await http.request("GET", "/public/%00")).status_code in (400, 404)
