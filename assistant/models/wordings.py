"""The words in which servers refuse: one phrase a line, in lower case, regular expressions.

They were read in the sources, documentation and issues of the servers named beside them; a phrase without a name is
that of several.
"""

import re
from typing import Literal

Meaning = Literal[
    "key",
    "permission",
    "location",
    "address",
    "unknown_model",
    "not_pulled",
    "not_chat",
    "old_server",
    "too_long",
    "loading",
    "no_memory",
]


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases))


QUOTA = _any(
    "rate_?limit",
    "rate limit",
    "quota[_ ]exceeded",
    "too_?many_?requests",
    "too many requests",
    "resource_?exhausted",
    r"usage limits?\b",
    "throttl",  # Bedrock
    "tier capacity exceeded",  # Mistral
)
BALANCE = _any(
    "insufficient[ _](?:quota|balance|credits?|funds)",  # OpenAI, DeepSeek
    "credit balance",  # Anthropic
    "used all available credits",  # xAI
    "spending limit",  # xAI, Fireworks
    "requires more credits",  # OpenRouter
    "can only afford",  # OpenRouter
    "arrear",  # Alibaba
    "payment[ _]required",
    "billing (?:hard limit|is not active|details are missing)",  # OpenAI
    "enable billing",  # Google
    "(?:out of|not enough|no more) credits?",
    "exceeded your monthly included credits",  # Hugging Face
)
NO_QUOTA = _any(r"\blimit: ?0\b(?!\.)")  # Google, for a model that the plan does not have
FILTER = _any(
    "content_filter",  # OpenAI
    "content_policy",
    "content filter",  # Anthropic
    "content management policy",  # Azure
    "responsibleai",  # Azure
    "requires moderation",  # OpenRouter
    r"\bflagged\b",
    "content exists risk",  # DeepSeek
    "safety (?:system|filter|check|polic)",
    "usage (?:guidelines|polic)",  # xAI
    "data_inspection_failed",  # Alibaba
    "(?:inappropriate|sensitive) content",
)
_TOO_LONG = _any(
    "context[ _]?(?:length|size|window)",  # OpenAI, vLLM, llama.cpp, LM Studio
    "max(?:imum)? context",
    "(?:prompt|input|message|text)s? (?:is |are )?too (?:long|large)",  # Anthropic, Bedrock
    "too many (?:input |prompt |total )?tokens",  # Cohere
    "(?:input|prompt) length",  # xAI, Ollama, Alibaba
    "prompt token count",  # Copilot
    "input token count",  # Google
    "max_prompt_tokens",  # GitHub Models
    "max_new_tokens",  # TGI, Together
    r"must have less than \d+ tokens",  # TGI
    "reduce (?:the|your) (?:length|prompt|message|input)",
    "tokens?[ _]limit",  # Moonshot, GitHub Models
    "request_too_large",  # Anthropic
    "string_above_max_length",  # OpenAI
    "(?:body|payload|entity|request) too large",
    "payload size",  # Google
    "exceeds max length",  # Zhipu
    r"\btokens?\b.{0,60}\bexceed",
    r"exceed.{0,60}\btokens?\b",
    r"prompt contains \d+ tokens",  # Mistral
)
MEANINGS: tuple[tuple[Meaning, re.Pattern[str]], ...] = (
    ("too_long", _TOO_LONG),
    (
        "location",
        _any(
            "location is not supported",  # Google
            "unsupported_country",  # OpenAI
            "country, region,? or territory",
            "not (?:available|supported) in your (?:country|region|location)",
            "region is not supported",
        ),
    ),
    (
        "no_memory",
        _any(
            "system memory",  # Ollama
            "out ?of ?memory",
            "(?:insufficient|not enough) (?:gpu )?memory",
            "(?:unable|failed) to allocate",  # llama.cpp
        ),
    ),
    (
        "loading",
        _any(
            "loading model",  # llama.cpp
            "model_?loading",
            "is (?:currently |still )?loading",  # Hugging Face
            "being loaded",
            "warming up",
        ),
    ),
    (
        "old_server",
        _any(
            "newer version of",  # Ollama
            "(?:upgrade|update) ollama",
            "(?:unknown|unsupported) model architecture",  # llama.cpp
        ),
    ),
    (
        "not_pulled",
        _any(
            "try pulling",  # Ollama
            "ollama pull",
            "no models? (?:is )?loaded",  # LM Studio
            "not downloaded",
            "please load a model",
        ),
    ),
    (
        "not_chat",
        _any(
            "not a chat model",  # OpenAI
            "v1/responses",
            "v1/completions",
            "(?:not|n't) support (?:chat|generate)",  # Ollama
            "not supported for (?:chat|generatecontent)",  # Google
            "not have a chat template",  # vLLM
            "operationnotsupported",  # Azure
            "completion operation does not work",
        ),
    ),
    (
        "unknown_model",
        _any(
            "model_not_found",
            "invalid_model",  # Mistral
            "not a valid model",  # OpenRouter
            "model[_ ]not[_ ]exist",  # DeepSeek
            "unknown[_ ]model",
            "no such model",
            "no endpoints found",  # OpenRouter
            "model_not_available",  # Together
            "unable to access model",
            "decommissioned",  # Groq
            "deploymentnotfound",  # Azure
            r"\b(?:model|deployment)\b.{0,120}\b(?:not found|(?:does )?not exist|not available|no longer|retired)",
        ),
    ),
    (
        "key",
        _any(
            "(?:invalid|incorrect|wrong|missing|expired|malformed)[ _](?:x-)?(?:api|auth)[ _-]?(?:key|token)",
            "api[ _]key (?:is )?(?:invalid|not valid|not found|expired)",
            "api_key_invalid",  # Google
            "no auth credentials",  # OpenRouter
            "authentication",
        ),
    ),
    (
        "permission",
        _any("permission", "not have access", "not authorized", "access denied", "not allowed to"),
    ),
    (
        "address",
        _any(
            "unexpected endpoint",  # LM Studio, with 200
            "invalid url",  # OpenAI
            "unknown(?: request|_)?[ _]?url",  # Groq
            "page not found",  # Ollama
            "cannot post",
            "no route",
        ),
    ),
)
"""The first that fits; the more telling one stands first."""


def meaning(words: str) -> Meaning | None:
    """What a sentence in lower case says; None: nothing that is known here."""
    return next((found for found, pattern in MEANINGS if pattern.search(words)), None)
