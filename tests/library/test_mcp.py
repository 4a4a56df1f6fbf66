"""The official client of the Model Context Protocol, which finds, reads and keeps what its person said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from chainlit.server import app
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from datalayer import DataLayer
from tests.conftest import register

from .conftest import thread
from .test_api import token_of


@asynccontextmanager
async def client(token: str) -> AsyncIterator[ClientSession]:
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), headers=headers) as http,
        streamable_http_client("http://chat/api/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


async def used(session: ClientSession, tool: str, **arguments: Any) -> Any:
    found = await session.call_tool(tool, arguments)
    assert not found.isError, found.content
    return found.structuredContent


async def test_finds_reads_and_keeps(login: None, mounted: DataLayer) -> None:
    ann = await register(mounted, "ann")
    birds = await thread(mounted, ann, "Birds", "A jay in the oak")
    await mounted.update_thread(birds, tags=["wood"])
    async with client(await token_of(mounted, "ann")) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"search_history", "list_threads", "read_thread", "save_message"}
        reading = tools["read_thread"].annotations
        assert reading is not None
        assert reading.readOnlyHint
        found = (await used(session, "search_history", query="jay"))["found"]
        assert {each["thread_id"] for each in found} == {birds}
        assert [each["id"] for each in (await used(session, "list_threads", tag="wood"))["threads"]] == [birds]
        kept = await used(session, "save_message", thread_id=birds, text="Jays bury acorns.")
        read = (await used(session, "read_thread", thread_id=birds, order="newest", limit=1))["messages"]
        assert [(each["id"], each["role"]) for each in read] == [(kept["message_id"], "assistant")]
        new = await used(session, "save_message", text="Owls?", role="user", title="Owls")
        assert new["thread_id"] != birds
        listed = (await used(session, "list_threads", limit=1))["threads"]
        assert [(each["id"], each["name"]) for each in listed] == [(new["thread_id"], "Owls")]


async def test_does_no_more_than_its_token_and_says_why(login: None, mounted: DataLayer) -> None:
    bob = await register(mounted, "bob")
    his = await thread(mounted, bob, "Bob's", "a secret")
    async with client(await token_of(mounted, "ann", "read")) as session:
        for tool, arguments, why in (
            ("read_thread", {"thread_id": his}, "no such conversation"),
            ("save_message", {"thread_id": his, "text": "x"}, "no right"),
            ("read_thread", {"thread_id": his, "limit": 0}, "limit"),
            ("search_history", {"query": "a\0"}, "NUL"),
            ("none", {}, "no tool"),
        ):
            found = await session.call_tool(tool, arguments)
            (said,) = found.content
            assert found.isError
            assert why in getattr(said, "text", "")
        assert (await used(session, "search_history", query="secret"))["found"] == []
        assert (await used(session, "list_threads"))["threads"] == []
    async with client(await token_of(mounted, "ann")) as session:
        assert (await session.call_tool("save_message", {"thread_id": his, "text": "x"})).isError
    (kept,) = await mounted.store.own_threads(bob.id, [his])
    assert (await mounted.store.message_counts([kept.id]))[kept.id] == 1


@pytest.mark.parametrize("token", [None, "tk_wrong"])
async def test_without_a_token_there_is_nothing(login: None, mounted: DataLayer, token: str | None) -> None:
    headers = {"accept": "application/json, text/event-stream"} | (
        {"authorization": f"Bearer {token}"} if token else {}
    )
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://chat") as http:
        answer = await http.post("/api/mcp", json=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert (await http.get("/api/mcp")).status_code == 405
