"""Traces: a copy of each turn and vote for whoever watches over the app, in Langfuse when its keys are set."""

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol
from urllib.parse import quote

from .records import CallRecord

_CLOUD = "https://cloud.langfuse.com"

_HIDDEN = "•••"
# Keys of Google, of OpenAI, Anthropic and OpenRouter, of Langfuse, and what an Authorization header holds. A word that
# only begins like one of them has no digit. Each can begin at one place of a word: what is quadratic stops the server.
_KEYS = (
    r"\bAIza[\w-]{20,}",
    r"(?<![\w-])(?:sk|pk-lf)-(?=[\w-]*\d)[\w-]{16,}",
    r"\b[Bb]earer\s+(?=\S*\d)[\w.~+/=-]{16,}",
)


class Traces(Protocol):
    """Where turns are traced. Nothing here raises, and only ``close`` waits."""

    def record(self, call: CallRecord) -> None:
        """To be called once, when the call has ended."""

    def score(self, call_id: str, value: int | None, comment: str | None, at: int | None = None) -> None:
        """The vote on the answer of a call: 1, 0, or None when it was taken back.

        ``at``: UTC microseconds that stay the same for this answer, such as when it was written. Langfuse replaces a
        score by one with the same id and the same time.
        """

    async def close(self) -> None:
        """Sends what waits, for two seconds at most."""


class NoTraces:
    def record(self, call: CallRecord) -> None:
        pass

    def score(self, call_id: str, value: int | None, comment: str | None, at: int | None = None) -> None:
        pass

    async def close(self) -> None:
        pass


def traces(public_key: str | None, secret_key: str | None, base_url: str | None, secrets: Iterable[str] = ()) -> Traces:
    """Traces in the Langfuse project of these keys; without both of them nothing is imported or sent.

    ``base_url`` None: Langfuse's own cloud. ``secrets``: what may be in no trace, besides ``secret_key``.
    """
    if not (public_key and secret_key):
        return NoTraces()
    # Half a second, and OpenTelemetry with it.
    from .langfuse import LangfuseTraces

    return LangfuseTraces(public_key, secret_key, (base_url or _CLOUD).rstrip("/"), masker([*secrets, secret_key]))


def masker(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that hides ``secrets``, also as a URL spells them, and whatever looks like a key."""
    known = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
    # The longest first: one secret may begin with another.
    parts = [*map(re.escape, sorted(known, key=len, reverse=True)), *_KEYS]
    return partial(re.compile("|".join(parts)).sub, _HIDDEN)
