"""How much the server takes from whom: the configuration's limits, told to the data layer's door and to uvicorn."""

from typing import Any

from chainlit import server

from datalayer.door import Limits, use

from ..config import Config

_HELD = 4
"""Messages that a websocket holds unread, at most."""
_ANY = 10**15
"""The library counts what is sent to be imported itself, and tells in words what is too large (library/uploads.py)."""


def install(config: Config) -> None:
    limits = Limits(
        body=config.request_bytes,
        everywhere=True,
        packet=packet_bytes(config),
        packets=config.events_per_second,
        requests=config.requests_per_second,
        sessions=config.open_sessions,
        files=config.session_files,
        files_size=config.session_files_mb * 1_000_000,
        larger={"/library/import": _ANY},
    )
    use(limits)
    server.sio.eio.max_http_buffer_size = limits.packet


def packet_bytes(config: Config) -> int:
    """In JSON a text is longer, three times as long where what is not ASCII is written as \\uXXXX."""
    return 3 * config.message_bytes + 64 * 1024


def websockets(config: Config) -> dict[str, Any]:
    """What uvicorn is told of them: see `serving`.

    Of a packet uvicorn sees the size after inflating it: nothing here is inflated.
    """
    return {"ws_max_size": packet_bytes(config), "ws_max_queue": _HELD, "ws_per_message_deflate": False}
