"""A client that keeps to no protocol: bare requests over a socket, and a websocket for any packet."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.client import Client

SECONDS = 60.0


@asynccontextmanager
async def websocket(client: Client, auth: Any = None, **options: Any) -> AsyncIterator[ClientConnection]:
    """A websocket with the cookies of ``client``; with ``auth`` it connects to socket.io's namespace, too."""
    cookies = "; ".join(f"{key}={value}" for key, value in client.http.cookies.items())
    address = client.url.replace("http", "ws", 1) + "/ws/socket.io/?EIO=4&transport=websocket"
    headers = {"Cookie": cookies, "Origin": client.url}
    async with connect(address, additional_headers=headers, max_size=None, **options) as socket:
        await asyncio.wait_for(socket.recv(), SECONDS)  # engine.io's greeting
        if auth is not None:
            await socket.send("40" + json.dumps(auth))
        yield socket


async def answer(socket: ClientConnection, *starts: str) -> str:
    """The next packet that starts so; "" when the server has closed the connection."""
    try:
        async with asyncio.timeout(SECONDS):
            while not (packet := str(await socket.recv())).startswith(starts):
                pass
            return packet
    except ConnectionClosed:
        return ""


async def request(client: Client, method: str, path: str, headers: Iterable[str], body: Iterable[bytes]) -> bytes:
    """What the server answers, whole, to a request that is sent as it is given.

    A server that closes before it has read all resets the connection: what it had answered counts.
    """
    host, port = client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", *headers]
    writer.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n")

    async def send() -> None:
        try:
            for piece in body:
                writer.write(piece)
                await writer.drain()
        except ConnectionError:  # it is not read to the end
            pass

    sending, answered = asyncio.create_task(send()), b""
    try:
        async with asyncio.timeout(SECONDS):
            with suppress(ConnectionError):
                while piece := await reader.read(1 << 16):
                    answered += piece
        return answered
    finally:
        sending.cancel()
        writer.close()
