"""What was read is cut into passages that are neither long nor short, and say where they stand."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.retrieval.cutting import ENOUGH, FEW, MOST, Block, cut, size
from datalayer.passages import Place

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "the",
    "lazy",
    "dog",
    "while",
    "nobody",
    "is",
    "watching",
    "it",
]


def prose(words: int, start: int = 0) -> str:
    return " ".join(WORDS[(start + n) % len(WORDS)] + ("." if n % 12 == 11 else "") for n in range(words))


def lines(texts: list[str]) -> list[Block]:
    return [Block(text, Place(lines=(number, number))) for number, text in enumerate(texts, 1)]


def test_paragraphs_are_put_together_and_none_is_cut_where_it_need_not_be() -> None:
    passages = list(cut(lines([prose(70, start) for start in range(20)])))
    assert all(ENOUGH <= size(passage.text) <= MOST for passage in passages[:-1])
    assert [passage.place.lines for passage in passages] == [
        (1, 3),
        (4, 6),
        (7, 9),
        (10, 12),
        (13, 15),
        (16, 18),
        (19, 20),
    ]
    assert "\n".join(passage.text for passage in passages).split("\n") == [prose(70, start) for start in range(20)]


def test_no_passage_crosses_a_page_or_a_sheet() -> None:
    blocks = [Block("few words", Place(pages=(page, page))) for page in (1, 1, 2, 3)]
    assert [(p.text, p.place.pages) for p in cut(blocks)] == [
        ("few words\nfew words", (1, 1)),
        ("few words", (2, 2)),
        ("few words", (3, 3)),
    ]
    sheets = [Block("1 | 2", Place(sheet=sheet, rows=(1, 1))) for sheet in "AB"]
    assert [p.place.sheet for p in cut(sheets)] == ["A", "B"]


def test_a_section_is_a_passage_of_its_own_unless_it_is_a_few_words() -> None:
    blocks = [
        Block(prose(60), Place(heading=("Book", "One"))),
        Block(prose(5), Place(heading=("Book", "Two"))),
        Block(prose(60), Place(heading=("Book", "Three"))),
    ]
    assert [p.place.heading for p in cut(blocks)] == [("Book", "One"), ("Book",)]


def test_a_title_goes_with_the_section_that_it_stands_above() -> None:
    blocks = [Block("Book", Place(heading=("Book",))), Block(prose(60), Place(heading=("Book", "One")))]
    assert [p.place.heading for p in cut(blocks)] == [("Book", "One")]


def test_a_few_words_at_the_end_of_a_page_are_no_passage_of_their_own() -> None:
    blocks = [Block(prose(MOST), Place(pages=(1, 1))), Block("– 1 –", Place(pages=(1, 1)))]
    assert [p.text for p in cut(blocks)] == [prose(MOST) + "\n– 1 –"]


def test_the_head_of_a_table_stands_above_each_of_its_passages_and_once() -> None:
    head = "name | price"
    rows = [head, *(f"thing {n} | {n}.50" for n in range(200))]
    passages = list(cut(Block(row, Place(rows=(n, n)), above=head) for n, row in enumerate(rows, 1)))
    assert len(passages) > 2
    assert all(passage.text.startswith(head + "\n") and passage.text.count(head) == 1 for passage in passages)
    assert passages[0].place.rows
    assert passages[0].place.rows[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        prose(4000),
        "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 200,
        "الفصل الأول من الكتاب يتحدث عن البحر والسماء. " * 500,
        "x" * 50_000,
        '{"a":"' + "b" * 3000 + '"},' * 4000,
        "東京都" * 4000,
    ],
    ids=["Latin", "Japanese", "Arabic", "no space", "JSON", "no sentence"],
)
def test_one_long_line_is_cut_and_nothing_of_it_is_lost(text: str) -> None:
    passages = list(cut([Block(text, Place(lines=(7, 7)))]))
    assert "".join("".join(p.text for p in passages).split()) == "".join(text.split())
    assert max(size(p.text) for p in passages) <= MOST + FEW
    assert all(size(p.text) > FEW for p in passages)
    assert {p.place for p in passages} == {Place(lines=(7, 7))}


def test_a_long_line_is_cut_where_a_sentence_ends() -> None:
    assert all(p.text.endswith("。") for p in cut([Block("吾輩は猫である。名前はまだ無い。" * 300, Place())]))
    assert all(p.text.endswith(".") for p in list(cut([Block(prose(4000), Place())]))[:-1])


def test_scripts_without_spaces_have_passages_of_the_same_size() -> None:
    assert size("吾輩は猫である") == 4
    assert size("one two three four") == 4


def test_what_no_database_takes_is_left_out() -> None:
    assert [p.text for p in cut([Block("a\0b\ud800c", Place()), Block(" \t ", Place()), Block("\x00", Place())])] == [
        "abc"
    ]


def test_it_holds_no_more_than_a_few_passages() -> None:
    read = 0

    def endless() -> Iterator[Block]:
        nonlocal read
        while True:
            read += 1
            yield Block(prose(50), Place())

    passages = cut(endless())
    for _ in range(100):
        next(passages)
    assert read < 100 * 7


PLACES = st.builds(
    lambda page, heading: Place(pages=(page, page), heading=heading),
    st.integers(1, 3),
    st.lists(st.sampled_from("ab"), max_size=3).map(tuple),
)


@given(st.lists(st.tuples(st.text(max_size=2000) | st.integers(1, 700).map(prose), PLACES), max_size=30))
def test_whatever_comes_in_all_of_it_comes_out_in_order_and_in_its_place(given: list[tuple[str, Place]]) -> None:
    given = sorted(given, key=lambda each: each[1].pages or (0, 0))
    passages = list(cut(Block(text, place) for text, place in given))
    whole = "".join(text for text, _ in given).encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    unseen = {chr(n) for n in (*range(9), 11, 12, *range(14, 32), 127, 0xFFFE, 0xFFFF)}
    assert "".join("".join(p.text for p in passages).split()) == "".join(
        "".join(c for c in whole if c not in unseen).split()
    )
    assert all(p.text.strip() for p in passages)
    assert all(size(p.text) <= MOST + FEW for p in passages)
    pages = [p.place.pages or (0, 0) for p in passages]
    assert all(first <= second for first, second in pairwise(pages))
    assert all(first == last for first, last in pages)
