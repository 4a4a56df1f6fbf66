"""Files of a conversation, and of all of a person's; their content."""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from datalayer import NotFound, file_response, text
from datalayer.records import StepFile

from . import shapes
from .caller import Reader
from .sending import V1, sent
from .threads import Cursor, First, own_thread

router = APIRouter(tags=["files"])


@router.get("/threads/{thread_id}/files", response_model=shapes.Files)
async def list_files_of_a_thread(request: Request, caller: Reader, thread_id: str) -> Response:
    """In the order in which they came."""
    await own_thread(caller, thread_id)
    found = await caller.store.thread_files(thread_id)
    files = [of_element(request.scope["root_path"], each) for each in found]
    return sent(request, shapes.Files(files=files))


@router.get("/files", response_model=shapes.Files)
async def list_files(
    request: Request,
    caller: Reader,
    name: Annotated[str, Query(max_length=text.ID_LENGTH)] = "",
    sort: Literal["newest", "size", "name"] = "newest",
    cursor: Cursor = None,
    limit: First = 50,
) -> Response:
    """Each content once, where it came last. ``name``: words that are in its name."""
    page = await caller.store.own_files(caller.id, limit, cursor, sort, like=name)
    uses = [each.uses[0] for each in page.files]
    files = [
        shapes.File(
            id=use.element_id,
            thread_id=use.thread_id,
            message_id=use.for_id,
            name=use.name,
            mime=use.mime,
            size=use.size,
            created_at=shapes.iso(use.created_at),
            url=_content(request.scope["root_path"], use.element_id),
        )
        for use in uses
    ]
    return sent(request, shapes.Files(files=files, next=page.next))


@router.get("/files/{element_id:path}/content", response_class=Response)
async def get_content(request: Request, caller: Reader, element_id: str) -> Response:
    """Takes Range and If-None-Match."""
    known = text.is_identifier(element_id) and text.is_storable(element_id)
    found = await caller.store.file(element_id) if known else None
    if found is None or found.user_id != caller.id:
        raise NotFound("There is no such file")
    return await file_response(caller.store, found, request)


def of_element(base: str, found: StepFile) -> shapes.File:
    """``base``: the path of the API."""
    return shapes.file(found, _content(base, found.element_id))


def _content(base: str, element_id: str) -> str:
    return f"{base}{V1}/files/{quote(element_id, safe='')}/content"
