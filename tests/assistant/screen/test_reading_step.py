"""What is told in the chat of files that were read."""

import pytest

from assistant.screen.reading_step import Progress
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
