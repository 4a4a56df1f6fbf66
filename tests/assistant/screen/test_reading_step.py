"""What is told in the chat of files that were read."""

import pytest

from assistant.screen.reading_step import Progress, of_new
from assistant.texts import Language
from tests.assistant.turns.test_context import file


class NoStep:
    """Chainlit's needs a session."""

    def __init__(self, **_: object) -> None:
        self.output = ""


@pytest.mark.parametrize(
    ("to", "said"),
    [("en", "Only the beginning of **a.txt** was read (7 passages)"), ("fr", "Seul le début de **a.txt** a été lu")],
)
def test_a_file_that_is_read_in_part_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, to: Language, said: str) -> None:
    monkeypatch.setattr("assistant.screen.reading_step.cl.Step", NoStep)
    monkeypatch.setattr("assistant.screen.reading_step.cl.context", type("Context", (), {"current_step": None}))
    progress = Progress([file("a"), file("b")], to)
    progress.note(file("a"), None, None, 7, cut=True)
    progress.note(file("b"), None, None, 7)
    [sentence] = progress.sentences
    assert sentence.startswith(said)


def test_files_that_come_together_under_one_name_are_said_to_answer_all() -> None:
    files = [
        file("a", "V.txt", status="read", superseded=True),
        *(file(key, "v.txt", status="read") for key in ("b", "c", "d")),
        file("e", "w.txt", status="read"),
    ]
    version, together = of_new(files, {"b", "c", "e"}, "en")
    assert version.startswith("**v.txt** takes the place of the file of the same name")
    assert together.startswith("2 different files of this message are called **v.txt**: answers draw on all of them.")
    same = [file(key, "v.txt", status="read", sha256="same") for key in ("b", "c")]
    assert of_new(same, {"b", "c"}, "en") == []
    assert of_new([file("a", "v.txt", status="read"), file("b", "w.txt", status="read")], {"a", "b"}, "en") == []
