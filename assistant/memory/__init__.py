"""The hot sessions: a fast memory of who is chatting now. Losing it loses nothing, the database has it all."""

from typing import Literal

from .base import HotLimits, HotMessage, HotSession, Memory, SessionInfo, Ticket
from .embedded import EmbeddedMemory


def open_memory(url: str | None, limits: HotLimits, language: Literal["fr", "en"] = "en") -> Memory:
    """The memory at ``url`` (redis://, rediss://, unix://); None: in this process. ``language``: of the log.

    A Redis that does not answer is no error. Raises SystemExit with one line, which does not repeat the URL.
    """
    if not url:
        return EmbeddedMemory(limits, language)
    try:
        from .redis import RedisMemory
    except ModuleNotFoundError:
        raise SystemExit(
            "THREADKEEP_MEMORY_URL needs the package redis: pip install -r requirements-servers.txt"
        ) from None
    try:
        return RedisMemory(url, limits, language)
    except (TypeError, ValueError):
        raise SystemExit("THREADKEEP_MEMORY_URL: expected an address such as redis://host:6379/0.") from None


__all__ = ["HotLimits", "HotMessage", "HotSession", "Memory", "SessionInfo", "Ticket", "open_memory"]
