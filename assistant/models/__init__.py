"""The models a thread can choose from."""

from .base import ChatMessage, ChatModel, ChatRequest, InvalidRequest, ModelError, ModelUnavailable, QuotaExhausted

OFFLINE = "offline"
MODELS = {"gemini-2.5-flash": "Gemini 2.5 Flash", "gemini-2.5-pro": "Gemini 2.5 Pro", OFFLINE: "Offline"}
"""Name -> label. ``offline`` is the formatter, which needs nothing."""

DEFAULT_MODEL = "gemini-2.5-flash"

__all__ = [
    "DEFAULT_MODEL",
    "MODELS",
    "OFFLINE",
    "ChatMessage",
    "ChatModel",
    "ChatRequest",
    "InvalidRequest",
    "ModelError",
    "ModelUnavailable",
    "QuotaExhausted",
]
