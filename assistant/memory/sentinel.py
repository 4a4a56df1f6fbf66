"""The client of whichever Redis leads those that Sentinels watch.

``redis+sentinel://:password@one:26379,two:26379/service/0``, or ``rediss+sentinel://`` with TLS. User and password are
Redis's; those of the Sentinels, if they ask for some, are ``?sentinel_username=…&sentinel_password=…``.
"""

from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis, Sentinel
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff

SCHEMES = ("redis+sentinel", "rediss+sentinel")
_PORT, _OWN = 26379, "sentinel_"
_SHARE = 0.3
"""Of the time for an answer that a Sentinel gets: one that is mute must leave time to ask the next ones."""


class _Pool(SentinelConnectionPool):
    """Takes its Sentinels along when it is closed."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def leader(url: str, options: dict[str, Any]) -> Redis:
    """Connects at the first call. ``options``: of a connection, with its ``protocol`` and ``socket_timeout``.

    Raises ValueError for a URL that is none of Sentinels.
    """
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service or not (database or "0").isdigit():
        raise ValueError("A Redis behind Sentinels has the path /service or /service/database")
    scheme = parts.scheme.partition("+")[0]
    given: dict[str, Any] = dict(parse_url(f"{scheme}://{user}{at}localhost/{database}?{parts.query}"))
    del given["host"]
    secure = {"ssl": True} if given.pop("connection_class", None) is SSLConnection else {}
    own = {name.removeprefix(_OWN): given.pop(name) for name in list(given) if name.startswith(_OWN)}
    tls = {name: value for name, value in given.items() if name.startswith("ssl_")}
    asking = {"protocol": options["protocol"], **_times(options["socket_timeout"]), **secure, **tls, **own}
    sentinel = Sentinel([_place(host) for host in hosts.split(",")], sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    return Redis.from_pool(_Pool(service, sentinel, **{**options, **secure, **given}))  # type: ignore[no-untyped-call]


def _times(wait: float) -> dict[str, Any]:
    # redis-py would try one that is away four times, with pauses, before it asked the next.
    return {
        "socket_timeout": wait * _SHARE,
        "socket_connect_timeout": wait * _SHARE,
        "retry": Retry(NoBackoff(), 0),
    }


def _place(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    if not parts.hostname:
        raise ValueError("A Sentinel has a host")
    return parts.hostname, parts.port or _PORT
