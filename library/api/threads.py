"""Conversations: listed, read, made, changed, copied, and gone."""

import json
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request, Response

from datalayer import NotFound, forks, merges, text
from datalayer.records import Sort, Step, Thread, Which, month, now
from datalayer.writes import DeleteThread, RestoreThread, TrashThread, UpdateThread, UpsertStep

from . import shapes
from .caller import Caller, Reader, Writer
from .once import Key, check, derived, mark
from .problems import Problem
from .sending import V1, sent

Order = Literal["pinned", "activity", "idle", "created", "oldest"]
Cursor = Annotated[str | None, Query(max_length=2_000)]
First = Annotated[int, Query(ge=1, le=200)]
Words = Annotated[str | None, Query(max_length=1_000)]
Narrow = Annotated[str | None, Query(max_length=text.ID_LENGTH)]


router = APIRouter(tags=["threads"])


@router.get("/threads", response_model=shapes.Threads)
async def list_threads(
    request: Request,
    caller: Reader,
    q: Words = None,
    folder: Narrow = None,
    tag: Narrow = None,
    model: Narrow = None,
    kind: Narrow = None,
    during: Annotated[str | None, Query(alias="month", pattern=r"^\d{4}-\d{2}$")] = None,
    status: Literal["open", "done"] | None = None,
    pinned: bool | None = None,
    archived: bool | None = False,
    has_file: bool | None = None,
    vote: Annotated[int | None, Query(ge=0, le=1)] = None,
    trash: bool = False,
    sort: Order = "pinned",
    cursor: Cursor = None,
    limit: First = 50,
) -> Response:
    """``q``: what is searched for, in all conversations, without other filters: it has its own words for them."""
    if q is not None and request.query_params.keys() - {"q", "cursor", "limit"}:
        raise Problem(422, "api_words_alone")
    since, until = month(during) if during else (None, None)
    which = Which(folder, storable(tag), pinned, None if trash else archived, status, storable(kind), trash)
    which = replace(which, model=storable(model), since=since, until=until, has_file=has_file, vote=vote)
    order: Sort = "trashed" if trash else sort
    page = await caller.store.threads(caller.id, limit, cursor, storable(q), which=which, sort=order)
    return sent(request, shapes.Threads(threads=list(map(shapes.thread, page.threads)), next=page.next))


@router.post("/threads", response_model=shapes.WholeThread, status_code=201)
async def create_thread(request: Request, caller: Writer, given: shapes.NewThread, key: Key = None) -> Response:
    return await answered(request, caller, await create(caller, given, key), 201)


async def create(caller: Caller, given: shapes.NewThread, key: str | None) -> str:
    """The id of what is made. Raises InvalidInput, Problem."""
    thread_id = derived(caller, "thread", key)
    before = await caller.store.own_threads(caller.id, [thread_id], trashed=True) if key else []
    for each in before:
        check(each.metadata, given)
    placed = _placed(given.model_dump(exclude={"messages", "settings", "tags"}, exclude_none=True))
    if given.tags:
        placed["tags"] = list(dict.fromkeys(map(text.tag, given.tags)))
    of: dict[str, Any] = {"actor": caller.identifier, "thread_id": thread_id}
    owner: dict[str, Any] = {"user_id": caller.id, "author": caller.identifier}
    metadata = mark(given, key) | ({} if given.settings is None else _settings(given.settings))
    if not before:
        await caller.store.submit(UpdateThread(at=now(), metadata=metadata, **of, **owner, **placed))
    for n, message in enumerate(given.messages):
        await add(caller, thread_id, message, f"{key} {n}" if key else None)
    return thread_id


@router.get("/threads/{thread_id}", response_model=shapes.WholeThread)
async def get_thread(request: Request, caller: Reader, thread_id: str) -> Response:
    return await answered(request, caller, thread_id)


@router.patch("/threads/{thread_id}", response_model=shapes.WholeThread)
async def change_thread(request: Request, caller: Writer, thread_id: str, given: shapes.Change) -> Response:
    await own_thread(caller, thread_id)
    placed = _placed(given.model_dump(exclude={"settings"}, exclude_none=True))
    metadata = None if given.settings is None else _settings(given.settings)
    of: dict[str, Any] = {"actor": caller.identifier, "thread_id": thread_id, "stored_only": True}
    await caller.store.submit(UpdateThread(at=now(), metadata=metadata, **of, **placed))
    return await answered(request, caller, thread_id)


@router.delete("/threads/{thread_id}", status_code=204)
async def delete_thread(caller: Writer, thread_id: str, for_good: bool = False) -> Response:
    """Into the trash, where the app has one; ``for_good``: with all that belongs to it."""
    return await deleted(caller, thread_id, for_good)


@router.post("/threads/{thread_id}/restore", response_model=shapes.WholeThread)
async def restore_thread(request: Request, caller: Writer, thread_id: str) -> Response:
    """Out of the trash; one that is not in it stays as it is."""
    await own_thread(caller, thread_id, trashed=True)
    await caller.store.submit(RestoreThread(actor=caller.identifier, thread_id=thread_id, at=now()))
    return await answered(request, caller, thread_id)


