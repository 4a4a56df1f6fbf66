"""Several requests in one: each is answered as if it had come by itself, one after the other."""

import json
from typing import Annotated, Any, Literal

import httpx
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from . import shapes
from .caller import Reader
from .problems import Problem
from .sending import V1, sent

MOST = 50
_ALONG = ("accept-language", "authorization", "cookie", "host", "origin", "sec-fetch-site", "x-guard")
_TOLD = ("etag", "location", "retry-after")
_LARGE = ("/batch", "/export", "/import", "/content", "/events")
"""What answers with more than a little JSON, or would go on for ever."""


class One(shapes.Given):
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: Annotated[str, StringConstraints(pattern="^/", max_length=4_000)]
    """Below ``/api/v1``, with its query."""
    body: dict[str, Any] | None = None
    key: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")] | None = None
    """As the header Idempotency-Key."""


class Batch(shapes.Given):
    requests: Annotated[list[One], Field(min_length=1, max_length=MOST)]


class Answer(BaseModel):
    status: int
    headers: dict[str, str]
    body: Any


class Answers(BaseModel):
    answers: list[Answer]


router = APIRouter(tags=["batch"])


@router.post("/batch", response_model=Answers)
async def batch(request: Request, caller: Reader, given: Batch) -> Response:
    """One that fails stops none of the others."""
    along = {name: value for name in _ALONG if (value := request.headers.get(name)) is not None}
    client = (request.client.host, request.client.port) if request.client else ("", 0)
    transport = httpx.ASGITransport(
        request.app, raise_app_exceptions=False, root_path=request.scope["root_path"], client=client
    )
    answers = []
    async with httpx.AsyncClient(transport=transport, base_url=str(request.base_url), headers=along) as http:
        for each in given.requests:
            answers.append(await _answer(http, each))
    return sent(request, Answers(answers=answers))


async def _answer(http: httpx.AsyncClient, one: One) -> Answer:
    path = one.path.partition("?")[0]
    if any(path.endswith(end) for end in _LARGE):
        raise Problem(422, "api_batch", path=path)
    body = None if one.body is None else json.dumps(one.body)
    headers = {"content-type": "application/json"} | ({"idempotency-key": one.key} if one.key else {})
    found = await http.request(one.method, V1 + one.path, content=body, headers=headers)
    told = {name: found.headers[name] for name in _TOLD if name in found.headers}
    return Answer(status=found.status_code, headers=told, body=found.json() if found.content else None)
