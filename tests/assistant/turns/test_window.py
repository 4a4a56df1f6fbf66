"""What of a conversation fits a window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.models import Attachment, ChatMessage, InvalidRequest
from assistant.models.tokens import estimate, tokens
from assistant.turns.window import MAX_FILE_BYTES, fit, readable

PNG, PDF = Attachment("a.png", "image/png", b"x" * 10), Attachment("b.pdf", "application/pdf", b"y" * 10)
CSV, ZIP = Attachment("c.csv", "text/csv", b"a,b\n1,2\n"), Attachment("d.zip", "application/zip", b"PK")


def conversation(*texts: str) -> list[ChatMessage]:
    """The question comes last."""
    first = len(texts) % 2
    return [ChatMessage("user" if n % 2 != first else "assistant", text) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "at_least", "at_most"),
    [
        ("", 0, 0),
        ("word " * 100, 100, 130),
        ("déjà vu " * 100, 200, 260),
        ("你好世界" * 100, 400, 410),
        ("🌱" * 50, 50, 52),
    ],
)
def test_tokens_are_estimated_rather_high(text: str, at_least: int, at_most: int) -> None:
    assert at_least <= estimate(text) <= at_most


def test_what_fits_is_all_shown() -> None:
    messages = conversation("a", "b", "c")
    assert fit(messages, "Be brief.", 1000) == messages


@given(st.lists(st.text(max_size=200), min_size=1, max_size=20), st.text(max_size=80), st.integers(80, 2000))
def test_the_newest_are_kept_whole_in_order_and_within_the_room(texts: list[str], prompt: str, room: int) -> None:
    messages = conversation(*texts)
    if tokens(messages[-1]) + estimate(prompt) > room:
        with pytest.raises(InvalidRequest) as caught:
            fit(messages, prompt, room)
        assert caught.value.reason == "too_long"
        return
    kept = fit(messages, prompt, room)
    assert kept == messages[-len(kept) :]
    assert kept[0].role == "user"
    assert sum(map(tokens, kept)) + estimate(prompt) <= room
    if len(kept) < len(messages):  # nothing that would have fitted is missing, but for an answer without its question
        next_turn = messages[-len(kept) - 2 :]
        assert len(next_turn) < len(kept) + 2 or sum(map(tokens, next_turn)) + estimate(prompt) > room


def test_a_model_gets_the_files_that_it_reads_and_hears_of_the_others() -> None:
    message = ChatMessage("user", "Look", (PNG, PDF, CSV, ZIP))
    [shown] = readable([message], {"image"})
    assert shown.files == (PNG, CSV)
    assert "b.pdf" in shown.text
    assert "d.zip" in shown.text
    assert shown.text.endswith("Look")
    assert readable([message], {"image", "pdf"})[0].files == (PNG, PDF, CSV)


def test_a_moving_picture_is_not_for_all_who_read_pictures() -> None:
    message = ChatMessage("user", "Look", (Attachment("a.gif", "image/gif", b"GIF89a"),))
    [shown] = readable([message], {"image", "pdf"})
    assert shown.files == ()
    assert "a.gif" in shown.text
    assert readable([message], {"image", "gif"})[0].files == message.files


def test_the_newest_files_come_first_where_they_are_too_large_together() -> None:
    large = Attachment("large.png", "image/png", bytes(MAX_FILE_BYTES - 5))
    old, new = readable([ChatMessage("user", "1", (PNG,)), ChatMessage("user", "2", (large,))], {"image"})
    assert new.files == (large,)
    assert old.files == ()
    assert "a.png" in old.text


def test_messages_without_files_stay_as_they_are() -> None:
    messages = conversation("a", "b")
    assert readable(messages, ()) == messages
