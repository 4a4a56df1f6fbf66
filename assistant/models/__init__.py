"""The models a thread can choose from."""

from .base import (
    Attachment,
    Blocked,
    ChatMessage,
    ChatModel,
    ChatRequest,
    InvalidRequest,
    ModelError,
    ModelInfo,
    ModelUnavailable,
    NotPaid,
    QuotaExhausted,
    Reason,
    Thought,
    Usage,
)
from .providers import DEFAULT_MODEL, OFFLINE, Providers

__all__ = [
    "DEFAULT_MODEL",
    "OFFLINE",
    "Attachment",
    "Blocked",
    "ChatMessage",
    "ChatModel",
    "ChatRequest",
    "InvalidRequest",
    "ModelError",
    "ModelInfo",
    "ModelUnavailable",
    "NotPaid",
    "Providers",
    "QuotaExhausted",
    "Reason",
    "Thought",
    "Usage",
]
