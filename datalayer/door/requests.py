"""HTTP requests and the raw side of websockets: an ASGI application in front of Chainlit's.

Nothing of a request is read before it is known that it may be as large as it says, that whoever sends it may send
something, and that he does not do so too often. What says nothing of its size is counted while it streams.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

from chainlit.auth import require_login
from chainlit.auth.jwt import decode_jwt
from chainlit.config import config
from chainlit.session import WebsocketSession, ws_sessions_id
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import bodies, packets
from .headers import safe
from .limits import Bucket, Buckets, limits, refused, shared

UPLOAD = "/project/file"
_CHAINLIT = re.compile(r"/(project|auth|mcp|feedback|login|logout|user|set-session-cookie|ws/socket\.io)(/.*)?")
_OPEN = re.compile(r"/(login|logout|set-session-cookie|auth/.+|ws/socket\.io/?)")  # to those who have not signed in
_FILES = re.compile(r"/(public|assets|copilot|avatars)/")  # of which Chainlit makes paths
_SECRET = re.compile(r"(/(?:share|embed)/)[^/]+")  # who has such an address may read what it leads to
_FRAME = 64 * 1024
"""What multipart/form-data puts around a file; its name is a part of that."""
_LINGER, _SILENCE = 10.0, 2.0
"""Seconds that a refused body is still read and thrown away, and that one waits for more of it: a client that is cut
off while it sends does not see the answer."""

Refusal = tuple[int, str]


class Door:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packets, self._requests = Buckets(2), Buckets(6)
        shared().update(packets=self._packets, requests=self._requests)
        self._uploads: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(limits().uploads))
        self._uploading: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        headers, path = Headers(scope=scope), route(scope)
        if scope["type"] == "websocket":
            return await self._app(scope, self._watched(scope, headers, receive), send)
        who = asks(headers)
        if refusal := self._refusal(scope, headers, path, who):
            return await refuse(refusal, scope, receive, send)
        if path.startswith(UPLOAD + "/"):
            send = safe(headers, send)
        if (check := bodies.check_of(scope["method"], path)) is not None:
            whole = await bodies.read(receive, _limit(scope, path))
            if whole is None:
                return await refuse((413, "This request is too large"), scope, receive, send)
            if sentence := check(whole):
                return await refuse((422, sentence), scope, receive, send)
            receive = bodies.replayed(whole, receive)
        body = _Body(receive, _limit(scope, path))
        async with self._turn(scope, path, who):
            await body.hand_on(self._app, scope, send)

    def _refusal(self, scope: Scope, headers: Headers, path: str, who: str | None) -> Refusal | None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > limits().headers:
            return 431, "The headers of this request are too large"
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > limits().address:
            return 414, "This address is too long"
        if _FILES.match(path) and not path.isprintable():
            return 404, "File not found"
        sizes = headers.getlist("content-length")
        if len(sizes) > 1 or any(re.fullmatch(r"[0-9]{1,15}", size) is None for size in sizes):
            return 400, "The size of this request is not a number"
        size = int(sizes[0]) if sizes else None
        known = _CHAINLIT.fullmatch(path)
        sends = known and (size or "transfer-encoding" in headers) and not _OPEN.fullmatch(path)
        if sends and who is None and require_login():
            return 401, "Sign in first"
        if path == UPLOAD and scope["method"] == "POST" and (refusal := _upload(scope, who)):
            return refusal
        allowed = _limit(scope, path)
        if size is not None and allowed is not None and size > allowed:
            return 413, "File size too large" if path == UPLOAD else "This request is too large"
        if known and not self._requests.of(_key(scope, who), limits().requests).try_take():
            return 429, "Too many requests; wait a moment"
        return None

    @asynccontextmanager
    async def _turn(self, scope: Scope, path: str, who: str | None) -> AsyncIterator[None]:
        """Uploads of one person one after another but for a few: each is held in memory whole, by Chainlit."""
        if path != UPLOAD or scope["method"] != "POST":
            yield
            return
        key = _key(scope, who)
        self._uploading[key] += 1
        try:
            async with self._uploads[key]:
                yield
        finally:
            self._uploading[key] -= 1
            if not self._uploading[key]:
                del self._uploading[key], self._uploads[key]

    def _watched(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """A ``receive`` that hangs up at what is no packet, and takes its time with too many."""
        who = packets.user_of(headers.get("cookie", ""))
        rate = limits().packets
        bucket = self._packets.of(who, rate) if who else Bucket(rate, 2 * rate)

        async def watched() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            if wait := bucket.take():
                await asyncio.sleep(wait)
            data = message.get("bytes") if message.get("text") is None else message["text"]
            if scope.get(packets.HANG_UP) or not packets.is_packet(data):
                refused(f"what is no packet, or too large a one, of {who or 'somebody'}")
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        return watched


def route(scope: Scope) -> str:
    """The path as Chainlit's routes know it, without the root path."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return str(path.removeprefix(config.run.root_path.rstrip("/")))


