"""A message as providers take it: text, and the files that are sent as they are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .base import Attachment, ChatMessage, ChatRequest
from .thoughts import answer_of

NOT_READ = "[{name}: a file that cannot be shown to this model]"

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


def alternating(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """``messages`` in the shape that the strictest chat template takes: user and assistant in turns, a user first, none
    of them empty. Neighbours of one role, as failed and stopped turns leave them, are one message; thoughts are none.
    """
    shaped: list[ChatMessage] = []
    for message in messages:
        if message.role == "assistant":
            message = replace(message, text=answer_of(message.text))
        if not (message.files or message.text.strip()) or (not shaped and message.role == "assistant"):
            continue
        if shaped and shaped[-1].role == message.role:
            message = _joined(shaped.pop(), message)
        shaped.append(message)
    return shaped


def shaped(request: ChatRequest, system: bool = True, files: bool = True) -> list[ChatMessage]:
    """The messages of ``request``, ``alternating``. ``system``: whether the system prompt has a place of its own, else
    it stands before the first; ``files``: whether those that are no text can be sent."""
    messages = alternating(request.messages if files else without_files(request.messages))
    if request.system_prompt and messages and not system:
        messages[0] = _joined(ChatMessage("user", request.system_prompt), messages[0])
    return messages


def holds_files(request: ChatRequest) -> bool:
    """Whether any is no text."""
    return any(kind(file) != "text" for message in request.messages for file in message.files)


def _joined(first: ChatMessage, second: ChatMessage) -> ChatMessage:
    text = "\n\n".join(filter(None, (first.text, second.text)))
    return replace(first, text=text, files=first.files + second.files)


def without_files(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """``messages`` with text alone; other files are named, so that the model can say it has not seen them."""
    shown = []
    for message in messages:
        missing = [NOT_READ.format(name=file.name) for file in message.files if kind(file) != "text"]
        files = tuple(file for file in message.files if kind(file) == "text")
        text = "\n\n".join(filter(None, (*missing, message.text)))
        shown.append(replace(message, text=text, files=files))
    return shown
