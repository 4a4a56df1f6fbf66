"""What OpenAI's models cost: https://developers.openai.com/api/docs/pricing"""

from ..pricing import Price, PriceList

# The page of the maker, as three who copy it have it: https://github.com/simonw/llm-prices of this day, litellm's list
# of 24 July and https://models.dev of 2 July 2026. At least two have each line; none has another figure, but
# llm-prices for o3 that of before June 2025. Left out: special offers of that day and what has been cut since (GPT-5.6
# and later).
PRICES = PriceList(
    date="2026-08-05",
    prefixes=("openai/",),
    prices={
        "gpt-4.1": Price("2", "8", "0.50"),
        "gpt-4.1-mini": Price("0.40", "1.60", "0.10"),
        "gpt-4.1-nano": Price("0.10", "0.40", "0.025"),
        "gpt-4o": Price("2.50", "10", "1.25"),
        "gpt-4o-2024-05-13": Price("5", "15"),
        "gpt-4o-mini": Price("0.15", "0.60", "0.075"),
        "gpt-5": Price("1.25", "10", "0.125"),
        "gpt-5-chat": Price("1.25", "10", "0.125"),
        "gpt-5-mini": Price("0.25", "2", "0.025"),
        "gpt-5-nano": Price("0.05", "0.40", "0.005"),
        "gpt-5-pro": Price("15", "120"),
        "gpt-5.1": Price("1.25", "10", "0.125"),
        "gpt-5.1-chat": Price("1.25", "10", "0.125"),
        "gpt-5.2": Price("1.75", "14", "0.175"),
        "gpt-5.2-chat": Price("1.75", "14", "0.175"),
        "gpt-5.4": Price("2.50", "15", "0.25"),
        "gpt-5.4-mini": Price("0.75", "4.50", "0.075"),
        "gpt-5.4-nano": Price("0.20", "1.25", "0.02"),
        "gpt-5.5": Price("5", "30", "0.50"),
        "o3": Price("2", "8", "0.50"),
        "o3-mini": Price("1.10", "4.40", "0.55"),
        "o3-pro": Price("20", "80"),
        "o4-mini": Price("1.10", "4.40", "0.275"),
    },
    # A prompt of more tokens than this has the whole call charged at another price.
    long={
        "gpt-5.4": (272_000, Price("5", "22.50", "0.50")),
        "gpt-5.5": (272_000, Price("10", "45", "1")),
    },
)

# https://developers.openai.com/api/docs/models/text-embedding-3-large and its neighbours.
EMBEDDINGS = PriceList(
    date="2026-04-25",
    prefixes=("openai/",),
    prices={
        "text-embedding-3-large": Price("0.13", "0"),
        "text-embedding-3-small": Price("0.02", "0"),
        "text-embedding-ada-002": Price("0.10", "0"),
    },
)
"""Of models that make vectors."""
