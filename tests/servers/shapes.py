"""How servers in the world really speak: streams and errors in their own form, and what they mean.

Each was written after the documentation or the source of the server that it is named after, with made-up words.
"""

# ruff: noqa: E501 -- sentences are kept as their servers wrote them

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.models.base import Usage

from .http import Failure, Framing, Received, Step
from .openai import Chunk, OpenAIServer

_COUNTED = Usage(12, 5)


class RecordedServer(OpenAIServer):
    """Sends a stream as it is written here, to the last line feed."""

    def framing(self, received: Received) -> Framing:
        return Framing("text/event-stream")


@dataclass(frozen=True)
class Refusal:
    """``back``: seconds until the quota is back, None: nobody knows, or it is not about one."""

    status: int
    body: Any
    reason: str
    back: float | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def step(self) -> Failure:
        return Failure(self.status, self.body, self.headers)


@dataclass(frozen=True)
class Shape:
    """``stream``: what is sent, an answer to be read as ``text`` with the thoughts ``thought``."""

    server: str
    stream: Sequence[Step]
    text: str = "Ada wrote it."
    thought: str = ""
    usage: Usage | None = _COUNTED
    refusals: tuple[Refusal, ...] = ()


def sse(*events: Any, done: bool = True, space: str = " ", end: str = "\n\n") -> list[Step]:
    """A stream; a str is a line that is sent as it is, such as a comment."""
    lines = [each if isinstance(each, str) else f"data:{space}{json.dumps(each)}" for each in events]
    return [Chunk(line + end) for line in [*lines, *([f"data:{space}[DONE]"] if done else [])]]


def chunk(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }


def usage(**more: Any) -> dict[str, Any]:
    return {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17, **more}


def error(message: str, code: Any = None, kind: Any = None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


_START, _ADA, _WROTE = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Ada"}),
    chunk({"content": " wrote it."}),
)
_COUNTS = {**chunk({}), "choices": [], "usage": usage()}

