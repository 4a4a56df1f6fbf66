"""Who speaks in a transcript: lines such as ``## User``, ``**You:**``, ``ChatGPT said:``, and which of them count."""

import re
from dataclasses import dataclass

from .base import SpokenBy
from .markdown_lines import Lines
from .values import moment

_NAMES: dict[SpokenBy, tuple[str, ...]] = {
    "user": (
        *("user", "you", "me", "human", "prompt", "question", "myself", "utilisateur", "utilisatrice", "vous", "toi"),
        *("moi", "ich", "du", "benutzer", "usuario", "tú", "yo", "você", "tu", "io", "用户", "我", "あなた"),
    ),
    "assistant": (
        *("assistant", "ai", "bot", "chatbot", "model", "llm", "response", "answer", "reply", "réponse", "antwort"),
        *("asistente", "assistente", "chatgpt", "claude", "gemini", "bard", "copilot", "grok", "deepseek"),
        *("perplexity", "le chat", "mistral", "meta ai", "open webui", "threadkeep", "助手", "アシスタント"),
    ),
    "system": ("system", "system prompt", "instructions", "custom instructions", "système"),
    "tool": ("tool", "function", "tool call", "tool result", "outil"),
}
_BY = {name: by for by, names in _NAMES.items() for name in names}
_MODEL = re.compile(r"(gpt|chatgpt|claude|gemini|llama|mistral|mixtral|deepseek|qwen|grok|gemma|phi|o[1-9])[-\w.:/ ]*")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.{1,200}?)[ \t]*#*[ \t]*$")
_BOLD = re.compile(r"(?:[-*] )?(\*\*|__)(.{1,100}?)(:?)\1(:?)(?:[ \t]+(.*))?$")
_PLAIN = re.compile(r"(\w[\w .-]{0,40}):(?:[ \t]+(.*))?$")
_TIME = re.compile(
    r"^(.*?)[\s·•|,@(\[–—-]*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s?(Z|UTC|[+-]\d\d:?\d\d)?[)\]]?$"
)
_SAID = re.compile(r"\s+(said|says|a dit|sagte|dijo)$", re.IGNORECASE)
_INSIDE = re.compile(r"^(.*?)\s*[(\[](.{1,80})[)\]]$")
_LONGEST = 300
"""Characters of a heading."""
_AROUND = re.compile(r"^[\W_]+|[\s:*_`]+$")


@dataclass(frozen=True, slots=True)
class Speaker:
    by: SpokenBy
    name: str
    model: str | None = None
    at: int | None = None
    zone: bool = True
    """Whether a time that it has says of which zone it is."""


@dataclass(frozen=True, slots=True)
class Mark:
    line: int
    kind: tuple[str, int]
    """How it is written, and the level of a heading."""
    speaker: Speaker
    rest: str = ""
    """What it says on the same line."""


def speaker(label: str) -> Speaker | None:
    """Of ``You said:``, ``🤖 Assistant (gpt-4o) · 2026-05-01 10:00``; None: it names nobody."""
    at, zone = None, True
    if timed := _TIME.match(label):
        label, zone = timed[1], timed[3] is not None
        at = moment(timed[2].replace(" ", "T") + (timed[3] or "Z").replace("UTC", "Z"))
    label = _AROUND.sub("", _AROUND.sub("", label.strip()))
    model = None
    if (inside := _INSIDE.match(label)) and not label.startswith("("):
        label, model = _AROUND.sub("", inside[1]), inside[2]
    label = _SAID.sub("", label).strip()
    by = _BY.get(label.casefold())
    if by is None and _MODEL.fullmatch(label.casefold()):
        by, model = "assistant", model or label
    return Speaker(by, label, model if by == "assistant" else None, at, zone) if by else None


def marks(lines: Lines) -> list[Mark]:
    """Where somebody begins to speak, in the way in which this transcript tells it; none where it is no transcript.

    The first way in which both a person and a model speak counts, and of headings the level at which each of them does
    so first: what they say may have such lines of its own.
    """
    found = [mark for at, line in lines if (mark := _mark(at, line))]
    for way in dict.fromkeys(mark.kind[0] for mark in found):
        some = [mark for mark in found if mark.kind[0] == way]
        kinds: dict[SpokenBy, tuple[str, int]] = {}
        for mark in some:
            kinds.setdefault(mark.speaker.by, mark.kind)
        if {"user", "assistant"} <= kinds.keys() and (way != "plain" or _opens(lines, some[0])):
            spoken = {kinds["user"], kinds["assistant"]}
            return [m for m in some if m.kind == kinds[m.speaker.by] and m.kind in spoken]
    return []


def _opens(lines: Lines, mark: Mark) -> bool:
    """Whether nothing stands before it but a title."""
    return all(not line.strip() or line.startswith("#") for line in lines.lines[lines.first : mark.line])


def _mark(at: int, line: str) -> Mark | None:
    if line[:1] == "#":
        found = _HEADING.match(line) if len(line) < _LONGEST else None
        who = speaker(found[2]) if found else None
        return Mark(at, ("heading", len(found[1])), who) if found and who else None
    if line[:2] in ("**", "__", "- ", "* "):
        found = _BOLD.match(line)
        rest = (found[5] or "") if found else ""
        if found and (found[3] or found[4] or not rest.strip() or _TIME.match(f"x {rest[:_LONGEST]}")):
            timed = not (found[3] or found[4]) and rest
            who = speaker(f"{found[2]} {rest}" if timed else found[2])
            return Mark(at, ("bold", 0), who, "" if timed else rest) if who else None
        return None
    if (found := _PLAIN.match(line)) and (who := speaker(found[1])):
        return Mark(at, ("plain", 0), who, found[2] or "")
    return None
