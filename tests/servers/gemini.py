"""A server on the loopback that speaks Gemini's REST protocol, for the real SDKs to talk to.

    async with GeminiServer() as server:
        server.script(text("Hel"), text("lo"), finish())
        ...  # POST {server.url}/v1beta/models/{model}:streamGenerateContent?alt=sse

Without ``alt=sse`` the stream is one JSON array, as google-generativeai reads it. As a process:
``python -m tests.servers.gemini PORT --tokens 200 --first 0.3 --between 0.01``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .http import Act, Chunk, Failure, Framing, Pause, Received, ScriptServer, Step, main, sse

__all__ = ["Act", "Chunk", "Failure", "GeminiServer", "Pause", "Received", "Step"]


def parts(*given: Mapping[str, Any]) -> Chunk:
    return Chunk({"candidates": [{"content": {"role": "model", "parts": list(given)}, "index": 0}]})


def text(delta: str) -> Chunk:
    return parts({"text": delta})


def thought(delta: str) -> Chunk:
    return parts({"text": delta, "thought": True})


def finish(reason: str | int = "STOP", usage: Mapping[str, int] | None = None) -> Chunk:
    """The last chunk of a real answer: no text, the reason and the usage."""
    counts = usage or {"promptTokenCount": 2, "candidatesTokenCount": 1, "totalTokenCount": 3}
    return Chunk({"candidates": [{"finishReason": reason, "index": 0}], "usageMetadata": counts})


def blocked_prompt(reason: str | int = "SAFETY") -> Chunk:
    return Chunk({"promptFeedback": {"blockReason": reason}})


def error_body(code: int, status: str, message: str = "Refused.", *details: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def failure(code: int, status: str, message: str = "Refused.", *details: Mapping[str, Any]) -> Failure:
    return Failure(code, error_body(code, status, message, *details))


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota_failure(*quota_ids: str) -> dict[str, Any]:
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    violations = [{"quotaMetric": metric, "quotaId": each, "quotaValue": "20"} for each in quota_ids]
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}


def quota_details(delay: str | None, *quota_ids: str) -> list[dict[str, Any]]:
    return [*([quota_failure(*quota_ids)] if quota_ids else []), *([retry_info(delay)] if delay else [])]


def quota(delay: str | None = None, *quota_ids: str) -> Failure:
    message = "You exceeded your current quota."
    return failure(429, "RESOURCE_EXHAUSTED", message, *quota_details(delay, *quota_ids))


def model(name: str, label: str = "", window: int = 0, *methods: str) -> dict[str, Any]:
    """An entry of the list of models."""
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": label or name,
        "inputTokenLimit": window,
        "supportedGenerationMethods": list(methods) or ["generateContent", "countTokens"],
    }


class GeminiServer(ScriptServer):
    """``tokens``: what a question counts, or a step. ``counts``: the requests for it."""

    def __init__(self, default: Sequence[Step] = ()) -> None:
        super().__init__(default)
        self.models = [model("gemini-2.5-flash", "Gemini 2.5 Flash", 1_048_576)]
        self.tokens: int | Step = 7
        self.counts: list[Received] = []

    def framing(self, received: Received) -> Framing:
        return sse() if "alt=sse" in received.target else Framing("application/json", "{}", "[", ",\r\n", "]\n")

    def aside(self, received: Received) -> Any:
        path = received.target.partition("?")[0]
        if path.endswith("/models"):
            self.lists.append(received)
            return {"models": self.models} if isinstance(self.models, list) else self.models
        if path.endswith(":countTokens"):
            self.counts.append(received)
            return {"totalTokens": self.tokens} if isinstance(self.tokens, int) else self.tokens
        return None


if __name__ == "__main__":
    main(GeminiServer, text, finish())
