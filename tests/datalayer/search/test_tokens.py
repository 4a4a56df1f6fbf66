"""A text and what is looked for in it are cut in one way, whatever the script."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalayer.search.tokens import LONGEST, phrase, tokens

from .texts import LETTERS, SPACELESS, anything, naive_tokens, texts


def stand_in(sought: tuple[str, ...], prefix: bool, found: list[str]) -> bool:
    """Whether ``sought`` is a run of ``found``, its last token perhaps as the beginning of one."""
    for at in range(len(found) - len(sought) + 1):
        *head, last = found[at : at + len(sought)]
        if tuple(head) == sought[:-1] and (last.startswith(sought[-1]) if prefix else last == sought[-1]):
            return True
    return False


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("L'Été, n’est-ce pas ?", "l ete n est ce pas"),
        ("Le cœur, l'ŒUVRE, Æther, Øre, Łódź", "le coeur l oeuvre aether ore lodz"),
        ("Straße ﬁn ΣΊΣΥΦΟΣ İstanbul ırmak", "strasse fin σισυφοσ istanbul irmak"),
        ("foo_bar = x[3]; C:\\temp 100%", "foo bar x 3 c temp 100"),
        ("http://example.com/a?b=c", "http example com a b c"),
        ("co\u00adopé\u200bration", "cooperation"),
        ("東京都 Python入門、はい", "東京 京都 都 python 入門 門 はい い"),
        ("한국어", "한국 국어 어"),
        (unicodedata.normalize("NFD", "한국어 été"), "한국 국어 어 ete"),
        ("ภาษา", "ภา าษ ษา า"),
        ("ｶﾞｷ ＡＢＣ", "カキ キ abc"),
        ("हिन्दी में", "हिनदी में"),
        ("العَرَبِيَّة الـــله", "العربية الله"),
        ("می‌خواهم", "میخواهم"),
        ("м'я мʼя", "м я м я"),
        ("go👍🏽!❤️ 👨‍👩‍👧", "go 👍 ❤ 👨 👩 👧"),
        ("🇫🇷🇩🇪 🇯🇵", "🇫🇷 🇷🇩 🇩🇪 🇪 🇯🇵 🇵"),
        ("1️⃣ 20 °C → m²", "1 20 c m2"),
        ("\x00\ud800%_\"'*\ufffd", ""),
        ("x" * 41 + " " + "é" * 50, "x" * 40 + " " + "e" * 40),
    ],
)
def test_a_text_is_cut(text: str, cut: str) -> None:
    assert tokens(text) == cut.split()


@given(texts)
def test_the_plainest_way_says_the_same(text: str) -> None:
    assert tokens(text) == naive_tokens(text)


@given(anything)
def test_any_character_is_safe(text: str) -> None:
    for token in tokens(text):
        assert 0 < len(token) <= LONGEST
        assert token.split() == [token]
        token.encode()  # no driver refuses it
        assert "\x00" not in token
        assert tokens(token)[0] == token


@given(anything, anything)
def test_what_is_apart_is_cut_apart(left: str, right: str) -> None:
    assert tokens(f"{left} {right}") == tokens(left) + tokens(right)


@given(texts)
def test_it_is_the_same_composed_and_decomposed(text: str) -> None:
    # Composing puts accents on what they follow; the rest of the text means the same.
    assert tokens(unicodedata.normalize("NFD", text)) == tokens(unicodedata.normalize("NFC", text))


@given(st.text(st.sampled_from(LETTERS), min_size=1, max_size=60), st.integers(1, LONGEST), texts)
def test_a_word_is_found_by_its_beginning(word: str, typed: int, around: str) -> None:
    (token,) = tokens(word)[:1] or [""]
    if token:
        assert stand_in((token[:typed],), True, tokens(f"{around} {word}"))


scripts = st.text(st.sampled_from(SPACELESS), min_size=1, max_size=12)


@given(scripts, st.data())
def test_in_scripts_without_spaces_any_part_is_found(text: str, data: st.DataObject) -> None:
    # The folded text: a part of ำ cannot be typed, and what it is made of can.
    folded = "".join(first[0] for first in tokens(text))
    start = data.draw(st.integers(0, max(0, len(folded) - 1)))
    part = folded[start : data.draw(st.integers(start + 1, max(start + 1, len(folded))))]
    if part:
        sought, prefix = phrase(part)
        assert stand_in(sought, prefix, tokens(f"{text} x"))


@given(scripts, scripts)
def test_in_scripts_without_spaces_only_what_is_there_is_found(text: str, part: str) -> None:
    sought, prefix = phrase(part)
    if sought:
        assert stand_in(sought, prefix, tokens(text)) == (
            "".join(first[0] for first in tokens(part)) in "".join(first[0] for first in tokens(text))
        )


@given(
    st.lists(st.sampled_from(["été", "東京", "都", "a", "👍", "한국", "l'or"]), min_size=1, max_size=5), texts, texts
)
def test_words_in_their_order_are_found(words: list[str], before: str, after: str) -> None:
    said = " ".join(words)
    sought, prefix = phrase(said)
    assert stand_in(sought, prefix, tokens(f"{before} {said} {after}"))


@given(st.lists(st.sampled_from(["été", "東京", "a", "👍", "한국", "l'or"]), min_size=2, max_size=5))
def test_words_that_another_one_parts_are_no_phrase(words: list[str]) -> None:
    sought, prefix = phrase(" ".join(words))
    assert not stand_in(sought, prefix, tokens(f"{words[0]} zz {' '.join(words[1:])}"))


def test_each_place_of_a_run_begins_one_token() -> None:
    run = "東京都学的日本語"
    assert [token[0] for token in tokens(run)] == list(run)
    assert tokens(run)[:-1] == [a + b for a, b in pairwise(run)]


def test_megabytes_of_marks_are_cut_in_one_pass() -> None:
    assert tokens("a" + "\u0301" * 1_000_000 + "b") == ["ab"]
    assert tokens("y" * 1_000_000) == ["y" * LONGEST]
    assert len(tokens("東" * 1_000_000)) == 1_000_000
    assert len(tokens("".join(map(chr, range(0x110000))))) > 100_000  # more characters than are kept in mind


@pytest.mark.parametrize(
    ("text", "sought", "prefix"),
    [
        ("東", "東", True),
        ("東京", "東京", False),
        ("東京 京", "東京 京 京", True),
        ("aa a", "aa a", False),
        ("?", "", False),
    ],
)
def test_a_phrase_has_no_token_that_a_longer_text_would_not_have(text: str, sought: str, prefix: bool) -> None:
    assert phrase(text) == (tuple(sought.split()), prefix)
