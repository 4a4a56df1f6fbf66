"""Nobody sees, changes or deletes what is somebody else's, over real HTTP and a real websocket.

Alice has a conversation with everything in it and is signed in; Mallory, who has an account and a conversation of his
own, knows all her ids. Every attack ends with the proof that her conversation is byte for byte what it was. Every
route and every websocket event that the server has is attacked here or waived with a reason: one that a new Chainlit
adds fails the test until somebody has looked at it.
"""

import io
import json
import re
import uuid
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from socketio.exceptions import ConnectionError as Refused

from tests.client import Client
from tests.e2e.conftest import PASSWORD, App
from tests.processes import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

DENIED = (400, 401, 403, 404)
SECRET = "aubergine"
HASHED = re.compile(r"-[\w-]{8}\.js$")  # a script is named after its content, too
LIST_ROUTES = """
import json, runpy
from fastapi import FastAPI
from chainlit.server import app, sio
runpy.run_path("app.py")
from chainlit.data import get_data_layer
get_data_layer()
def routes(found):
    for route in found:
        if inner := getattr(route, "original_router", None):
            yield from routes(inner.routes)
        elif isinstance(inner := getattr(route, "app", None), FastAPI):
            told = inner.openapi()["paths"]
            yield from (f"{method.upper()} {route.path}{path}" for path in told for method in told[path])
            yield from (f"{method} {route.path}{each.path}" for each in inner.routes if hasattr(each, "path")
                        for method in each.methods if each.path not in told)
        else:
            yield from (f"{method} {route.path}" for method in sorted(getattr(route, "methods", None) or ["MOUNT"]))
print(json.dumps([sorted(set(routes(app.routes))), sorted(sio.handlers["/"])]))
"""

WAIVED = {
    "GET /public/{filename:path}": "static files of the installation, the same for everybody",
    "GET /assets/{filename:path}": "Chainlit's own page",
    "GET /assets/index.js": "Chainlit's own page, the same bytes for everybody: asserted below",
    "HEAD /assets/index.js": "Chainlit's own page",
    "GET /copilot/{filename:path}": "Chainlit's own page",
    "GET /favicon": "static",
    "GET /logo": "static",
    "GET /avatars/{avatar_id:str}": "static files of the installation",
    "GET /health": "takes nothing, says only that the server runs",
    "GET /health/store": "takes nothing, says only whether writes wait and how many",
    "GET /health/live": "takes nothing, says only that the server runs",
    "GET /health/ready": "takes nothing, says only whether writes are kept, and by what",
    "HEAD /": "takes nothing, says only that the server runs",
    "GET /{full_path:path}": "Chainlit's own page, which then asks the endpoints attacked here",
    "GET /openapi.json": "describes Chainlit's public code",
    "HEAD /openapi.json": "describes Chainlit's public code",
    "GET /docs": "describes Chainlit's public code",
    "HEAD /docs": "describes Chainlit's public code",
    "GET /docs/oauth2-redirect": "describes Chainlit's public code",
    "HEAD /docs/oauth2-redirect": "describes Chainlit's public code",
    "GET /redoc": "describes Chainlit's public code",
    "HEAD /redoc": "describes Chainlit's public code",
    "GET /auth/config": "how to sign in, before anybody has",
    "GET /auth/oauth/{provider_id}": "no OAuth provider is configured",
    "GET /auth/oauth/{provider_id}/callback": "no OAuth provider is configured",
    "GET /library/": "leads to the list, with the query that it has",
    "GET /library/static/{name:path}": "static files of the installation",
    "GET /library/theme.css": "the colours of the installation, the same for everybody",
    "GET /library/threads": "leads back to the list, with the query that it has",
    "GET /library/export": "leads back to the list, with the query that it has",
    "GET /library/undo": "leads back to the list, with the query that it has",
    "GET /api/v1/docs": "describes the API, the same for everybody",
    "GET /api/v1/openapi.json": "describes the API, the same for everybody",
    "HEAD /api/v1/openapi.json": "describes the API, the same for everybody",
    "GET /api/v1/health": "takes nothing, says only whether writes are kept",
    "POST /auth/oauth/azure-ad-hybrid/callback": "no OAuth provider is configured",
    "GET /project/translations": "texts of the page",
    "GET /project/settings": "configuration of the page",
    "MOUNT /ws/socket.io": "its events are listed one by one",
}
WAIVED_EVENTS = {
    "disconnect": "names nothing: ends the caller's own connection",
    "connection_successful": "names nothing: the thread is that of `connect`",
    "clear_session": "names nothing: acts on the caller's own session",
    "stop": "names nothing: cancels the caller's own turn",
    "chat_settings_change": "names nothing: acts on the caller's own thread",
    "files_allowed": "takes nothing, says only how much may be attached, of the caller's own room",
    "chat_settings_edit": "the app has no handler for it",
    "window_message": "the app has no handler for it",
    "audio_start": "audio is off, and it names nothing",
    "audio_chunk": "audio is off, and it names nothing",
    "audio_end": "audio is off, and it names nothing",
}


