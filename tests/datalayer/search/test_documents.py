"""How much of a document an index holds."""

import random

import pytest

from datalayer.search import documents, mysql
from datalayer.search.documents import ALL, MINE, MOST_WORDS, Text


def test_no_document_is_too_large_for_a_row_of_an_index() -> None:
    draw = random.Random(1)
    drawn = "".join(chr(draw.randrange(0x4E00, 0x9FA0)) for _ in range(1_000_000))
    text = Text("ann", "t", (drawn,), frozenset({MINE}))
    assert len(mysql.index.stored(text.keyed)) < 5_000_000  # of the 16 MB that MariaDB takes at once
    assert {drawn[:2], MINE, ALL} <= text.tokens
    assert len(text.tokens) == MOST_WORDS + 2


def test_it_is_the_beginning_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    text = Text("ann", "t", ("one two one three", "four"), frozenset())
    assert text.tokens == {"one", "two", "three", "four", ALL}
    monkeypatch.setattr(documents, "MOST_WORDS", 2)
    assert text.tokens == {"one", "two", ALL}
