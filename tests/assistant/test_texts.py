"""Both languages say the same, and French punctuation stays with its word."""

from string import Formatter

import pytest

from assistant.texts import _TEXTS, Language, accepted, minutes, money, size


def forms(text: str | dict[str, str]) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


def fields(text: str | dict[str, str]) -> set[str]:
    return {name for form in forms(text) for _, name, _, _ in Formatter().parse(form) if name is not None}


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    assert {key: fields(text) for key, text in _TEXTS["en"].items()} == {
        key: fields(text) for key, text in _TEXTS["fr"].items()
    }


def test_french_punctuation_does_not_break() -> None:
    for key, text in ((key, form) for key, said in _TEXTS["fr"].items() for form in forms(said)):
        if not key.startswith("sessions_"):  # whose form was given, with plain spaces
            assert not any(f" {mark}" in text for mark in ":;?!»$"), text
            assert "« " not in text, text


@pytest.mark.parametrize(
    ("seconds", "to", "short", "long"),
    [
        (3600, "fr", "60 min", "60 minutes"),
        (3599, "fr", "59 min", "59 minutes"),
        (60, "en", "1 min", "1 minute"),
        (59.9, "en", "59 sec", "59 seconds"),
        (90_000, "en", "1500 min", "1500 minutes"),
    ],
)
def test_minutes_are_never_more_than_there_are(seconds: float, to: Language, short: str, long: str) -> None:
    assert minutes(seconds, to).replace("\u202f", " ").replace("\u00a0", " ") == short
    assert minutes(seconds, to, short=False).replace("\u202f", " ").replace("\u00a0", " ") == long


def test_sizes_and_money_as_each_language_writes_them() -> None:
    assert [size(12_345_678, to).replace("\u00a0", " ") for to in ("en", "fr")] == ["12.3 MB", "12,3 Mo"]
    assert [money(1_234_567, to).replace("\u00a0", " ") for to in ("en", "fr")] == ["US$0.0012", "0,0012 $ US"]
    assert money(10, "en") == "<\u00a0US$0.0001"
    assert money(0, "en", unpriced=1) == "–"
    assert money(2_000_000_000, "en", unpriced=1) == "≥\u00a0US$2.00"


@pytest.mark.parametrize(
    ("header", "to"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "en"),
        ("fr", "fr"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de, fr;q=0.8, en;q=0.5", "fr"),
        ("fr;q=0.5, en-GB;q=0.7", "en"),
        ("fr;q=0, de", "en"),
        ("en, fr", "en"),
        ("fr;q=x, ;;,", "en"),
    ],
)
def test_a_page_speaks_what_its_browser_would_rather_read(header: str | None, to: Language) -> None:
    assert accepted(header) == to