@dataclass
class Victim:
    """What Alice has, and what Mallory knows of it."""

    client: Client
    user_id: str
    thread_id: str
    question: str
    answer: str
    vote: str
    file: dict[str, Any]
    custom: dict[str, Any]
    session_file: str

    async def state(self) -> tuple[bytes, bytes, bytes]:
        """All that she can see of it."""
        content = (await self.client.request("GET", self.file["url"])).content
        return (await self.client.thread()).content, (await self.client.threads()).content, content


Attack = Callable[[Client, Victim], Awaitable[None]]
ATTACKS: dict[str, tuple[tuple[str, ...], Attack]] = {}


def attack(*targets: str) -> Callable[[Attack], Attack]:
    """Registers an attack on these "METHOD /path" routes and "event" names; it must really make each of the calls."""

    def register(function: Attack) -> Attack:
        ATTACKS[function.__name__] = targets, function
        return function

    return register


# --- reading -----------------------------------------------------------------------------------------------------


@attack("POST /project/threads")
async def list_threads(mallory: Client, alice: Victim) -> None:
    for answer in (
        await mallory.threads(),
        await mallory.threads(userId=alice.user_id),
        await mallory.threads(search=SECRET),
        await mallory.threads(search=SECRET, userId=alice.user_id, feedback=1),
    ):
        assert answer.status_code == 200
        assert alice.thread_id not in answer.text
        assert SECRET not in answer.text


@attack("POST /project/threads")
async def page_from_a_forged_cursor(mallory: Client, alice: Victim) -> None:
    answer = await mallory.threads(cursor=f"9999999999999999.{alice.thread_id}")
    assert alice.thread_id not in [thread["id"] for thread in answer.json()["data"]]


@attack("GET /project/thread/{thread_id}")
async def open_a_thread(mallory: Client, alice: Victim) -> None:
    assert_denied(await mallory.thread(alice.thread_id))


@attack("GET /project/thread/{thread_id}/element/{element_id}")
async def read_an_element(mallory: Client, alice: Victim) -> None:
    for element in (alice.file, alice.custom):
        assert_denied(await mallory.request("GET", f"/project/thread/{alice.thread_id}/element/{element['id']}"))
        own = await mallory.request("GET", f"/project/thread/{mallory.thread_id}/element/{element['id']}")
        assert own.status_code in DENIED or own.json() is None


@attack("GET /datalayer/files/{element_id}", "HEAD /datalayer/files/{element_id}")
async def read_a_file(mallory: Client, alice: Victim) -> None:
    for method in ("GET", "HEAD"):
        assert_denied(await mallory.request(method, alice.file["url"]))
        assert_denied(await mallory.request(method, alice.file["url"].partition("?")[0]))
    tag = (await alice.client.request("GET", alice.file["url"])).headers["ETag"]
    assert_denied(await mallory.request("GET", alice.file["url"], headers={"If-None-Match": tag}))


@attack("GET /datalayer/sources/{thread_id}/{element_id}")
async def read_what_an_answer_cites(mallory: Client, alice: Victim) -> None:
    elements = (await alice.client.stored(alice.thread_id))["elements"]
    [cited] = [element for element in elements if "source" in (element["props"] or {})]
    assert SECRET in (await alice.client.request("GET", cited["url"])).text
    assert_denied(await mallory.request("GET", cited["url"]))
    for key in (cited["id"], alice.file["id"]):
        assert_denied(await mallory.request("GET", f"/datalayer/sources/{mallory.thread_id}/{key}"))
    forged = {"id": str(uuid.uuid4()), "threadId": mallory.thread_id, "type": "custom", "name": "[1]"}
    await mallory.element("PUT", {**forged, "props": cited["props"], "display": "side"})
    answer = await mallory.request("GET", f"/datalayer/sources/{mallory.thread_id}/{forged['id']}")
    assert SECRET not in answer.text.replace(cited["props"]["source"]["name"], "")


@attack("GET /export/{thread_id}")
async def export_a_thread(mallory: Client, alice: Victim) -> None:
    for name in ("markdown", "html", "pdf", "json", "jsonl", "csv", "../json", ""):
        assert_denied(await mallory.request("GET", f"/export/{alice.thread_id}", params={"format": name}))


@attack("GET /project/file/{file_id}")
async def read_an_upload(mallory: Client, alice: Victim) -> None:
    for session in (alice.client.session_id, mallory.session_id, "", str(uuid.uuid4())):
        path = f"/project/file/{alice.session_file}"
        assert_denied(await mallory.request("GET", path, params={"session_id": session}))


@attack("GET /project/share/{thread_id}", "PUT /project/thread/share")
async def share(mallory: Client, alice: Victim) -> None:
    assert_denied(await mallory.request("GET", f"/project/share/{alice.thread_id}"))
    assert_denied(await mallory.share(alice.thread_id))
    assert_denied(await mallory.request("GET", f"/project/share/{alice.thread_id}"))


