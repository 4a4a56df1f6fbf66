"""The hot sessions: a fast memory of who is chatting now. Losing it loses nothing, the database has it all."""

from typing import TYPE_CHECKING, Literal

from .base import HotLimits, HotMessage, HotSession, Memory, SessionInfo, Ticket
from .embedded import EmbeddedMemory

if TYPE_CHECKING:
    from .link import Link


def open_memory(url: str | None, limits: HotLimits, language: Literal["fr", "en"] = "en") -> Memory:
    """The memory at ``url`` (redis://, rediss://, unix://); None: in this process. ``language``: of the log.

    A Redis that does not answer is no error. Raises SystemExit with one line, which does not repeat the URL.
    """
    if not url:
        return EmbeddedMemory(limits, language)
    try:
        from .redis import RedisMemory
    except ModuleNotFoundError:
        raise SystemExit(_MISSING) from None
    try:
        return RedisMemory(url, limits, language)
    except (TypeError, ValueError):
        raise SystemExit(_NO_ADDRESS) from None


def open_link(url: str | None) -> "Link | None":
    """The way to the Redis at ``url`` for what instances count together; None: there is one instance. Raises
    SystemExit as ``open_memory``."""
    if not url:
        return None
    try:
        from .link import Link
    except ModuleNotFoundError:
        raise SystemExit(_MISSING) from None
    try:
        return Link(url)
    except (TypeError, ValueError):
        raise SystemExit(_NO_ADDRESS) from None


_MISSING = "THREADKEEP_MEMORY_URL needs the package redis: pip install -r requirements-servers.txt"
_NO_ADDRESS = "THREADKEEP_MEMORY_URL: expected an address such as redis://host:6379/0."

__all__ = ["HotLimits", "HotMessage", "HotSession", "Memory", "SessionInfo", "Ticket", "open_link", "open_memory"]
