"""What a chat model is for this app, and the ways in which one fails.

The messages of the errors are for the log: they hold no key and no text of the conversation.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """``messages``: oldest first; the last one is the user's, to be answered."""

    messages: list[ChatMessage]
    model: str
    temperature: float
    system_prompt: str


class ChatModel(Protocol):
    def stream(self, request: ChatRequest) -> AsyncGenerator[str, None]:
        """The answer in pieces, none of them empty. Closing the iterator ends the request. Raises ModelError."""


class ModelError(Exception):
    """The model gave no answer, or not all of it."""


class QuotaExhausted(ModelError):
    """No calls are left for now. ``retry_after``: seconds until there are, None when the provider does not say."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelUnavailable(ModelError):
    """Out of reach, failing or too slow: the same request may work later."""


class InvalidRequest(ModelError):
    """The provider refuses this request (wrong key, unknown model, too long): it will not work later either."""