@attack("connect")
async def connect_to_a_thread(mallory: Client, alice: Victim) -> None:
    told = []
    deleted = mallory.tab()
    await deleted.connect()
    await deleted.send("Soon gone")
    await mallory.delete(deleted.thread_id)
    for thread_id in (alice.thread_id, deleted.thread_id, str(uuid.uuid4()), "nothing"):
        async with mallory.tab() as tab:
            await tab.connect(thread_id)
            assert not [step for step in tab.screen.values() if "message" in step["type"]]
            told.append([(name, data) for name, data in tab.events if name.startswith("resume")])
            await tab.send("A page that works")
            assert tab.thread_id not in (thread_id, "")
    assert told == [[("resume_thread_error", "Thread not found.")]] * 4
    await deleted.disconnect()


@attack("connect")
async def take_over_a_session(mallory: Client, alice: Victim) -> None:
    for thread_id in (None, mallory.thread_id, alice.thread_id):
        with pytest.raises(Refused):
            await mallory.tab().connect(thread_id, session_id=alice.client.session_id)


@attack("fetch_favorites")
async def fetch_favorites(mallory: Client, alice: Victim) -> None:
    await mallory.call("fetch_favorites")
    assert await mallory.wait_for("set_favorites") == []


@attack("show_part", "fetch_favorites")
async def look_at_her_steps(mallory: Client, alice: Victim) -> None:
    """In a conversation of his own, and in one that is not stored yet."""
    async with mallory.tab() as fresh:
        for tab in (await fresh.connect(), mallory):
            for key in (alice.question, alice.answer):
                for wish in ({"at": key}, {"back_to": key}, {"more": "earlier", "at": key}):
                    await tab.emit("show_part", wish)
            await tab.call("fetch_favorites")
            shown = [step["id"] for name, data in tab.events if name == "resume_thread" for step in data["steps"]]
            assert not {alice.question, alice.answer} & {*shown}


@attack("GET /library", "HEAD /library", "GET /library/usage", "GET /library/kept")
async def look_into_the_library(mallory: Client, alice: Victim) -> None:
    for path in (
        f"/library?thread={alice.thread_id}",
        "/library?q=what",
        "/library?show=trash",
        "/library/usage",
        "/library/kept",
    ):
        answer = await mallory.request("GET", path)
        assert answer.status_code in (200, 404)
        assert SECRET not in answer.text
        assert alice.answer not in answer.text
    assert not (await mallory.request("HEAD", f"/library?thread={alice.thread_id}")).content


@attack("POST /library/threads", "POST /library/undo")
async def change_in_the_library(mallory: Client, alice: Victim) -> None:
    page = (await mallory.request("GET", "/library")).text
    guard = re.search(r'name="guard" value="(\w+)"', page)
    assert guard
    mine = {
        "guard": guard[1],
        "id": [alice.thread_id, mallory.thread_id],
        "folder": "Mine",
        "tags": "mine",
        "sure": "yes",
    }
    for what in ("merge", "archive", "pin", "done", "move", "tag", "trash", "restore", "purge"):
        answer = await mallory.request("POST", "/library/threads", data=mine | {"do": what})
        assert SECRET not in answer.text
    undo = json.dumps([["trash", [], [alice.thread_id]]])
    assert SECRET not in (await mallory.request("POST", "/library/undo", data={**mine, "undo": undo})).text


@attack("POST /library/export")
async def export_from_the_library(mallory: Client, alice: Victim) -> None:
    guard = re.search(r'name="guard" value="(\w+)"', (await mallory.request("GET", "/library")).text)
    assert guard
    for name in ("json", "jsonl", "csv", "markdown", "html"):
        for chosen in ({"id": [alice.thread_id]}, {"id": [alice.thread_id, mallory.thread_id]}, {"all": "9" * 17}):
            data: dict[str, Any] = {"guard": guard[1], "format": name, **chosen}
            answer = await mallory.request("POST", "/library/export", data=data)
            content = answer.content
            if content[:2] == b"PK":
                with zipfile.ZipFile(io.BytesIO(content)) as packed:
                    content = b"".join(map(packed.read, packed.namelist())) + str(packed.namelist()).encode()
            assert SECRET.encode() not in content
            assert alice.answer.encode() not in content


@attack("GET /library/import", "POST /library/import")
async def import_in_the_library(mallory: Client, alice: Victim) -> None:
    """One of hers waits to be decided about."""
    found = json.dumps([{"id": "c1", "title": SECRET, "mapping": {}}]).encode()
    mine = await guard_of(alice.client)
    sent = {"data": {"guard": mine}, "files": {"file": (f"{SECRET}.json", found)}}
    assert (await alice.client.request("POST", "/library/import", **sent)).status_code == 303
    theirs = await guard_of(mallory)
    for guard in (mine, theirs):
        for what in ("bring", "stop", "forget"):
            answer = await mallory.request("POST", "/library/import", data={"guard": guard, "do": what})
            assert SECRET not in answer.text
    assert SECRET not in (await mallory.request("GET", "/library/import")).text
    assert (await mallory.request("POST", "/library/import", **sent)).status_code == 403
    page = (await alice.client.request("GET", "/library/import")).text
    assert 'value="forget"' in page
    assert (await alice.client.request("POST", "/library/import", data={"guard": mine, "do": "forget"})).is_redirect


