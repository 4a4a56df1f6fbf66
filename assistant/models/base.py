"""What a chat model is for this app, and the ways in which one fails.

The messages of the errors are for the log: they hold no key and no text of the conversation.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Literal, Protocol

Quota = Literal["quota", "quota_minute", "quota_day"]
Unpaid = Literal["balance", "no_quota"]
Failing = Literal["unavailable", "silent", "empty", "loading", "no_memory"]
Refused = Literal[
    "key",
    "permission",
    "location",
    "address",
    "unknown_model",
    "not_pulled",
    "not_chat",
    "old_server",
    "too_long",
    "spent",
    "spent_bound",
    "refused",
]
Reason = Quota | Unpaid | Failing | Refused | Literal["blocked"]
"""Why there is no answer, or not all of it; each has its sentence in ``texts``."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message."""

    name: str
    mime: str
    """Its media type (RFC 6838), such as image/png."""
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["user", "assistant"]
    text: str
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    messages: list[ChatMessage]
    """Oldest first; the last one is the user's, to be answered."""
    model: str
    temperature: float
    system_prompt: str
    max_tokens: int | None = None
    """Of the answer at most, None for the provider's own bound."""
    thinking: bool = True
    """False asks a model that can think not to, where that can be asked; then a title is cheap."""
    thoughts: bool = False
    """Asks for the thoughts of those that keep them to themselves otherwise."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of what a model thinks before it answers: never part of the answer."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call."""

    tokens_in: int
    tokens_out: int
    """With what the model thinks."""
    tokens_cached: int = 0
    """The part of ``tokens_in`` that the provider had cached."""


Takes = frozenset[Literal["image", "gif", "pdf"]]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a provider offers."""

    name: str
    label: str
    window: int | None = None
    """Tokens of its context, None when unknown."""
    takes: Takes = frozenset()
    """What it reads besides text."""


class ChatModel(Protocol):
    """The models of one provider."""

    provider: str

    def stream(self, request: ChatRequest) -> AsyncGenerator[str | Usage | Thought, None]:
        """The answer in pieces, none of them empty, what was thought, and the usage: the last ``Usage`` counts.

        Files that the model does not take have been left out of the request before. Closing the iterator, or
        cancelling whoever waits for a piece, ends the HTTP request. Waits without a bound. Raises ModelError.
        """

    async def models(self) -> list[ModelInfo]:
        """What can chat, in the provider's order. Raises ModelError."""

    async def count_tokens(self, request: ChatRequest) -> int | None:
        """Tokens of the request as the provider counts them; None where it cannot be asked. Raises ModelError."""

    async def close(self) -> None:
        """Ends the connections."""


class ModelError(Exception):
    """The model gave no answer, or not all of it."""

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class QuotaExhausted(ModelError):
    """No calls are left for now. ``retry_after``: seconds until there are, None when the provider does not say.
    ``scope``: which quota it is, None when it does not say."""

    def __init__(
        self, message: str, retry_after: float | None = None, scope: Literal["minute", "day"] | None = None
    ) -> None:
        reason: Reason = "quota_day" if scope == "day" else "quota_minute" if scope else "quota"
        super().__init__(message, reason)
        self.retry_after = retry_after
        self.scope = scope


class NotPaid(ModelError):
    """Nothing is left to pay for this call, and no time will change that. ``reason``: ``balance`` (the account is
    empty) or ``no_quota`` (the plan of this key has none for the model)."""

    def __init__(self, message: str, reason: Unpaid = "balance") -> None:
        super().__init__(message, reason)


class ModelUnavailable(ModelError):
    """Out of reach, failing or too slow: the same request may work later. ``reason``: ``unavailable`` (an error of the
    server or a broken connection), ``silent`` (nothing came in time), ``empty`` (an answer without a word), ``loading``
    (the model is not ready yet) or ``no_memory`` (the server has too little of it)."""

    def __init__(self, message: str, reason: Failing = "unavailable") -> None:
        super().__init__(message, reason)


class InvalidRequest(ModelError):
    """The provider refuses this request: it will not work later either.

    ``reason``: the ``key`` is wrong or missing, has no ``permission`` for the model, comes from a ``location`` that is
    not served; the ``address`` leads to no such API; the provider has no such model (``unknown_model``, ``not_pulled``
    where it could be fetched), or one that is ``not_chat``; the server is too old for it (``old_server``); the request
    is ``too_long``; all tokens were thought away, those that the person allows (``spent``) or the server
    (``spent_bound``); else ``refused``."""

    def __init__(self, message: str, reason: Refused = "refused") -> None:
        super().__init__(message, reason)


class Blocked(ModelError):
    """A safety filter of the provider holds back the question or the answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "blocked")
