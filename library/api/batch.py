"""Several requests in one: each is answered as if it had come by itself, one after the other."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StringConstraints
from starlette.datastructures import Headers
from starlette.types import Message

from . import shapes
from .caller import Reader
from .once import KEY
from .problems import Problem
from .sending import V1, sent

router = APIRouter(tags=["batch"])
MOST = 50
_ALONG = ("accept-language", "authorization", "cookie", "host", "origin", "sec-fetch-site", "x-guard")
_TOLD = ("etag", "location", "retry-after")
_PATH = re.compile(r"/(me|files|search|usage|health|(threads|shares|tokens)(/[^/\\]+){0,2})")
"""What answers with a little JSON."""
_ROUTED = ("app", "endpoint", "path_params", "route", "router")
"""What of a request tells where it came to, which each of these has anew."""


class One(shapes.Given):
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: Annotated[str, StringConstraints(pattern="^/", max_length=4_000)]
    """Below ``/api/v1``, with its query."""
    body: dict[str, Any] | None = None
    key: Annotated[str, StringConstraints(pattern=KEY)] | None = None
    """As the header Idempotency-Key."""


class Batch(shapes.Given):
    requests: Annotated[list[One], Field(min_length=1, max_length=MOST)]


class Answer(BaseModel):
    status: int
    headers: dict[str, str]
    body: Any


class Answers(BaseModel):
    answers: list[Answer]


@router.post("/batch", response_model=Answers)
async def batch(request: Request, _caller: Reader, given: Batch) -> Response:
    """One that fails stops none of the others."""
    places = [_place(each.path) for each in given.requests]
    answers = [await _answer(request, one, *place) for one, place in zip(given.requests, places, strict=True)]
    return sent(request, Answers(answers=answers))


def _place(path: str) -> tuple[str, str]:
    """The path as it is routed, and the query. Raises Problem."""
    raw, _, query = path.partition("?")
    try:
        found = unquote(raw, errors="strict")
    except UnicodeDecodeError:
        found = ""
    if not found.isprintable() or ".." in found.split("/") or not _PATH.fullmatch(found):
        raise Problem(422, "api_batch", path=raw[:100])
    return found, quote(query, safe="=&%+:,-._~*'()!$;@/?")


async def _answer(request: Request, one: One, path: str, query: str) -> Answer:
    headers = {name: value for name in _ALONG if (value := request.headers.get(name)) is not None}
    headers |= {"content-type": "application/json"} | ({"idempotency-key": one.key} if one.key else {})
    whole = request.scope["root_path"] + V1 + path
    body = b"" if one.body is None else json.dumps(one.body).encode()
    scope = {name: value for name, value in request.scope.items() if name not in _ROUTED} | {
        "method": one.method,
        "path": whole,
        "raw_path": quote(whole).encode(),
        "query_string": query.encode("ascii"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "state": {},
    }
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answers.append(message)

    try:
        await request.app(scope, receive, send)
    except Exception:
        if not answers:
            raise
    return _told(answers)


def _told(answers: Iterable[Message]) -> Answer:
    begin, *rest = answers
    headers = Headers(raw=begin["headers"])
    content = b"".join(each.get("body", b"") for each in rest)
    told = {name: headers[name] for name in _TOLD if name in headers}
    return Answer(status=begin["status"], headers=told, body=json.loads(content) if content else None)
