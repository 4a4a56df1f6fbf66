"""What Gemini exports."""

from .activities import Gemini

__all__ = ["Gemini"]
