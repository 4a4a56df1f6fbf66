"""The same history for any assistant: a server of the Model Context Protocol (2025-06-18) at ``/api/mcp``, by the
official SDK, over streamable HTTP without sessions.

Always true: a tool does what a route of the API does for the same token, and no more.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import anyio
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import StreamableHTTPServerTransport
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from datalayer import DataLayerError, text
from datalayer.records import Which

from . import shapes
from .caller import Caller
from .messages import page
from .others import searched
from .problems import Problem
from .threads import add, create, own_thread, storable

logger = logging.getLogger("datalayer")
logging.getLogger("mcp.server").setLevel(logging.WARNING)  # it tells several lines of each call
PATH = "/mcp"
_CALLER = "library.caller"
Limit = Annotated[int, Field(ge=1, le=100)]


class SearchHistory(shapes.Given):
    """Find what was said in this person's past conversations, with any assistant."""

    query: Annotated[str, Field(min_length=1, max_length=1_000, description="Words, or “phrases” in quotes")]
    limit: Limit = 10
    cursor: Annotated[str | None, Field(max_length=2_000, description="`next` of the page before")] = None


class ListThreads(shapes.Given):
    """List this person's conversations, those used last first."""

    folder: Annotated[str | None, Field(max_length=text.ID_LENGTH)] = None
    tag: Annotated[str | None, Field(max_length=text.ID_LENGTH)] = None
    limit: Limit = 20
    cursor: Annotated[str | None, Field(max_length=2_000, description="`next` of the page before")] = None


class ReadThread(shapes.Given):
    """Read the messages of a conversation."""

    thread_id: shapes.Id
    order: Literal["oldest", "newest"] = "oldest"
    limit: Limit = 50
    cursor: Annotated[str | None, Field(max_length=2_000, description="`next` of the page before")] = None


class SaveMessage(shapes.Given):
    """Keep a message in this person's history: in a conversation, or in a new one."""

    text: shapes.Said
    role: shapes.Role = "assistant"
    thread_id: Annotated[shapes.Id | None, Field(description="Missing: a new conversation")] = None
    title: Annotated[shapes.Name | None, Field(description="Of a new conversation")] = None


async def _search(caller: Caller, given: SearchHistory, _base: str) -> BaseModel:
    return await searched(caller, given.query, None, given.cursor, given.limit)


async def _list(caller: Caller, given: ListThreads, _base: str) -> BaseModel:
    which = Which(folder=storable(given.folder), tag=storable(given.tag), archived=None)
    found = await caller.store.threads(caller.id, given.limit, given.cursor, which=which, sort="activity")
    return shapes.Threads(threads=list(map(shapes.thread, found.threads)), next=found.next)


async def _read(caller: Caller, given: ReadThread, base: str) -> BaseModel:
    return await page(caller, given.thread_id, given.order, given.cursor, given.limit, base)


class Saved(BaseModel):
    thread_id: str
    message_id: str


async def _save(caller: Caller, given: SaveMessage, _base: str) -> BaseModel:
    if "write" not in caller.scopes:
        raise Problem(403, "api_scope", scope="write")
    if (thread_id := given.thread_id) is None:
        thread_id = await create(caller, shapes.NewThread(name=given.title), None)
    else:
        await own_thread(caller, thread_id)
    made = await add(caller, thread_id, shapes.NewMessage(role=given.role, text=given.text), None)
    return Saved(thread_id=thread_id, message_id=made.id)


Tool = tuple[type[BaseModel], Callable[[Caller, Any, str], Awaitable[BaseModel]], bool]
TOOLS: dict[str, Tool] = {
    "search_history": (SearchHistory, _search, True),
    "list_threads": (ListThreads, _list, True),
    "read_thread": (ReadThread, _read, True),
    "save_message": (SaveMessage, _save, False),
}
"""What each is given, what it does, and whether it only reads."""


class Mcp:
    """ASGI application: one request, one answer. ``door``: of the API, which knows who calls."""

    def __init__(self, door: Callable[[Request, Literal["read"]], Awaitable[Caller]], title: str) -> None:
        self._door, self._server = door, Server[Any, Request](title, instructions="A person's own conversations")
        self._server.list_tools()(_tools)  # type: ignore[no-untyped-call]
        self._server.call_tool(validate_input=False)(self._call)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Problem."""
        scope[_CALLER] = caller = await self._door(Request(scope), "read")
        if caller.guard is not None:  # which a tool that writes would have to look at
            raise Problem(403, "api_token_only")
        transport = StreamableHTTPServerTransport(mcp_session_id=None, is_json_response_enabled=True)
        async with transport.connect() as (read, write), anyio.create_task_group() as tasks:
            options = self._server.create_initialization_options()
            tasks.start_soon(lambda: self._server.run(read, write, options, stateless=True))
            try:
                await transport.handle_request(scope, receive, send)
            finally:
                with anyio.CancelScope(shield=True):
                    await transport.terminate()
                tasks.cancel_scope.cancel()

    async def _call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any] | types.CallToolResult:
        request = self._server.request_context.request
        assert request is not None
        if name not in TOOLS:
            return _failed(f"There is no tool {name[:100]!r}")
        shape, do, _ = TOOLS[name]
        try:
            found = await do(request.scope[_CALLER], shape.model_validate(arguments), request.scope["root_path"])
        except ValidationError as error:
            return _failed("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()))
        except Problem as error:
            return _failed(error.said("en"))
        except DataLayerError as error:
            return _failed(error.detail)
        except Exception:
            logger.exception("a tool failed: %s", name)
            return _failed("Something went wrong here")
        return found.model_dump(mode="json")


async def _tools() -> list[types.Tool]:
    return [
        types.Tool(
            name=name,
            description=shape.__doc__,
            inputSchema=shape.model_json_schema(),
            annotations=types.ToolAnnotations(readOnlyHint=reads, destructiveHint=False),
        )
        for name, (shape, _, reads) in TOOLS.items()
    ]


def _failed(why: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=why)], isError=True)