OPENAI = Shape(
    "openai",
    sse(
        {**_START, "service_tier": "default", "system_fingerprint": "fp", "usage": None, "obfuscation": "x"},
        {**_ADA, "usage": None, "obfuscation": "a1"},
        _WROTE,
        chunk({}, "stop"),
        {**_COUNTS, "usage": usage(prompt_tokens_details={"cached_tokens": 4, "audio_tokens": 0})},
    ),
    usage=Usage(12, 5, 4),
    refusals=(
        Refusal(
            429,
            error(
                "Rate limit reached for gpt-4o in organization org-1 on requests per day (RPD): Limit 200, Used 200, "
                "Requested 1. Please try again in 7m12s.",
                "rate_limit_exceeded",
                "requests",
            ),
            "quota_day",
            432,
        ),
        Refusal(
            429,
            error(
                "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 5000.",
                "rate_limit_exceeded",
                "tokens",
            ),
            "quota_minute",
            8.5,
            {
                "x-ratelimit-remaining-requests": "499",
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "8.5s",
            },
        ),
        Refusal(
            429,
            error(
                "Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested "
                "40000. The input or output tokens must be reduced in order to run successfully.",
                "rate_limit_exceeded",
                "tokens",
            ),
            "too_long",
        ),
        Refusal(
            429,
            error(
                "You exceeded your current quota, please check your plan and billing details.",
                "insufficient_quota",
                "insufficient_quota",
            ),
            "balance",
        ),
        Refusal(401, error("Incorrect API key provided: sk-1.", "invalid_api_key", "invalid_request_error"), "key"),
        Refusal(
            403,
            error("Country, region, or territory not supported", "unsupported_country_region_territory"),
            "location",
        ),
        Refusal(403, error("Project `p` does not have access to model `o3`", "model_not_found"), "unknown_model"),
        Refusal(
            404,
            error("This is not a chat model and thus not supported in the v1/chat/completions endpoint."),
            "not_chat",
        ),
        Refusal(404, error("This model is only supported in v1/responses and not in v1/chat/completions."), "not_chat"),
        Refusal(404, error("Invalid URL (POST /chat/completions)"), "address"),
        Refusal(
            400,
            error(
                "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.",
                "context_length_exceeded",
            ),
            "too_long",
        ),
    ),
)
AZURE = Shape(
    "azure",
    sse(
        {
            "choices": [],
            "created": 0,
            "id": "",
            "model": "",
            "object": "",
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}],
        },
        _START,
        {**_ADA, "choices": [{**_ADA["choices"][0], "content_filter_results": {"hate": {"severity": "safe"}}}]},
        {"choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 1}}], "id": ""},
        _WROTE,
        chunk({}, "stop"),
        _COUNTS,
    ),
    refusals=(
        Refusal(
            429,
            error(
                "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded "
                "token rate limit of your current OpenAI S0 pricing tier. Please retry after 26 seconds.",
                "429",
            ),
            "quota",
            26,
        ),
        Refusal(
            400,
            error(
                "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
                "content_filter",
                innererror={"code": "ResponsibleAIPolicyViolation"},
            ),
            "blocked",
        ),
        Refusal(
            404, error("The API deployment for this resource does not exist.", "DeploymentNotFound"), "unknown_model"
        ),
        Refusal(404, error("Resource not found", "404"), "address"),
        Refusal(
            400,
            error("The chatCompletion operation does not work with the specified model", "OperationNotSupported"),
            "not_chat",
        ),
        Refusal(401, error("Access denied due to invalid subscription key or wrong API endpoint.", "401"), "key"),
    ),
)
OPENROUTER = Shape(
    "openrouter",
    sse(
        ": OPENROUTER PROCESSING",
        ": OPENROUTER PROCESSING",
        {**chunk({"role": "assistant", "content": "", "reasoning": "Hmm."}), "provider": "Google"},
        chunk({"role": "assistant", "content": "Ada", "reasoning": None}),
        chunk({"role": "assistant", "content": " wrote it."}, None),
        chunk({"role": "assistant", "content": ""}, "stop", native_finish_reason="STOP"),
        {**chunk({"role": "assistant", "content": ""}), "usage": usage(cost=0.00014, is_byok=False)},
    ),
    thought="Hmm.",
    refusals=(
        Refusal(
            429,
            error(
                "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
                429,
                metadata={
                    "headers": {
                        "X-RateLimit-Limit": "50",
                        "X-RateLimit-Remaining": "0",
                        "X-RateLimit-Reset": "{in 2 hours, ms}",
                    },
                    "provider_name": None,
                },
            ),
            "quota_day",
            7200,
        ),
        Refusal(
            429,
            error(
                "Provider returned error",
                429,
                metadata={"raw": "some/model:free is temporarily rate-limited upstream. Please retry shortly."},
            ),
            "quota",
            60,
        ),
        Refusal(402, error("Insufficient credits. Add more using https://openrouter.ai/credits", 402), "balance"),
        Refusal(402, error("This request requires more credits, or fewer max_tokens.", 402), "balance"),
        Refusal(404, error("No endpoints found for some/model.", 404), "unknown_model"),
        Refusal(400, error("some/model is not a valid model ID", 400), "unknown_model"),
        Refusal(403, error("some/model requires moderation. Your input was flagged", 403), "blocked"),
        Refusal(401, error("No auth credentials found", 401), "key"),
        Refusal(200, error("Provider returned error", 502), "unavailable"),
        Refusal(200, error("Rate limit exceeded: free-models-per-min. ", 429), "quota_minute", 60),
    ),
)
GROQ = Shape(
    "groq",
    sse(
        {**_START, "x_groq": {"id": "req_1"}},
        chunk({"reasoning": "Well."}),
        _ADA,
        _WROTE,
        chunk({}, "stop", x_groq={"id": "req_1", "usage": {"queue_time": 0.1, **usage(), "total_time": 0.2}}),
    ),
    thought="Well.",
    refusals=(
        Refusal(
            429,
            error(
                "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_1` service tier `on_demand` on "
                "tokens per day (TPD): Limit 100000, Used 99000, Requested 3000. Please try again in 28m48s.",
                "rate_limit_exceeded",
                "tokens",
            ),
            "quota_day",
            1728,
        ),
        Refusal(
            429,
            error("Rate limit reached on tokens per minute (TPM). Please try again in 2m59.56s. Visit groq.com"),
            "quota_minute",
            180,
            {"retry-after": "180", "x-ratelimit-reset-requests": "1m26.4s", "x-ratelimit-reset-tokens": "7.66s"},
        ),
        Refusal(
            413,
            error(
                "Request too large for model `llama-3.1-8b-instant` on tokens per minute (TPM): Limit 6000, Requested 9000, "
                "please reduce your message size and try again.",
                "rate_limit_exceeded",
                "tokens",
            ),
            "too_long",
        ),
        Refusal(
            429,
            error("Request too large: tokens per minute (TPM): Limit 6000, Requested 9000", "rate_limit_exceeded"),
            "too_long",
        ),
        Refusal(400, error("The model `mixtral` has been decommissioned.", "model_decommissioned"), "unknown_model"),
        Refusal(404, error("Unknown request URL: POST /chat/completions.", "unknown_url"), "address"),
    ),
)
MISTRAL = Shape(
    "mistral",
    sse(
        chunk({"role": "assistant", "content": ""}, p="ab"),
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]}]}),
        chunk({"content": [{"type": "text", "text": "Ada"}, {"type": "reference", "reference_ids": [1]}]}),
        chunk({"content": " wrote it."}),
        chunk({"content": ""}, "stop", usage=usage()),
    ),
    thought="Let me see.",
    refusals=(
        Refusal(
            429,
            {
                "object": "error",
                "message": "Service tier capacity exceeded for this model.",
                "type": "x",
                "code": "3505",
            },
            "quota",
            60,
        ),
        Refusal(429, {"message": "Requests rate limit exceeded"}, "quota", 13, {"ratelimitbysize-reset": "13"}),
        Refusal(401, {"detail": "Unauthorized"}, "key"),
        Refusal(
            400,
            {"object": "error", "message": "Invalid model: mistral-9", "type": "invalid_model", "code": "1500"},
            "unknown_model",
        ),
        Refusal(
            400,
            {
                "object": "error",
                "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum "
                "context length",
                "type": "invalid_request_prompt",
            },
            "too_long",
        ),
    ),
)
TOGETHER = Shape(
    "together",
    sse(
        {**chunk({"role": "assistant", "content": "Ada", "token_id": 1}), "seed": None},
        {"id": "1", "choices": [{"index": 0, "text": " wrote", "delta": {"content": " wrote"}, "logprobs": None}]},
        {"id": "1", "choices": [{"index": "0", "text": " it.", "delta": {"content": " it."}, "finish_reason": None}]},
        {
            "id": "1",
            "choices": [{"index": 0, "text": "", "delta": {"content": ""}, "finish_reason": "eos"}],
            "usage": usage(),
        },
    ),
    refusals=(
        Refusal(
            422,
            error(
                "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens"
            ),
            "too_long",
        ),
        Refusal(
            404,
            error("Unable to access model m. Please visit together.ai to see the list.", "model_not_available"),
            "unknown_model",
        ),
        Refusal(
            429,
            error("You have reached the rate limit specific to this model m. The maximum is 6.0 queries per minute."),
            "quota_minute",
            11,
            {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "11"},
        ),
        Refusal(402, error("Credit limit exceeded", "credit_limit"), "balance"),
    ),
)
FIREWORKS = Shape(
    "fireworks",
    sse(_START, _ADA, _WROTE, chunk({}, "stop", usage={**usage(), "prompt_tokens_details": None})),
    refusals=(
        Refusal(400, error("The prompt is too long: 9000, model maximum context length: 8191"), "too_long"),
        Refusal(404, error("Model not found, inaccessible, and/or not deployed", "NOT_FOUND"), "unknown_model"),
        Refusal(412, error("Account a is suspended, possibly due to reaching the monthly spending limit"), "balance"),
        Refusal(429, error("Too many requests"), "quota", 20, {"x-ratelimit-reset": "20", "retry-after": "soon"}),
    ),
)
XAI = Shape(
    "xai",
    sse(
        chunk({"role": "assistant", "reasoning_content": "Thinking"}, usage={"prompt_tokens": 12, "completion_tokens": 0}),
        chunk({"content": "Ada", "role": "assistant"}, usage={"prompt_tokens": 12, "completion_tokens": 1}),
        chunk({"content": " wrote it.", "role": "assistant"}, "stop"),
        {
            **_COUNTS,
            "usage": {
                "prompt_tokens": 12,
                "completion_tokens": 5,
                "total_tokens": 117,
                "completion_tokens_details": {"reasoning_tokens": 100},
            },
        },
    ),
    thought="Thinking",
    usage=Usage(12, 105),
    refusals=(
        Refusal(
            400,
            {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***1."},
            "key",
        ),
        Refusal(
            400,
            {
                "code": "invalid-argument",
                "error": "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
            },
            "too_long",
        ),
        Refusal(
            403,
            {
                "code": "The caller does not have permission to execute the specified operation",
                "error": "Your team t has either used all available credits or reached its monthly spending limit.",
            },
            "balance",
        ),
        Refusal(
            404,
            {"code": "Some requested entity was not found", "error": "The model grok-9 does not exist or your team does "
             "not have access to it."},
            "unknown_model",
        ),
        Refusal(429, {"code": "Some resource has been exhausted", "error": "Too many requests for team t."}, "quota", 60),
    ),
)  # fmt: skip
DEEPSEEK = Shape(
    "deepseek",
    sse(
        ": keep-alive",
        "",
        chunk({"role": "assistant", "content": None, "reasoning_content": ""}),
        chunk({"content": None, "reasoning_content": "Hm"}),
        ": keep-alive",
        chunk({"content": "Ada", "reasoning_content": None}),
        chunk({"content": " wrote it.", "reasoning_content": None}),
        chunk({"content": "", "reasoning_content": None}, "stop"),
        {**_COUNTS, "usage": usage(prompt_cache_hit_tokens=8, prompt_cache_miss_tokens=4)},
    ),
    thought="Hm",
    usage=Usage(12, 5, 8),
    refusals=(
        Refusal(402, error("Insufficient Balance", "invalid_request_error", "unknown_error"), "balance"),
        Refusal(400, error("Model Not Exist", "invalid_request_error", "invalid_request_error"), "unknown_model"),
        Refusal(400, error("Content Exists Risk", "invalid_request_error"), "blocked"),
        Refusal(
            401, error("Authentication Fails, Your api key: ****1 is invalid", None, "authentication_error"), "key"
        ),
        Refusal(503, error("Service is too busy. We advise users to temporarily switch"), "unavailable"),
    ),
)
OLLAMA = Shape(
    "ollama",
    sse(
        chunk({"role": "assistant", "content": "", "reasoning": "Okay"}, system_fingerprint="fp_ollama"),
        chunk({"role": "assistant", "content": "Ada"}),
        chunk({"role": "assistant", "content": " wrote it."}),
        chunk({"role": "assistant", "content": ""}, "stop"),
        _COUNTS,
    ),
    thought="Okay",
    refusals=(
        Refusal(404, error('model "llama9" not found, try pulling it first', None, "api_error"), "not_pulled"),
        Refusal(404, "404 page not found", "address"),
        Refusal(200, "<!doctype html>\n<html><title>Open WebUI</title></html>\n", "address"),  # what often runs with it
        Refusal(307, "", "address", headers={"Location": "/elsewhere"}),  # a proxy's
        Refusal(
            500,
            error("model requires more system memory (5.6 GiB) than is available (3.2 GiB)", None, "api_error"),
            "no_memory",
        ),
        Refusal(400, error('"nomic-embed-text" does not support chat', None, "api_error"), "not_chat"),
        Refusal(412, error("this model requires a newer version of Ollama", None, "api_error"), "old_server"),
        Refusal(503, error("server busy, please try again. maximum pending requests exceeded"), "unavailable"),
        Refusal(429, error("you've reached your hourly usage limit, please upgrade to continue"), "quota", 60),
    ),
)
VLLM = Shape(
    "vllm",
    sse(
        _START,
        chunk({"reasoning_content": "So"}),
        _ADA,
        {**_WROTE, "usage": {"prompt_tokens": 12, "total_tokens": 15, "completion_tokens": 3}},
        {
            **chunk({"content": ""}, "stop"),
            "choices": [{**chunk({"content": ""}, "stop")["choices"][0], "stop_reason": None}],
        },
        _COUNTS,
    ),
    thought="So",
    refusals=(
        Refusal(404, {"detail": "Not Found"}, "address"),
        Refusal(
            404,
            {"object": "error", "message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404},
            "unknown_model",
        ),
        Refusal(
            400,
            {
                "object": "error",
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
                "type": "BadRequestError",
                "code": 400,
            },
            "too_long",
        ),
        Refusal(401, {"error": "Unauthorized"}, "key"),
    ),
)
LLAMA_CPP = Shape(
    "llama.cpp",
    sse(
        chunk({"role": "assistant", "content": None}),
        chunk({"content": "<think>"}),
        chunk({"content": "\nFirst.\n</th"}),
        chunk({"content": "ink>\n\nAda"}),
        _WROTE,
        {**chunk({}, "stop"), "timings": {"prompt_n": 12, "predicted_n": 5}},
        {**_COUNTS, "timings": {"prompt_n": 12}},
    ),
    thought="\nFirst.\n",
    refusals=(
        Refusal(503, error("Loading model", 503, "unavailable_error"), "loading"),
        Refusal(
            400,
            error(
                "the request exceeds the available context size, try increasing it", 400, "exceed_context_size_error"
            ),
            "too_long",
        ),
        Refusal(404, error("File Not Found", 404, "not_found_error"), "address"),
        Refusal(401, error("Invalid API Key", 401, "authentication_error"), "key"),
    ),
)
LM_STUDIO = Shape(
    "lm studio",
    sse(_START, _ADA, _WROTE, {**chunk({}, "stop"), "stats": {}}, usage_chunk := {**_COUNTS, "stats": {}}),
    refusals=(
        Refusal(200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, "address"),
        Refusal(404, error("No models loaded. Please load a model in the developer page", "model_not_found"), "not_pulled"),
        Refusal(
            400,
            {"error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with "
             "context length of only 4096 tokens"},
            "too_long",
        ),
        Refusal(400, {"error": "Failed to load model: insufficient memory"}, "no_memory"),
    ),
)  # fmt: skip
GOOGLES_OPENAI = Shape(
    "google by openai's protocol",
    sse(
        {"choices": [{"delta": {"content": "Ada", "role": "assistant"}, "index": 0}], "created": 1, "model": "gemini"},
        {"choices": [{"delta": {"content": " wrote it."}, "finish_reason": "stop", "index": 0}], "usage": usage()},
    ),
    refusals=(
        Refusal(
            429,
            [
                {
                    "error": {
                        "code": 429,
                        "message": "You exceeded your current quota, please check your plan and billing details.",
                        "status": "RESOURCE_EXHAUSTED",
                        "details": [
                            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "21.5s"},
                        ],
                    }
                }
            ],
            "quota",
            21.5,
        ),
        Refusal(
            400,
            [{"error": {"code": 400, "message": "User location is not supported for the API use.",
                        "status": "FAILED_PRECONDITION"}}],
            "location",
        ),
    ),
)  # fmt: skip
TGI = Shape(
    "tgi",
    sse(_ADA, _WROTE, chunk({"role": "assistant", "content": ""}, "eos_token", usage=usage()), space=""),
    refusals=(
        Refusal(
            422, {"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000"}, "too_long"
        ),
        Refusal(503, {"error": "Model m is currently loading", "estimated_time": 20.0}, "loading"),
        Refusal(429, {"error": "Model is overloaded", "error_type": "overloaded"}, "quota", 60),
        Refusal(402, {"error": "You have exceeded your monthly included credits"}, "balance"),
    ),
)
GITHUB = Shape(
    "github models",
    sse(_START, _ADA, _WROTE, chunk({}, "stop"), _COUNTS),
    refusals=(
        Refusal(
            413,
            error("Request body too large for gpt-4o model. Max size: 8000 tokens.", "tokens_limit_reached"),
            "too_long",
        ),
        Refusal(400, error("prompt too long", "model_max_prompt_tokens_exceeded"), "too_long"),
        Refusal(
            429,
            error(
                "Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 4210 seconds before retrying."
            ),
            "quota_day",
            4210,
        ),
    ),
)
PERPLEXITY = Shape(
    "perplexity",
    sse(
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Ada"}, "message": {"content": "Ada"}}]},
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"content": " wrote it."},
                    "message": {"content": "Ada wrote it."},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": "12", "completion_tokens": 5.0, "total_tokens": "17"},
            "citations": ["https://example.org"],
        },
        done=False,
    ),
)

