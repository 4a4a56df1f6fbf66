"""What a call of a model costs: the providers' list prices, as they were on one day.

Always true: a model that the table does not know has no price, rather than that of a model with a similar name.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from .accounting import Cost
from .models.base import Usage

# Google: https://ai.google.dev/gemini-api/docs/pricing, OpenAI: https://developers.openai.com/api/docs/pricing, as
# three who copy these pages have them: https://github.com/simonw/llm-prices of this day, litellm's list of 24 July and
# https://models.dev of 2 July 2026. At least two have each line; none has another figure, but llm-prices for o3 that of
# before June 2025. Left out: special offers of that day and what has been cut since (Gemini 3.6, GPT-5.6 and later).
VERSION = "2026-08-05"


@dataclass(frozen=True, slots=True)
class _Price:
    """US dollars a million tokens, for text. ``cached`` None: the provider takes nothing off."""

    tokens_in: str
    tokens_out: str
    cached: str | None = None

    def nano_usd(self, usage: Usage) -> int:
        cached = min(usage.tokens_cached, usage.tokens_in)
        total = (
            (usage.tokens_in - cached) * Decimal(self.tokens_in)
            + cached * Decimal(self.cached or self.tokens_in)
            + usage.tokens_out * Decimal(self.tokens_out)
        )
        return int((total * 1000).to_integral_value(ROUND_HALF_UP))  # a millionth of a dollar is 1,000 billionths


_PRICES = {
    "gemini-2.0-flash": _Price("0.10", "0.40", "0.025"),
    "gemini-2.0-flash-lite": _Price("0.075", "0.30"),
    "gemini-2.5-flash": _Price("0.30", "2.50", "0.03"),
    "gemini-2.5-flash-lite": _Price("0.10", "0.40", "0.01"),
    "gemini-2.5-pro": _Price("1.25", "10", "0.125"),
    "gemini-3-flash": _Price("0.50", "3", "0.05"),
    "gemini-3.1-flash-lite": _Price("0.25", "1.50", "0.025"),
    "gemini-3.1-pro": _Price("2", "12", "0.20"),
    "gemini-3.5-flash": _Price("1.50", "9", "0.15"),
    "gemini-3.5-flash-lite": _Price("0.30", "2.50", "0.03"),
    "gpt-4.1": _Price("2", "8", "0.50"),
    "gpt-4.1-mini": _Price("0.40", "1.60", "0.10"),
    "gpt-4.1-nano": _Price("0.10", "0.40", "0.025"),
    "gpt-4o": _Price("2.50", "10", "1.25"),
    "gpt-4o-2024-05-13": _Price("5", "15"),
    "gpt-4o-mini": _Price("0.15", "0.60", "0.075"),
    "gpt-5": _Price("1.25", "10", "0.125"),
    "gpt-5-chat": _Price("1.25", "10", "0.125"),
    "gpt-5-mini": _Price("0.25", "2", "0.025"),
    "gpt-5-nano": _Price("0.05", "0.40", "0.005"),
    "gpt-5-pro": _Price("15", "120"),
    "gpt-5.1": _Price("1.25", "10", "0.125"),
    "gpt-5.1-chat": _Price("1.25", "10", "0.125"),
    "gpt-5.2": _Price("1.75", "14", "0.175"),
    "gpt-5.2-chat": _Price("1.75", "14", "0.175"),
    "gpt-5.4": _Price("2.50", "15", "0.25"),
    "gpt-5.4-mini": _Price("0.75", "4.50", "0.075"),
    "gpt-5.4-nano": _Price("0.20", "1.25", "0.02"),
    "gpt-5.5": _Price("5", "30", "0.50"),
    "o3": _Price("2", "8", "0.50"),
    "o3-mini": _Price("1.10", "4.40", "0.55"),
    "o3-pro": _Price("20", "80"),
    "o4-mini": _Price("1.10", "4.40", "0.275"),
}

# A prompt of more tokens than this has the whole call charged at another price.
_LONG = {
    "gemini-2.5-pro": (200_000, _Price("2.50", "15", "0.25")),
    "gemini-3.1-pro": (200_000, _Price("4", "18", "0.40")),
    "gpt-5.4": (272_000, _Price("5", "22.50", "0.50")),
    "gpt-5.5": (272_000, _Price("10", "45", "1")),
}

_PREFIXES = ("models/", "google/", "openai/")
"""Google's own spelling, and OpenRouter's, which charges what the maker does (https://openrouter.ai/docs/faq)."""

# gpt-5-pro costs twelve times what gpt-5 does, and gpt-4o-realtime twice what gpt-4o does: only a release may follow.
_RELEASE = re.compile(r"(-(latest|preview|exp|experimental|\d[\d-]*))*")


def cost(model: str, provider: str, usage: Usage) -> Cost | None:
    """What the call costs; None where no price is known or ``provider`` is "": nobody charges for the formatter.

    Tokens of sound or pictures are counted as text. A free tier is not known here: this is what the call would cost.
    """
    name = _known(model)
    if name is None or not provider:
        return None
    price = _PRICES[name]
    if name in _LONG and usage.tokens_in > _LONG[name][0]:
        price = _LONG[name][1]
    return Cost(nano_usd=price.nano_usd(usage), version=VERSION)


def _known(model: str) -> str | None:
    """The longest name of the table that ``model`` begins with, when only a release follows."""
    for prefix in _PREFIXES:
        model = model.removeprefix(prefix)
    found = [n for n in _PRICES if model.startswith(n) and _RELEASE.fullmatch(model[len(n) :])]
    return max(found, key=len, default=None)
