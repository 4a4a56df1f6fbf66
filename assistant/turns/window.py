"""What of a conversation a model is shown: the newest messages that fit its window.

Always true: the system prompt and the last message are whole; a message is shown whole or not at all.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..models.base import Attachment, ChatMessage, InvalidRequest
from ..models.parts import NOT_READ, kind
from ..models.tokens import estimate, tokens

MAX_FILE_BYTES = 14_000_000
"""Of all files of a request, newest first: Gemini takes 20 MB a request, and base64 makes 4 bytes of 3."""


def fit(messages: Sequence[ChatMessage], system_prompt: str, space: int) -> list[ChatMessage]:
    """The newest of ``messages`` that, with the system prompt, take at most ``space`` tokens; they begin with a user's.

    Raises InvalidRequest (``too_long``) when the last one alone does not fit.
    """
    left = space - estimate(system_prompt)
    kept: list[ChatMessage] = []
    for message in reversed(messages):
        left -= tokens(message)
        if left < 0:
            break
        kept.append(message)
    if not kept:
        raise InvalidRequest("the message is larger than the model's window", "too_long")
    while len(kept) > 1 and kept[-1].role != "user":  # Gemini refuses a conversation that the model begins
        kept.pop()
    return kept[::-1]


def instructions(system_prompt: str, language: str, summary: str | None, files: str = "") -> str:
    """What stands before the conversation. ``language``: by its own name, "" for the question's. ``summary``: of what
    came before the messages. ``files``: what is said of the files that the question is asked with."""
    parts = [system_prompt, f"Answer in this language: {language}." if language else "", files]
    if summary:
        parts.append(f"What was said before, summed up:\n{summary}")
    return "\n\n".join(filter(None, parts))


def readable(messages: Sequence[ChatMessage], takes: Collection[str]) -> list[ChatMessage]:
    """``messages`` with the files that the model reads; the others are named, so that it can say it has not seen them.

    ``takes``: kinds besides text. The newest files come first where they are too large together.
    """
    left, shown = MAX_FILE_BYTES, []
    for message in reversed(messages):
        files: list[Attachment] = []
        missing: list[str] = []
        for file in message.files:
            reads = kind(file) == "text" or kind(file) in takes
            if reads and len(file.data) <= left:
                left -= len(file.data)
                files.append(file)
            else:
                missing.append(NOT_READ.format(name=file.name))
        text = "\n\n".join([*missing, *([message.text] if message.text else [])])
        shown.append(replace(message, text=text, files=tuple(files)) if message.files else message)
    return shown[::-1]
