"""A message as providers take it: text, and the files that are sent as they are."""

from collections.abc import Iterator

from .base import Attachment, ChatMessage


def parts(message: ChatMessage) -> Iterator[str | Attachment]:
    """The files first, so that the question comes last, where models heed it most. None of the parts is empty."""
    for file in message.files:
        if file.mime.startswith("text/") or file.mime == "application/json":
            # No provider takes all kinds of text as a file, and all of them take text.
            yield f"[{file.name}]\n{file.data.decode('utf-8-sig', errors='replace')}"
        elif file.mime.startswith("image/") or file.mime == "application/pdf":
            yield file
    if message.text:
        yield message.text
