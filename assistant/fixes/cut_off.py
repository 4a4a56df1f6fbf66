"""A page that was cut off for a moment misses what came meanwhile: half an answer stays half.

``connection_successful`` (socket.py) sends a page that connects again its conversation only where it had opened an old
one; a page on which the conversation was begun keeps what it has. Here it is shown the rest. Nor does it call
on_chat_start twice for a session: what that sent to the first of two connections, a panel of settings perhaps, the page
never has. Here it is called again, as long as nothing has been said.
"""

from collections.abc import Awaitable, Callable

from chainlit.session import WebsocketSession

Connected = Callable[[str], Awaitable[None]]


def then_the_rest(connected: Connected, show: Callable[[WebsocketSession], Awaitable[None]]) -> Connected:
    """``connected``, the handler of ``connection_successful``. ``show``: what the session has missed."""

    async def connection_successful(sid: str) -> None:
        session = WebsocketSession.require(sid)
        if not session.has_first_interaction:
            session.chat_started = False
        await connected(sid)
        if session.has_first_interaction and not session.thread_id_to_resume:
            await show(session)

    return connection_successful
