"""Every route of the API, asked by everybody: docs/access.md is the table of what they are answered.

``WRITE_DOCS=1`` writes it anew."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from chainlit.auth import create_jwt
from chainlit.server import app
from chainlit.user import PersistedUser, User

from datalayer import DataLayer
from datalayer.records import now
from datalayer.shares import ShareOptions
from datalayer.writes import UpsertElement
from library import api
from library.sharing import making
from library.tokens import Tokens
from tests.conftest import new_id, register

from .conftest import thread
from .test_api import GUARD, token_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
ROLES = {
    "nobody": "without a token and without a session",
    "revoked": "with a token of the author's that was revoked",
    "other": "another person's token, with all rights",
    "forged": "the author's session, from a page of another site",
    "reads": "the author's token that may read",
    "writes": "the author's token that may read and write",
    "session": "the author's session, with its guard",
}
BODIES: dict[str, Any] = {
    "POST /v1/threads": {},
    "PATCH /v1/threads/{thread_id}": {"name": "Changed"},
    "POST /v1/threads/{thread_id}/fork": {},
    "POST /v1/threads/{thread_id}/messages": {"text": "more"},
    "PATCH /v1/shares/{share_id}": {"files": True},
    "POST /v1/tokens": {"name": "x", "scopes": ["read"]},
    "POST /v1/batch": {"requests": [{"method": "GET", "path": "/me"}]},
    "POST /sessions": {},
    "POST /mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
}
QUERIES = {"GET /v1/search": "q=morning"}
OPEN = {"GET /v1/health"}
"""Which anybody may ask."""


async def made(layer: DataLayer, ann: PersistedUser, route: str) -> dict[str, str]:
    """A conversation of the author's with a file, another one, and a token, by the names that paths have for them."""
    key, other, element = await thread(layer, ann, "Hers"), await thread(layer, ann, "Another"), new_id()
    values = {"type": "file", "name": "a.txt", "mime": "text/plain"}
    blob = await layer.store.put_blob(b"hers")
    await layer.store.submit(UpsertElement(actor="ann", thread_id=key, id=element, at=now(), values=values, blob=blob))
    found = {"thread_id": key, "session_id": key, "element_id": element, "other": other}
    if "{token_id}" in route:
        held, _ = await Tokens(layer.store).make("ann", "to be revoked", ["read"], None)
        found["token_id"] = held.id
    if "{share_id}" in route:
        (hers,) = await layer.store.own_threads(ann.id, [key])
        made, _ = await making.make(layer.store, hers, ShareOptions(), False)
        found["share_id"] = made.id
    return found


async def callers(layer: DataLayer, stack: AsyncExitStack) -> dict[str, httpx.AsyncClient]:
    tokens = Tokens(layer.store)
    found, gone = await tokens.make("ann", "gone", ["read", "write"], None)
    await tokens.revoke("ann", found.id)
    cookies = {"access_token": create_jwt(User(identifier="ann"))}

    async def client(token: str | None = None, **how: Any) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        how |= {"transport": httpx.ASGITransport(app=app), "headers": headers | how.get("headers", {})}
        return await stack.enter_async_context(httpx.AsyncClient(base_url="http://chat", **how))

    session = await client(cookies=cookies)
    guard = (await session.get("/api/v1/me")).json()["guard"]
    return {
        "nobody": await client(),
        "revoked": await client(gone),
        "other": await client(await token_of(layer, "bob")),
        "forged": await client(cookies=cookies, headers={GUARD: guard, "origin": "https://elsewhere.example"}),
        "reads": await client(await token_of(layer, "ann", "read")),
        "writes": await client(await token_of(layer, "ann")),
        "session": await client(cookies=cookies, headers={GUARD: guard}),
    }


@pytest.fixture
async def table(login: None, mounted: DataLayer) -> AsyncIterator[dict[str, dict[str, int]]]:
    """Status by route and role."""
    ann = await register(mounted, "ann")
    await register(mounted, "bob")
    spec = api.application(mounted, Tokens(mounted.store), None).openapi()  # type: ignore[arg-type]
    routes = [f"{method.upper()} {path}" for path, told in spec["paths"].items() for method in told]
    found: dict[str, dict[str, int]] = {}
    async with AsyncExitStack() as stack:
        clients = await callers(mounted, stack)
        for route in [*routes, "POST /mcp"]:
            found[route] = {}
            for role in ROLES:
                things = await made(mounted, ann, route)
                method, _, path = route.partition(" ")
                path = path.replace(":path", "").format(**things)
                body = BODIES.get(route)
                if route == "POST /v1/threads/merge":
                    body = {"threads": [things["thread_id"], things["other"]]}
                if route == "POST /v1/shares":
                    body = {"thread_id": things["thread_id"]}
                headers = {"accept": "application/json, text/event-stream"}
                address = f"/api{path}?{QUERIES.get(route, '')}"
                answer = await clients[role].request(method, address, json=body, headers=headers)
                found[route][role] = answer.status_code
        yield found


def page(table: dict[str, dict[str, int]]) -> str:
    lines = [
        "# Who may what",
        "",
        "What each route of [the API](api.md) answers when it is asked about a conversation, a file, a link or a token",
        "of one person's, the author. The tests ask all of this; nothing here is written by hand.",
        "",
        *(f"- *{role}*: {told}" for role, told in ROLES.items()),
        "",
        f"| | {' | '.join(ROLES)} |",
        "|---|" + "---|" * len(ROLES),
        *(f"| `{route}` | {' | '.join(str(status) for status in row.values())} |" for route, row in table.items()),
        "",
        "`401`: who is that; `403`: not with this token, or not from there; `404`: it is as if it were not.",
        "",
    ]
    return "\n".join(lines)


async def test_everybody_is_answered_as_the_table_says(table: dict[str, dict[str, int]]) -> None:
    for route, row in table.items():
        of_hers = re.search(r"{(thread|session|element|share)_id|merge|POST /v1/shares", route)
        if route not in OPEN:
            assert (row["nobody"], row["revoked"]) == (401, 401), route
        if of_hers:
            assert row["other"] == 404, route
            assert row["forged"] == 403, route
        if not route.startswith("GET") and route not in ("POST /mcp", "POST /v1/batch"):
            assert row["reads"] == 403, route
        assert min(row["session"], row["writes"]) < 300, route
    if os.getenv("WRITE_DOCS") == "1":
        PAGE.write_text(page(table), "utf-8")
    assert PAGE.read_text("utf-8") == page(table)
