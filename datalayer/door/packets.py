"""What comes through a websocket, before Chainlit's handlers see it: packets of a known form, events of a known shape.

What is no packet at all ends the connection; an event that no handler can take is left out. Either gets one line of
the log.
"""

import re
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from logging import WARNING, Filter, LogRecord, getLogger
from typing import Any

from chainlit.auth.cookie import get_token_from_cookies
from chainlit.auth.jwt import decode_jwt
from chainlit.context import init_ws_context
from chainlit.message import ErrorMessage
from chainlit.session import WebsocketSession
from socketio.exceptions import ConnectionRefusedError
from starlette.requests import cookie_parser

from . import handshake
from .limits import Bucket, limits, refused

# https://socket.io/docs/v4/engine-io-protocol, https://socket.io/docs/v4/socket-io-protocol: close, ping and pong,
# upgrade, noop; connect, disconnect, event, acknowledgement; and the two that have attachments, with how many.
_PACKET = re.compile(r"[1356]|[23]probe|4[0123]|4[56](\d{1,3})-")
_UNSAFE = ("connect", "disconnect")  # what socket.io itself tells the handlers, and takes from a client, too
HANG_UP = "datalayer.door.hang_up"
"""In the scope of a websocket: nothing more is read from it."""


def is_packet(data: Any) -> bool:
    """Whether ``data``, text or bytes, is a packet that engine.io and socket.io can read, of a size that is allowed."""
    if isinstance(data, bytes):
        return len(data) <= limits().packet
    if not isinstance(data, str) or len(data) > limits().packet:
        return False
    found = _PACKET.match(data)
    if found is None or (data[0] != "4" and found.end() != len(data)):
        return False
    if data[:2] == "40":
        return len(data) <= limits().handshake
    return found[1] is None or 0 < int(found[1]) <= limits().attachments


def user_of(cookies: str) -> str | None:
    """The identifier of whom the cookies speak; None: nobody."""
    try:
        return str(decode_jwt(get_token_from_cookies(cookie_parser(cookies)) or "").identifier)
    except Exception:  # as in Chainlit: whatever is wrong with it, it is no token
        return None


def install(sio: Any) -> None:
    """Puts the checks before the handlers of ``sio``, those that are registered later too."""
    if hasattr(sio, "door"):
        return
    sio.door = True
    sio._trigger_event = _connecting(sio, sio._trigger_event)
    sio._handle_event_internal = _event(sio, sio._handle_event_internal)
    sio.eio.handlers["message"] = _message(sio, sio.eio.handlers["message"])
    for name in ("engineio.server", "socketio.server"):
        getLogger(name).addFilter(_OneLine())
    for name in ("chainlit", "datalayer.door", "python_multipart.multipart", "uvicorn.error"):
        getLogger(name).addFilter(_NotOften())


