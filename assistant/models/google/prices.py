"""What Google's models cost: https://ai.google.dev/gemini-api/docs/pricing"""

from ..pricing import Price, PriceList

# The page of the maker, as three who copy it have it: https://github.com/simonw/llm-prices of this day, litellm's list
# of 24 July and https://models.dev of 2 July 2026. At least two have each line; none has another figure.
# Left out: special offers of that day and what has been cut since (Gemini 3.6 and later).
PRICES = PriceList(
    date="2026-08-05",
    prefixes=("models/", "google/"),
    prices={
        "gemini-2.0-flash": Price("0.10", "0.40", "0.025"),
        "gemini-2.0-flash-lite": Price("0.075", "0.30"),
        "gemini-2.5-flash": Price("0.30", "2.50", "0.03"),
        "gemini-2.5-flash-lite": Price("0.10", "0.40", "0.01"),
        "gemini-2.5-pro": Price("1.25", "10", "0.125"),
        "gemini-3-flash": Price("0.50", "3", "0.05"),
        "gemini-3.1-flash-lite": Price("0.25", "1.50", "0.025"),
        "gemini-3.1-pro": Price("2", "12", "0.20"),
        "gemini-3.5-flash": Price("1.50", "9", "0.15"),
        "gemini-3.5-flash-lite": Price("0.30", "2.50", "0.03"),
    },
    # A prompt of more tokens than this has the whole call charged at another price.
    long={
        "gemini-2.5-pro": (200_000, Price("2.50", "15", "0.25")),
        "gemini-3.1-pro": (200_000, Price("4", "18", "0.40")),
    },
)

# The same page, as https://embeddingcost.com has it.
EMBEDDINGS = PriceList(
    date="2026-04-25",
    prefixes=("models/", "google/"),
    prices={"gemini-embedding-001": Price("0.15", "0"), "gemini-embedding-2": Price("0.20", "0")},
)
"""Of models that make vectors."""
