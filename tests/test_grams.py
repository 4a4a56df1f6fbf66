"""The embedding model of the bench: forms of a word, and words of one meaning, are near one another."""

import pytest

from bench.grams import Grams
from datalayer.search.numbers import cosines, pack


async def _near(one: str, other: str) -> float:
    first, second = await Grams().embed([one, other], query=False)
    return cosines([pack(first).vector], pack(second).vector)[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("planted hedges", "the planting of a hedge"),
        ("les budgets régionaux", "budget régional"),
        ("they restored the organ", "la restauration de l'orgue"),
        ("the doctor", "le médecin"),
    ],
)
async def test_what_is_alike_is_nearer_than_what_is_not(one: str, other: str) -> None:
    near = await _near(one, other)
    for different in ("the weather in March", "une recette de soupe"):
        assert near > await _near(one, different) + 0.1


async def test_it_is_the_same_everywhere_and_has_one_of_any_text() -> None:
    texts = ["a", "?", " ", "東京", "🍕", "word " * 1000]
    found = await Grams().embed(texts, query=False)
    assert found == await Grams().embed(texts, query=True)
    assert all(pack(each).vector for each in found)
    assert [round(each, 6) for each in (await Grams().embed(["hedge"], query=True))[0][:2]] == FIRST


FIRST = [0.030799, -0.005641]
