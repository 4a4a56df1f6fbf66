"""How the panel shows a passage: rows as a table with their numbers, whatever stands in them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant.retrieval.cutting import Block, cut
from assistant.retrieval.extract.tables import cells_of, is_head, row
from assistant.turns.passages import markdown, title
from assistant.turns.rows import table
from datalayer.passages import Passage, Place

HEAD = ["name", "prix"]
MARKDOWN = MarkdownIt("commonmark").enable("table")


def passages(rows: Sequence[Sequence[str]], sheet: str | None = "Costs") -> list[Passage]:
    """As the readers of sheets make them."""
    head = row(rows[0]) if is_head(rows[0]) else ""
    return list(cut(Block(row(each), Place(sheet=sheet, rows=(n, n)), above=head) for n, each in enumerate(rows, 1)))


def cells(made: str) -> list[list[str]]:
    """What a reader sees."""
    shown: list[list[str]] = []
    for token in MARKDOWN.parse(made):
        if token.type == "tr_open":
            shown.append([])
        elif token.type == "inline" and shown:
            shown[-1].append("".join(f"<{each.tag}>" if each.tag else each.content for each in token.children or ()))
    return shown


def many(count: int) -> list[list[str]]:
    return [HEAD, *([f"thing {n} " + "word " * 20, str(n)] for n in range(2, count + 1))]


def test_rows_are_a_table_with_numbers_and_some_beside_those_that_are_cited() -> None:
    first, cited, after, *_ = passages(many(60))
    begin, end = cited.place.rows or (0, 0)
    shown = cells(table(cited, first, after, "en"))
    assert shown[0] == ["", *HEAD]
    numbers = [line[0] for line in shown[1:]]
    bold = [f"<strong>{n}<strong>" for n in range(begin, end + 1)]
    assert numbers == [*map(str, range(begin - 3, begin)), *bold, *map(str, range(end + 1, end + 4))]
    assert all(line[2] == line[0].replace("<strong>", "") for line in shown[1:])
    assert "are cited" in table(cited, first, after, "en")


def test_the_first_rows_have_their_head_once_and_nothing_of_another_sheet() -> None:
    [cited, *_], [other] = passages(many(60)), passages([HEAD, ["x", "1"]], sheet="Other")
    shown = cells(table(cited, other, other, "fr"))
    assert shown[0] == ["", *HEAD]
    assert [line[0] for line in shown[1:]] == [f"<strong>{n}<strong>" for n in range(2, len(shown) + 1)]
    assert "en gras" not in table(cited, other, other, "fr")


def test_rows_without_words_are_counted_and_columns_without_names_have_letters() -> None:
    [cited] = passages([["1", "2"], [], [], ["", "5"], ["6"]], sheet=None)
    assert cells(table(cited, None, None, "en")) == [
        ["", "A", "B"],
        ["<strong>1<strong>", "1", "2"],
        ["<strong>4<strong>", "", "5"],
        ["<strong>5<strong>", "6", ""],
    ]


def test_a_row_whose_number_nobody_knows_has_none() -> None:
    [cited] = passages([HEAD, ["a", "1"], *([[]] * 30), ["b", "2"]])
    assert cells(table(cited, None, None, "en")) == [["", *HEAD], ["", "a", "1"], ["", "b", "2"]]


def test_a_few_last_rows_do_not_bring_the_head_again() -> None:
    rows = many(11)
    [cited] = passages([*rows, ["last", "12"]])
    assert cited.text.count(row(HEAD)) == 1
    assert cells(table(cited, None, None, "en"))[-1] == ["<strong>12<strong>", "last", "12"]


@given(st.lists(st.text(alphabet="ab|\\ *<&[]:`é東", max_size=8), min_size=1, max_size=5))
def test_cells_stay_apart_whatever_stands_in_them(said: list[str]) -> None:
    clean = [" ".join(cell.split()) for cell in said]
    while clean and not clean[-1]:
        clean.pop()
    assert (cells_of(row(said)) if clean else []) == clean
    if clean:
        [cited] = passages([["1", "2"], said])
        assert cells(table(cited, None, None, "en"))[2][1:][: len(clean)] == clean


@pytest.mark.parametrize("text", ["x" * 5000, "a | b"])
def test_a_row_that_is_cut_in_pieces_is_shown(text: str) -> None:
    for piece in cut([Block(text, Place(rows=(7, 7)))]):
        assert cells(table(piece, None, None, "en"))[1][0] == "<strong>7<strong>"


def test_prose_and_code_are_as_they_were() -> None:
    code = markdown("a.py", Passage("def a():\n    pass", Place(lines=(8, 9))), "en")
    assert code == "```python\n8  def a():\n9      pass\n```"
    place = Place(pages=(3, 3), unit="slide")
    assert markdown("a.pptx", Passage("*x*", place), "fr") == "\\*x\\*"
    assert title("a.pptx", place, "fr") == "a.pptx, diapositive 3"
