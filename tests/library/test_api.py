"""The REST API: by tokens and by sessions, for programs of one person, and of nobody else's conversations."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from chainlit.server import app

from datalayer import DataLayer
from datalayer.records import now, user_id
from datalayer.writes import TrashThread, UpsertElement
from library.tokens import MOST, Scope, Tokens, TooManyTokens
from tests.conftest import change, new_id, register

from .conftest import OpenBrowser, _mount, thread

GUARD = "X-Guard"


class Program(httpx.AsyncClient):
    """One that has a token."""

    async def made(self, path: str, body: Any, status: int = 201, **headers: str) -> Any:
        answer = await self.post(path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def told(self, path: str, status: int = 200) -> Any:
        answer = await self.get(path)
        assert answer.status_code == status, answer.text
        return answer.json()


def program(token: str | None, **headers: str) -> Program:
    given = {"authorization": f"Bearer {token}"} if token else {}
    return Program(transport=httpx.ASGITransport(app=app), base_url="http://chat/api/v1", headers=given | headers)


@pytest.fixture
async def anns(login: None, mounted: DataLayer) -> AsyncIterator[Program]:
    await register(mounted, "ann")
    async with program(await token_of(mounted, "ann")) as made:
        yield made


async def token_of(layer: DataLayer, who: str, *scopes: Scope, days: int | None = None) -> str:
    _, made = await Tokens(layer.store).make(who, "mine", scopes or ("read", "write"), days)
    return made


async def test_a_conversation_from_its_beginning_to_its_end(anns: Program) -> None:
    said = [{"text": "Which birds?"}, {"role": "assistant", "text": "Jays."}]
    made = await anns.made("/threads", {"name": "Birds", "folder": "Wood/Oak", "tags": ["jay"], "messages": said})
    assert (made["name"], made["folder"], made["tags"], made["messages"]) == ("Birds", "Wood/Oak", ["jay"], 2)
    path = f"/threads/{made['id']}"
    await anns.made(f"{path}/messages", {"text": "And owls?"})
    assert [each["text"] for each in (await anns.told(f"{path}/messages"))["messages"]] == [
        *("Which birds?", "Jays.", "And owls?")
    ]
    first = await anns.told(f"{path}/messages?order=newest&limit=2")
    rest = await anns.told(f"{path}/messages?order=newest&limit=2&cursor={first['next']}")
    assert [each["text"] for each in first["messages"] + rest["messages"]] == ["And owls?", "Jays.", "Which birds?"]
    assert rest["next"] is None
    change = {"name": "Owls", "folder": "", "tags": [], "pinned": True, "settings": {"model": "m"}, "status": "done"}
    changed = (await anns.patch(path, json=change)).json()
    assert changed | change | {"folder": None} == changed
    assert changed["model"] == "m"
    assert [each["id"] for each in (await anns.told("/threads?pinned=true&model=m"))["threads"]] == [made["id"]]
    (hit,) = [each for each in (await anns.told("/search?q=jays"))["found"] if each["message_id"]]
    start, end = hit["marks"][0]
    assert hit["snippet"][start:end] == "Jays"
    copy = await anns.made(f"{path}/fork", {"until": rest["messages"][0]["id"]})
    assert (copy["name"], copy["messages"]) == ("Owls", 1)
    both = await anns.made("/threads/merge", {"threads": [made["id"], copy["id"]], "name": "Both"})
    assert (both["name"], both["messages"]) == ("Both", 4)
    assert (await anns.delete(path)).status_code == 204
    assert [each["id"] for each in (await anns.told("/threads?trash=true"))["threads"]] == [made["id"]]
    assert (await anns.post(f"{path}/restore")).json()["trashed_at"] is None
    assert (await anns.delete(f"{path}?for_good=true")).status_code == 204
    assert (await anns.told(path, 404))["code"] == "missing"


async def test_what_is_sent_again_with_its_key_is_made_once(anns: Program) -> None:
    body = {"name": "Once", "messages": [{"text": "one"}, {"text": "two"}]}
    first, second = [await anns.made("/threads", body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first["id"] == second["id"]
    path = f"/threads/{first['id']}"
    for _ in range(2):
        await anns.made(f"{path}/messages", {"text": "three"}, **{"Idempotency-Key": "k"})
        await anns.patch(path, json={"name": "Renamed"})  # which what is sent again does not undo
    assert [each["text"] for each in (await anns.told(f"{path}/messages"))["messages"]] == ["one", "two", "three"]
    forks = [await anns.made(f"{path}/fork", {}, **{"Idempotency-Key": "f"}) for _ in range(2)]
    assert forks[0]["id"] == forks[1]["id"] != first["id"]
    other = await anns.made("/threads", body, **{"Idempotency-Key": "l"})
    assert other["id"] != first["id"]
    assert (await anns.made("/threads", body, **{"Idempotency-Key": "k"}))["name"] == "Renamed"


async def test_a_key_that_another_request_has_changes_nothing(anns: Program) -> None:
    key = {"Idempotency-Key": "k"}
    first = await anns.made("/threads", {"name": "One", "messages": [{"text": "FIRST"}]}, **key)
    path = f"/threads/{first['id']}"
    await anns.made(f"{path}/messages", {"text": "said A"}, **key)
    await anns.made(f"{path}/fork", {"name": "Fork"}, **key)
    for where, body in (
        ("/threads", {"name": "Two", "messages": [{"text": "OTHER"}]}),
        (f"{path}/messages", {"text": "said B"}),
        (f"{path}/fork", {"name": "Another"}),
    ):
        assert (await anns.made(where, body, 422, **key))["code"] == "key_used"
    assert [each["text"] for each in (await anns.told(f"{path}/messages"))["messages"]] == ["FIRST", "said A"]
    assert {each["name"] for each in (await anns.told("/threads"))["threads"]} == {"One", "Fork"}
    for odd in ("", " ", "é", "x" * 256):
        answer = await anns.post("/threads", json={}, headers=[("Idempotency-Key", odd.encode())])
        assert answer.status_code == 422, odd


async def test_what_was_left_unfinished_is_finished_when_it_is_sent_again(anns: Program, mounted: DataLayer) -> None:
    body, key = {"messages": [{"text": f"{n}"} for n in range(4)]}, {"Idempotency-Key": "k"}
    made = await anns.made("/threads", body, **key)
    path = f"/threads/{made['id']}"
    (_, *rest) = (await anns.told(f"{path}/messages"))["messages"]
    change(mounted, f"DELETE FROM steps WHERE id IN ('{rest[1]['id']}', '{rest[2]['id']}')")  # as after a kill
    await anns.made("/threads", body, **key)
    assert [each["text"] for each in (await anns.told(f"{path}/messages"))["messages"]] == ["0", "1", "2", "3"]


async def test_a_deletion_that_is_sent_again_deletes_no_more(anns: Program) -> None:
    path = f"/threads/{(await anns.made('/threads', {}))['id']}"
    for _ in range(2):
        assert (await anns.delete(path)).status_code == 204
    assert (await anns.post(f"{path}/restore")).json()["trashed_at"] is None


@pytest.mark.parametrize("path", ["/threads?folders=x", "/export?threads=x", "/threads?q=a&tag=b", "/me?x=1"])
async def test_a_filter_that_nobody_knows_is_no_filter(anns: Program, path: str) -> None:
    assert (await anns.get(path)).status_code == 422


async def test_what_has_not_changed_is_not_sent_again(anns: Program) -> None:
    path = f"/threads/{(await anns.made('/threads', {'name': 'Same'}))['id']}"
    first = await anns.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    again = await anns.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await anns.patch(path, json={"name": "Other"})
    assert (await anns.get(path, headers={"if-none-match": first.headers["etag"]})).status_code == 200


async def test_files_of_a_conversation_with_ranges(anns: Program, mounted: DataLayer) -> None:
    thread_id, blob = (await anns.made("/threads", {"messages": [{"text": "see"}]}))["id"], b"0123456789" * 10
    (message,) = (await anns.told(f"/threads/{thread_id}/messages"))["messages"]
    stored, odd = await mounted.store.put_blob(blob), "a/b ?é"
    values = {"type": "file", "name": "n.txt", "mime": "text/plain", "for_id": message["id"]}
    of: dict[str, Any] = {"actor": "ann", "thread_id": thread_id, "at": now()}
    await mounted.store.submit(UpsertElement(id=odd, values=values, blob=stored, **of))
    (told,) = (await anns.told(f"/threads/{thread_id}/messages"))["messages"][0]["files"]
    (listed,) = (await anns.told("/files?name=n"))["files"]
    assert (told, told["size"], told["message_id"]) == (listed, 100, message["id"])
    got = await anns.get(f"http://chat{told['url']}", headers={"range": "bytes=10-12"})
    assert (got.status_code, got.content, got.headers["x-content-type-options"]) == (206, b"012", "nosniff")
    async with program(await token_of(mounted, "bob")) as bobs:
        assert (await bobs.get(f"http://chat{told['url']}")).status_code == 404
        assert (await bobs.told("/files"))["files"] == []


async def test_links_are_made_changed_and_revoked(anns: Program, mounted: DataLayer) -> None:
    made = await anns.made("/threads", {"name": "Birds", "messages": [{"text": "Which birds?"}]})
    wanted = {"thread_id": made["id"], "snapshot": True, "days": 7, "password": "a good one", "author": True}
    link = await anns.made("/shares", wanted)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://chat") as reader:
        assert "Which birds?" not in (await reader.get(link["link"])).text
        path = f"/shares/{link['id']}"
        sites = {"sites": ["https://Blog.example/"]}
        assert (await anns.patch(path, json=sites)).json()["code"] == "share_frame_public"
        changed = (await anns.patch(path, json=sites | {"password": None})).json()
        assert (changed["protected"], changed["author"], changed["sites"]) == (False, True, ["https://blog.example"])
        assert changed["expires_at"] == link["expires_at"]
        assert "Which birds?" in (await reader.get(link["link"])).text
        (listed,) = (await anns.told(f"/shares?thread={made['id']}"))["shares"]
        assert (listed["views"], "link" in listed) == (1, False)
        async with program(await token_of(mounted, "bob")) as bobs:
            assert (await bobs.made("/shares", wanted, 404))["code"] == "missing"
            assert [(await bobs.request(how, path, json={})).status_code for how in ("PATCH", "DELETE")] == [404, 404]
            assert await bobs.told("/shares") == {"shares": []}
        assert (await anns.delete(path)).status_code == 204
        assert (await reader.get(link["link"])).status_code == 404
    for wrong, code in (({"sites": ["https://*"]}, "share_bad_site"), ({"password": "short"}, "share_bad_password")):
        assert (await anns.made("/shares", {"thread_id": made["id"]} | wrong, 422))["code"] == code


async def test_the_old_names_answer_too(anns: Program) -> None:
    made = (await anns.post("http://chat/api/sessions", json={"title": "Old"})).json()
    await anns.made(f"/threads/{made['id']}/messages", {"text": "hello"})
    listed = (await anns.get("http://chat/api/sessions")).json()["sessions"]
    assert [(each["title"], each["message_count"]) for each in listed] == [("Old", 1)]
    assert (await anns.get(f"http://chat/api/sessions?since={listed[0]['updated']}")).json()["sessions"] == listed
    assert (await anns.get(f"http://chat/api/sessions?until={listed[0]['updated']}")).json()["sessions"] == []
    said = (await anns.get(f"http://chat/api/sessions/{made['id']}/messages")).json()["messages"]
    assert [each["text"] for each in said] == ["hello"]
    assert (await anns.delete(f"http://chat/api/sessions/{made['id']}")).status_code == 204
    assert (await anns.get(f"http://chat/api/sessions/{made['id']}")).status_code == 404


async def test_several_requests_in_one_of_which_one_fails(anns: Program) -> None:
    asked = [
        {"method": "POST", "path": "/threads", "body": {"name": "In a batch"}, "key": "b"},
        {"method": "GET", "path": "/threads/none"},
        {"method": "GET", "path": "/threads?limit=1"},
    ]
    answers = (await anns.made("/batch", {"requests": asked}, 200))["answers"]
    assert [each["status"] for each in answers] == [201, 404, 200]
    assert answers[2]["body"]["threads"][0]["id"] == answers[0]["body"]["id"]


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/batch",
            "/%62atch",
            "/export",
            "/%65xport",
            "/files/x/content",
            "/../mcp",
            "/../sessions",
            "/threads/../batch",
        ),
        *("/threads/%2e%2e/me", "/me\r\nX", "/me\x7f", "/me%00", "/me%ff", "/:x", "/[", "//me", "/me/", "/threads//x"),
    ],
)
async def test_a_batch_goes_only_where_little_is_told(anns: Program, path: str) -> None:
    within = {"requests": [{"method": "GET", "path": path}, {"method": "POST", "path": "/threads", "body": {}}]}
    assert (await anns.made("/batch", within, 422))["code"] == "batch"
    assert (await anns.told("/threads"))["threads"] == []


async def test_an_export_is_a_file(anns: Program) -> None:
    made = await anns.made("/threads", {"name": "Out", "messages": [{"text": "taken along"}]})
    got = await anns.get(f"/export?format=jsonl&thread={made['id']}")
    assert got.headers["content-disposition"].startswith("attachment")
    assert "taken along" in json.dumps(json.loads(got.text.splitlines()[0]))


class TestWho:
    @pytest.mark.parametrize("who", [None, "tk_none", "tk_" + "0" * 40 + "A" * 43, "x.y.z"])
    async def test_nobody_gets_a_problem_in_his_language(self, anns: Program, who: str | None) -> None:
        async with program(who, **{"accept-language": "fr"}) as nobody:
            answer = await nobody.get("/threads")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "jeton" in answer.json()["title"]
        assert (answer.status_code, answer.headers["content-language"]) == (401, "fr")

    async def test_a_token_ends_is_revoked_and_has_its_scopes(self, anns: Program, mounted: DataLayer) -> None:
        tokens = Tokens(mounted.store)
        reading = await token_of(mounted, "ann", "read")
        async with program(reading) as reads:
            assert (await reads.told("/me"))["scopes"] == ["read"]
            refused = await reads.post("/threads", json={})
            assert (refused.status_code, refused.json()["code"]) == (403, "scope")
            (newest, *_) = await tokens.of("ann")
            assert newest.used_at is not None
            assert not await tokens.revoke("bob", newest.id)
            assert await tokens.revoke("ann", newest.id)
            await reads.told("/me", 401)
        async with program(await token_of(mounted, "ann", days=1)) as ends:
            await ends.told("/me")
            (newest, *_) = await tokens.of("ann")
            key = f"library/tokens/{user_id('ann')}"
            held = (await mounted.store.app_values([key]))[key]
            held.value["tokens"][newest.id]["ends_at"] = now() - 1
            await mounted.store.put_app_value(key, held.value, held.version)
            await ends.told("/me", 401)

    async def test_only_a_hash_is_stored_and_there_is_an_end_to_their_number(self, mounted: DataLayer) -> None:
        tokens = Tokens(mounted.store)
        made = await token_of(mounted, "ann")
        stored = (await mounted.store.app_values_under("library/tokens/")).values()
        assert made[-43:] not in repr([each.value for each in stored])
        for _ in range(MOST - 1):
            await token_of(mounted, "ann")
        with pytest.raises(TooManyTokens):
            await token_of(mounted, "ann")
        assert len(await tokens.of("ann")) == MOST

    async def test_who_may_no_longer_come_in_does_not_by_a_token(
        self, login: None, chainlit_layer: DataLayer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        left: set[str] = set()

        async def knows(identifier: str) -> bool:
            return identifier not in left

        _mount(chainlit_layer, monkeypatch, knows=knows)
        async with program(await token_of(chainlit_layer, "ann")) as anns:
            await anns.told("/threads")
            left.add("ann")
            await anns.told("/threads", 401)

    async def test_a_session_reads_and_changes_only_with_its_guard(
        self, open_browser: OpenBrowser, mounted: DataLayer
    ) -> None:
        await register(mounted, "ann")
        browser = open_browser("ann")
        me = (await browser.get("/api/v1/me")).json()
        assert (me["identifier"], me["scopes"]) == ("ann", ["read", "write"])
        assert (await browser.post("/api/v1/threads", json={})).status_code == 403
        theirs = {GUARD: me["guard"], "origin": "https://elsewhere.example"}
        assert (await browser.post("/api/v1/threads", json={}, headers=theirs)).status_code == 403
        assert (await browser.post("/api/v1/threads", json={}, headers={GUARD: me["guard"]})).status_code == 201

    async def test_a_token_makes_no_other(self, anns: Program) -> None:
        answer = await anns.post("/tokens", json={"name": "more", "scopes": ["read"]})
        assert (answer.status_code, answer.json()["code"]) == (403, "session")
        assert (await anns.get("/tokens")).status_code == 403

    async def test_guessing_is_slowed_down(self, anns: Program) -> None:
        wrong = ["tk_" + f"{n:040x}" + "A" * 43 for n in range(70)]
        answers = []
        for token in wrong:
            async with program(token) as guesses:
                answers.append((await guesses.get("/me")).status_code)
        assert (answers[0], answers[-1]) == (401, 429)
        await anns.told("/me")

    async def test_what_is_anothers_is_as_if_it_were_not(self, anns: Program, mounted: DataLayer) -> None:
        bob = await register(mounted, "bob")
        his = await thread(mounted, bob, "Bob's")
        calls: list[Callable[[], Any]] = [
            lambda: anns.get(f"/threads/{his}"),
            lambda: anns.get(f"/threads/{his}/messages"),
            lambda: anns.get(f"/threads/{his}/files"),
            lambda: anns.patch(f"/threads/{his}", json={"name": "Ann's"}),
            lambda: anns.post(f"/threads/{his}/messages", json={"text": "hers"}),
            lambda: anns.post(f"/threads/{his}/fork", json={}),
            lambda: anns.post(f"/threads/{his}/restore"),
            lambda: anns.post("/threads/merge", json={"threads": [his, new_id()]}),
            lambda: anns.delete(f"/threads/{his}"),
            lambda: anns.get(f"http://chat/api/sessions/{his}"),
            lambda: anns.get(f"/export?thread={his}"),
        ]
        before = [await call() for call in calls]
        assert [each.status_code for each in before] == [404] * len(calls)
        (kept,) = await mounted.store.own_threads(bob.id, [his])
        assert kept.name == "Bob's"
        assert (await anns.told("/search?q=morning"))["found"] == []
        await mounted.store.submit(TrashThread(actor="bob", thread_id=his, at=now()))
        assert (await anns.get(f"/threads/{his}")).status_code == 404


class TestBadInput:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"name": "x" * 501}, "input"),
            ({"unknown": 1}, "input"),
            ({"name": "a\0b"}, "text"),
            ({"name": "\ud800"}, "invalid"),
            ({"folder": "a/../b"}, "invalid"),
            ({"tags": ["\u200b"]}, "invalid"),
            ({"messages": [{"text": ""}]}, "input"),
            ({"settings": {"temperature": float("nan")}}, "input"),
            ({"messages": [{"role": "system", "text": "x"}]}, "input"),
        ],
        ids=repr,
    )
    async def test_is_refused_and_nothing_is_made(self, anns: Program, body: Any, code: str) -> None:
        answer = await anns.post("/threads", content=json.dumps(body), headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.json()["code"] in (code, "invalid", "input")
        assert (await anns.told("/threads"))["threads"] == []

    async def test_too_much_is_not_read(self, anns: Program) -> None:
        async def endless() -> AsyncIterator[bytes]:
            yield b'{"name":"'
            for _ in range(40):
                yield b"x" * 100_000

        answer = await anns.post("/threads", content=endless(), headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "large")

    @pytest.mark.parametrize("path", ["/threads?cursor=x", "/threads?month=2026-99", "/threads/x%00y", "/nothing"])
    async def test_of_an_address_is_a_problem(self, anns: Program, path: str) -> None:
        answer = await anns.get(path)
        assert answer.status_code in (400, 404, 422)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_document_and_the_page_tell_of_every_route(anns: Program, open_browser: OpenBrowser) -> None:
    spec = await anns.told("/openapi.json")
    assert spec["openapi"].startswith("3.1")
    text = (await open_browser().get("/api/v1/docs")).text
    assert [path for path in spec["paths"] if f"/api{path}" not in text] == []
    assert "<script>" not in text


async def test_a_page_makes_a_token_shows_it_once_and_revokes_it(open_browser: OpenBrowser, mounted: DataLayer) -> None:
    await register(mounted, "ann")
    browser = open_browser("ann")
    await browser.visit("/tokens")
    await browser.do("", path="/tokens", name="My <script>", scope="read", days="90")
    assert "My &lt;script&gt;" in browser.text
    made = browser.text.partition('id="token" class="link" readonly value="')[2].partition('"')[0]
    async with program(made) as holds:
        assert (await holds.told("/me"))["identifier"] == "ann"
        await browser.visit("/tokens")
        assert made not in browser.text
        (held,) = await Tokens(mounted.store).of("ann")
        await browser.do("", path="/tokens", revoke=held.id)
        assert browser.notice == "The token is revoked."
        await holds.told("/me", 401)
    answer = await browser.post("/library/tokens", data={"name": "x", "scope": "read", "days": "0", "guard": "no"})
    assert (answer.status_code, await Tokens(mounted.store).of("ann")) == (403, [])
