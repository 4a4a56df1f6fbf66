"""One call of a model with all that goes with it: the quota, the patience, what it used."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from datalayer.records import now

from .base import ChatRequest, ModelUnavailable, QuotaExhausted, Thought, Usage
from .patience import Patience, stream
from .providers import Choice, Providers
from .tokens import estimate, request_tokens

logger = logging.getLogger("assistant")
Think = Callable[[str], Awaitable[None]]
"""Takes a piece of what a model thinks."""


@dataclass(slots=True)
class Meter:
    """What a call is known to have used, at any moment."""

    model: str
    provider: str
    usage: Usage | None = None
    """None: the model was never reached."""
    estimated: bool = False
    """The provider did not tell the usage."""
    first_token: int | None = None
    """Microseconds after the start, None when no piece of the answer came."""
    started_at: int = field(default_factory=now)
    """UTC microseconds."""
    _started: int = field(default_factory=time.monotonic_ns, repr=False)

    @property
    def elapsed(self) -> int:
        """Microseconds since the start."""
        return (time.monotonic_ns() - self._started) // 1000


async def call(
    choice: Choice,
    request: ChatRequest,
    providers: Providers,
    meter: Meter,
    insist: bool = False,
    patience: Patience | None = None,
    think: Think | None = None,
) -> AsyncGenerator[str, None]:
    """The answer in pieces; ``meter`` tells what it used, also when it fails or is left.

    ``insist``: as in Breaker.check. ``patience`` None: that of ``providers``. ``think``: is told what the model thinks.

    Raises ModelError; the ``retry_after`` of a QuotaExhausted is when the breaker will ask again.
    """
    providers.breaker.check(choice.key, insist)
    meter.model, meter.provider = choice.info.name, choice.provider.provider
    meter.usage, meter.estimated, meter.first_token = None, False, None  # of who was asked before
    text = ""
    logger.debug("%s is asked with %s messages", meter.model, len(request.messages))
    try:
        async with aclosing(stream(choice.provider, request, patience or providers.patience)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    meter.usage = piece
                    continue
                if isinstance(piece, Thought):
                    if think:
                        await think(piece.text)
                    continue
                if meter.first_token is None:
                    meter.first_token = meter.elapsed
                text += piece
                yield piece
        providers.breaker.answered(choice.key)
    except QuotaExhausted as error:
        error.retry_after = providers.breaker.exhausted(choice.key, error)
        raise
    finally:
        logger.debug("%s gave %s characters in %.0f ms", meter.model, len(text), meter.elapsed / 1000)
        if text and meter.usage is None:
            # Of a call that was stopped, too: what had been read and written by then is paid for.
            meter.usage, meter.estimated = Usage(request_tokens(request), estimate(text)), True


async def count(choice: Choice, request: ChatRequest, providers: Providers, insist: bool = False) -> int | None:
    """Tokens of ``request`` as its provider counts them, None: it does not. Raises ModelError, as ``call`` does."""
    providers.breaker.check(choice.key, insist, trial=False)
    try:
        async with asyncio.timeout(providers.patience.first):
            return await choice.provider.count_tokens(request)
    except TimeoutError:
        raise ModelUnavailable("no sign of the server in time", "silent") from None
    except QuotaExhausted as error:
        error.retry_after = providers.breaker.exhausted(choice.key, error)
        raise