async def guard_of(client: Client) -> str:
    found = re.search(r'name="guard" value="(\w+)"', (await client.request("GET", "/library")).text)
    assert found
    return found[1]


API: dict[str, Any] = {
    **dict.fromkeys(
        f"GET /api/v1/{name}" for name in ("me", "threads", "files", "usage", "export", "tokens", "shares")
    ),
    "GET /api/sessions": None,
    "POST /api/sessions": {},
    "POST /api/v1/threads": {},
    "POST /api/v1/tokens": {"name": "his", "scopes": ["read", "write"]},
    "POST /api/v1/batch": {"requests": [{"method": "GET", "path": "/threads/THREAD"}]},
    "POST /api/v1/threads/merge": {"threads": ["THREAD", "OTHER"]},
    "POST /api/v1/shares": {"thread_id": "THREAD"},
    **dict.fromkeys(("GET /api/v1/threads/{thread_id}", "DELETE /api/v1/threads/{thread_id}")),
    "PATCH /api/v1/threads/{thread_id}": {"name": "His"},
    "POST /api/v1/threads/{thread_id}/restore": {},
    "POST /api/v1/threads/{thread_id}/fork": {},
    "POST /api/v1/threads/{thread_id}/messages": {"text": "his"},
    "GET /api/v1/threads/{thread_id}/messages": None,
    "GET /api/v1/threads/{thread_id}/files": None,
    "GET /api/v1/files/{element_id}/content": None,
    "DELETE /api/v1/tokens/{token_id}": None,
    "PATCH /api/v1/shares/{share_id}": {"files": True},
    "DELETE /api/v1/shares/{share_id}": None,
    **dict.fromkeys(("GET /api/sessions/{session_id}", "DELETE /api/sessions/{session_id}")),
    "GET /api/sessions/{thread_id}/messages": None,
}
"""What is sent to each; THREAD is hers, OTHER his."""
HERS = ("{", "merge", "POST /api/v1/shares")
"""Routes that are asked for what is hers."""


@attack(*API, "GET /api/v1/search")
async def ask_the_api(mallory: Client, alice: Victim) -> None:
    """She has a token and a link, which nobody but her lists, changes or revokes."""
    hers, his = [
        {"X-Guard": (await each.request("GET", "/api/v1/me")).json()["guard"]} for each in (alice.client, mallory)
    ]
    scopes, shared = {"name": "hers", "scopes": ["read"]}, {"thread_id": alice.thread_id, "audience": "signed_in"}
    token = (await alice.client.request("POST", "/api/v1/tokens", json=scopes, headers=hers)).json()
    share = (await alice.client.request("POST", "/api/v1/shares", json=shared, headers=hers)).json()
    ids = {"thread_id": alice.thread_id, "session_id": alice.thread_id, "element_id": alice.file["id"]}
    ids |= {"token_id": token["id"], "share_id": share["id"]}
    for route, body in API.items():
        method, path = route.split(" ")
        sent = json.dumps(body).replace("THREAD", alice.thread_id).replace("OTHER", mallory.thread_id or "")
        how = {} if body is None else {"content": sent}
        answer = await mallory.request(
            method, path.format(**ids), headers=his | {"content-type": "application/json"}, **how
        )
        if any(part in route for part in HERS):
            assert_denied(answer)
        assert SECRET not in answer.text
        assert token["id"] not in answer.text
        assert share["id"] not in answer.text
    assert (await mallory.request("GET", "/api/v1/search", params={"q": SECRET})).json()["found"] == []
    for kind, key in (("tokens", token["id"]), ("shares", share["id"])):
        gone = await alice.client.request("DELETE", f"/api/v1/{kind}/{key}", headers=hers)
        assert gone.status_code == 204


@attack("POST /api/mcp")
async def use_her_history(mallory: Client, alice: Victim) -> None:
    guard = {"X-Guard": (await mallory.request("GET", "/api/v1/me")).json()["guard"]}
    body = {"name": "his", "scopes": ["read", "write"]}
    token = (await mallory.request("POST", "/api/v1/tokens", json=body, headers=guard)).json()["token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    for name, given in (
        ("read_thread", {"thread_id": alice.thread_id}),
        ("save_message", {"thread_id": alice.thread_id, "text": "his"}),
        ("search_history", {"query": SECRET}),
        ("list_threads", {}),
    ):
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": given}}
        answer = await mallory.request("POST", "/api/mcp", json=call, headers=headers)
        assert answer.status_code == 200
        told = answer.text.replace(f'"{SECRET}"', "")
        assert SECRET not in told
        assert alice.answer not in told


