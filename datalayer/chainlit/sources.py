"""The HTTP route of citations: an element that cites a passage of a file shows it, as long as the file is there.

Whoever may read the files of the thread reads what its answers cite of them, and nobody else. A message of another
thread that is cited is read by the author of that one alone, whoever may read the thread that cites it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from .. import text
from ..door import headers
from ..errors import NotFound
from ..passages import CITES, Cited, Passage, Place
from ..records import Element, user_id
from ..store import Store
from .shapes import SOURCES, file_url, thread_url

MayView = Callable[[str, bool, Any], Awaitable[bool]]
"""A thread's id, whether its author has shared it, and the user who asks."""
NAME = "datalayer_source"


Tell = Callable[[Cited, str | None], str]
"""Markdown, for a browser that sends this Accept-Language."""


def plain(cited: Cited, _language: str | None) -> str:
    return "\n\n".join(passage.text for passage in cited.passages)


def add(router: APIRouter, store: Store, may_view: MayView, tell: Callable[[], Tell]) -> None:
    """``may_view``: whether a user may view a thread that is another's."""
    from chainlit.auth import get_current_user, require_login

    @router.get(SOURCES + "/{thread_id}/{element_id}", name=NAME, include_in_schema=False)
    async def serve(
        thread_id: str, element_id: str, request: Request, user: Annotated[Any, Depends(get_current_user)]
    ) -> Response:
        known = text.is_identifier(thread_id) and text.is_identifier(element_id)
        thread = await store.thread(thread_id) if known else None
        if thread is None:
            raise NotFound("There is no such source")
        asking = user_id(user.identifier) if user else None
        own = thread.user_id == asking and (user is not None or not require_login())
        if not own and not await may_view(thread_id, bool(thread.metadata.get("is_shared")), user):
            raise NotFound("There is no such source")
        return await _response(store, await store.element(thread_id, element_id), request, asking, tell())


async def _response(
    store: Store, element: Element | None, request: Request, asking: str | None, tell: Tell
) -> Response:
    source = element.props.get(CITES) if element and isinstance(element.props, Mapping) else None
    if element is None or not isinstance(source, Mapping):
        raise NotFound("There is no such source")
    if "step" in source:
        cited = await _said(store, source, asking)
    else:
        cited = await find(store, element.thread_id, source)
    if element.type == "pdf" and cited.file is not None:
        return RedirectResponse(file_url(cited.file.element_id, cited.file.sha256))
    given = {**headers.of_a_file(request.headers), "Cache-Control": "private, no-store"}
    return PlainTextResponse(tell(cited, request.headers.get("accept-language")), headers=given)


async def _said(store: Store, source: Mapping[str, Any], asking: str | None) -> Cited:
    key = source.get("step")
    step = await store.step(key) if isinstance(key, str) and text.is_identifier(key) else None
    thread = await store.thread(step.thread_id) if step else None
    if step is None or thread is None or thread.trashed_at or asking is None or thread.user_id != asking:
        return Cited(source, None, [])
    said = [Passage(step.output or "", Place())]
    return Cited({**source, "name": thread.name}, None, said, link=thread_url(thread.id, step.id))


async def find(store: Store, thread_id: str, source: Mapping[str, Any]) -> Cited:
    """A copy of the conversation has the file under another id, with the same content."""
    files = await store.context_files(thread_id, left_out=True)
    by_id = (file for file in files if file.element_id == source.get("element"))
    by_content = (file for file in reversed(files) if file.sha256 == source.get("content"))
    file = next(by_id, None) or next(by_content, None)
    number = source.get("passage")
    if file is None or not isinstance(number, int) or file.status != "read":
        return Cited(source, file, [])
    first = max(number - 1, 1)
    near = dict(enumerate(await store.read_passages(thread_id, file.element_id, first, number + 1), first))
    said = [near[number]] if number in near else []
    return Cited(source, file, said, near.get(number - 1), near.get(number + 1))
