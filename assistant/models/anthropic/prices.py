"""What Anthropic's models cost: https://platform.claude.com/docs/en/about-claude/pricing"""

from ..pricing import Price, PriceList

_OPUS, _SONNET = Price("5", "25", "0.50"), Price("3", "15", "0.30")

# The page of the maker as two who copy it had it then (docs.rs/synaps 0.10.2, PromptFuel 1.0.23), what is older also in
# https://github.com/simonw/llm-prices. Storing in a cache costs more, which this app never asks for.
PRICES = PriceList(
    date="2026-10-16",
    prefixes=("anthropic/",),
    release=r"(-(latest|\d{8}))?",
    prices={
        "claude-3-5-haiku": Price("0.80", "4", "0.08"),
        "claude-fable-5": Price("10", "50", "1"),
        "claude-fable-5-1": Price("10", "50", "0.25"),
        "claude-haiku-4-5": Price("1", "5", "0.10"),
        "claude-haiku-5-5": Price("0.10", "0.50", "0.01"),
        "claude-mythos-5": Price("10", "50", "1"),
        "claude-mythos-5-1": Price("10", "50", "0.25"),
        "claude-opus-4": Price("15", "75", "1.50"),
        "claude-opus-4-1": Price("15", "75", "1.50"),
        "claude-opus-4-5": _OPUS,
        "claude-opus-4-6": _OPUS,
        "claude-opus-4-7": _OPUS,
        "claude-opus-4-8": _OPUS,
        "claude-opus-5": _OPUS,
        "claude-opus-5-5": Price("4", "20", "0.20"),
        "claude-sonnet-4": _SONNET,
        "claude-sonnet-4-5": _SONNET,
        "claude-sonnet-4-6": _SONNET,
        "claude-sonnet-5": Price("2", "10", "0.20"),
        "claude-sonnet-5-5": Price("2", "10", "0.10"),
    },
    # A prompt of more tokens than this has the whole call charged at another price.
    long={"claude-haiku-5-5": (100_000, Price("0.50", "2.50", "0.05"))},
)
