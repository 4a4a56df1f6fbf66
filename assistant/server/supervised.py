"""What systemd is told of this process (sd_notify(3)): that it serves, and then, again and again, that it still does.

A process that hangs without ending keeps its connections, and its people wait for it: systemd ends one from which it
has not heard (WatchdogSec), and starts it anew.
"""

import asyncio
import os
import socket
from contextlib import suppress

_PER_BEAT = 3
"""Signs of life in the time after which one is missed."""


async def tell() -> None:
    """Goes on until it is cancelled. Does nothing where nobody supervises."""
    address, patience = os.environ.get("NOTIFY_SOCKET", ""), os.environ.get("WATCHDOG_USEC", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as to:
        _send(to, address, b"READY=1")
        while patience.isdecimal():
            _send(to, address, b"WATCHDOG=1")
            await asyncio.sleep(int(patience) / 1_000_000 / _PER_BEAT)


def _send(to: socket.socket, address: str, what: bytes) -> None:
    with suppress(OSError):  # the next one may arrive
        to.sendto(what, "\0" + address[1:] if address.startswith("@") else address)
