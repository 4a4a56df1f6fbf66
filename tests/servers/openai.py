"""A server on the loopback that speaks OpenAI's protocol for chats, for the real SDK to talk to.

    async with OpenAIServer() as server:
        server.script(text("Hel"), text("lo"), finish(), usage(5, 2))
        ...  # POST {server.url}/chat/completions

Every stream that is not cut ends with ``[DONE]``. As a process:
``python -m tests.servers.openai PORT --tokens 200 --first 0.3 --between 0.01``.
"""

from collections.abc import Mapping
from typing import Any

from .http import Act, Chunk, Failure, Framing, Pause, Received, ScriptServer, Step, main, sse

__all__ = ["Act", "Chunk", "Failure", "OpenAIServer", "Pause", "Received", "Step"]


def chunk(choices: list[dict[str, Any]], **more: Any) -> Chunk:
    known = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini"}
    return Chunk({**known, "choices": choices, **more})


def delta(**content: Any) -> Chunk:
    return chunk([{"index": 0, "delta": content, "finish_reason": None}])


def text(piece: str) -> Chunk:
    return delta(content=piece)


def thought(piece: str) -> Chunk:
    return delta(reasoning_content=piece)


def finish(reason: str = "stop") -> Chunk:
    return chunk([{"index": 0, "delta": {}, "finish_reason": reason}])


def usage(asked: int, said: int, cached: int | None = None) -> Chunk:
    """What ``include_usage`` asks for: one more chunk, without a choice."""
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    counts = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    return chunk([], usage={**counts, **details})


def error_body(message: str, code: str | int | None = None, kind: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def failure(
    status: int,
    message: str = "Refused.",
    code: str | int | None = None,
    kind: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Failure:
    return Failure(status, error_body(message, code, kind), headers or {})


class OpenAIServer(ScriptServer):
    """``url`` ends with /v1, as clients are given it."""

    async def start(self, port: int = 0) -> None:
        await super().start(port)
        self.url += "/v1"
        self.models = [{"id": "gpt-4o-mini", "object": "model", "created": 0, "owned_by": "openai"}]

    def framing(self, received: Received) -> Framing:
        return sse(after="data: [DONE]\n\n")

    def aside(self, received: Received) -> Any:
        if received.target.partition("?")[0] != "/v1/models":
            return None
        self.lists.append(received)
        return {"object": "list", "data": self.models} if isinstance(self.models, list) else self.models


if __name__ == "__main__":
    main(OpenAIServer, text, finish(), usage(5, 50))
