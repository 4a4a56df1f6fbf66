"""A server on the loopback that speaks Anthropic's protocol, for the real SDK to talk to.

    async with AnthropicServer() as server:
        server.script(start(5), text("Hel"), text("lo"), *finish(said=2))
        ...  # POST {server.url}/v1/messages

As a process: ``python -m tests.servers.anthropic PORT --tokens 200 --first 0.3 --between 0.01``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .http import Act, Chunk, Failure, Framing, Pause, Received, ScriptServer, Step, main, sse

__all__ = ["Act", "AnthropicServer", "Chunk", "Failure", "Pause", "Received", "Step"]


def start(asked: int = 2, cached: int = 0) -> Chunk:
    """``cached``: of ``asked``, which the protocol counts apart."""
    counts = {"input_tokens": asked - cached, "cache_read_input_tokens": cached, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "content": []}
    return Chunk({"type": "message_start", "message": {**message, "stop_reason": None, "usage": counts}})


def delta(kind: str, **content: Any) -> Chunk:
    return Chunk({"type": "content_block_delta", "index": 0, "delta": {"type": kind, **content}})


def text(piece: str) -> Chunk:
    return delta("text_delta", text=piece)


def thought(piece: str) -> Chunk:
    return delta("thinking_delta", thinking=piece)


def finish(reason: str = "end_turn", said: int = 1) -> list[Step]:
    """The end of a real answer, with the keep-alive that may come at any time."""
    ended = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": said}}
    return [
        Chunk({"type": "ping"}),
        Chunk({"type": "content_block_stop", "index": 0}),
        Chunk(ended),
        Chunk({"type": "message_stop"}),
    ]


def error_body(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def failure(status: int, kind: str, message: str = "Refused.", headers: Mapping[str, str] | None = None) -> Failure:
    return Failure(status, error_body(kind, message), headers or {})


def model(name: str, label: str = "", window: int = 1_000_000) -> dict[str, Any]:
    """An entry of the list of models."""
    made = {"type": "model", "id": name, "display_name": label or name, "created_at": "2026-09-01T00:00:00Z"}
    return {**made, "max_input_tokens": window, "lifecycle": "active"}


class AnthropicServer(ScriptServer):
    """``tokens``: what a question counts, or a step. ``counts``: the requests for it."""

    def __init__(self, default: Sequence[Step] = ()) -> None:
        super().__init__(default)
        self.models = [model("claude-sonnet-5-5", "Claude Sonnet 5.5")]
        self.tokens: int | Step = 7
        self.counts: list[Received] = []

    def framing(self, received: Received) -> Framing:
        return sse()

    def aside(self, received: Received) -> Any:
        path = received.target.partition("?")[0]
        if path.endswith("/v1/models"):
            self.lists.append(received)
            return {"data": self.models, "has_more": False} if isinstance(self.models, list) else self.models
        if path.endswith("/count_tokens"):
            self.counts.append(received)
            return {"input_tokens": self.tokens} if isinstance(self.tokens, int) else self.tokens
        return None


if __name__ == "__main__":
    main(AnthropicServer, text, *finish())
