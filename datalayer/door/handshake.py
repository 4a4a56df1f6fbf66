"""What a page says of itself when it connects: a session, a thread, a profile, its user's variables.

Chainlit makes a folder of the session's id, which it removes with all that is in it when the session ends, and keeps
the rest for an hour after the page is closed.
"""

import json
import re
from functools import wraps
from typing import Any

from chainlit.chat_context import chat_contexts
from chainlit.config import config
from chainlit.session import WebsocketSession, ws_sessions_id
from chainlit.user_session import user_sessions
from socketio.exceptions import ConnectionRefusedError

from datalayer.text import ID_LENGTH

from .limits import limits

_PAGES = ("webapp", "copilot")  # what runs in a browser: the others speak for a whole channel
_PROFILE_LENGTH = 1000


def checked(auth: Any) -> dict[str, Any]:
    """What Chainlit may use of ``auth``, and nothing else. Raises ConnectionRefusedError with a sentence."""
    if not isinstance(auth, dict):
        raise ConnectionRefusedError("The page did not say who it is; reload it")
    thread_id, profile = auth.get("threadId"), auth.get("chatProfile")
    if auth.get("clientType") not in _PAGES:
        raise ConnectionRefusedError("Only pages of this app connect here")
    if not isinstance(thread_id, str | None) or not isinstance(profile, str | None):
        raise ConnectionRefusedError("The conversation and the profile are named by texts")
    if len(profile or "") > _PROFILE_LENGTH:
        raise ConnectionRefusedError("There is no such profile")
    return {
        "sessionId": session_id(auth.get("sessionId")),
        "clientType": auth["clientType"],
        "threadId": thread_id if len(thread_id or "") <= ID_LENGTH else "\0",  # as odd as the whole one
        "chatProfile": profile,
        "userEnv": _variables(auth.get("userEnv")),
    }


def session_id(value: Any) -> str:
    """``value``, if it is a UUID in its usual form, in small letters. Raises ConnectionRefusedError."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        raise ConnectionRefusedError("A session is named by a UUID; reload the page")
    return value


def _variables(given: Any) -> str | None:
    """Those variables that the app asks its users for."""
    wanted = config.project.user_env or []
    if not wanted or not given:
        return None
    try:
        found = json.loads(given) if isinstance(given, str) and len(given) <= limits().handshake else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConnectionRefusedError("The variables of the user are no JSON object of a usual size")
    return json.dumps({name: str(found[name]) for name in wanted if name in found})


async def make_room(identifier: str | None, session: str, is_open: Any) -> None:
    """Ends the oldest sessions of a person that no page shows, when there are too many.

    Raises ConnectionRefusedError when pages show all of them. Nobody (``identifier`` None) is many people.
    """
    if identifier is None or session in ws_sessions_id:
        return
    held = [s for s in ws_sessions_id.values() if s.user is not None and s.user.identifier == identifier]
    if len(held) < limits().sessions:
        return
    oldest = next((s for s in held if not is_open(s.socket_id)), None)
    if oldest is None:
        raise ConnectionRefusedError("Too many pages of yours are open; close some of them")
    await end(oldest)


async def end(session: WebsocketSession) -> None:
    user_sessions.pop(session.id, None)
    await session.delete()


def guard_sessions() -> None:
    """Whoever makes a session names it by a UUID; what Chainlit remembers of it ends with it, its messages too."""
    make, delete = WebsocketSession.__init__, WebsocketSession.delete
    if make.__module__ == __name__:
        return

    @wraps(make)
    def checked_make(self: WebsocketSession, id: str, *args: Any, **kwargs: Any) -> None:
        make(self, session_id(id), *args, **kwargs)

    @wraps(delete)
    async def whole_delete(self: WebsocketSession) -> None:
        chat_contexts.pop(self.id, None)
        await delete(self)  # type: ignore[no-untyped-call]

    checked_make.__module__ = __name__
    WebsocketSession.__init__, WebsocketSession.delete = checked_make, whole_delete  # type: ignore[method-assign]
