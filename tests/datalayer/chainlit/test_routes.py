"""The route that serves elements, and who is asking, on Chainlit's own server over real HTTP requests."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import unquote

import chainlit as cl
import httpx
import pytest
from chainlit.auth import create_jwt
from chainlit.config import config
from chainlit.server import app
from chainlit.types import Feedback
from chainlit.user import PersistedUser, User

from datalayer import DataLayer
from tests.conftest import OpenLayer, chainlit_session, make_step, new_id, register, start_thread, steps_of

Browser = Callable[[str | None], httpx.AsyncClient]
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(_name: str, _password: str) -> User | None:
        return None

    monkeypatch.setenv("CHAINLIT_AUTH_SECRET", "a secret of at least thirty-two bytes")
    monkeypatch.setattr(config.code, "password_auth_callback", nobody)


@pytest.fixture
async def browser(login: None, chainlit_layer: DataLayer) -> AsyncIterator[Browser]:
    """Makes a browser in which the named user is logged in; None: nobody."""
    opened: list[httpx.AsyncClient] = []

    def make(identifier: str | None) -> httpx.AsyncClient:
        cookies = {"access_token": create_jwt(User(identifier=identifier))} if identifier else {}
        transport = httpx.ASGITransport(app=app)
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://chat", cookies=cookies))
        return opened[-1]

    yield make
    for client in opened:
        await client.aclose()


async def upload(layer: DataLayer, user: PersistedUser | None, content: bytes = CONTENT, **over: Any) -> str:
    """An element of ``user``'s in a new thread; where it is served."""
    with chainlit_session(user) as session:
        element = cl.File(**({"name": "photo.png", "mime": "image/png", "content": content} | over))
        await layer.create_element(element)
    found = await layer.get_element(session.thread_id, element.id)
    assert found is not None
    return str(found["url"])


@pytest.fixture
async def ann(chainlit_layer: DataLayer) -> PersistedUser:
    return await register(chainlit_layer, "ann")


