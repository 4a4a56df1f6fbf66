"""An export as the answer to a request: a file that a browser saves, sent while it is made.

Always true: it is read no faster than it is fetched, so a slow browser takes no memory; one person fetches only a few
at a time, and those of one person that take long to make are made one after the other, so that others have their turn.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any
from weakref import WeakValueDictionary

from starlette.responses import Response, StreamingResponse

from datalayer import DataLayerError

from .exporting import Export, export
from .formats import PAGES
from .names import disposition
from .selection import Selection, Source
from .texts import Language

logger = logging.getLogger("datalayer")
AT_ONCE = 4
"""Of one person."""
_running: Counter[str] = Counter()
_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""By person, while some that take long are made."""


class TooMany(DataLayerError):
    """This person fetches as many exports already as anybody may at once."""

    status = 429
    retryable = True


class BrokeOff(Exception):
    """An answer that has begun cannot be made: it is left without its end, so that nobody takes it for whole."""


async def download(source: Source, chosen: Selection, name: str, to: Language) -> Response:
    """``name``: of the format. Raises NotFound where there is no such thread of theirs, InvalidInput, TooMany,
    StoreUnavailable."""
    who = str(chosen.author)
    if _running[who] >= AT_ONCE:
        raise TooMany("Other exports are still being fetched. Wait until they have ended")
    made = await export(source, chosen, name, to)
    headers = {
        "Content-Disposition": disposition(made.name),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    is_slow = name in PAGES and PAGES[name].slow
    turn = _turns.setdefault(who, asyncio.Lock()) if is_slow else nullcontext()
    return StreamingResponse(_sent(made, who, turn), headers=headers, media_type=made.mime)


async def _sent(made: Export, who: str, turn: AbstractAsyncContextManager[Any]) -> AsyncIterator[bytes]:
    """Raises BrokeOff."""
    _running[who] += 1
    try:
        async with turn:
            async for piece in made.pieces:
                yield piece
    except (DataLayerError, OSError) as error:
        logger.error("an export broke off: %s", error)
        raise BrokeOff(str(error)) from error
    finally:
        _running[who] -= 1
        if not _running[who]:
            del _running[who]
