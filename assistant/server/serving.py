"""How the server listens: where Chainlit's own way with uvicorn would let anybody hold it, or say that it listens.

Always true: the sockets are bound before anything is said or opened; a connection that owes the rest of a request is
dropped in time, and at once when others need its place.

Both `python -m assistant serve` and `chainlit run app.py` come through here: Chainlit makes a ``uvicorn.Server`` after
it has loaded the app, and makes ours.
"""

import asyncio
import errno
import logging
import resource
import socket
import ssl
import time
from typing import Any, ClassVar

import h11
import uvicorn
from chainlit.config import config as chainlit_config
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..access import bounds
from ..config import Config

WAIT = 15.0
"""Seconds for the head of a request, and between two pieces of its body."""
BACKLOG = 100
"""Connections that are accepted in one go; asyncio would take 2048 at a time, and log each that finds no descriptor."""
_OWN = 64
"""Descriptors for the database, the spool, files and calls to models."""


def options(config: Config) -> dict[str, Any]:
    """What uvicorn is told besides the address."""
    return {
        "http": Patient,
        "ws": "auto",
        **bounds.websockets(config),
        "backlog": BACKLOG,
        "limit_concurrency": max(min(config.connections, raise_file_limit() - BACKLOG - _OWN), 16),
    }


def install(config: Config) -> None:
    """Binds Chainlit's host and port; to be called while it loads the app.

    Raises SystemExit with one line when that cannot be.
    """
    if uvicorn.Server.__module__ == __name__:  # `chainlit run -w` executes the app again
        return
    listening, chosen = listen(chainlit_config.run.host, chainlit_config.run.port), options(config)
    for handler in logging.getLogger().handlers:
        handler.addFilter(OnceAMinute())

    class Server(uvicorn.Server):
        def __init__(self, given: uvicorn.Config) -> None:
            for name, value in chosen.items():
                setattr(given, name, value)
            try:
                given.load()
            except (OSError, ssl.SSLError) as error:
                raise SystemExit(f"CHAINLIT_SSL_CERT, CHAINLIT_SSL_KEY: cannot be used: {error.strerror}.") from None
            super().__init__(given)

        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            await super().serve(listening)

    uvicorn.Server = Server  # type: ignore[assignment,misc]


def raise_file_limit() -> int:
    """As many open files as this process may have without asking anybody; returns the number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1 << 30 if hard == resource.RLIM_INFINITY else hard


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen, one an address of ``host``. Raises SystemExit with one line."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise SystemExit(f"CHAINLIT_HOST={host}: there is no such address.") from None
    sockets, refused = [], ""
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            sockets.append(_bound(family, kind, protocol, address))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise SystemExit(_explain(error, host, port)) from None
            refused = _explain(error, host, port)  # "localhost" has an address of IPv6 that a machine may lack
    if not sockets:
        raise SystemExit(refused)
    return sockets


def _bound(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program: end that, or choose another port (CHAINLIT_PORT)."
    if error.errno == errno.EACCES:
        return f"Port {port} of {host} may not be used by this user: choose one above 1023 (CHAINLIT_PORT)."
    return f"CHAINLIT_HOST={host}: this machine cannot listen there ({error.strerror})."


class Patient(H11Protocol):
    """uvicorn's HTTP, which by itself waits for ever for the rest of a request."""

    _owing: ClassVar[dict["Patient", asyncio.TimerHandle]] = {}
    """Connections that owe the rest of a request, the one that was heard of least recently first."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.limit_concurrency and len(self.connections) >= self.limit_concurrency and self._owing:
            next(iter(self._owing))._drop()
        self._expect()

    def data_received(self, data: bytes) -> None:
        head_was_due = self.conn.their_state is h11.IDLE
        super().data_received(data)
        if head_was_due and self.conn.their_state is h11.IDLE and self in self._owing:
            return  # more of a head does not get more time
        self._forget()
        if self.transport.get_protocol() is self and self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._owing[self] = self.loop.call_later(WAIT, self._drop)

    def _forget(self) -> None:
        if timer := self._owing.pop(self, None):
            timer.cancel()

    def _drop(self) -> None:
        self._forget()
        if self.flow.read_paused:  # the app is slow, not the client
            self._expect()
        else:
            self.transport.close()


class OnceAMinute(logging.Filter):
    """Lets one line a minute pass that says that there are no file descriptors left: asyncio writes thousands."""

    def __init__(self) -> None:
        super().__init__()
        self._last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if getattr(error, "errno", None) not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            return True
        now = time.monotonic()
        if now - self._last < 60:
            return False
        self._last = now
        return True
