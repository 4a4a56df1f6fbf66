"""How many tokens a text or a message takes, as an estimate: nobody is asked."""

from .base import ChatMessage, ChatRequest
from .parts import kind

_FILE = {"image": 258, "pdf": 5_000, "text": 0}

MESSAGE = 4
"""Tokens of a message besides its text: who says it, where it ends."""


def estimate(text: str) -> int:
    """Tokens of ``text``, a little more rather than fewer: 4 ASCII characters a token, which is what Google and OpenAI
    give for English (https://ai.google.dev/gemini-api/docs/tokens), else 2.5 up to U+07FF (accents, Greek, Cyrillic),
    else 1 (Chinese, Japanese, emoji)."""
    if text.isascii():
        return -(-len(text) // 4)
    ascii_only = sum(c < "\x80" for c in text)
    wide = sum(c > "\u07ff" for c in text)
    return round(ascii_only / 4 + (len(text) - ascii_only - wide) / 2.5 + wide + 0.5)


def tokens(message: ChatMessage) -> int:
    """Estimated tokens of a message with its files: an image counts 258, as Gemini's do; a PDF as one of 20 pages."""
    files = sum(_FILE.get(kind(f), 0) or estimate(f.data.decode(errors="replace")) for f in message.files)
    return MESSAGE + estimate(message.text) + files


def request_tokens(request: ChatRequest) -> int:
    """Estimated tokens of all that a model is asked with."""
    return estimate(request.system_prompt) + sum(map(tokens, request.messages))
