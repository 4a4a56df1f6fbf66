"""The formatter: pure, in both languages, and its words of the stored history are safe Markdown with links."""

from datetime import UTC, datetime, timedelta

import pytest

from assistant.texts import Language, moment
from assistant.texts.markdown import escape
from assistant.turns.formatter import Found, StoredFile, format_response, search
from datalayer.records import Message


def message(text: str, thread: str = "t1", name: str | None = "Poets", **metadata: object) -> Message:
    return Message(thread, name, "user_message", text, 1_764_000_000_000_000, dict(metadata))


def file(name: str, text: str = "", thread: str = "t1") -> StoredFile:
    return StoredFile(name, f"/datalayer/files/{name}", text, thread, "Poets")


def test_the_best_message_of_each_thread_comes_with_a_link_and_the_words_around() -> None:
    history = [message("Ada wrote"), message("Ada Lovelace wrote notes"), message("Lovelace", "t2", None)]
    memory = search("Who was Ada Lovelace?", history, [])
    text = format_response("quota", "Flash", memory, "en", "/chat")
    assert [match.message.thread_id for match in memory.messages] == ["t1", "t2"]
    assert "- [Poets](/chat/thread/t1) (24 November 2025) — “Ada Lovelace wrote notes”" in text
    assert "[Untitled conversation](/chat/thread/t2)" in text


def test_files_are_found_by_name_and_by_what_is_in_them() -> None:
    files = [
        file("lovelace.pdf"),
        file("notes.txt", "The engine of Ada Lovelace " + "x " * 200),
        file("other.txt", "x"),
    ]
    memory = search("Lovelace?", [], files)
    assert [match.file.name for match in memory.files] == ["lovelace.pdf", "notes.txt"]
    text = format_response("quota", "Flash", memory, "en")
    assert "- [lovelace.pdf](/datalayer/files/lovelace.pdf) in [Poets](/thread/t1)\n" in text
    assert "[notes.txt](/datalayer/files/notes.txt) in [Poets](/thread/t1) — “The engine of Ada Lovelace" in text


def test_common_words_and_the_formatters_own_answers_are_no_memory() -> None:
    history = [
        message("What was that about?"),
        message("Ada", fallback="quota"),
        message("/search Ada", command="search"),
    ]
    assert search("What about Ada?", history, []) == Found()
    assert search("", history, []) == Found()


def test_accents_and_case_do_not_matter() -> None:
    assert search("ÉLÈVE", [message("un eleve")], []).messages


def test_markdown_in_what_was_said_stays_text() -> None:
    memory = search("lovelace", [message("[lovelace](javascript:x) <b>", name="*a*")], [])
    text = format_response("quota", "Flash", memory, "en")
    assert "\\[lovelace\\]\\(javascript\\:x\\) \\<b\\>" in text
    assert "[\\*a\\*](/thread/t1)" in text


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


@pytest.mark.parametrize(
    "text",
    [
        "| Lovelace | b |\n|---|---|\n| **c** | d |",
        "## Lovelace\n\n> *quoted* and ~~struck~~",
        "- [Lovelace](http://x/y)\n- ![a picture](z.png)",
        "```py\nlovelace = 1\n```",
    ],
)
def test_what_is_quoted_is_text_without_its_marks(text: str) -> None:
    answer = format_response("quota", "Flash", search("lovelace", [message(text)], []), "en")
    quoted = answer[answer.index("“") :]
    assert "ovelace" in quoted
    assert not any(mark in quoted for mark in ("|", "#", "\\>", "*", "](", "`", "~"))


def test_the_same_input_gives_the_same_answer_and_nothing_found_is_said() -> None:
    answers = {format_response("quota_day", "Flash", Found(), "fr") for _ in range(3)}
    assert len(answers) == 1
    assert "n’en parlent pas encore" in answers.pop()


def test_names_that_the_page_would_take_for_something_else() -> None:
    assert escape("Projet:alpha 1:2 a: b &amp; R&D") == "Projet\\:alpha 1\\:2 a: b \\&amp; R&D"
    assert escape("a\u202eb\u2066c\u200bd") == "abcd"
