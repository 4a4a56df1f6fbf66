"""What AnythingLLM exports."""

from .chats import AnythingLLM

__all__ = ["AnythingLLM"]
