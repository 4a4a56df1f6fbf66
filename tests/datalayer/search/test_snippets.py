"""What matches is shown with its surroundings, marked where it stands in the text as it was written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalayer.search.matching import matcher
from datalayer.search.query import Query, Term, parse
from datalayer.search.snippets import snippet
from datalayer.search.tokens import finder, folded, tokens
from datalayer.text import one_line

from .texts import anything, naive_tokens, texts


def asked(typed: str) -> Query:
    return parse(typed, now=0)


def shown(text: str, typed: str, length: int = 160) -> str:
    """The snippet with [brackets] around its marks."""
    found = snippet(text, asked(typed), length)
    for start, end in reversed(found.marks):
        found = type(found)(f"{found.text[:start]}[{found.text[start:end]}]{found.text[end:]}", ())
    return found.text


def naively(text: str, query: Query) -> bool:
    """By the naive tokens, one compared to the other at every place."""
    said = naive_tokens(text)

    def has(term: Term) -> bool:
        return any(
            all(
                said[at + place].startswith(token)
                if term.prefix and place == len(term.tokens) - 1
                else said[at + place] == token
                for place, token in enumerate(term.tokens)
            )
            for at in range(len(said) - len(term.tokens) + 1)
        )

    return all(has(term) != term.excluded for term in query.terms)


queries = st.lists(st.one_of(texts, st.sampled_from(["-", '"', " ", "a", "東", "é"])), max_size=8).map("".join)


@given(texts, queries)
def test_a_text_matches_when_each_term_is_somewhere(text: str, typed: str) -> None:
    assert matcher(asked(typed).terms)(text) == naively(text, asked(typed))


@given(texts, st.data())
def test_a_text_matches_what_was_taken_from_it(text: str, data: st.DataObject) -> None:
    said = tokens(text)
    start = data.draw(st.integers(0, len(said)))
    part = tuple(said[start : data.draw(st.integers(start, len(said)))])
    if part:
        assert matcher((Term(part, False, False), Term((part[0][:1],), True, False)))(text)
        assert not matcher((Term(part, False, True),))(text)


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("Bonjour", "", "Bonjour"),
        ("Bonjour", "soir", "Bonjour"),
        ("L'Été sera chaud", "ete", "L'[Été] sera chaud"),
        ("Maße, Straßenbahn; der Fluß", "strasse", "Maße, [Straßenbahn]; der Fluß"),
        ("A ﬁne œuvre", "fine oeuvre", "A [ﬁne] [œuvre]"),
        ("E\u0301te\u0301 co\u00adopération", "été cooperation", "[E\u0301te\u0301] [co\u00adopération]"),
        ("東京都に行く", "京都", "東[京都]に行く"),
        ("東京都に行く", "東京都", "[東京都]に行く"),
        ("東京都に行く", "行", "東京都に[行]く"),
        ("한국어를 배우다", "국어", "한[국어]를 배우다"),
        (unicodedata.normalize("NFD", "한국어를"), "국어", f"[{unicodedata.normalize('NFD', '한국어를')}]"),
        ("ほら👍🏽!👨‍👩‍👧", "👍 👩", "ほら[👍🏽]!👨‍[👩‍👧]"),
        ("one two\n\n\tthree", '"two three"', "one [two three]"),
        ("one\x00two <b>one</b>", "one -two -b", "[one] two <b>[one]</b>"),
        ("aa aa aa aa", '"aa aa"', "[aa aa] [aa aa]"),
        ("x" * 50 + " end", "x" * 50, "[" + "x" * 40 + "]" + "x" * 10 + " end"),
    ],
)
def test_what_matches_is_marked(text: str, typed: str, marked: str) -> None:
    assert shown(text, typed) == marked


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("## A **needle** here\n\n> and `a needle`", "A [needle] here and a [needle]"),
        ("- one *needle*\n  - two ~~needle~~\n* three\n+ four", "one *[needle]* two [needle] three four"),
        ("1. needle\n2. two", "1. [needle] 2. two"),
        ("| needle | b |\n|---|:-:|\n| c | d |", "[needle] b c d"),
        ("a | needle\n--|--\nc | d", "a [needle] c d"),
        ("```py title=x\nneedle = 1  # a\n```\nend", "[needle] = 1 # a end"),
        ("![a needle](/x.png), [b](http://c/d?e)", "a [needle], b"),
        ("see [this](http://x/needle.html) or", "see this](http://x/[needle].html) or"),
        ("needle[0](x) * 2 ** 3 - 1 # a", "[needle][0](x) * 2 3 - 1 # a"),
        ("#needle #1 -needle --- a_b__c__", "#[needle] #1 -[needle] --- a_b__c__"),
        ("***needle***", "*[needle]*"),
    ],
)
def test_marks_of_markdown_are_not_shown(text: str, marked: str) -> None:
    assert shown(text, "needle") == marked


WORDS = [f"word{number}" for number in range(2000)]


def test_it_is_cut_at_words_around_the_match() -> None:
    text = " ".join(WORDS)
    assert shown(text, "word1000", 40) == "…word999 [word1000] word1001 word1002…"
    assert shown(text, "word0", 30) == "[word0] word1 word2 word3…"
    assert shown(text, "word1999", 30) == "…word1997 word1998 [word1999]"
    assert shown(text, "nothing", 30) == "word0 word1 word2 word3…"
    assert shown("東" * 300 + "京" + "都" * 300, "京", 12) == "…東東東[京]都都都都都都…"


def test_the_place_where_most_is_together_is_shown() -> None:
    far = " ".join(["apple", *WORDS[:300], "pear", *WORDS[300:600], "apple of a pear", *WORDS[600:]])
    assert "[apple] of a [pear]" in shown(far, "pear apple")
    assert shown(far, "pear apple", 30).startswith("…")
    assert shown(far, "apple").startswith("[apple] word0")


@pytest.mark.parametrize("place", [0, 1739, 1740, 1741, 1990, *range(1996, 2004), 2258, 2260, 2262, 4000, 50_000])
def test_a_match_is_shown_wherever_it_lies(place: int) -> None:
    text = ("x y " * 20_000)[:place] + " Fußgänger " + "z " * 10_000
    assert "[Fußgänger]" in shown(text, '"fussganger"')


@pytest.mark.parametrize("edge", [1740, 2000, 2260])
def test_half_a_word_is_no_match(edge: int) -> None:
    for place in range(edge - 16, edge + 16):
        text = ("x" + " y" * 2000)[:place] + " catalogue cat" + " z" * 5000
        assert "catalogue [cat]" in shown(text, '"cat"')
        assert "[" not in shown(text, '"logue"')


@given(st.integers(1700, 2300), st.integers(0, 100))
def test_what_is_together_is_seen_together_wherever_it_lies(place: int, apart: int) -> None:
    text = " ".join(["apple", "-" * place, "pear", "-" * apart, "apple", "-" * 3000, "apple pear"])
    assert shown(text, "apple pear").count("[") == 2


def test_a_match_behind_a_megabyte_is_not_looked_for() -> None:
    assert shown("a b " * 500_000 + "needle", "needle", 12) == "a b a b a…"
    assert "[needle]" in shown("a b " * 200_000 + "needle", "needle")


def test_no_character_is_cut_in_two() -> None:
    family = "👩‍👩‍👧‍👦"
    starts = set()
    for length in range(20, 60):
        found = shown(family * 50 + "here!" + "e\u0301" * 100, "here", length)
        starts.add(found[1:2])
        assert found.startswith(("…" + family, "…[here]!"))
        assert found.endswith("e\u0301…")
    assert starts == {"👩", "["}


@given(anything, queries, st.integers(20, 200))
def test_a_snippet_is_a_part_of_the_text_on_one_line(text: str, typed: str, length: int) -> None:
    found = snippet(text, asked(typed), length)
    assert len(found.text) <= length
    assert set(found.text) <= {*one_line(text), "…", " "}
    assert "\n" not in found.text
    edges = [edge for mark in found.marks for edge in mark]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(found.text) for start, end in found.marks)


@given(texts, st.data())
def test_what_is_marked_says_what_is_sought(text: str, data: st.DataObject) -> None:
    said = tokens(text)
    if said:
        token = data.draw(st.sampled_from(said))
        found = snippet(text, Query((Term((token,), False, False),)))
        assert found.marks
        for start, end in found.marks:
            assert token in tokens(found.text[start:end])


@given(texts, st.data())
def test_a_match_is_found_where_its_tokens_stand(text: str, data: st.DataObject) -> None:
    said = tokens(text)
    if not said:
        return
    first = data.draw(st.integers(0, len(said) - 1))
    sought = tuple(said[first : data.draw(st.integers(first + 1, len(said)))])
    prefix = data.draw(st.booleans())
    line, begins, ends = folded(text)
    assert len(line) == len(begins) == len(ends)
    found = [at.start() for at in finder(sought, prefix).finditer(line)]
    assert found
    for at in found:
        rest = tokens(line[at:])
        assert tuple(rest[: len(sought) - 1]) == sought[:-1]
        assert rest[len(sought) - 1].startswith(sought[-1]) if prefix else rest[len(sought) - 1] == sought[-1]


@given(texts, queries)
def test_what_matches_is_marked_and_nothing_else_is(text: str, typed: str) -> None:
    terms = [term for term in asked(typed).terms if not term.excluded]
    for term in terms:
        query = Query((term,))
        assert bool(snippet(text, query).marks) == matcher((term,))(text)