SHAPES = [
    OPENAI,
    AZURE,
    OPENROUTER,
    GROQ,
    MISTRAL,
    TOGETHER,
    FIREWORKS,
    XAI,
    DEEPSEEK,
    OLLAMA,
    VLLM,
    LLAMA_CPP,
    LM_STUDIO,
    GOOGLES_OPENAI,
    TGI,
    GITHUB,
    PERPLEXITY,
]

# Streams that no one server is known for, and that many send one day.
_WHOLE = {"index": 0, "message": {"role": "assistant", "content": "Ada wrote it."}, "finish_reason": "stop"}
ODD = [
    Shape("no reason for the end", sse(_ADA, _WROTE), usage=None),
    Shape("no [DONE]", sse(_ADA, _WROTE, chunk({}, "stop"), done=False), usage=None),
    Shape("one JSON", [Failure(200, {"object": "chat.completion", "choices": [_WHOLE], "usage": usage()})]),
    Shape("one JSON on many lines", [Failure(200, json.dumps({"choices": [_WHOLE], "usage": usage()}, indent=2))]),
    Shape("one JSON as an event", sse({"choices": [_WHOLE], "usage": usage()}, done=False)),
    Shape(
        "one JSON without a reason",
        [Failure(200, {"choices": [{"message": {"content": [{"type": "text", "text": "Ada wrote it."}]}}]})],
        usage=None,
    ),
    Shape("JSON lines", [Chunk(json.dumps(each) + "\n") for each in (_ADA, _WROTE, chunk({}, "stop"))], usage=None),
    Shape("no blank lines", sse(_ADA, _WROTE, chunk({}, "stop"), _COUNTS, end="\n")),
    Shape("carriage returns", sse(_ADA, _WROTE, chunk({}, "stop"), _COUNTS, end="\r\r")),
    Shape(
        "names, ids, retries, comments",
        sse("event: completion", "id: 7", "retry: 3000", ":", _ADA, ": ping", "data: ping", "data:", _WROTE, chunk({}, "stop")),
        usage=None,
    ),
    Shape(
        "choices null, none, empty, numbers, no delta",
        sse(
            {"choices": None},
            {"id": 7},
            {"choices": []},
            {"type": "ping"},
            7,
            chunk(None),
            _ADA,
            chunk({"content": None}),
            {"choices": [{}]},
            _WROTE,
            chunk({}, "stop"),
        ),
        usage=None,
    ),
    Shape("another choice", sse(_ADA, {"choices": [{"index": 1, "delta": {"content": "Not I."}}]}, _WROTE), usage=None),
    Shape("usage in words", sse(_ADA, {**_WROTE, "usage": "17 tokens"}, chunk({}, "stop", usage=[17])), usage=None),
    Shape("usage of nothing", sse(_ADA, _WROTE, chunk({}, "stop", usage={"prompt_tokens": 0})), usage=None),
    Shape("usage too large", sse(_ADA, _WROTE, chunk({}, "stop", usage={"prompt_tokens": 1e300})), usage=None),
    Shape("an error that is none", sse({**_ADA, "error": None}, {**_WROTE, "error": {}}, chunk({}, "stop")), usage=None),
    Shape(
        "the whole text again at the end",
        sse(_ADA, _WROTE, {"choices": [{**_WHOLE, "delta": None}]}),
        usage=None,
    ),
    Shape("half a chunk between", sse(_ADA, 'data: {"choices": [{"del', _WROTE, chunk({}, "stop")), usage=None),
    Shape(
        "an emoji in two halves",
        sse('data: {"choices":[{"delta":{"content":"\\ud83d"}}]}', 'data: {"choices":[{"delta":{"content":"\\ude00"}}]}'),
        "😀",
        usage=None,
    ),
    Shape("a line separator in the text", [Chunk('data: {"choices":[{"delta":{"content":"a\u2028b"}}]}\n\ndata: [DONE]\n\n')],
          "a\u2028b", usage=None),
    Shape("a mention of thoughts", sse(chunk({"content": "`<think>` is"}), chunk({"content": " <think>"})),
          "`<think>` is <think>", usage=None),
    Shape("text of a completion", sse({"choices": [{"text": "Ada"}]}, {"choices": [{"text": " wrote it."}]}), usage=None),
]  # fmt: skip
