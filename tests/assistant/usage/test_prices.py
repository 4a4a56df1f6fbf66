"""The price of a call, against figures worked out by hand."""

import pytest

from assistant.models.base import Usage
from assistant.usage.prices import VERSION, cost
from assistant.usage.records import Cost

MILLION = 1_000_000
USD = 1_000_000_000


def nano(model: str, tokens_in: int, tokens_out: int = 0, cached: int = 0) -> int | None:
    found = cost(model, "gemini", Usage(tokens_in, tokens_out, cached))
    return found.nano_usd if found else None


def test_each_kind_of_token_has_its_own_price() -> None:
    # 1,000 read at $0.30, 4,000 from the cache at $0.03 and 200 written at $2.50 a million:
    # $0.0003 + $0.00012 + $0.0005
    usage = Usage(tokens_in=5_000, tokens_out=200, tokens_cached=4_000)
    assert cost("gemini-2.5-flash", "gemini", usage) == Cost(nano_usd=920_000, version=VERSION)


@pytest.mark.parametrize(
    ("model", "read", "written", "cached"),
    [
        ("gemini-2.5-flash", 0.30, 2.50, 0.03),
        ("gemini-2.5-flash-lite", 0.10, 0.40, 0.01),
        ("gemini-2.0-flash", 0.10, 0.40, 0.025),
        ("gemini-2.0-flash-lite", 0.075, 0.30, 0.075),
        ("gpt-4o", 2.50, 10, 1.25),
        ("gpt-4o-mini", 0.15, 0.60, 0.075),
        ("gpt-4.1", 2, 8, 0.50),
        ("gpt-4.1-mini", 0.40, 1.60, 0.10),
        ("gpt-4.1-nano", 0.10, 0.40, 0.025),
        ("gpt-5", 1.25, 10, 0.125),
        ("gpt-5-mini", 0.25, 2, 0.025),
        ("gpt-5-nano", 0.05, 0.40, 0.005),
        ("o3", 2, 8, 0.50),
        ("o4-mini", 1.10, 4.40, 0.275),
    ],
)
def test_a_million_tokens_of_each_kind(model: str, read: float, written: float, cached: float) -> None:
    assert nano(model, MILLION) == round(read * USD)
    assert nano(model, 0, MILLION) == round(written * USD)
    assert nano(model, MILLION, cached=MILLION) == round(cached * USD)


@pytest.mark.parametrize(
    ("model", "read", "written", "cached"),
    [
        ("claude-sonnet-5-5", 2, 10, 0.10),
        ("claude-opus-5-5", 4, 20, 0.20),
        ("claude-haiku-4-5-20251001", 1, 5, 0.10),
        ("anthropic/claude-sonnet-4-6", 3, 15, 0.30),
    ],
)
def test_anthropics(model: str, read: float, written: float, cached: float) -> None:
    assert nano(model, MILLION, MILLION, MILLION) == round((cached + written) * USD)
    assert nano(model, MILLION) == round(read * USD)


def test_a_long_prompt_makes_the_whole_call_dearer() -> None:
    # 200,000 at $1.25 and 1,000 at $10 a million: $0.25 + $0.01
    assert nano("gemini-2.5-pro", 200_000, 1_000) == 260_000_000
    # 200,001 at $2.50 and 1,000 at $15 a million: $0.5000025 + $0.015
    assert nano("gemini-2.5-pro", 200_001, 1_000) == 515_002_500
    # 50,000 at $2.50 and 250,000 from the cache at $0.25 a million: $0.125 + $0.0625
    assert nano("gemini-2.5-pro", 300_000, cached=250_000) == 187_500_000


def test_one_token_is_not_lost() -> None:
    assert nano("gpt-5-nano", 1, cached=1) == 5
    assert nano("gemini-2.0-flash", 1, cached=1) == 25
    assert nano("gemini-2.5-flash", 0) == 0


def test_more_cached_than_read_counts_as_all_of_it() -> None:
    assert nano("gemini-2.5-flash", 1_000, cached=9_000) == 30_000


@pytest.mark.parametrize(
    "model",
    [
        "gemini-2.5-flash",
        "models/gemini-2.5-flash",
        "google/gemini-2.5-flash",
        "gemini-2.5-flash-001",
        "gemini-2.5-flash-latest",
        "gemini-2.5-flash-preview-09-2025",
    ],
)
def test_the_spellings_of_a_name(model: str) -> None:
    assert nano(model, MILLION) == 300_000_000


def test_openai_names_a_release_by_its_date() -> None:
    assert nano("openai/gpt-4o-mini-2024-07-18", MILLION) == 150_000_000
    assert nano("gpt-4o-2024-08-06", MILLION) == 2_500_000_000
    assert nano("gpt-4o-2024-05-13", MILLION) == 5_000_000_000
    assert nano("gpt-5-chat-latest", MILLION) == 1_250_000_000


@pytest.mark.parametrize(
    "model",
    [
        "",
        "offline",
        "llama3.2",
        "gpt-5.9",
        "gpt-5-ultra",
        "gpt-4o-realtime-preview",
        "gemini-2.5-flash-image",
        "gemini-2.5-pro-preview-tts",
        "google/gemini-2.0-flash-exp:free",
        "somebody/gpt-4o",
        "claude-fable-5-2",
        "claude-opus-5-5-fast",
    ],
)
def test_no_price_rather_than_that_of_a_neighbour(model: str) -> None:
    assert nano(model, MILLION) is None


def test_nobody_charges_for_the_formatter() -> None:
    assert cost("gemini-2.5-flash", "", Usage(1_000, 1_000)) is None
