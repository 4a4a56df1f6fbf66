"""Bodies that Chainlit would take as they come: they are read first, and looked at."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from chainlit.action import Action
from socketio.exceptions import ConnectionRefusedError
from starlette.types import Message, Receive

from . import handshake, packets

_JSON = re.compile(r"/(project/(threads|thread|thread/share|element|action)|feedback|mcp|set-session-cookie)")
_ACTION = {field.name for field in fields(Action)}


def check_of(method: str, path: str) -> Callable[[bytes], str | None] | None:
    """What says of a body, in a sentence, why it cannot be used; None: nothing does."""
    if method == "POST" and path.startswith("/ws/socket.io"):
        return _payload
    if method not in ("POST", "PUT", "DELETE") or not _JSON.fullmatch(path):
        return None
    shape = _SHAPES.get(path, lambda value: True)
    return lambda body: _json(body, shape, must=path == "/set-session-cookie")


async def read(receive: Receive, limit: int | None) -> bytes | None:
    """The whole body; None: it is larger than ``limit`` bytes, or the client is gone."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if limit is not None and len(body) > limit:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return given.pop() if given else await receive()

    return replay


def _payload(body: bytes) -> str | None:
    """Packets of engine.io's other transport, with a record separator between them."""
    known = all(packets.is_packet(packet) for packet in body.decode(errors="replace").split("\x1e"))
    return None if known else "These are no packets"


def _json(body: bytes, shape: Callable[[Any], bool], must: bool) -> str | None:
    """``must``: whether nobody after us says so of what is no JSON object."""
    try:
        value = json.loads(body, parse_constant=_no_number, parse_float=_finite)
    except _NoNumber:
        return "A number must be finite"
    except (ValueError, RecursionError):
        return "This is no JSON" if must else None
    if not isinstance(value, dict):
        return "This is no JSON object" if must else None
    return None if shape(value) else "This request has another shape than it should"


class _NoNumber(Exception):
    pass


def _no_number(_: str) -> float:
    raise _NoNumber


def _finite(digits: str) -> float:
    return number if math.isfinite(number := float(digits)) else _no_number(digits)


def _is_element(body: dict[str, Any]) -> bool:
    element = body.get("element")
    if not isinstance(element, dict):
        return True  # FastAPI says so
    texts = all(isinstance(element.get(key), str) for key in ("id", "type", "name", "display"))
    return texts and isinstance(element.get("props"), dict | None)


def _is_action(body: dict[str, Any]) -> bool:
    action = body.get("action")
    if not isinstance(action, dict):
        return True  # FastAPI says so
    return action.keys() <= _ACTION and isinstance(action.get("name"), str) and isinstance(action.get("payload"), dict)


def _is_cookie(body: dict[str, Any]) -> bool:
    try:
        return bool(handshake.session_id(body.get("session_id")))
    except ConnectionRefusedError:
        return False


_SHAPES = {"/project/element": _is_element, "/project/action": _is_action, "/set-session-cookie": _is_cookie}
