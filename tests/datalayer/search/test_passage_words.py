"""Words of passages, where they are, and which passage is most about a question; without any database."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalayer.passages import Passage, Place
from datalayer.search.bm25 import rank
from datalayer.search.postings import block_of, count_of, index, line_of, packed, said, unpacked
from datalayer.search.stems import BEFORE, stem, wanted, words


@pytest.mark.parametrize(
    "forms",
    [
        "budget budgets",
        "plant plants planted planting",
        "city cities",
        "house houses",
        "ended ending end ends",
        "augmenter augmenté augmentée augmentent augmentation",
        "cheval chevaux",
        "bateau bateaux",
        "élève élèves ELEVES",
        "servir servi servit",
        "porter porte portent portez portait",
        "mariage marié mariés",
        "quickly quick",
    ],
)
def test_the_forms_of_a_word_are_one(forms: str) -> None:
    assert len(set(words(forms))) == 1, words(forms)


@pytest.mark.parametrize("others", ["plant plane", "contract contrast", "budget bridge", "port part", "heron hero"])
def test_other_words_stay_others(others: str) -> None:
    assert len(set(words(others))) == 2


@pytest.mark.parametrize("same", ["2024", "inv", "a", "是", "東京", "x86", "naïf"])
def test_short_words_numbers_and_other_scripts_stay_as_they_are(same: str) -> None:
    assert words(same)[0] == words(same.upper())[0]
    assert stem("2024") == "2024"


@given(st.text())
def test_a_text_has_the_same_words_in_any_place_and_none_with_white_space(text: str) -> None:
    found = words(text)
    assert words(f"  {text}\n") == found
    assert all(word and not set(word) & set(" \n\t") for word in found)


def test_a_question_is_what_tells_most_and_an_earlier_one_counts_less() -> None:
    assert set(wanted("What is the budget of the schools?")) == set(words("budget schools"))
    assert wanted("And of schools?", ["the budget", "schools"]) == {
        **dict.fromkeys(words("schools"), 1.0),
        **dict.fromkeys(words("budget"), BEFORE),
    }
    assert wanted("what is it?") == dict.fromkeys(words("what is it"), 1.0)
    assert wanted("?!") == {}


@given(st.lists(st.text(alphabet="abcdé 東京1\n😀", max_size=60), max_size=40))
def test_blocks_give_back_what_was_put_into_them_word_by_word(texts: list[str]) -> None:
    found = index(texts)
    blocks = packed(found.words)
    assert list(found.lengths) == [len(words(text)) for text in texts]
    for word, places in found.words.items():
        line = line_of(blocks[block_of(word, len(blocks))], word)
        assert unpacked(line) == places
        assert count_of(line) == len(places)
        assert [number for number, _ in places] == [n for n, text in enumerate(texts, 1) if word in words(text)]
    for absent in ("zz", "1:1", ""):
        if absent not in found.words:
            assert not any(line_of(block, absent) for block in blocks)


def test_a_long_text_takes_few_blocks() -> None:
    draw = random.Random(1)
    texts = [" ".join(f"word{draw.randrange(10_000)}" for _ in range(250)) for _ in range(1_000)]
    found = index(texts)
    assert len(found.words) > 9_900
    assert len(packed(found.words)) < 400


def test_rare_words_count_more_and_long_passages_less() -> None:
    texts = ["the rule of the club", "the rule of the swan", "the club and more of the same for a long while to come"]
    files = {"one": index(texts)}
    assert [each.number for each in rank(wanted("club rule swan"), files, 9)] == [2, 1, 3]
    assert [each.number for each in rank(wanted("club"), files, 9)] == [1, 3]
    assert rank(wanted("club"), files, 0) == []
    assert rank(wanted("nothing"), files, 9) == []
    assert rank({}, files, 9) == []
    assert rank(wanted("club"), {}, 9) == []
    assert rank(wanted("club"), {"empty": index([])}, 9) == []


def test_among_several_files_the_one_that_is_named_comes_first() -> None:
    files = {"may": index(["the total is one"]), "june": index(["the total is two"])}
    names = {name: frozenset(words(name)) for name in files}
    assert [each.file for each in rank(wanted("the total of june"), files, 9, names)] == ["june", "may"]


def test_a_passage_is_found_by_the_headings_above_it() -> None:
    assert "rainfall" in said(Passage("It rose.", Place(heading=("Report", "Rainfall")))).lower()
