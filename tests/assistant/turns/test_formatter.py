"""The formatter: pure, in both languages, and its words of the stored history are safe Markdown with links."""

from datetime import UTC, datetime, timedelta

import pytest

from assistant.texts import Language, moment
from assistant.texts.markdown import escape
from assistant.turns.attachments import StoredFile
from assistant.turns.formatter import Said, format_response, quotable
from assistant.turns.remembered import FileMatch, Found
from assistant.turns.sources import Part, numbered
from datalayer.passages import Place
from datalayer.search.query import Query, Term
from datalayer.search.results import Hit
from datalayer.search.snippets import Snippet, snippet


def hit(text: str, *marks: tuple[int, int], name: str | None = "Poets", step: str | None = "s1") -> Hit:
    return Hit("t1", name, step, 1_764_000_000_000_000, Snippet(text, marks))


def told(*messages: Hit, files: tuple[FileMatch, ...] = (), to: Language = "en", root: str = "") -> str:
    return format_response("quota", "Flash", Found(messages, files), to, root)


def test_a_message_comes_with_a_link_to_it_and_the_words_around() -> None:
    text = told(hit("Ada Lovelace wrote", (0, 3), (4, 12)), hit("Lovelace", name=None, step=None), root="/chat")
    assert "- [Poets](/chat/thread/t1?step=s1) (24 November 2025) — “**Ada** **Lovelace** wrote”" in text
    assert "- [Untitled conversation](/chat/thread/t1) (24 November 2025) — “Lovelace”" in text
    assert "[Poets](/thread/t1?step=s1) (24 novembre 2025) – «\u00a0Ada\u00a0»" in told(hit("Ada"), to="fr")


def test_what_a_conversation_is_named_after_is_not_said_twice() -> None:
    assert told(hit("Poets", (0, 5))).endswith("- [Poets](/thread/t1?step=s1) (24 November 2025)")


def test_files_are_shown_by_name_and_by_what_is_in_them() -> None:
    pdf, notes = (StoredFile(name, name, f"/datalayer/files/{name}", "", "t1", "Poets") for name in ("a.pdf", "b.txt"))
    text = told(files=(FileMatch(pdf, None), FileMatch(notes, Snippet("by Ada", ((3, 6),)))))
    assert "- [a.pdf](/datalayer/files/a.pdf) in [Poets](/thread/t1)\n" in text
    assert "- [b.txt](/datalayer/files/b.txt) in [Poets](/thread/t1) — “by **Ada**”" in text


def test_markdown_in_what_was_said_stays_text() -> None:
    text = told(hit("[lovelace](javascript:x) <b>", (1, 9), name="*a*"))
    assert "&#91;**lovelace**&#93;(javascript\\:x) \\<b\\>" in text
    assert "[\\*a\\*](/thread/t1?step=s1)" in text


def test_a_mark_that_stars_would_not_make_strong_is_left_out() -> None:
    assert "“ok👍.”" in told(hit("ok👍.", (2, 3)))


@pytest.mark.parametrize(
    ("seconds", "to", "words"),
    [
        (0, "en", "in a moment"),
        (-5, "fr", "dans un instant"),
        (10, "en", "at 9:43 PM UTC"),
        (720, "fr", "à 21:55 UTC"),
        (3 * 3600, "en", "on 27 November 2026 at 12:43 AM UTC"),
        (3 * 3600, "fr", "le 27 novembre 2026 à 00:43 UTC"),
    ],
)
def test_when_the_model_is_back_is_a_time_of_day(seconds: float, to: Language, words: str) -> None:
    now = datetime(2026, 11, 26, 21, 42, 30, tzinfo=UTC)
    assert moment(now + timedelta(seconds=seconds), to, now).replace("\u202f", " ") == words


def test_the_answer_says_when_the_model_is_back() -> None:
    at = datetime.now().astimezone() + timedelta(days=2)
    assert f"on {at.day} " in format_response("quota", "Flash", None, "en", back_in=2 * 86_400)
    assert "Il devrait être de retour dans un instant." in format_response("quota", "Flash", None, "fr", back_in=0)


def test_the_same_input_gives_the_same_answer_and_nothing_found_is_said() -> None:
    answers = {format_response("quota_day", "Flash", Found(), "fr") for _ in range(3)}
    assert len(answers) == 1
    assert "n’en parlent pas encore" in answers.pop()


def test_names_that_the_page_would_take_for_something_else() -> None:
    assert escape("Projet:alpha 1:2 a: b &amp; R&D") == "Projet\\:alpha 1\\:2 a: b \\&amp; R&D"
    assert escape("[a](b) \\[c\\] \\(d\\)") == "&#91;a&#93;(b) \\\\&#91;c\\\\&#93; \\\\&#40;d\\\\&#41;"
    assert escape("a\u202eb\u2066c\u200bd") == "abcd"


def part(text: str, number: int = 1, name: str = "lease.md") -> Part:
    return Part(name, name, "", number, Place(heading=("Deposit",)), text)


def test_passages_are_quoted_once_and_only_those_that_say_something_of_the_question() -> None:
    deposits, copied = part("The deposits are\ntwo months."), part("The deposits are two months.", name="copy.md")
    garden = part("Apples in the garden.", 2)
    paid = part("A deposit is paid back.", 3)
    assert quotable([deposits, garden, copied, paid], "How high is the deposit?") == [deposits, paid]
    assert quotable([garden, copied], "And when?") == [garden, copied]  # what was asked before has found them
    assert quotable([part(f"deposit {n}") for n in range(9)], "deposit") == [part(f"deposit {n}") for n in range(5)]
    assert quotable([], "deposit") == []


def test_what_a_passage_says_is_not_said_again_of_other_files() -> None:
    text, asked = "The **deposit** is two months.", Query((Term(("deposit",), prefix=False, excluded=False),))
    files = [StoredFile(name, name, "/x", text, "t2", "Flat") for name in ("same.md", "other.md", "deposit.png")]
    other = snippet("No deposit here.", asked)
    found = Found(
        (hit("deposit asked"), hit("deposit asked", name="A copy")),
        tuple(map(FileMatch, files, (snippet(text, asked), other, None))),
    )
    sources = numbered([part(text)], {})
    shown = format_response("quota", "Flash", found, "en", said=Said(sources, "What deposit?"))
    assert "same.md" not in shown
    assert "other.md" in shown
    assert "deposit.png" in shown
    assert "A copy" not in shown
    assert shown.count("is two months") == 1


def test_what_only_an_earlier_question_has_found_is_said_to_be_so() -> None:
    text = format_response(
        "no_key", "", Found(), "en", said=Said(numbered([part("Room 12.")], {}), "room", before=True)
    )
    assert "have nothing on this question by itself. On what you asked before, they say:\n\n- [1] lease.md" in text
    assert "The files of this conversation say:" not in text


def test_a_file_that_was_read_in_part_is_named_whether_it_says_something_or_not() -> None:
    for sources in (numbered([part("Room 12.")], {}), ()):
        text = format_response("no_key", "", Found(), "en", said=Said(sources, "room", cut=("a*b.txt",)))
        assert text.endswith("Only the beginning was read of **a\\*b.txt**: there may be more on this in the rest.")
    assert "Only the beginning" not in format_response("no_key", "", Found(), "en", said=Said((), "room"))
