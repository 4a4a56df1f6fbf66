"""The way to Redis, for whoever shares something through it.

Always true of `Link`: no call raises because of Redis, waits for it longer than `CALL`, or at all while it is known to
be away. Whoever gets no answer goes on alone.
"""

import asyncio
import logging
import re
from contextlib import suppress
from contextvars import Context
from itertools import chain
from typing import Any

import redis.exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import AuthenticationError, AuthorizationError, ResponseError

from . import sentinel

logger = logging.getLogger("assistant")

WAIT, CALL, PAUSE = 1.0, 2.0, 1.0
"""Seconds: to connect, or for an answer; for a call in all; between two tries while Redis is away."""

# Never the server's own words: "unknown command" repeats the arguments, a password among them. Only its codes.
_CODES = {
    "NOAUTH": "it asks for a password, and THREADKEEP_MEMORY_URL has none",
    "WRONGPASS": "it refuses the user or the password",
    "DENIED": "its protected mode refuses other machines",
    "NOPERM": "its user may not run a command that is needed",
    "LOADING": "it is still loading its data",
    "BUSY": "it is busy with another program's script",
    "OOM": "it is full",
    "MISCONF": "it cannot save to its disk, and takes no writes until it can",
    "READONLY": "it is a replica and takes no writes",
    "NOREPLICAS": "too few replicas follow it, and it takes no writes",
    "MASTERDOWN": "it is a replica that has lost its master",
    **dict.fromkeys(("MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN", "TRYAGAIN"), "it is a cluster, which cannot be used"),
}
_SENTENCES = {
    "unauthenticated": _CODES["NOAUTH"],
    "max number of clients": "it has as many clients as it takes",
    "DB index": "it has no database of that number",
    "invalid password": _CODES["WRONGPASS"],
    "without any password configured": _CODES["WRONGPASS"],
}
_KINDS: list[tuple[type[Exception], str]] = [
    (AuthenticationError, _CODES["WRONGPASS"]),
    (AuthorizationError, _CODES["WRONGPASS"]),
    (ResponseError, "it refuses a command; Redis 6.2 or newer is needed"),
    (redis.exceptions.TimeoutError, "no answer"),
    (TimeoutError, "no answer"),
    (redis.exceptions.ConnectionError, "no connection"),
    (OSError, "no connection"),
]
# At the beginning, or, for an error inside a script, before Redis 7, within the text.
_CODE = re.compile(r"(?:^|-)([A-Z]+) ")


def reason(error: Exception) -> str:
    """Why Redis does not serve, without anything that a client has said."""
    codes = [getattr(error, "status_code", None), *_CODE.findall(str(error))]
    if code := next((code for code in codes if code in _CODES), None):
        return f"{_CODES[code]} ({code})"
    by_text = (reason for part, reason in _SENTENCES.items() if part in str(error))
    known = (reason for kind, reason in _KINDS if isinstance(error, kind))
    return f"{next(chain(by_text, known), 'it does not answer as Redis')} ({type(error).__name__})"


def connect(url: str, retries: int = 1, **options: Any) -> Redis:
    """Connects at the first call. Raises ValueError or TypeError for a URL that cannot be one of Redis's.

    ``retries``: once, because a restarted Redis does not have the connections of the pool any more.
    """
    options = {
        "protocol": 2,  # 3 begins with HELLO, which Redis before 6 and many proxies do not know
        "encoding_errors": "surrogatepass",  # ids come from browsers
        "socket_timeout": WAIT,
        "socket_connect_timeout": WAIT,
        "retry": Retry(NoBackoff(), retries, supported_errors=(redis.exceptions.ConnectionError,)),
        **options,
    }
    sentinels = url.partition("://")[0] in sentinel.SCHEMES
    client: Redis = sentinel.leader(url, options) if sentinels else Redis.from_url(url, **options)
    # Says now, not in a turn, which options of the URL do not exist.
    client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    return client


class Link:
    """One connection to Redis, for scripts. For one event loop."""

    def __init__(self, url: str) -> None:
        """As `connect`."""
        self._client = connect(url)
        self._scripts: dict[str, AsyncScript] = {}
        self._watcher: asyncio.Task[None] | None = None

    async def run(self, script: str, keys: list[str], arguments: list[str | int | float]) -> Any | None:
        """What the Lua ``script`` returns, which may run twice; None: Redis is away."""
        if self._watcher is not None:
            return None
        known = self._scripts.get(script) or self._scripts.setdefault(script, self._client.register_script(script))
        try:
            async with asyncio.timeout(CALL):
                return await known(keys, arguments)
        except Exception as error:  # also what redis-py makes of a server that is none
            if self._watcher is None:
                logger.warning("limits are counted by each instance for itself: %s", reason(error))
                self._watcher = asyncio.create_task(self._watch(), context=Context())
            return None

    async def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])
        await self._client.aclose()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            with suppress(Exception):
                async with asyncio.timeout(CALL):
                    await self._client.set("chat_probe", b"", px=1000)  # a full one, or a replica, answers a PING
                break
        self._watcher = None
        logger.info("limits are counted by all instances together again")