@attack("GET /library/tokens", "POST /library/tokens", "GET /library/shares", "POST /library/shares")
async def take_her_tokens_and_links(mallory: Client, alice: Victim) -> None:
    hers = {"X-Guard": (await alice.client.request("GET", "/api/v1/me")).json()["guard"]}
    scopes, shared = {"name": SECRET, "scopes": ["read"]}, {"thread_id": alice.thread_id}
    token = (await alice.client.request("POST", "/api/v1/tokens", json=scopes, headers=hers)).json()["id"]
    share = (await alice.client.request("POST", "/api/v1/shares", json=shared, headers=hers)).json()["id"]
    guard = await guard_of(mallory)
    answers = [await mallory.request("GET", path) for path in ("/library/tokens", "/library/shares")]
    answers.append(await mallory.request("GET", "/library/shares", params={"share": share}))
    answers.append(await mallory.request("POST", "/library/tokens", data={"guard": guard, "revoke": token}))
    for what in ("revoke", "change"):
        data = {"guard": guard, "share": share, "do": what, "audience": "public", "ends": "never"}
        answers.append(await mallory.request("POST", "/library/shares", data=data))
    made = {"guard": guard, "thread": alice.thread_id, "do": "make", "kind": "live", "audience": "public", "ends": "30"}
    answers.append(await mallory.request("POST", "/library/shares", data=made))
    assert not any(SECRET in answer.text for answer in answers)
    for kind, key in (("tokens", token), ("shares", share)):
        gone = await alice.client.request("DELETE", f"/api/v1/{kind}/{key}", headers=hers)
        assert gone.status_code == 204  # so it was there


@attack(
    *(f"{method} {path}" for method in ("GET", "HEAD") for path in ("/share/{token}", "/share/{token}/continue")),
    *(f"{method} /share/{{token}}/files/{{element_id}}" for method in ("GET", "HEAD")),
    *("GET /embed/{token}", "HEAD /embed/{token}", "POST /share/{token}", "POST /share/{token}/continue"),
)
async def guess_her_link(mallory: Client, alice: Victim) -> None:
    """Whoever has the link is shown what it shows; who knows her ids has none."""
    for token in (alice.thread_id, "x"):
        for method in ("GET", "HEAD"):
            for path in (f"/share/{token}", f"/share/{token}/continue", f"/embed/{token}"):
                assert_denied(await mallory.request(method, path))
            assert_denied(await mallory.request(method, f"/share/{token}/files/{alice.file['id']}"))
        for path in (f"/share/{token}", f"/share/{token}/continue"):
            assert_denied(await mallory.request("POST", path, data={"guard": "x", "password": "x"}))


@attack("GET /library/files", "POST /library/files")
async def look_for_files_in_the_library(mallory: Client, alice: Victim) -> None:
    page, key = (await mallory.request("GET", "/library")).text, alice.file["id"]
    guard = re.search(r'name="guard" value="(\w+)"', page)
    assert guard
    answers = [
        await mallory.request("GET", "/library/files", params=asked)
        for asked in ({}, {"file": key}, {"words": SECRET[:5]}, {"sort": "name", "after": "."}, {"after": f"{2**62}.x"})
    ]
    for what in ("leave_out", "take_in", "trash", "restore", "delete", "add"):
        mine = {"guard": guard[1], "id": key, "sure": "yes", "thread": mallory.thread_id}
        answers.append(await mallory.request("POST", "/library/files", data=mine | {"do": what}))
        answers.append(await mallory.request("POST", "/library/files", data=mine | {"undo": f"{what}:{key}"}))
    for answer in answers:
        assert answer.status_code in (200, 404, 422)
        assert key not in answer.text
        assert alice.thread_id not in answer.text
        assert SECRET not in answer.text


@attack("GET /user")
async def who_am_i(mallory: Client, alice: Victim) -> None:
    assert (await mallory.request("GET", "/user")).json()["identifier"] == "mallory"


# --- changing over HTTP --------------------------------------------------------------------------------------------


@attack("PUT /project/thread")
async def rename(mallory: Client, alice: Victim) -> None:
    assert_denied(await mallory.rename("Mine now", alice.thread_id))


@attack("DELETE /project/thread")
async def delete(mallory: Client, alice: Victim) -> None:
    assert_denied(await mallory.delete(alice.thread_id))


@attack("PUT /feedback")
async def vote(mallory: Client, alice: Victim) -> None:
    for thread_id in (alice.thread_id, mallory.thread_id, None):
        for id in (alice.vote, None):
            answer = await mallory.vote(alice.answer, 0, "forged", threadId=thread_id, id=id)
            assert answer.status_code >= 400, answer.text
    body = {"feedback": {"forId": alice.answer, "value": 0}, "sessionId": alice.client.session_id}
    assert (await mallory.request("PUT", "/feedback", json=body)).status_code >= 400


@attack("PUT /feedback")
async def move_a_vote_to_an_own_message(mallory: Client, alice: Victim) -> None:
    own = next(key for key, step in mallory.screen.items() if step["type"] == "assistant_message")
    await mallory.vote(own, 0, id=alice.vote)


@attack("DELETE /feedback")
async def delete_a_vote(mallory: Client, alice: Victim) -> None:
    await mallory.unvote(alice.vote)  # Chainlit says success whatever happens: what counts is that the vote is there


