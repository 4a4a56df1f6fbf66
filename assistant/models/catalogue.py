"""Which of the models that a provider lists can chat, and what they read."""

import re
from collections.abc import Mapping
from typing import Any

from .base import ModelInfo, Takes

GOOGLES: Takes = frozenset({"image", "pdf"})
"""https://ai.google.dev/gemini-api/docs/image-understanding: no GIF."""
OPENAIS: Takes = GOOGLES | {"gif"}
_IMAGES: Takes = OPENAIS - {"pdf"}

# Neither provider lists what its models are for: both list those that only embed, draw, speak or listen, too.
_NOT_GOOGLES_CHAT = re.compile("embedding|tts|image|live|audio|robotics|computer-use|aqa")
_NOT_CHAT = re.compile(
    "embed|whisper|tts|dall-e|moderation|image|audio|realtime|transcribe|davinci|babbage|sora|rerank", re.IGNORECASE
)
_SEES_ALL = re.compile("gpt-4o|gpt-4[.]1|gpt-5|^o3|^o4|/o3|/o4", re.IGNORECASE)
_SEES = re.compile("vision|llava|-vl|vl:|pixtral|gemma-?3|minicpm-v", re.IGNORECASE)
_WINDOWS = ("context_length", "max_model_len", "context_window")


def google(name: str, label: str | None, window: int | None, methods: list[str] | None) -> ModelInfo | None:
    """A model of Google's, None if it cannot chat. ``methods``: what it can be called for."""
    name = name.removeprefix("models/")
    if "generateContent" not in (methods or ()) or _NOT_GOOGLES_CHAT.search(name):
        return None
    takes = GOOGLES if name.startswith("gemini-") else GOOGLES - {"pdf"} if name.startswith("gemma-3") else Takes()
    return ModelInfo(name, label or name, window or None, takes)


def openai(entry: Mapping[str, Any]) -> ModelInfo | None:
    """A model of an OpenAI-compatible server, None if it cannot chat."""
    name = entry["id"]
    if _NOT_CHAT.search(name):
        return None
    label = entry.get("name")
    return ModelInfo(name, label if isinstance(label, str) and label else name, _window(entry), _takes(name, entry))


def _window(entry: Mapping[str, Any]) -> int | None:
    """OpenRouter, vLLM and Groq each have their word for it, llama.cpp a place of its own; OpenAI does not say."""
    meta = entry.get("meta")
    sizes = [entry.get(word) for word in _WINDOWS] + [meta.get("n_ctx_train") if isinstance(meta, dict) else None]
    return next((size for size in sizes if isinstance(size, int) and size > 0), None)


def _takes(name: str, entry: Mapping[str, Any]) -> Takes:
    architecture = entry.get("architecture")
    given = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    if isinstance(given, list):
        kinds: Takes = _IMAGES if "image" in given else Takes()
        return kinds | {"pdf"} if "file" in given else kinds
    if _SEES_ALL.search(name):
        return OPENAIS
    return _IMAGES if _SEES.search(name) else Takes()
