"""HTTP for the SDKs that work on httpx2: Google's and OpenAI's.

Always true: an error that leaves here leads to nothing of the SDK's, which quotes requests and answers; a stream that
was closed, cancelled or has failed has closed its HTTP request.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from .base import InvalidRequest, ModelError, ModelUnavailable

if TYPE_CHECKING:
    import ssl

    import httpx2

T = TypeVar("T")
Refusal = Callable[[Exception], ModelError | None]
"""What an error of the SDK means if it is an answer of the server's; else None."""

# Where the HTTP responses of the stream that is being read are noted down.
_opened: ContextVar[list["httpx2.Response"] | None] = ContextVar("_opened", default=None)


def http_client(trust: "ssl.SSLContext") -> "httpx2.AsyncClient":
    """No timeout: how long to wait is decided above the adapters. No redirects: they would carry the key along."""
    import httpx2

    # It logs the address of each request, which may hold a password.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=10)
    hooks = {"response": [_note_down]}
    return httpx2.AsyncClient(verify=trust, timeout=None, limits=limits, event_hooks=hooks, follow_redirects=False)


async def _note_down(response: "httpx2.Response") -> None:
    opened = _opened.get()
    if opened is not None:
        opened.append(response)


def check_key(key: str) -> None:
    """Raises InvalidRequest for what no HTTP library could send; they would log it, in the attempt to refuse it."""
    if not (key and key.isascii() and key.isprintable()):
        raise InvalidRequest("the key is empty or holds characters that no key has", "key")


async def pieces(chunks: AsyncGenerator[T, None], refusal: Refusal) -> AsyncGenerator[T, None]:
    """``chunks`` of an SDK's stream, errors translated. Raises ModelError."""
    opened: list[httpx2.Response] = []
    try:
        while (chunk := await _next(chunks, opened, refusal)) is not None:
            yield chunk
    finally:
        # The SDKs' own generators refer to each other in a circle: closing the outer one would leave the request open
        # until the garbage collector comes by.
        for response in opened:
            await response.aclose()
        await chunks.aclose()


async def asked(call: Awaitable[T], refusal: Refusal) -> T:
    """The answer to a single request. Raises ModelError."""
    opened: list[httpx2.Response] = []
    try:
        with _noting(opened):
            return await call
    except Exception as error:
        failure = _translate(error, bool(opened), refusal)
    raise failure


async def _next(chunks: AsyncGenerator[T, None], opened: list["httpx2.Response"], refusal: Refusal) -> T | None:
    try:
        with _noting(opened):
            return await anext(chunks, None)
    except Exception as error:
        failure = _translate(error, bool(opened), refusal)
    # Outside the except clause, so that not even __context__ leads to the SDK's error.
    raise failure


@contextmanager
def _noting(opened: list["httpx2.Response"]) -> Iterator[None]:
    token = _opened.set(opened)
    try:
        yield
    finally:
        _opened.reset(token)


def _translate(error: Exception, answered: bool, refusal: Refusal) -> ModelError:
    import httpx2

    if failure := error if isinstance(error, ModelError) else refusal(error):
        return failure
    # OpenAI's SDK wraps what the HTTP library says.
    for each in (error, error.__cause__):
        if isinstance(each, httpx2.ConnectError):
            return ModelUnavailable(f"no connection: {each}")
    name = type(error).__name__
    if isinstance(error, ValueError | TypeError) and not answered:
        return InvalidRequest(f"not a request that can be sent: {name}")
    return ModelUnavailable(f"the answer broke off: {name}")