class TestWho:
    async def test_the_author_gets_the_content(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        answer = await browser("ann").get(await upload(layer, ann))
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, CONTENT, "image/png")

    async def test_another_user_gets_what_anybody_gets_for_a_missing_one(
        self, layer: DataLayer, ann: Any, browser: Browser
    ) -> None:
        url = await upload(layer, ann)
        bob = browser("bob")
        theirs, missing = await bob.get(url), await bob.get(f"/datalayer/files/{new_id()}")
        assert (theirs.status_code, missing.status_code) == (404, 404)
        assert theirs.content == missing.content
        assert dict(theirs.headers) == dict(missing.headers)

    @pytest.mark.parametrize("cookie", [None, "access_token=forged"])
    async def test_nobody_gets_nothing(self, layer: DataLayer, ann: Any, browser: Browser, cookie: str | None) -> None:
        url = await upload(layer, ann)
        for wanted in (url, f"/datalayer/files/{new_id()}"):
            answer = await browser(None).get(wanted, headers={"cookie": cookie} if cookie else {})
            assert answer.status_code == 401
            assert CONTENT not in answer.content

    async def test_a_file_of_a_thread_without_author_is_nobodys_where_a_login_is_needed(
        self, browser: Browser, open_layer: OpenLayer
    ) -> None:
        element = cl.File(thread_id=new_id(), name="f", content=CONTENT)
        await open_layer(author_required=False).create_element(element)
        assert (await browser("ann").get(f"/datalayer/files/{element.id}")).status_code == 404

    async def test_where_nobody_logs_in_everybody_reads_the_threads_without_author(
        self, chainlit_layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann = await register(chainlit_layer, "ann")
        anonymous, owned = await upload(chainlit_layer, None), await upload(chainlit_layer, ann)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://chat") as client:
            assert (await client.get(anonymous)).content == CONTENT
            assert (await client.get(owned)).status_code == 404

    async def test_a_shared_thread_shows_its_files_only_while_the_app_allows_sharing(
        self, layer: DataLayer, ann: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def may_view(_thread: Any, _user: Any) -> bool:
            return True

        with chainlit_session(ann) as session:
            element = cl.File(name="shown.txt", content=CONTENT)
            await layer.create_element(element)
            await layer.update_thread(session.thread_id, metadata={"is_shared": True})
        url, bob = f"/datalayer/files/{element.id}", browser("bob")
        assert (await bob.get(url)).status_code == 404
        monkeypatch.setattr(config.code, "on_shared_thread_view", may_view)
        assert (await bob.get(url)).status_code == 404
        assert (await browser("ann").get(url)).content == CONTENT
        monkeypatch.setattr(config.features, "allow_thread_sharing", True)
        assert (await bob.get(url)).content == CONTENT

    async def test_a_deleted_file_is_gone(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        url = await upload(layer, ann)
        await layer.delete_element(url.split("/")[-1].split("?")[0])
        assert (await browser("ann").get(url)).status_code == 404

    async def test_a_file_whose_content_was_lost_is_not_found(
        self, layer: DataLayer, ann: Any, browser: Browser
    ) -> None:
        url = await upload(layer, ann)
        for name in list(layer.store.blobs.names()):
            layer.store.blobs.remove(name)
        assert (await browser("ann").get(url)).status_code == 404


class TestHttp:
    async def test_the_catch_all_does_not_swallow_it(self, browser: Browser) -> None:
        answer = await browser("ann").get(f"/datalayer/files/{new_id()}")
        assert (answer.status_code, "html" in answer.headers["content-type"]) == (404, False)

    async def test_a_browser_that_has_it_gets_304(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        url, client = await upload(layer, ann), browser("ann")
        first = await client.get(url)
        again = await client.get(url, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert (await client.get(url, headers={"If-None-Match": '"other"'})).content == CONTENT

    async def test_another_user_who_knows_the_etag_gets_404(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        url = await upload(layer, ann)
        etag = (await browser("ann").get(url)).headers["etag"]
        assert (await browser("bob").get(url, headers={"If-None-Match": etag})).status_code == 404

    @pytest.mark.parametrize(
        ("wanted", "start", "end"), [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-5", -5, None)]
    )
    async def test_a_range_gives_just_those_bytes(
        self, layer: DataLayer, ann: Any, browser: Browser, wanted: str, start: int, end: int | None
    ) -> None:
        headers = {"Range": wanted, "Accept-Encoding": "identity"}
        answer = await browser("ann").get(await upload(layer, ann), headers=headers)
        assert (answer.status_code, answer.content) == (206, CONTENT[start:end])

    async def test_a_range_beyond_the_end_is_refused(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        answer = await browser("ann").get(await upload(layer, ann), headers={"Range": "bytes=99999999-"})
        assert answer.status_code == 416

    async def test_head_tells_the_size_and_sends_nothing(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        answer = await browser("ann").head(await upload(layer, ann), headers={"Accept-Encoding": "identity"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(len(CONTENT))

    async def test_a_browser_asks_each_time_so_that_nothing_deleted_is_shown(
        self, layer: DataLayer, ann: Any, browser: Browser
    ) -> None:
        url, client = await upload(layer, ann), browser("ann")
        first, part = await client.get(url), await client.get(url, headers={"Range": "bytes=0-9"})
        held = {"If-None-Match": first.headers["etag"]}
        answers = (first, part, await client.get(url, headers=held))
        assert [answer.status_code for answer in answers] == [200, 206, 304]
        assert {answer.headers["cache-control"] for answer in answers} == {"private, no-cache"}
        await layer.delete_element(url.split("/")[-1].split("?")[0])
        assert (await client.get(url, headers=held)).status_code == 404

    async def test_new_content_has_a_new_url(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        with chainlit_session(ann) as session:
            element = cl.File(name="f", content=b"one")
            await layer.create_element(element)
            first: Any = await layer.get_element(session.thread_id, element.id)
            element.content = b"two"
            await layer.create_element(element)
            second: Any = await layer.get_element(session.thread_id, element.id)
        assert first["url"] != second["url"]
        assert (await browser("ann").get(second["url"])).content == b"two"

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    async def test_it_only_reads(self, layer: DataLayer, ann: Any, browser: Browser, method: str) -> None:
        url, client = await upload(layer, ann), browser("ann")
        assert (await client.request(method, url)).status_code == 405
        assert (await client.get(url)).content == CONTENT


class TestSafety:
    @pytest.mark.parametrize(
        "mime",
        [
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "application/xhtml+xml",
            "application/javascript",
            "text/javascript",
            "application/octet-stream",
            "nonsense",
            "image/png\r\nSet-Cookie: a=b",
            "",
            None,
        ],
    )
    async def test_what_a_browser_could_run_is_a_download(
        self, layer: DataLayer, ann: Any, browser: Browser, mime: str | None
    ) -> None:
        url = await upload(layer, ann, b"<script>alert(1)</script>", name="page.html", mime=mime)
        answer = await browser("ann").get(url)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "set-cookie" not in answer.headers

    @pytest.mark.parametrize("mime", ["image/png", "application/pdf", "audio/mpeg", "video/mp4", "text/plain"])
    async def test_what_is_harmless_is_shown(self, layer: DataLayer, ann: Any, browser: Browser, mime: str) -> None:
        answer = await browser("ann").get(await upload(layer, ann, mime=mime))
        assert answer.headers["content-disposition"].startswith("inline")
        assert answer.headers["content-type"].startswith(mime)

    @pytest.mark.parametrize("mime", ["image/png", "text/html"])
    async def test_everything_is_shut_into_a_sandbox_and_not_sniffed(
        self, layer: DataLayer, ann: Any, browser: Browser, mime: str
    ) -> None:
        headers = (await browser("ann").get(await upload(layer, ann, mime=mime))).headers
        policy = [part.strip() for part in headers["content-security-policy"].split(";")]
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in policy
        assert "sandbox" in policy

    @pytest.mark.parametrize(
        "name",
        ["../../x", "..\\x", "a\r\nSet-Cookie: a=b", 'a"; filename="b', "é 漢.png", "x" * 5000 + ".png", "", "\x00"],
    )
    async def test_no_name_breaks_the_header_or_names_a_folder(
        self, layer: DataLayer, ann: Any, browser: Browser, name: str
    ) -> None:
        answer = await browser("ann").get(await upload(layer, ann, name=name))
        disposition = answer.headers["content-disposition"]
        assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
        assert len(disposition) < 2000
        assert not set(disposition) & set("\r\n/\\\x00")
        assert (disposition.count("; filename"), disposition.count('"') in (0, 2)) == (1, True)

    @pytest.mark.parametrize(
        ("name", "saved"), [("photo\u202egpj.exe", "photogpj.exe"), ("100%22.txt", "100%22.txt"), ("a\u2066b", "ab")]
    )
    async def test_a_file_is_saved_under_the_name_that_it_seems_to_have(
        self, layer: DataLayer, ann: Any, browser: Browser, name: str, saved: str
    ) -> None:
        answer = await browser("ann").get(await upload(layer, ann, name=name))
        disposition = answer.headers["content-disposition"]
        told = re.search(r"filename\*=utf-8\'\'(\S+)$|filename=\"([^\"%]+)\"$", disposition)
        assert told is not None
        assert unquote(told[1] or told[2]) == saved

    async def test_a_long_name_keeps_its_ending(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        answer = await browser("ann").get(await upload(layer, ann, name="x" * 5000 + ".png"))
        assert answer.headers["content-disposition"].rstrip('"').endswith(".png")

    @pytest.mark.parametrize("path", ["../threads.db", "%2e%2e%2fthreads.db", "..%5cthreads.db", "a%00b"])
    async def test_no_path_leads_out(self, browser: Browser, path: str) -> None:
        answer = await browser("ann").get(f"/datalayer/files/{path}")
        assert b"SQLite format" not in answer.content


class TestWhoActs:
    """An HTTP request has no Chainlit session: the user who logged in is who acts."""

    async def test_nobody_votes_on_another_users_message(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        message = await start_thread(layer, ann)
        vote = {"sessionId": "s", "feedback": {"forId": message["id"], "value": 0, "threadId": message["threadId"]}}
        assert (await browser("bob").put("/feedback", json=vote)).is_error
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"] is None
        assert (await browser("ann").put("/feedback", json=vote)).is_success
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"]["value"] == 0

    async def test_nobody_withdraws_another_users_vote(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        message = await start_thread(layer, ann)
        key = await layer.upsert_feedback(Feedback(forId=message["id"], value=1))
        await browser("bob").request("DELETE", "/feedback", json={"feedbackId": key})
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"] is not None
        await browser("ann").request("DELETE", "/feedback", json={"feedbackId": key})
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"] is None

    async def test_requests_of_two_users_at_once_do_not_mix(self, layer: DataLayer, ann: Any, browser: Browser) -> None:
        message = await start_thread(layer, ann)
        vote = {"sessionId": "s", "feedback": {"forId": message["id"], "value": 1}}
        clients = [browser("ann" if n % 2 else "bob") for n in range(20)]
        answers = await asyncio.gather(*(client.put("/feedback", json=vote) for client in clients))
        assert [answer.is_success for answer in answers] == [bool(n % 2) for n in range(20)]

    async def test_nobody_renames_or_deletes_anothers_thread(
        self, layer: DataLayer, ann: Any, browser: Browser
    ) -> None:
        message = await start_thread(layer, ann)
        body = {"threadId": message["threadId"], "name": "stolen"}
        assert (await browser("bob").put("/project/thread", json=body)).is_error
        assert (await browser("bob").request("DELETE", "/project/thread", json=body)).is_error
        thread = await layer.get_thread(message["threadId"])
        assert thread is not None
        assert thread["name"] is None
        assert (await browser("ann").put("/project/thread", json=body | {"name": "mine"})).is_success
        assert (await browser("ann").request("DELETE", "/project/thread", json=body)).is_success
        assert await layer.get_thread(message["threadId"]) is None

    async def test_a_missing_thread_is_404(self, browser: Browser) -> None:
        assert (await browser("ann").get(f"/project/thread/{new_id()}")).status_code == 404

    async def test_the_sidebar_of_one_user_holds_nothing_of_another(
        self, layer: DataLayer, ann: Any, browser: Browser
    ) -> None:
        await start_thread(layer, ann)
        body = {"pagination": {"first": 35}, "filter": {"userId": ann.id}}
        assert len((await browser("ann").post("/project/threads", json=body)).json()["data"]) == 1
        assert (await browser("bob").post("/project/threads", json=body)).json()["data"] == []

    async def test_a_refused_write_answers_with_its_own_status(
        self, layer: DataLayer, ann: Any, browser: Browser
    ) -> None:
        message = await start_thread(layer, ann)
        body = {"threadId": message["threadId"], "name": "x" * 501}
        assert (await browser("ann").put("/project/thread", json=body)).status_code == 400
        body = {"pagination": {"first": 35, "cursor": "nonsense"}, "filter": {}}
        assert (await browser("ann").post("/project/threads", json=body)).status_code == 400


async def test_a_message_in_a_session_is_its_users_whoever_asked_before(layer: DataLayer, ann: Any) -> None:
    await layer.get_user("bob")
    with chainlit_session(ann) as session:
        await layer.create_step(make_step(session.thread_id))
    assert await layer.get_thread_author(session.thread_id) == "ann"
