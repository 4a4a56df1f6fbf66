"""What was said in a conversation, from either end, and what a program adds."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from datalayer import InvalidInput
from datalayer.records import StepFile, ThreadMessage

from . import shapes
from .caller import Caller, Reader, Writer
from .files import of_element
from .once import Key
from .sending import sent
from .threads import Cursor, First, add, own_thread

router = APIRouter(tags=["messages"])


@router.get("/threads/{thread_id}/messages", response_model=shapes.Messages)
async def list_messages(
    request: Request,
    caller: Reader,
    thread_id: str,
    order: Annotated[Literal["oldest", "newest"], Query()] = "oldest",
    cursor: Cursor = None,
    limit: First = 100,
) -> Response:
    """Errors that a model gave are left out, as are versions that are not shown."""
    return sent(request, await page(caller, thread_id, order, cursor, limit, request.scope["root_path"]))


async def page(
    caller: Caller, thread_id: str, order: Literal["oldest", "newest"], cursor: str | None, limit: int, base: str
) -> shapes.Messages:
    """``base``: the path of the API. Raises NotFound, InvalidInput."""
    await own_thread(caller, thread_id)
    at = _position(cursor)
    if order == "oldest":
        found = await caller.store.thread_messages(thread_id, after=at, first=limit + 1)
    else:
        found = (await caller.store.thread_messages(thread_id, limit + 2, until=at))[::-1]
        found = [each for each in found if at is None or each.id != at[1]]
    first, rest = found[:limit], found[limit:]
    files = _by_message(await caller.store.thread_files(thread_id))
    shown = [shapes.message(each, [of_element(base, file) for file in files.get(each.id, [])]) for each in first]
    return shapes.Messages(messages=shown, next=_cursor(first[-1]) if rest else None)


@router.post("/threads/{thread_id}/messages", response_model=shapes.Message, status_code=201)
async def add_message(
    request: Request, caller: Writer, thread_id: str, given: shapes.NewMessage, key: Key = None
) -> Response:
    """Kept as it is: no model is asked."""
    await own_thread(caller, thread_id)
    step = await add(caller, thread_id, given, key)
    texts = step.id, step.parent_id, step.type or "", step.output or ""
    said = ThreadMessage(*texts, step.created_at, step.metadata or {}, step.status)
    return sent(request, shapes.message(said, []), 201)


def _by_message(files: list[StepFile]) -> dict[str, list[StepFile]]:
    found: dict[str, list[StepFile]] = {}
    for each in files:
        found.setdefault(each.for_id or "", []).append(each)
    return found


def _cursor(message: ThreadMessage) -> str:
    at, step_id = message.position
    return f"{at}.{step_id}"


def _position(cursor: str | None) -> tuple[int, str] | None:
    """What ``_cursor`` says. Raises InvalidInput."""
    if cursor is None:
        return None
    at, dot, step_id = cursor.partition(".")
    if not (dot and step_id and len(at) < 19 and at.removeprefix("-").isdecimal() and at.isascii()):
        raise InvalidInput("This cursor is of no page")
    return int(at), step_id
