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
    QuotaExhausted,
    Reason,
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
    "Providers",
    "QuotaExhausted",
    "Reason",
    "Usage",
]
