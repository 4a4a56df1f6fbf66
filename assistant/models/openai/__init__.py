"""OpenAI, and whatever speaks its protocol."""

from .model import OpenAI

__all__ = ["OpenAI"]
