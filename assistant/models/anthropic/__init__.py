"""Anthropic's models."""

import re
from typing import TYPE_CHECKING

from ..base import ChatModel, ModelInfo
from ..family import Family
from .catalogue import ANTHROPICS
from .model import Anthropic
from .prices import PRICES

if TYPE_CHECKING:
    from ...config import Config

__all__ = ["FAMILY", "Anthropic"]


def _make(config: "Config") -> ChatModel | None:
    if config.anthropic_api_key is None:
        return None
    return Anthropic(config.anthropic_api_key.get_secret_value(), config.anthropic_base_url)


FAMILY = Family(
    "anthropic",
    _make,
    own=re.compile("claude-"),
    shared=None,
    # https://platform.claude.com/docs/en/models/overview, October 2026.
    known=(
        ModelInfo("claude-sonnet-5-5", "Claude Sonnet 5.5", 1_000_000, ANTHROPICS),
        ModelInfo("claude-opus-5-5", "Claude Opus 5.5", 1_000_000, ANTHROPICS),
        ModelInfo("claude-haiku-5-5", "Claude Haiku 5.5", 1_000_000, ANTHROPICS),
    ),
    takes=ANTHROPICS,
    windows={"claude-": 200_000},
    prices=PRICES,
)
