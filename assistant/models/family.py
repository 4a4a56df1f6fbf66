"""What is to be known of a maker of models besides how to ask them: a folder each, and a line in ``families.py``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import ChatModel, ModelInfo, Takes
from .pricing import PriceList

if TYPE_CHECKING:
    from ..config import Config
    from .embedding import Embedder


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    """That of the provider."""
    make: "Callable[[Config], ChatModel | None]"
    """Its models as they are configured, None: they are not."""
    own: re.Pattern[str]
    """The beginning of names that nobody else has."""
    shared: re.Pattern[str] | None
    """The beginning of names that it has, and others may have."""
    known: tuple[ModelInfo, ...]
    """What is offered while it cannot be asked, the best default first."""
    takes: Takes
    """What a model that it does not list reads besides text."""
    windows: Mapping[str, int]
    """Tokens, by the beginning of a name, for models that do not tell theirs."""
    prices: PriceList
    make_embedder: "Callable[[Config], Embedder | None] | None" = None
    """Its models that make vectors as they are configured, None: they are not, or it has none."""
    embeds: re.Pattern[str] | None = None
    """The beginning of the names of those."""
    shortens: re.Pattern[str] | None = None
    """Of those that give fewer dimensions when they are asked to."""
    embedding_prices: PriceList | None = None
    embedding_needs: str | None = None
    """What must be configured for them."""
    outdated: re.Pattern[str] | None = None
    """Part of the names that it still offers, and nobody wants for a new conversation."""