def _connecting(sio: Any, trigger: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def trigger_event(event: str, namespace: str, *args: Any) -> Any:
        if event == "connect":
            sid, environ, *given = args
            try:
                auth = handshake.checked(given[0] if given else None)
                user = user_of(environ.get("HTTP_COOKIE", ""))
                await handshake.make_room(user, auth["sessionId"], lambda sid: sio.manager.is_connected(sid, "/"))
            except ConnectionRefusedError as error:
                refused(f"a connection: {error.error_args['message']}")
                raise
            args = (sid, environ, auth)
        return await trigger(event, namespace, *args)

    return trigger_event


def _message(sio: Any, handle: Callable[[str, Any], Awaitable[Any]]) -> Callable[[str, Any], Awaitable[Any]]:
    async def message(eio_sid: str, data: Any) -> None:
        try:
            await handle(eio_sid, data)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            refused(f"a packet that cannot be read: {type(error).__name__}")
            sio.environ[eio_sid]["asgi.scope"][HANG_UP] = True
            await sio.eio.disconnect(eio_sid)

    return message


def _event(sio: Any, handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def event(server: Any, sid: str, eio_sid: str, data: Any, namespace: str, id: Any) -> Any:
        name, given = data[0], data[1:]
        handled = isinstance(name, str) and name not in _UNSAFE and name in sio.handlers.get(namespace, {})
        if not handled:
            return refused(f"an event that nobody handles: {str(name)[:40]!r}")
        if (session := WebsocketSession.get(sid)) is None:
            return refused(f"an event of a session that is gone: {name!r}")
        if (shape := _SHAPES.get(name)) is not None and not shape(*given[:2]):
            refused(f"an event of another shape: {name!r}")
            return await _say(session) if shape is _is_message else None
        try:
            # The handlers of what brings nothing take not even a null.
            return await handle(server, sid, eio_sid, data[:1] if shape is _nothing else data, namespace, id)
        except Exception:
            getLogger("datalayer.door").exception("the event %r failed", name)

    return event


async def _say(session: WebsocketSession) -> None:
    emitter = init_ws_context(session).emitter
    await emitter.send_step(ErrorMessage("This message could not be read; nothing was done.").to_dict())
    await emitter.task_end()


class _OneLine(Filter):
    """What else a client can make engine.io stumble over is its doing, and needs no traceback."""

    def filter(self, record: LogRecord) -> bool:
        if record.exc_info:
            kind = record.exc_info[0].__name__ if record.exc_info[0] else ""
            refused(f"{record.getMessage()}: {kind}")
        return not record.exc_info


class _NotOften(Filter):
    """What one line of code complains of: ten times at once, and ten a minute. A client can make that as much as it
    likes, with a traceback each."""

    def __init__(self) -> None:
        super().__init__()
        self._places: defaultdict[tuple[str, int], Bucket] = defaultdict(lambda: Bucket(10 / 60, 10))

    def filter(self, record: LogRecord) -> bool:
        return record.levelno < WARNING or self._places[record.pathname, record.lineno].try_take()


# The shapes of the events of Chainlit's page


def _nothing(*given: Any) -> bool:
    return all(each is None for each in given)


def _is_message(payload: Any = None, *more: Any) -> bool:
    """{"message": {"id": a UUID, …}, "fileReferences": None or [{"id": …}]}"""
    message = payload.get("message") if isinstance(payload, Mapping) else None
    if more or not isinstance(message, Mapping) or not _is_id(message.get("id")):
        return False
    texts = (message.get(key) for key in ("name", "type", "command", "parentId", "threadId", "createdAt"))
    files = payload.get("fileReferences") or []
    return (
        all(isinstance(text, str | None) for text in texts)
        and isinstance(message.get("metadata"), dict | None)
        and isinstance(files, list)
        and len(files) <= limits().files
        and all(isinstance(file, Mapping) and isinstance(file.get("id"), str) for file in files)
    )


def _is_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 36 and bool(uuid.UUID(value))
    except ValueError:
        return False


def _is_dict(payload: Any = None, *more: Any) -> bool:
    return isinstance(payload, dict) and not more


def _is_chunk(payload: Any = None, *more: Any) -> bool:
    kinds: dict[str, Any] = {"isStart": bool, "mimeType": str, "elapsedTime": (int, float), "data": bytes}
    return _is_dict(payload, *more) and all(isinstance(payload.get(key), kind) for key, kind in kinds.items())


_SHAPES: dict[str, Callable[..., bool]] = {
    **dict.fromkeys(("client_message", "edit_message", "message_favorite"), _is_message),
    **dict.fromkeys(("stop", "clear_session", "connection_successful", "fetch_favorites"), _nothing),
    **dict.fromkeys(("audio_start", "audio_end"), _nothing),
    **dict.fromkeys(("chat_settings_change", "chat_settings_edit"), _is_dict),
    "audio_chunk": _is_chunk,
    "window_message": lambda *given: len(given) == 1,
}