@router.post("/threads/{thread_id}/fork", response_model=shapes.WholeThread, status_code=201)
async def fork_thread(
    request: Request, caller: Writer, thread_id: str, given: shapes.Fork, key: Key = None
) -> Response:
    """A conversation of its own that begins as this one does."""
    await own_thread(caller, thread_id)
    if (whole := await caller.store.whole_thread(thread_id)) is None:
        raise NotFound("There is no such conversation")
    thread, steps, files = whole
    if given.until is not None:
        place = next((n for n, step in enumerate(steps) if step.id == given.until), None)
        if place is None:
            raise Problem(404, "api_no_message")
        steps = steps[: place + 1]
    name = text.thread_name(given.name or thread.name or "")
    write = forks.fork(caller.identifier, thread, steps, files, name, key, await caller.store.summary(thread_id))
    values = write.values | {"metadata": write.values["metadata"] | mark(given, key)}
    await caller.store.submit(replace(write, values=values))
    if key:
        check((await own_thread(caller, write.thread_id, trashed=True)).metadata, given)
    return await answered(request, caller, write.thread_id, 201)


@router.post("/threads/merge", response_model=shapes.WholeThread, status_code=201)
async def merge_threads(request: Request, caller: Writer, given: shapes.Merge) -> Response:
    """One conversation of several, in the order of time; these go to the archive."""
    found = await merges.read(caller.store, caller.identifier, given.threads)
    origins = [origin for origin in found if origin.steps]
    if len(origins) < 2:
        raise Problem(422, "api_merge_few")
    merge_id, _ = await merges.next_id(caller.store, caller.identifier, origins)
    name = text.thread_name(given.name or " + ".join(filter(None, (each.thread.name for each in origins[:2]))))
    write = merges.merge(caller.identifier, origins, name, merge_id)
    await caller.store.submit(write)
    return await answered(request, caller, write.thread_id, 201)


async def answered(request: Request, caller: Caller, thread_id: str, status: int = 200) -> Response:
    """The thread as it is now."""
    found = await own_thread(caller, thread_id, trashed=True)
    stats = await caller.store.thread_stats(thread_id)
    whole = shapes.whole(found, stats.messages if stats else 0, stats.files if stats else 0)
    headers = {"Location": f"{request.scope['root_path']}{V1}/threads/{thread_id}"} if status == 201 else None
    return sent(request, whole, status, headers)


async def own_thread(caller: Caller, thread_id: str, trashed: bool = False) -> Thread:
    """Raises NotFound, also for somebody else's; ``trashed``: one in the trash is there, too."""
    known = text.is_identifier(thread_id) and text.is_storable(thread_id)
    for found in await caller.store.own_threads(caller.id, [thread_id], trashed) if known else ():
        return found
    raise NotFound("There is no such conversation")


async def deleted(caller: Caller, thread_id: str, for_good: bool) -> Response:
    """Into the trash, where there is one, in which it stays when it is sent again; or for good. Raises NotFound."""
    found = await own_thread(caller, thread_id, trashed=True)
    if found.trashed_at and not for_good:
        return Response(status_code=204)
    write = TrashThread if caller.layer.has_trash and not for_good else DeleteThread
    await caller.store.submit(write(actor=caller.identifier, thread_id=thread_id, at=now()))
    await caller.layer.on_delete(caller.identifier, thread_id)
    return Response(status_code=204)


async def add(caller: Caller, thread_id: str, given: shapes.NewMessage, key: str | None) -> Step:
    """The message, as it is kept. Raises Problem, DataLayerError."""
    write = _message(caller, thread_id, given, key)
    before = await caller.store.step(write.id) if key else None
    if before is not None and before.thread_id == thread_id:
        check(before.metadata, given)
        return before
    await caller.store.submit(write)
    if (made := await caller.store.step(write.id)) is None or made.thread_id != thread_id:
        raise NotFound("The message was deleted meanwhile")
    return made


def _message(caller: Caller, thread_id: str, given: shapes.NewMessage, key: str | None) -> UpsertStep:
    if not text.is_storable(given.text) or not text.is_storable(given.author or ""):
        raise Problem(422, "api_text")
    named = given.author or (caller.identifier if given.role == "user" else None)
    values: dict[str, Any] = {"type": shapes.TYPES[given.role], "output": given.text, "name": named, "streaming": False}
    values["metadata"] = mark(given, key)
    step_id = derived(caller, thread_id, key)
    of: dict[str, Any] = {"actor": caller.identifier, "thread_id": thread_id, "at": (at := now())}
    return UpsertStep(id=step_id, values=values | {"created_at": at}, anonymous=False, timing="now", **of)


def _placed(given: dict[str, Any]) -> dict[str, Any]:
    """Raises InvalidInput."""
    found = dict(given)
    if "name" in found:
        if not text.is_storable(found["name"]):
            raise Problem(422, "api_text")
        found["name"] = text.thread_name(found["name"])
    if "folder" in found:
        found["folder"] = text.folder(found["folder"])
    if "tags" in found:
        found["tags"] = list(dict.fromkeys(map(text.tag, found["tags"])))
    return found


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """The app looks at each of them when it uses it, as at what a browser has sent. Raises Problem, InvalidInput."""
    try:
        json.dumps(given, allow_nan=False)
    except ValueError:  # JSON has no such number
        raise Problem(422, "api_input") from None
    return {"chat_settings": text.clean_dict(given, "settings")}


def storable(value: str | None) -> str | None:
    """Nothing has what no database can store."""
    if value is not None and not text.is_storable(value):
        raise Problem(422, "api_text")
    return value


assert set(get_args(Order)) < set(get_args(Sort))
