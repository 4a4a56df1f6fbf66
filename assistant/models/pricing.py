"""What models cost: the list prices of one maker, as they were on one day."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from .base import Usage


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a million tokens, for text."""

    tokens_in: str
    tokens_out: str
    cached: str | None = None
    """None: the provider takes nothing off."""

    def nano_usd(self, usage: Usage) -> int:
        cached = min(usage.tokens_cached, usage.tokens_in)
        total = (
            (usage.tokens_in - cached) * Decimal(self.tokens_in)
            + cached * Decimal(self.cached or self.tokens_in)
            + usage.tokens_out * Decimal(self.tokens_out)
        )
        return int((total * 1000).to_integral_value(ROUND_HALF_UP))  # a millionth of a dollar is 1,000 billionths


# gpt-5-pro costs twelve times what gpt-5 does, and gpt-4o-realtime twice what gpt-4o does: only a release may follow.
_RELEASE = r"(-(latest|preview|exp|experimental|\d[\d-]*))*"


@dataclass(frozen=True, slots=True)
class PriceList:
    date: str
    """ISO, of the day on which the prices were these."""
    prices: Mapping[str, Price]
    """By the name without its release."""
    long: Mapping[str, tuple[int, Price]] = field(default_factory=dict)
    """Tokens above which the whole call is charged at another price, and that, by the name."""
    prefixes: tuple[str, ...] = ()
    """Other spellings of the names, such as OpenRouter's, which charges what the maker does
    (https://openrouter.ai/docs/faq)."""
    release: str = _RELEASE
    """What may follow a name."""

    def find(self, model: str) -> str | None:
        """The longest name of the list that ``model`` begins with, when only a release follows."""
        for prefix in self.prefixes:
            model = model.removeprefix(prefix)
        found = [n for n in self.prices if model.startswith(n) and re.fullmatch(self.release, model[len(n) :])]
        return max(found, key=len, default=None)