def asks(headers: Headers) -> str | None:
    """The identifier of whose token comes along, as Chainlit looks for it; None: nobody's."""
    if who := packets.user_of(headers.get("cookie", "")):
        return who
    try:
        return str(decode_jwt(headers.get("authorization", "").split()[-1]).identifier)
    except Exception:  # as in Chainlit: whatever is wrong with it, it is no token
        return None


def _key(scope: Scope, who: str | None) -> str:
    return f"user {who}" if who else f"address {(scope.get('client') or ('',))[0]}"


def _limit(scope: Scope, path: str) -> int | None:
    """Bytes that the body may have; None: any number."""
    if path == UPLOAD and scope["method"] == "POST":
        return _upload_limit(scope)
    larger = [size for start, size in limits().larger.items() if path.startswith(start)]
    return max([limits().body, *larger]) if limits().everywhere or _CHAINLIT.fullmatch(path) else None


def _session(scope: Scope) -> tuple[WebsocketSession | None, str]:
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return WebsocketSession.get_by_id(query.get("session_id", [""])[-1]), query.get("ask_parent_id", [""])[-1]


def _upload_limit(scope: Scope) -> int | None:
    session, asked = _session(scope)
    spec = session.files_spec.get(asked) if session else None
    megabytes = (spec or config.features.spontaneous_file_upload or _Unlimited).max_size_mb
    return None if megabytes is None else int(megabytes * 1024 * 1024) + _FRAME


class _Unlimited:
    max_size_mb = None


def _upload(scope: Scope, who: str | None) -> Refusal | None:
    session, _ = _session(scope)
    if session is None:
        return 404, "Session not found"
    owner = session.user.identifier if session.user else None
    if who is not None and owner != who:
        return 401, "You are not authorized to upload files for this session"
    of_owner = [s for s in ws_sessions_id.values() if owner and s.user and s.user.identifier == owner]
    held = [file for each in of_owner or [session] for file in each.files.values()]
    if len(held) >= limits().files or sum(file["size"] for file in held) >= limits().files_size:
        return 413, "Too many files"
    return None


class _Body:
    """A request's body that is counted while it is read. ``limit`` in bytes; None: it may be of any size."""

    def __init__(self, receive: Receive, limit: int | None) -> None:
        self._receive, self._limit = receive, limit
        self._read, self._begun, self._too_large = 0, False, False

    async def hand_on(self, app: ASGIApp, scope: Scope, send: Send) -> None:
        async def counted_send(message: Message) -> None:
            if not self._too_large or self._begun:
                self._begun = True
                await send(message)

        try:
            await app(scope, self.receive, counted_send)
        except Exception:
            if not self._too_large:
                raise
        if self._too_large and not self._begun:
            await refuse((413, "This request is too large"), scope, self._receive, send)

    async def receive(self) -> Message:
        if self._too_large:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._limit is not None and self._read > self._limit:
            self._too_large = True
            return {"type": "http.disconnect"}
        return message


async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with a status and a sentence, and throws away what is still being sent."""
    status, sentence = refusal
    path = _SECRET.sub(r"\1…", scope["path"])
    refused(f"{scope['method']} {path[:100]}: {status} {sentence}")
    response = JSONResponse({"detail": sentence}, status, {"Retry-After": "1"} if status == 429 else None)
    await send({"type": "http.response.start", "status": status, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    if Headers(scope=scope).get("expect", "").lower() != "100-continue":  # which reading would invite to send
        await _discard(receive)
    await send({"type": "http.response.body", "body": b""})


async def _discard(receive: Receive) -> None:
    end = asyncio.get_running_loop().time() + _LINGER
    try:
        more = True
        while more and asyncio.get_running_loop().time() < end:
            message: dict[str, Any] = dict(await asyncio.wait_for(receive(), _SILENCE))
            more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return
