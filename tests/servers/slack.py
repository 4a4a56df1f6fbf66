"""Slack's side of Chainlit's ``slack/app.py``: what that file uses of ``slack_bolt`` and ``slack_sdk``, with a Web API
that answers by itself. ``POST /slack/events`` takes {"event": name, "payload": {...}} and answers what was said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse

_MODULES = {
    "slack_bolt.adapter.fastapi.async_handler": "AsyncSlackRequestHandler",
    "slack_bolt.adapter.socket_mode.async_handler": "AsyncSocketModeHandler",
    "slack_bolt.async_app": "AsyncApp",
    "slack_sdk.errors": "SlackApiError",
}


def install(folder: Path) -> None:
    """Puts the packages that Chainlit imports into ``folder``."""
    for module, name in _MODULES.items():
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"from tests.servers.slack import {name} as {name}\n")


class SlackApiError(Exception):
    pass


class AsyncSocketModeHandler:
    pass


class _WebApi:
    token = "t"

    async def users_info(self, user: str) -> dict[str, Any]:
        return {"user": {"profile": {"email": f"{user}@example.org", "real_name": user}}}

    async def chat_update(self, **_: Any) -> None:
        pass


class AsyncApp:
    def __init__(self, token: str, signing_secret: str) -> None:
        self.client = _WebApi()
        self.handlers: dict[str, Callable[..., Any]] = {}

    def event(self, name: str) -> Callable[[Any], Any]:
        return lambda handler: self.handlers.setdefault(name, handler)

    block_action = event


class AsyncSlackRequestHandler:
    def __init__(self, app: AsyncApp) -> None:
        self._app = app

    async def handle(self, request: Request) -> JSONResponse:
        said: list[Any] = []

        async def say(**message: Any) -> None:
            said.append(message)

        async def ack() -> None:
            pass

        asked = json.loads(await request.body())
        name, payload = asked["event"], asked["payload"]
        if name.startswith("thumb"):
            await self._app.handlers[name](ack, self._app, payload)
        else:
            await self._app.handlers[name](payload, say)
        return JSONResponse(said)
