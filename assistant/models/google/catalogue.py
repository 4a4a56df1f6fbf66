"""Which of the models that Google lists can chat, and what they read."""

import re

from ..base import ModelInfo, Takes

GOOGLES: Takes = frozenset({"image", "pdf"})
"""https://ai.google.dev/gemini-api/docs/image-understanding: no GIF."""

# Google does not say what a model is for: those that only embed, draw, speak or listen are listed, too.
_NOT_CHAT = re.compile("embedding|tts|image|live|audio|robotics|computer-use|aqa|deep-research|banana|veo|imagen|lyria")


def google(name: str, label: str | None, window: int | None, methods: list[str] | None) -> ModelInfo | None:
    """A model of Google's, None if it cannot chat. ``methods``: what it can be called for."""
    name = name.removeprefix("models/")
    if not name or "generateContent" not in (methods or ()) or _NOT_CHAT.search(name):
        return None
    takes = GOOGLES if name.startswith("gemini-") else GOOGLES - {"pdf"} if name.startswith("gemma-3") else Takes()
    return ModelInfo(name, label or name, window or None, takes)
