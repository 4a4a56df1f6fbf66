"""An event of a stream, or a whole answer, as Anthropic's protocol has it: https://platform.claude.com/docs/en/build-with-claude/streaming

Always true: what is missing, null, of another type or unknown is passed over.
"""

from typing import Any

from ..answer import Piece
from ..base import Usage


class Reader:
    """Reads the events of one answer in their order: the question's tokens come first, those of the answer last."""

    def __init__(self) -> None:
        self._asked = self._cached = 0
        self.finished = False

    def piece(self, event: dict[str, Any]) -> Piece:
        """``finish`` is told with the reason, or at the end where there was none."""
        kind = event.get("type")
        if kind == "message":
            return self._whole(event)
        if kind == "message_start":
            return Piece(usage=self._usage(_dict(event.get("message")).get("usage")))
        if kind in ("content_block_start", "content_block_delta"):
            said = _dict(event.get("delta") or event.get("content_block"))
            return Piece(_text(said, "text"), thought=_text(said, "thinking"))
        if kind == "message_delta":
            return self._end(_dict(event.get("delta")).get("stop_reason"), self._usage(event.get("usage")))
        if kind == "message_stop" and not self.finished:
            return self._end("done", None)
        return Piece()

    def _whole(self, message: dict[str, Any]) -> Piece:
        blocks = [_dict(each) for each in message.get("content") or ()]
        end = self._end(message.get("stop_reason") or "done", self._usage(message.get("usage")))
        text, thought = ("".join(_text(block, key) for block in blocks) for key in ("text", "thinking"))
        return Piece(text, end.usage, end.finish, end.blocked, thought)

    def _end(self, reason: Any, usage: Usage | None) -> Piece:
        self.finished = self.finished or bool(reason)
        if reason == "refusal":
            return Piece(usage=usage, blocked="refusal")
        return Piece(usage=usage, finish=str(reason) if reason else None)

    def _usage(self, counts: Any) -> Usage | None:
        """Its input_tokens are those that were in no cache."""
        counts = _dict(counts)
        read, stored = _count(counts, "cache_read_input_tokens"), _count(counts, "cache_creation_input_tokens")
        if asked := _count(counts, "input_tokens") + read + stored:
            self._asked, self._cached = asked, read
        said = _count(counts, "output_tokens")
        return Usage(self._asked, said, self._cached) if self._asked or said else None


def failed(event: dict[str, Any]) -> bool:
    """Whether it is an error, whatever the status of HTTP was."""
    return event.get("type") == "error" or bool(event.get("error"))


def _text(block: dict[str, Any], key: str) -> str:
    value = block.get(key)
    return value if isinstance(value, str) else ""


def _count(counts: dict[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) and 0 < value < 10**12 else 0


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
