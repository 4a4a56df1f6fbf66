"""What the list of files says of each: whether answers draw on it, and why not."""

import pytest

from assistant.commands.files_here import _status
from datalayer.passages import ContextFile, Status


@pytest.mark.parametrize(
    ("name", "mime", "status", "refused", "said"),
    [
        ("a.png", "image/png", "waiting", None, "unread"),
        ("a.docx", "application/octet-stream", "refused", "broken", "refused"),
        ("a.md", "text/markdown", "refused", "not_text", "refused"),
        ("a.bin", "application/octet-stream", "waiting", None, "refused"),
        ("a.md", "text/markdown", "waiting", None, "waiting"),
        ("a.md", "text/markdown", "read", None, "read"),
    ],
)
def test_only_what_models_see_is_said_to_be_for_them(
    name: str, mime: str, status: Status, refused: str | None, said: str
) -> None:
    read = ContextFile("e", "s", name, mime, 1, "", "", 0, status, "r", refused, None, 0, False, superseded=False)
    assert _status(read) == said
