"""What a person types is understood as far as it can be, and what is not is told."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalayer.search.query import LONGEST, MOST, Problem, Query, Term, parse
from datalayer.search.tokens import tokens

from .texts import anything


def microseconds(year: int, month: int = 1, day: int = 1, hour: int = 0, ahead: int = 0) -> int:
    moment = datetime(year, month, day, hour, tzinfo=timezone(timedelta(hours=ahead)))
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


NOW = microseconds(2026, 11, 27, hour=23)


def word(*tokens: str, prefix: bool = True, excluded: bool = False) -> Term:
    return Term(tokens, prefix, excluded)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("Été chaud", [word("ete"), word("chaud")]),
        ('"été chaud"', [word("ete", "chaud", prefix=False)]),
        (
            "« été chaud » “a b” „c d“",
            [word(*pair, prefix=False) for pair in (("ete", "chaud"), ("a", "b"), ("c", "d"))],
        ),
        ('"été ch', [word("ete", "ch")]),
        ('-hiver -"il neige"', [word("hiver", excluded=True), word("il", "neige", prefix=False, excluded=True)]),
        ("--force - a-b ->", [word("force"), word("a", "b")]),
        ("l'été foo_bar C:\\temp 100%", [word("l", "ete"), word("foo", "bar"), word("c", "temp"), word("100")]),
        (
            "http://x.fr 12:30 foo:bar note:",
            [word("http", "x", "fr"), word("12", "30"), word("foo", "bar"), word("note")],
        ),
        ("AND OR NEAR(a) a* ^b", [word(*t.split()) for t in ("and", "or", "near a", "a", "b")]),
        ("東", [word("東")]),
        ("東京都", [word("東京", "京都", prefix=False)]),
        ('"東"', [word("東")]),
        ("東京python", [word("東京", "京", "python")]),
        ("mot Mot MOT", [word("mot")]),
        ("within:x index:y", [word("within", "x"), word("index", "y")]),
        ('un"deux trois"quatre', [word("un"), word("deux", "trois", prefix=False), word("quatre")]),
        ("qui ? où ?", [word("qui"), word("ou")]),
    ],
)
def test_words_and_phrases(typed: str, terms: list[Term]) -> None:
    assert parse(typed, NOW) == Query(tuple(terms))


@pytest.mark.parametrize(
    ("typed", "filters"),
    [
        ("before:2026 after:2025-03", {"before": microseconds(2026), "after": microseconds(2025, 3)}),
        (
            "avant:27/11/2026 après:2026-11-26",
            {"before": microseconds(2026, 11, 27), "after": microseconds(2026, 11, 26)},
        ),
        ("apres:1.2.2026 BEFORE:2026/2/3", {"after": microseconds(2026, 2, 1), "before": microseconds(2026, 2, 3)}),
        ("after:today", {"after": microseconds(2026, 11, 27)}),
        ("après:aujourd'hui", {"after": microseconds(2026, 11, 27)}),
        ("après:aujourd’hui", {"after": microseconds(2026, 11, 27)}),
        ("before:yesterday", {"before": microseconds(2026, 11, 26)}),
        ("avant:hier", {"before": microseconds(2026, 11, 26)}),
        ("after:7d", {"after": microseconds(2026, 11, 20)}),
        ("après:7j", {"after": microseconds(2026, 11, 20)}),
        ("after:9999999d", {"after": microseconds(1)}),
        ("after:2024 after:2025 after:2023", {"after": microseconds(2025)}),
        ("before:2024 before:2023 before:2025", {"before": microseconds(2023)}),
        ("before:1970-01-01", {"before": 0}),
        ('in:"Mon projet"', {"within": "Mon projet"}),
        ("dans:« Mon projet »", {"within": "Mon projet"}),
        ("in:a dans:b", {"within": "b"}),
        ("from:me", {"sender": "me"}),
        ("de:Moi", {"sender": "me"}),
        ("from:assistant", {"sender": "assistant"}),
        ("has:file avec:photo has:vote", {"has": frozenset({"file", "picture", "vote"})}),
        ("avec:fichier has:images", {"has": frozenset({"file", "picture"})}),
        ("tag:work étiquette:'à lire' etiquette:x", {"tags": ("work", "'à", "x"), "terms": (word("lire"),)}),
        ('tag:"à lire"', {"tags": ("à lire",)}),
        ("e\u0301tiquette:x mode\u0300le:y", {"tags": ("x",), "models": ("y",)}),
        ("model:gpt-5 modèle:gemini-2.5-pro modele:z", {"models": ("gpt-5", "gemini-2.5-pro", "z")}),
        ("in:http://x", {"within": "http://x"}),
        ("in:a\ud800\x00", {"within": "a\ufffd\ufffd"}),
    ],
)
def test_filters(typed: str, filters: dict[str, Any]) -> None:
    assert parse(typed, NOW) == Query(**filters)


@pytest.mark.parametrize(("ahead", "day"), [(0, 27), (2, 28), (-23, 27), (-24, 26)])
def test_a_day_begins_where_the_person_is(ahead: int, day: int) -> None:
    start = microseconds(2026, 11, day) - ahead * 3_600_000_000
    assert parse("after:today", NOW, ahead * 3600) == Query(after=start)


@pytest.mark.parametrize(
    ("typed", "part", "reason"),
    [
        ("before:soon", "before:soon", "date"),
        ("après:31/02/2026", "après:31/02/2026", "date"),
        ("after:0000", "after:0000", "date"),
        ("after:2026-13", "after:2026-13", "date"),
        ("after:٢٠٢٦", "after:٢٠٢٦", "date"),
        ("from:Paul", "from:Paul", "sender"),
        ('avec:"deux ailes"', 'avec:"deux ailes"', "kind"),
        ("in:", "in:", "value"),
        ('tag:" "', 'tag:" "', "value"),
        ("-tag:x", "-tag:x", "excluded"),
        ("%", "%", "wordless"),
        (' "" ', '""', "wordless"),
        ("before:" + "x" * 100, "before:" + "x" * 52 + "…", "date"),
    ],
)
def test_what_is_not_understood_is_told(typed: str, part: str, reason: Any) -> None:
    assert parse(typed, NOW) == Query(problems=(Problem(part, reason),))


def test_the_rest_is_understood() -> None:
    found = parse("in: chat from:x has:file -in:y", NOW)
    assert (found.terms, found.has) == ((word("chat"),), {"file"})
    assert [problem.reason for problem in found.problems] == ["value", "sender", "excluded"]


@pytest.mark.parametrize("typed", ["", "  \n ", "\u3000"])
def test_nothing_typed_is_no_problem(typed: str) -> None:
    assert parse(typed, NOW) == Query()


def test_what_is_too_much_is_left_out() -> None:
    words = [f"w{number}" for number in range(30)]
    found = parse(" ".join([*words, "from:me"]), NOW)
    assert found.terms == tuple(map(word, words[:MOST]))
    assert found.sender == "me"
    assert found.problems == (Problem(" ".join([*words[MOST:], "from:me"]), "many"),)
    assert parse("a" * LONGEST + "  ", NOW).problems == ()
    assert parse("a" * LONGEST + "bc", NOW).problems == (Problem("bc", "long"),)


parts = st.sampled_from(["before:", "-", '"', "«", " ", "in:", "has:", "DE:", "2026-11", "7j", "x", "東", ":"])


@given(st.one_of(anything, st.lists(st.one_of(parts, anything), max_size=30).map("".join)), st.integers(-50000, 50000))
def test_whatever_is_typed_is_a_query(typed: str, offset: int) -> None:
    found = parse(typed, NOW, offset)
    assert len(found.terms) <= MOST
    assert len(set(found.terms)) == len(found.terms)
    assert all(term.tokens for term in found.terms)
    said = [found.within or "", *found.tags, *found.models, *(problem.part for problem in found.problems)]
    "".join(said).encode()  # can be sent to a page
    known = tokens(typed)
    assert {token for term in found.terms for token in term.tokens[:-1]} <= set(known)
    assert all(any(token.startswith(term.tokens[-1]) for token in known) for term in found.terms)
