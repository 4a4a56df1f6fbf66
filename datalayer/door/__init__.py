"""The door of Chainlit's server: what a client names or sends is bounded and checked before anything is done with it.

Always true: no path, key or header is made of what a client sends unless it has the form that Chainlit's own page gives
it; nothing is held in memory that is larger, or more often there, than ``limits()`` says; who may not send is refused
before anything is read. What is refused is answered with a sentence, and told in one line of the log.

``handshake``: what a page says of itself when it connects. ``packets``: what comes through the websocket.
``requests``: HTTP. ``cookies``: how those are read. ``headers``: how files of users are sent. ``limits``: how much.
"""

import sys

from . import cookies, handshake, packets
from .limits import Buckets, Limits, limits, shared, use
from .requests import Door

__all__ = ["Buckets", "Limits", "install", "limits", "shared", "use"]


def install() -> None:
    """Puts the door before Chainlit's server, once. Without that server in this process there is nothing to do."""
    handshake.guard_sessions()
    server = sys.modules.get("chainlit.server")
    if server is None or hasattr(server.app.state, "door"):
        return
    server.app.state.door = True
    cookies.install()
    packets.install(server.sio)
    if server.app.middleware_stack is None:
        from starlette.middleware import Middleware

        server.app.user_middleware.append(Middleware(Door))  # innermost: what it refuses gets the headers of CORS
    else:  # the server runs already
        server.app.middleware_stack = Door(server.app.middleware_stack)
