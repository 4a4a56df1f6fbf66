"""What is found, what was spent, who one is, and whether the store takes anything now."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

import exchange
from datalayer import NotFound, text
from datalayer.records import from_iso, utc_offset
from exchange.sending import TooMany

from ..exporting import FORMATS
from ..rendering import language
from . import shapes
from .caller import Caller, Reader
from .problems import Problem
from .sending import sent
from .threads import Cursor, First

_SEVERAL = 1_000


router = APIRouter()


@router.get("/me", response_model=shapes.Me, tags=["me"])
async def who_am_i(request: Request, caller: Reader) -> Response:
    found = shapes.Me(identifier=caller.identifier, scopes=sorted(caller.scopes), guard=caller.guard)
    return sent(request, found, headers={"Cache-Control": "no-store"})


@router.get("/search", response_model=shapes.Search, tags=["search"])
async def search(
    request: Request,
    caller: Reader,
    q: Annotated[str, Query(min_length=1, max_length=1_000)],
    by: Literal["time", "relevance"] | None = None,
    cursor: Cursor = None,
    limit: First = 20,
) -> Response:
    """Messages and conversations; ``q`` as in the app's search, with its filters. ``by`` missing: by words and by
    meaning, where the app has a model for that."""
    return sent(request, await searched(caller, q, by, cursor, limit))


async def searched(
    caller: Caller, q: str, by: Literal["time", "relevance"] | None, cursor: str | None, limit: int
) -> shapes.Search:
    """Raises Problem, InvalidInput."""
    if not text.is_storable(q):
        raise Problem(422, "api_text")
    hits = await caller.store.search(caller.id, q, limit, cursor, utc_offset(), by)
    found = [
        shapes.Found(
            thread_id=each.thread_id,
            thread_name=each.thread_name,
            message_id=each.step_id,
            at=shapes.iso(each.at),
            snippet=each.snippet.text,
            marks=list(each.snippet.marks),
            archived=each.archived,
        )
        for each in hits.hits
    ]
    left_out = [problem.part for problem in hits.problems]
    return shapes.Search(found=found, next=hits.next, meant=hits.meant, left_out=left_out)


@router.get("/usage", response_model=shapes.Usage, tags=["usage"])
async def usage(
    request: Request,
    caller: Reader,
    since: Annotated[str | None, Query(max_length=40)] = None,
    thread: Annotated[str | None, Query(max_length=text.ID_LENGTH)] = None,
) -> Response:
    """``since``: a moment in ISO 8601; without one, all."""
    moment = from_iso(since)
    if thread is not None and not (text.is_identifier(thread) and text.is_storable(thread)):
        raise NotFound("There is no such conversation")
    totals = await caller.store.usage_by_model(caller.id, thread, moment)
    same = ("model", "calls", "turns", "tokens_in", "tokens_out", "unpriced")
    models = [
        shapes.ModelUsage(**{name: getattr(each, name) for name in same}, cost_usd=each.cost / 1e9) for each in totals
    ]
    return sent(request, shapes.Usage(since=shapes.iso(moment) if moment is not None else None, models=models))


@router.get("/export", response_class=Response, tags=["export"])
async def export(
    request: Request,
    caller: Reader,
    format: Literal["markdown", "html", "pdf", "json", "jsonl", "csv"] = "json",  # its name outside
    thread: Annotated[list[str] | None, Query(max_length=_SEVERAL)] = None,
    trash: bool = False,
) -> Response:
    """A file while it is made: of all conversations, or of those that are named."""
    if format not in FORMATS:
        raise Problem(501, "api_format", format=format)
    ids = tuple(dict.fromkeys(thread)) if thread else None
    try:
        chosen = exchange.Selection(caller.id, ids, trash=trash)
        return await exchange.download(caller.store, chosen, format, language(request))
    except TooMany:
        raise Problem(429, "api_often", {"Retry-After": "10"}) from None


@router.get("/health", response_model=shapes.Health, tags=["health"])
async def health(request: Request, response: Response) -> shapes.Health:
    """503 while nothing can be kept. It tells nothing else, so anybody may ask."""
    found = shapes.Health(ready=(await request.app.state.layer.store.readiness()).ready)
    response.status_code, response.headers["Cache-Control"] = 200 if found.ready else 503, "no-store"
    return found