def forged_elements(mallory: Client, alice: Victim) -> Iterator[dict[str, Any]]:
    own = next(iter(mallory.screen))
    for id in (alice.custom["id"], alice.file["id"], str(uuid.uuid4())):
        for thread_id in (alice.thread_id, mallory.thread_id, ""):
            for step in (alice.answer, own, ""):
                if (id, thread_id, step) != (id, mallory.thread_id, own) or id in (
                    alice.custom["id"],
                    alice.file["id"],
                ):
                    yield {**alice.custom, "id": id, "threadId": thread_id, "forId": step, "props": {"forged": True}}


@attack("PUT /project/element")
async def update_an_element(mallory: Client, alice: Victim) -> None:
    for element in forged_elements(mallory, alice):
        await mallory.element("PUT", element)  # says success, as it only starts the write


@attack("DELETE /project/element")
async def delete_an_element(mallory: Client, alice: Victim) -> None:
    for element in forged_elements(mallory, alice):
        await mallory.element("DELETE", element)


@attack("PUT /project/element", "DELETE /project/element")
async def change_an_element_through_her_session(mallory: Client, alice: Victim) -> None:
    for method in ("PUT", "DELETE"):
        forged = {**alice.custom, "props": {"forged": True}}
        assert_denied(await mallory.element(method, forged, session_id=alice.client.session_id))


@attack("POST /project/action")
async def act_through_her_session(mallory: Client, alice: Victim) -> None:
    assert_denied(await mallory.action("anything", session_id=alice.client.session_id))


@attack("POST /project/file")
async def upload_into_her_session(mallory: Client, alice: Victim) -> None:
    assert_denied(await mallory.upload("forged.txt", b"forged", session_id=alice.client.session_id))


@attack("POST /mcp", "DELETE /mcp")
async def connect_a_tool_to_her_session(mallory: Client, alice: Victim) -> None:
    body = {"sessionId": alice.client.session_id, "name": "x", "clientType": "sse", "url": "http://127.0.0.1:9/"}
    assert_denied(await mallory.request("POST", "/mcp", json=body))
    assert_denied(await mallory.request("DELETE", "/mcp", json=body))


@attack("POST /set-session-cookie", "GET /project/thread/{thread_id}")
async def wear_her_session_cookie(mallory: Client, alice: Victim) -> None:
    answer = await mallory.request("POST", "/set-session-cookie", json={"session_id": alice.client.session_id})
    assert answer.cookies.get("X-Chainlit-Session-id") == alice.client.session_id
    assert_denied(await mallory.thread(alice.thread_id))
    mallory.http.cookies.delete("X-Chainlit-Session-id")


# --- signing in ------------------------------------------------------------------------------------------------------


@attack("POST /login", "POST /auth/header")
async def sign_in_as_her(mallory: Client, alice: Victim) -> None:
    for password in ("", "wrong password", PASSWORD + " "):
        assert (
            await mallory.request("POST", "/login", data={"username": "alice", "password": password})
        ).status_code in (
            401,
            422,
        )
    headers = {"X-Forwarded-User": "alice", "Remote-User": "alice"}
    assert_denied(await mallory.request("POST", "/auth/header", headers=headers))


@attack("POST /auth/jwt")
async def sign_in_with_a_forged_token(mallory: Client, alice: Victim) -> None:
    claims = {"identifier": "alice", "metadata": {"valid_after": 0}, "exp": 4e9}
    token = jwt.encode(claims, "x" * 64, algorithm="HS256")
    none = "eyJhbGciOiJub25lIn0.eyJpZGVudGlmaWVyIjoiYWxpY2UiLCJtZXRhZGF0YSI6e319."
    for forged in (token, none, "x"):
        answer = await mallory.request("POST", "/auth/jwt", headers={"Authorization": f"Bearer {forged}"})
        assert_denied(answer)


@attack("POST /logout")
async def sign_out_only_oneself(mallory: Client, alice: Victim) -> None:
    mallory.http.cookies.clear()  # a session of its own: the other attacks go on with the first
    await mallory.login("mallory", PASSWORD)
    assert (await mallory.request("POST", "/logout")).status_code == 200
    assert (await mallory.thread(mallory.thread_id)).status_code == 401
    assert (await alice.client.request("GET", "/user")).json()["identifier"] == "alice"


@attack("GET /account", "POST /account/sessions", "POST /account/password")
async def act_on_her_account(mallory: Client, alice: Victim) -> None:
    page = (await mallory.request("GET", "/account")).text
    assert "alice" not in page
    guard = re.findall(r'name="guard" value="(\w+)"', page)[0]
    token = next(value for name, value in alice.client.http.cookies.items() if name.startswith("threadkeep_"))
    session = jwt.decode(token, options={"verify_signature": False})["jti"]  # she has shown it, say, in a video call
    data = {"guard": guard, "username": "alice", "name": "alice"}
    await mallory.request("POST", "/account/sessions", data={**data, "end": session})
    answer = await mallory.request(
        "POST", "/account/password", data={**data, "old": "wrong", "new": "long enough", "again": "long enough"}
    )
    assert answer.status_code == 422
    async with Client(alice.client.url) as nobody:
        assert_denied(await nobody.request("POST", "/account/sessions", data={**data, "end": session}))
    assert (await alice.client.request("GET", "/user")).json()["identifier"] == "alice"


