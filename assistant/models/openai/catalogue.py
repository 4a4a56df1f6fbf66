"""Which of the models that an OpenAI-compatible server lists can chat, and what they read.

Always true: an odd entry costs nothing but itself.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..base import ModelInfo, ModelUnavailable, Takes

OPENAIS: Takes = frozenset({"image", "gif", "pdf"})
_IMAGES: Takes = OPENAIS - {"pdf"}

# Most servers do not say what a model is for: those that only embed, draw, speak, listen or judge are listed, too.
_NOT_CHAT = re.compile(
    "embed|whisper|tts|dall-e|moderation|image|audio|realtime|transcri|translat|davinci|babbage|sora|rerank|instruct-0914"
    "|gpt-3[.]5-turbo-instruct|guard\\b|-ocr|speech|voxtral|orpheus|playai|stable-diffusion|flux|\\bbge-|all-minilm"
    "|\\be5-|\\bgte-|reward|veo-|imagen|video",
    re.IGNORECASE,
)
# Asked by another protocol of OpenAI's: https://platform.openai.com/docs/models, November 2025.
_RESPONSES_ONLY = re.compile(r"(openai/)?(o\d(-mini)?-(pro|deep-research)|gpt-5[.\d]*-(pro|codex)|codex-|computer-use)")
_KINDS = re.compile("chat|llm|vlm|language|text-generation|code", re.IGNORECASE)
_SEES_ALL = re.compile("gpt-4o|gpt-4[.]1|gpt-5|^o3|^o4|/o3|/o4", re.IGNORECASE)
_SEES = re.compile("vision|llava|-vl|vl:|pixtral|gemma-?3|minicpm-v", re.IGNORECASE)
_WINDOWS = ("context_length", "max_model_len", "context_window", "max_context_length", "loaded_context_length")


def listed(answer: Any) -> list[ModelInfo]:
    """What can chat, each name once, in the server's order. Raises ModelUnavailable for what is no list."""
    entries = answer
    if isinstance(answer, dict):
        entries = next((answer[key] for key in ("data", "models") if answer.get(key)), answer.get("data", ()))
    if not isinstance(entries, list | tuple | None):
        raise ModelUnavailable("not a list of models")
    names = [entry for entry in entries or () if isinstance(entry, dict | str | int)]
    if entries and not names:
        raise ModelUnavailable("not a list of models")
    found: dict[str, ModelInfo] = {}
    for entry in names:
        if info := _model(entry if isinstance(entry, dict) else {"id": entry}):
            found.setdefault(info.name, info)
    return list(found.values())


def _model(entry: Mapping[str, Any]) -> ModelInfo | None:
    """None: it has no name, or cannot chat."""
    name = next((str(entry[key]) for key in ("id", "name", "model") if isinstance(entry.get(key), str | int)), "")
    if not 0 < len(name) <= 200 or not name.isprintable() or not _chats(name, entry):
        return None
    label = entry.get("name") or entry.get("display_name")
    return ModelInfo(name, label if isinstance(label, str) and label else name, _window(entry), _takes(name, entry))


def _chats(name: str, entry: Mapping[str, Any]) -> bool:
    for can_chat in _what_servers_say(entry):
        return can_chat
    return not (_NOT_CHAT.search(name) or _RESPONSES_ONLY.match(name))


def _what_servers_say(entry: Mapping[str, Any]) -> Iterator[bool]:
    """What servers say of what a model can do: Mistral, Azure, Fireworks, OpenRouter, Together, LM Studio."""
    can = _dict(entry.get("capabilities"))
    for value in (can.get("completion_chat"), can.get("chat_completion"), entry.get("supports_chat")):
        if isinstance(value, bool):
            yield value
    makes = _dict(entry.get("architecture")).get("output_modalities")
    if isinstance(makes, list) and ("text" not in makes or _NOT_CHAT.search(str(entry.get("id")))):
        yield False
    kind = entry.get("type") or entry.get("task")
    if isinstance(kind, str) and kind != "model" and not _KINDS.search(kind):
        yield False


def _window(entry: Mapping[str, Any]) -> int | None:
    """OpenRouter, vLLM, Groq and LM Studio each have their word for it, llama.cpp a place of its own; OpenAI does not
    say."""
    sizes = [entry.get(word) for word in _WINDOWS] + [_dict(entry.get("meta")).get("n_ctx_train")]
    numbers = (int(size) for size in sizes if isinstance(size, int) or (isinstance(size, str) and size.isdecimal()))
    return next((number for number in numbers if 0 < number < 10**9), None)


def _takes(name: str, entry: Mapping[str, Any]) -> Takes:
    given = _dict(entry.get("architecture")).get("input_modalities")
    if isinstance(given, list):
        kinds: Takes = _IMAGES if "image" in given else Takes()
        return kinds | {"pdf"} if "file" in given else kinds
    if _SEES_ALL.search(name):
        return OPENAIS
    return _IMAGES if _SEES.search(name) or _dict(entry.get("capabilities")).get("vision") is True else Takes()


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
