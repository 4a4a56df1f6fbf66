"""A message as providers take it: text, and the files that are sent as they are."""

from collections.abc import Iterator

from .base import Attachment, ChatMessage

_KINDS = {
    **dict.fromkeys(("image/png", "image/jpeg", "image/webp"), "image"),
    "image/gif": "gif",
    "application/pdf": "pdf",
}


def kind(file: Attachment) -> str:
    """``image``, ``gif`` (which Google's models refuse), ``pdf``, ``text``, or "" for what no model reads."""
    if file.mime in _KINDS:
        return _KINDS[file.mime]
    return "text" if file.mime.startswith("text/") or file.mime == "application/json" else ""


def parts(message: ChatMessage) -> Iterator[str | Attachment]:
    """The files first, so that the question comes last, where models heed it most. None of the parts is empty."""
    for file in message.files:
        if kind(file) == "text":
            # No provider takes all kinds of text as a file, and all of them take text.
            yield f"[{file.name}]\n{file.data.decode('utf-8-sig', errors='replace')}"
        elif kind(file):
            yield file
    if message.text:
        yield message.text
