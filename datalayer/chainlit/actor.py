"""Who acts, found in one place and then handed on as an argument of the write. The first of these that says it:

1. ``acting_as(identifier)``, in the block and the tasks that it starts.
2. The Chainlit session: its user. A channel of Slack, Discord or Teams has many speakers, so there the application
   acts; it also does where an app opens an HTTP context without a user (``init_http_context``, for webhooks). Where
   nobody logs in, a page changes its own conversation and those without author.
3. The HTTP request or websocket: the user whom Chainlit has authenticated in it. Without one: a visitor where nobody
   logs in, else nobody, which is an error.
4. Neither session nor request (jobs at start, background tasks, imports): the application.

Looking somebody up changes nothing of that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

import chainlit.auth
from chainlit.context import context_var
from chainlit.session import BaseSession, WebsocketSession
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from .. import text
from ..errors import Forbidden
from ..writes import APPLICATION, VISITOR, Actor

_CHANNELS = ("slack", "discord", "teams")
_FROM_CHANNELS = ("slack_endpoint", "teams_endpoint")
"""Chainlit's routes that Slack and Teams call; both check a signature."""


@dataclass(slots=True)
class _Request:
    scope: Scope
    user: str | None = None
    """The identifier that Chainlit has authenticated in it; None: nobody, or not yet."""

    @property
    def of_a_channel(self) -> bool:
        endpoint = self.scope.get("endpoint")
        name = getattr(endpoint, "__module__", ""), getattr(endpoint, "__name__", "")
        return name[0] == "chainlit.server" and name[1] in _FROM_CHANNELS


_acting: ContextVar[Actor | None] = ContextVar("datalayer_acting", default=None)
_request: ContextVar[_Request | None] = ContextVar("datalayer_request", default=None)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Whoever calls the layer in this block, and in tasks that begin in it, is ``actor``. Blocks nest. Raises
    InvalidInput for an identifier that nobody can have."""
    before = _acting.set(text.user_name(actor) if isinstance(actor, str) else actor)
    try:
        yield
    finally:
        _acting.reset(before)


def current(thread_id: str | None = None) -> Actor:
    """Who acts here; ``thread_id``: in which thread, where that is known. Raises Forbidden for nobody."""
    if (given := _acting.get()) is not None:
        return given
    session, request = session_here(), _request.get()
    if session is not None:
        return _of_session(session, thread_id, request)
    if request is None or request.of_a_channel:
        return APPLICATION
    if request.user is not None:
        return request.user
    if chainlit.auth.require_login():
        raise Forbidden("It is not known who asks for this change: sign in, or let the app say who acts (acting_as)")
    return VISITOR


def _of_session(session: BaseSession, thread_id: str | None, request: _Request | None) -> Actor:
    if isinstance(session, WebsocketSession):  # whose client_type is the word of a browser
        if session.user is not None:
            return text.user_name(session.user.identifier)
        return APPLICATION if thread_id == session.thread_id else VISITOR
    if is_channel(session):
        return APPLICATION
    if session.user is not None:
        return text.user_name(session.user.identifier)
    return request.user if request is not None and request.user is not None else APPLICATION


def session_here() -> BaseSession | None:
    """Chainlit's session of this task."""
    context = context_var.get(None)
    return context.session if context is not None else None


def is_channel(session: BaseSession | None) -> bool:
    """Whether ``session`` is a message out of Slack, Discord or Teams, where one thread has many speakers."""
    return not isinstance(session, WebsocketSession) and getattr(session, "client_type", "") in _CHANNELS


def watch() -> None:
    """Lets this module see each request to any app of this process, and whom Chainlit authenticates in it.

    To be called before the first request. A middleware could not be added: an app makes its data layer when it is first
    needed, which is when its server runs already, and its own routes may be on an app around Chainlit's.
    """
    Starlette.__call__ = _seen(Starlette.__call__)  # type: ignore[method-assign]
    chainlit.auth.authenticate_user = _noted(chainlit.auth.authenticate_user)


def _seen(original: Callable[..., Any]) -> Any:
    @wraps(original)
    async def call(self: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await original(self, scope, receive, send)
            return
        before = _request.set(_Request(scope))
        try:
            await original(self, scope, receive, send)
        finally:
            _request.reset(before)

    return call


def _noted(original: Callable[..., Any]) -> Any:
    @wraps(original)
    async def authenticate_user(*args: Any, **kwargs: Any) -> Any:
        user = await original(*args, **kwargs)
        if (request := _request.get()) is not None:
            request.user = text.user_name(user.identifier)
        return user

    return authenticate_user
