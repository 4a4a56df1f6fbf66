"""OpenAI, and whatever speaks its protocol."""

import re
from typing import TYPE_CHECKING

from ..base import ChatModel, ModelInfo, Takes
from ..family import Family
from .catalogue import OPENAIS
from .model import OpenAI
from .prices import PRICES

if TYPE_CHECKING:
    from ...config import Config

__all__ = ["FAMILY", "OpenAI"]


def _make(config: "Config") -> ChatModel | None:
    if config.openai_api_key is None and config.openai_base_url is None:
        return None
    key = config.openai_api_key
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
    outdated=re.compile("gpt-3|gpt-4-|gpt-4$", re.IGNORECASE),
)
