"""OpenAI, and whatever speaks its protocol."""

import re
from typing import TYPE_CHECKING

from ..base import ChatModel, ModelInfo, Takes
from ..family import Family
from .catalogue import OPENAIS
from .model import OpenAI
from .prices import EMBEDDINGS, PRICES

if TYPE_CHECKING:
    from ...config import Config
    from ..embedding import Embedder

__all__ = ["FAMILY", "OpenAI"]


def _make(config: "Config") -> ChatModel | None:
    if config.openai_api_key is None and config.openai_base_url is None:
        return None
    key = config.openai_api_key
    return OpenAI(key.get_secret_value() if key else None, config.openai_base_url)


def _make_embedder(config: "Config") -> "Embedder | None":
    """A server that is named for this gets the key that is named for this, and no other."""
    key = config.embedding_api_key
    if config.embedding_base_url is not None:
        return OpenAI(key.get_secret_value() if key else None, config.embedding_base_url)
    key = key or config.openai_api_key
    if key is None and config.openai_base_url is None:
        return None
    return OpenAI(key.get_secret_value() if key else None, config.openai_base_url)


FAMILY = Family(
    "openai",
    _make,
    own=re.compile(""),
    shared=None,
    # https://platform.openai.com/docs/models, November 2025.
    known=(
        ModelInfo("gpt-5-mini", "gpt-5-mini", 272_000, OPENAIS),
        ModelInfo("gpt-4.1-mini", "gpt-4.1-mini", 1_047_576, OPENAIS),
        ModelInfo("gpt-4o-mini", "gpt-4o-mini", 128_000, OPENAIS),
    ),
    takes=Takes(),
    windows={
        "gpt-4.1": 1_047_576,
        "gpt-4o": 128_000,
        "gpt-5": 272_000,
        "o1": 200_000,
        "o3": 200_000,
        "o4": 200_000,
    },
    prices=PRICES,
    make_embedder=_make_embedder,
    embeds=re.compile("(openai/)?text-embedding-(3|ada)"),
    shortens=re.compile("(openai/)?text-embedding-3"),
    embedding_prices=EMBEDDINGS,
    embedding_needs="THREADKEEP_EMBEDDING_BASE_URL, OPENAI_BASE_URL or OPENAI_API_KEY",
    outdated=re.compile("gpt-3|gpt-4-|gpt-4$", re.IGNORECASE),
)
