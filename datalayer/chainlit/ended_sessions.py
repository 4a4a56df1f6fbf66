"""A session whose values cannot be stored when its page is closed stays in memory as long as the server runs.

``disconnect`` (Chainlit's socket.py) ends a session after it has called ``persist_user_session``, whose error ends
``disconnect`` instead. Here there is none: the data layer has logged what it could not store.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from ..errors import DataLayerError


def never_failing(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(original)
    async def persist_user_session(*args: Any, **kwargs: Any) -> None:
        with suppress(DataLayerError):
            await original(*args, **kwargs)

    return persist_user_session
