"""A blob as an HTTP answer: the whole of it, or the one part that ``Range`` asks for (RFC 9110, 14)."""

import re
from collections.abc import AsyncIterator, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..blobs import CHUNK, Stream, in_thread

_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII)


def answer(stream: Stream, size: int, request: Request, headers: Mapping[str, str], mime: str) -> Response:
    """``stream``, which is closed with the answer, has ``size`` bytes. ``headers``: the others, with an ETag."""
    current = request.headers.get("if-range", headers["ETag"]) == headers["ETag"]
    asked = part(request.headers.get("range", ""), size) if current else None
    start, length = asked or (0, size)
    given = {**headers, "Accept-Ranges": "bytes", "Content-Length": str(length)}
    if asked:
        given["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}" if length else f"bytes */{size}"
    status = 200 if asked is None else 206 if length else 416
    if length and request.method != "HEAD":
        return StreamingResponse(_body(stream, start, length), status, given, mime)
    stream.close()
    return Response(None, status, given, mime)


def part(asked: str, size: int) -> tuple[int, int] | None:
    """The first byte and how many, 0: there are none such. None: ``asked`` is no single range, and all is sent."""
    found = _RANGE.fullmatch(asked)
    first, last = found.groups() if found else ("", "")
    if not first:
        return (max(0, size - int(last)), min(size, int(last))) if last else None
    if last and int(last) < int(first):
        return None
    start = min(int(first), size)
    return start, min(int(last or size), size - 1) + 1 - start


async def _body(stream: Stream, start: int, length: int) -> AsyncIterator[bytes]:
    try:
        await in_thread(stream.seek, start)
        while length and (chunk := await in_thread(stream.read, min(CHUNK, length))):
            length -= len(chunk)
            yield chunk
    finally:
        stream.close()
