"""A link to somebody else's conversation looks as if the server were away; a page that opens slowly gets an empty one.

``connect`` (socket.py) refuses the connection when its thread is another person's, and the page takes that for a server
that cannot be reached, for ever. And it looks at the thread only where it makes the session: a page that connects
twice, first without its thread, would begin a new one. Here a thread that is not one's own is one that does not exist,
and the thread of a session is the one that was named last, until something is said.
"""

import uuid
from typing import Any

from chainlit.data import get_data_layer
from chainlit.session import WebsocketSession

from .two_connections import Connect


def named_last(connect: Connect) -> Connect:
    """``connect``, which is told of no thread."""

    async def with_thread(sid: str, environ: Any, auth: Any) -> Any:
        accepted = await connect(sid, environ, {**auth, "threadId": None})
        session, asked_for = WebsocketSession.get(sid), auth.get("threadId")
        if session is not None and asked_for and not session.has_first_interaction:
            session.thread_id = session.thread_id_to_resume = await _own(session, asked_for)
            session.restored = False
        return accepted

    return with_thread


async def _own(session: WebsocketSession, thread_id: str) -> str:
    """The thread, else an id that nobody has. What the data layer raises has the page try again."""
    layer = get_data_layer()
    assert layer is not None
    author = await layer.get_thread_author(thread_id)
    return thread_id if session.user is not None and author == session.user.identifier else str(uuid.uuid4())
