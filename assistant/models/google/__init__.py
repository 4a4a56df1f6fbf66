"""Google's models, by either of its SDKs."""

import re
from typing import TYPE_CHECKING

from ..base import ChatModel, ModelInfo
from ..family import Family
from .catalogue import GOOGLES
from .prices import EMBEDDINGS, PRICES

if TYPE_CHECKING:
    from ...config import Config
    from ..embedding import Embedder

__all__ = ["FAMILY"]


def _make(config: "Config") -> ChatModel | None:
    """An SDK takes a second to import, which whoever has no key need not spend."""
    if config.gemini_api_key is None:
        return None
    key, address = config.gemini_api_key.get_secret_value(), config.gemini_base_url
    if config.gemini_sdk == "google-generativeai":
        from .generativeai import GenerativeAI

        return GenerativeAI(key, address)
    from .gemini import Gemini

    return Gemini(key, address)


def _make_embedder(config: "Config") -> "Embedder | None":
    """By google-genai, whichever SDK answers."""
    if (key := config.embedding_api_key or config.gemini_api_key) is None:
        return None
    from .gemini import Gemini

    return Gemini(key.get_secret_value(), config.gemini_base_url)


FAMILY = Family(
    "gemini",
    _make,
    own=re.compile("gemini"),
    shared=re.compile("gemma"),
    # https://ai.google.dev/gemini-api/docs/models, November 2025.
    known=(
        ModelInfo("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576, GOOGLES),
        ModelInfo("gemini-2.5-pro", "Gemini 2.5 Pro", 1_048_576, GOOGLES),
        ModelInfo("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite", 1_048_576, GOOGLES),
    ),
    takes=GOOGLES,
    windows={"gemini-": 1_048_576},
    prices=PRICES,
    make_embedder=_make_embedder,
    embeds=re.compile("(models/)?(gemini-embedding|text-embedding-0|embedding-0)"),
    shortens=re.compile("(models/)?(gemini-embedding|text-embedding-004)"),
    embedding_prices=EMBEDDINGS,
    embedding_needs="GEMINI_API_KEY",
)