# --- changing over the websocket -------------------------------------------------------------------------------------


@attack("client_message")
async def send_with_her_messages_id(mallory: Client, alice: Victim) -> None:
    for id in (alice.question, alice.answer):
        await mallory.send("forged", id=id)
    assert "forged" not in (await alice.client.thread()).text


@attack("client_message")
async def send_into_her_thread(mallory: Client, alice: Victim) -> None:
    own = await mallory.post("into hers", threadId=alice.thread_id, parentId=alice.answer)
    await mallory.wait_for("task_end")
    [stored] = [step for step in (await mallory.stored())["steps"] if step["id"] == own]
    assert (stored["threadId"], stored["parentId"]) == (mallory.thread_id, None)


@attack("client_message")
async def speak_as_the_assistant(mallory: Client, alice: Victim) -> None:
    for kind in ("assistant_message", "system_message", "tool"):
        sent = str(uuid.uuid4())
        await mallory.send("I am the assistant", id=sent, type=kind)
        types = {step["id"]: step["type"] for step in (await mallory.stored())["steps"]}
        assert types[sent] == "user_message"


@attack("client_message")
async def attach_her_upload(mallory: Client, alice: Victim) -> None:
    await mallory.send("with your file", [alice.session_file, alice.file["id"]])
    assert alice.file["name"] not in (await mallory.thread()).text


@attack("restore_thread")
async def bring_back_what_she_deleted(mallory: Client, alice: Victim) -> None:
    async with alice.client.tab() as tab:
        await (await tab.connect()).send("Soon in her trash")
        assert (await alice.client.delete(tab.thread_id)).status_code == 200
    for thread_id in (tab.thread_id, alice.thread_id, str(uuid.uuid4())):
        since = len(mallory.events)
        await mallory.call("restore_thread", {"id": thread_id})
        told = await mallory.wait_for("toast", since=since)
        assert told == {"message": "This conversation is gone for good.", "type": "error"}
        assert "open_thread" not in [name for name, _ in mallory.events]


@attack("fork_from")
async def copy_from_her_message(mallory: Client, alice: Victim) -> None:
    for step in (alice.answer, alice.question, str(uuid.uuid4()), 5, None):
        since = len(mallory.events)
        await mallory.call("fork_from", {"step": step, "thread": alice.thread_id})
        if isinstance(step, str):
            told = await mallory.wait_for("toast", since=since)
            assert told == {"message": "This message is no longer in the conversation.", "type": "error"}
        assert "open_thread" not in [name for name, _ in mallory.events]


@attack("choose_version")
async def choose_a_version_of_her_question(mallory: Client, alice: Victim) -> None:
    for question in (alice.question, alice.answer, str(uuid.uuid4())):
        since = len(mallory.events)
        await mallory.call("choose_version", {"question": question, "version": 1})
        assert "no longer there" in (await mallory.wait_for("toast", since=since))["message"]
    for odd in (None, {}, {"question": ["x"], "version": 1}, {"question": alice.question, "version": "1"}):
        await mallory.call("choose_version", odd)


@attack("edit_message")
async def edit_her_message(mallory: Client, alice: Victim) -> None:
    for id in (alice.question, alice.answer):
        since = len(mallory.events)
        await mallory.edit(id, "forged")
        assert await mallory.wait_for("toast", since=since)  # that it is not edited


@attack("edit_message", "client_message")
async def edit_after_claiming_the_id(mallory: Client, alice: Victim) -> None:
    """Claimed ids are in the session's own list of messages, where ``edit_message`` looks."""
    await mallory.send("claimed", id=alice.question)
    await mallory.send("after it")
    await mallory.edit(alice.question, "forged")


@attack("message_favorite", "fetch_favorites", "client_message")
async def favourite_her_message(mallory: Client, alice: Victim) -> None:
    for value in (True, False):
        message = {"id": alice.answer, "threadId": alice.thread_id, "metadata": {"favorite": value}}
        await mallory.emit("message_favorite", {"message": message})  # fails, where he has claimed the id before
        await mallory.call("fetch_favorites")
    await mallory.send("claimed", id=alice.answer)
    await mallory.emit("message_favorite", {"message": {"id": alice.answer, "metadata": {"favorite": True}}})  # fails
    await mallory.call("fetch_favorites")


# --- the server ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> App:
    app = App(tmp_path_factory.mktemp("accounts"), THREADKEEP_AUTH="accounts")
    app.add_users("alice", "mallory")
    return app


@pytest.fixture(scope="module")
def served(accounts: App) -> tuple[list[str], list[str]]:
    """The routes and the websocket events of the app as it runs."""
    routes, events = json.loads(accounts.run(LIST_ROUTES).splitlines()[-1])
    return [HASHED.sub(".js", route) for route in routes], events


