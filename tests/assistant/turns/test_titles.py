"""What becomes of a title that a model wrote."""

import pytest

from assistant.models import ModelUnavailable, Providers, Usage
from assistant.models.calls import Meter
from assistant.turns.titles import clean, write_title
from tests.assistant.models.scripted import Scripted


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Ada Lovelace's notes", "Ada Lovelace's notes"),
        ('"Les notes d’Ada"', "Les notes d’Ada"),
        ("**Title: Ada and the engine.**", "Ada and the engine"),
        ("« Titre : Une machine »", "Une machine"),
        ("\n\n# Ada\nmore words below", "Ada"),
        ("one two three four five six seven eight", "one two three four five six"),
        ("Why?", "Why?"),
        ("x" * 300, "x" * 80),
        ("<think>\nThey ask who.\n</think>\n\nAda Lovelace", "Ada Lovelace"),
        ("They ask who.\n</think>\n\nAda Lovelace", "Ada Lovelace"),
        ("<think>\nThey ask who", ""),
        ("…", ""),
        ("", ""),
    ],
)
def test_it_is_one_bare_line_of_at_most_six_words(written: str, title: str) -> None:
    assert clean(written) == title


async def test_it_costs_one_short_call_without_thinking() -> None:
    model, meter = Scripted(), Meter("gemini-2.5-flash", "gemini")
    model.script("Ada", Usage(30, 2))
    providers = Providers([model])
    assert await write_title("Who?" * 2000, "She." * 2000, "gemini-2.5-flash", providers, meter) == "Ada"
    [request] = model.requests
    assert not request.thinking
    assert len(request.messages[0].text) < 2100
    assert meter.usage == Usage(30, 2)


async def test_without_an_answer_there_is_no_title_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    model = Scripted()
    model.script(ModelUnavailable("no sign of the server", "silent"))
    assert await write_title("Who?", "She.", "gemini-2.5-flash", Providers([model]), Meter("", "")) == ""
    assert "gemini-2.5-flash gave no title: no sign of the server" in caplog.text
    assert await write_title("Who?", "She.", "any", Providers(), Meter("", "")) == ""
