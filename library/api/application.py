"""The API as one application, which Chainlit's server has at ``/api``."""

from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datalayer import DataLayer, DataLayerError, door

from ..asking import Knows
from ..tokens import Tokens
from . import batch, files, mcp, messages, others, problems, sessions, shares, threads
from . import tokens as own_tokens
from .caller import Door
from .documentation import documentation
from .sending import V1

PREFIX = "/api"
_SMALLEST = 1_000
"""Bytes that are compressed."""


def application(layer: DataLayer, tokens: Tokens, knows: Knows) -> FastAPI:
    """``knows``: whether somebody of that identifier may still come in."""
    app = FastAPI(
        title="Threadkeep",
        version="1",
        summary="Conversations that are never lost",
        openapi_url=f"{V1}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={
            # What the server refuses before it comes here is told as plain JSON.
            "default": {
                "description": "A problem",
                "content": {problems.MEDIA_TYPE: {"schema": _PROBLEM}, "application/json": {}},
            },
        },
    )
    app.state.layer, app.state.tokens, app.state.door = layer, tokens, Door(layer, tokens, knows)
    for room in (threads, messages, files, shares, others, own_tokens, batch):
        app.include_router(room.router, prefix=V1)
    app.include_router(sessions.router)
    app.router.routes.append(Route(mcp.PATH, mcp.Mcp(app.state.door, app.title), methods=["POST"]))
    app.add_api_route(f"{V1}/docs", documentation(app), include_in_schema=False, response_model=None)
    for error, handler in (
        (problems.Problem, problems.of_problem),
        (DataLayerError, problems.of_data_layer),
        (RequestValidationError, problems.of_input),
        (StarletteHTTPException, problems.of_http),
        (Exception, problems.of_fault),
    ):
        app.add_exception_handler(error, handler)
    app.add_middleware(Bounded)
    app.add_middleware(GZipMiddleware, minimum_size=_SMALLEST)
    return app


_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "In the caller's language"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"at": {"type": "string"}, "says": {"type": "string"}}},
        },
    },
}


class Bounded:
    """ASGI middleware: of a body no more is read than the door's ``body`` says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read, most = 0, door.limits().body

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