@pytest.fixture(scope="module")
def server(accounts: App) -> Iterator[Server]:
    with accounts.running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def people(server: Server) -> AsyncIterator[tuple[Victim, Client]]:
    async with AsyncExitStack() as stack:
        alice, mallory = [await stack.enter_async_context(Client(server.url)) for _ in range(2)]
        await alice.login("alice", PASSWORD)
        await mallory.login("mallory", PASSWORD)
        yield await victim(await alice.connect()), mallory


async def victim(alice: Client) -> Victim:
    upload = await alice.attach("notes.txt", f"about the {SECRET}".encode())
    question = str(uuid.uuid4())
    [answer] = await alice.send(f"What of the {SECRET}?", [upload], id=question)
    await alice.settings(model="offline", temperature=1.5, system_prompt=SECRET)
    vote = (await alice.vote(answer["id"], 1, "good")).json()["feedbackId"]
    custom = {
        "id": str(uuid.uuid4()),
        "threadId": alice.thread_id,
        "forId": answer["id"],
        "type": "custom",
        "name": "Chart",
        "props": {"of": SECRET},
        "display": "inline",
    }
    assert (await alice.element("PUT", custom)).status_code == 200
    favourite = {"message": {"id": answer["id"], "metadata": {"favorite": True}}}
    await alice.call("message_favorite", favourite)
    thread = await alice.stored()
    [file] = [element for element in thread["elements"] if element["type"] == "file"]
    assert custom["id"] in [element["id"] for element in thread["elements"]]
    return Victim(alice, thread["userId"], thread["id"], question, answer["id"], vote, file, custom, upload)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_changes_nothing_and_shows_nothing(people: tuple[Victim, Client], name: str) -> None:
    alice, cookies = people
    targets, function = ATTACKS[name]
    async with cookies.tab() as mallory:
        await (await mallory.connect()).send("My own conversation")  # in which no other attack has claimed an id
        before = await alice.state()
        mark = len(mallory.events)
        mallory.requests.clear()
        mallory.emitted.clear()
        await function(mallory, alice)
        assert await alice.state() == before
        assert SECRET not in json.dumps(mallory.events[mark:])
        for target in targets:
            assert target == "connect" or called(mallory, target), f"{name} did not call {target}"


async def test_nobody_gets_in_without_signing_in(
    people: tuple[Victim, Client], served: tuple[list[str], list[str]]
) -> None:
    alice, _ = people
    before = await alice.state()
    routes, _ = served
    async with Client(alice.client.url) as nobody:
        for route in set(routes) - set(WAIVED):
            method, path = route.split(" ")
            if path in ("/login", "/logout", "/auth/jwt", "/auth/header", "/set-session-cookie"):
                continue
            path = path.replace("{thread_id}", alice.thread_id).replace("{element_id}", alice.file["id"])
            path = path.replace("{file_id}", alice.session_file)
            answer = await nobody.request(method, path, params={"session_id": alice.client.session_id}, json={})
            assert answer.status_code in DENIED, f"{route}: {answer.status_code}"
            assert SECRET not in answer.text
        for thread_id, session in ((alice.thread_id, None), (None, alice.client.session_id), (None, None)):
            with pytest.raises(Refused):
                await nobody.connect(thread_id, session_id=session)
    assert await alice.state() == before


async def test_the_script_of_the_page_is_the_same_for_everybody(people: tuple[Victim, Client]) -> None:
    alice, mallory = people
    async with Client(alice.client.url) as nobody:
        found = re.search(r"/assets/index-[\w-]+\.js", (await nobody.request("GET", "/login")).text)
        assert found
        answers = [await each.request("GET", found[0]) for each in (alice.client, mallory, nobody)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers for answer in answers)


async def test_another_site_cannot_use_her_cookie(people: tuple[Victim, Client]) -> None:
    alice, _ = people
    before = await alice.state()
    async with alice.client.tab() as page:
        page.http.headers["Origin"] = "https://evil.example"
        for answer in (await page.thread(alice.thread_id), await page.delete(alice.thread_id), await page.threads()):
            assert answer.status_code == 403
        with pytest.raises(Refused):
            await page.connect(alice.thread_id)
    assert await alice.state() == before


async def test_every_route_and_every_event_is_attacked_or_waived(served: tuple[list[str], list[str]]) -> None:
    routes, events = served
    attacked = {target for targets, _ in ATTACKS.values() for target in targets}
    there = set(routes) | set(events)
    covered = attacked | set(WAIVED) | set(WAIVED_EVENTS)
    assert there - covered == set(), "look at these, then attack or waive them"
    assert covered - there == set(), "these are gone: remove them here"
    assert attacked & (set(WAIVED) | set(WAIVED_EVENTS)) == set()


def assert_denied(answer: httpx.Response) -> None:
    assert answer.status_code in DENIED, f"{answer.request.method} {answer.request.url}: {answer.status_code}"
    assert SECRET not in answer.text


def called(client: Client, target: str) -> bool:
    method, _, path = target.partition(" ")
    if not path:
        return method in client.emitted
    pattern = re.sub(r"\{[^}]*\}", "[^/]+", path)
    return any(made == method and re.fullmatch(pattern, where) for made, where in client.requests)
