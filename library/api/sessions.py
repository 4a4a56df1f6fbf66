"""The names of conversations before there was ``/api/v1``: ``/api/sessions``."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from datalayer.records import Thread, Which, from_iso, now
from datalayer.writes import UpdateThread

from . import shapes
from .caller import Caller, Reader, Writer
from .messages import list_messages
from .once import derived
from .sending import sent
from .threads import Cursor, First, Words, deleted, own_thread, storable


class Session(BaseModel):
    id: str
    title: str | None
    created: str
    updated: str
    message_count: int


class Sessions(BaseModel):
    sessions: list[Session]
    next: str | None


class NewSession(shapes.Given):
    title: shapes.Name | None = None


When = Annotated[str | None, Query(max_length=40)]


router = APIRouter(tags=["sessions"])


async def told(caller: Caller, threads: list[Thread]) -> list[Session]:
    counts = await caller.store.message_counts([each.id for each in threads])
    return [_session(each, counts[each.id]) for each in threads]


@router.get("/sessions", response_model=Sessions)
async def list_sessions(
    request: Request,
    caller: Reader,
    q: Words = None,
    since: When = None,
    until: When = None,
    cursor: Cursor = None,
    limit: First = 50,
) -> Response:
    """``since``: last updated at this moment in ISO 8601, or later; ``until``: before this moment. With ``q``, what
    is searched for, neither is looked at."""
    which = Which(archived=None, since=from_iso(since), until=from_iso(until))
    page = await caller.store.threads(caller.id, limit, cursor, storable(q), which=which, sort="activity")
    return sent(request, Sessions(sessions=await told(caller, page.threads), next=page.next))


@router.post("/sessions", response_model=Session, status_code=201)
async def create_session(request: Request, caller: Writer, given: NewSession) -> Response:
    key = derived(caller, "thread", None)
    of: dict[str, Any] = {"actor": caller.identifier, "thread_id": key, "at": now()}
    await caller.store.submit(
        UpdateThread(user_id=caller.id, author=caller.identifier, name=storable(given.title), **of)
    )
    return await one(request, caller, key, 201)


@router.get("/sessions/{session_id}", response_model=Session)
async def get_session(request: Request, caller: Reader, session_id: str) -> Response:
    return await one(request, caller, session_id)


@router.delete("/sessions/{session_id}", status_code=204)
async def delete_session(caller: Writer, session_id: str) -> Response:
    return await deleted(caller, session_id, for_good=False)


path, name = "/sessions/{thread_id}/messages", "list_messages_of_a_session"
router.add_api_route(path, list_messages, response_model=shapes.Messages, name=name)


async def one(request: Request, caller: Caller, key: str, status: int = 200) -> Response:
    return sent(request, (await told(caller, [await own_thread(caller, key)]))[0], status)


def _session(found: Thread, messages: int) -> Session:
    times = {"created": shapes.iso(found.created_at), "updated": shapes.iso(found.last_activity_at)}
    return Session(id=found.id, title=found.name, message_count=messages, **times)
