"""Which of the models that Anthropic lists are offered, and what they read. All of them chat."""

from typing import Any

from ..base import ModelInfo, ModelUnavailable, Takes

ANTHROPICS: Takes = frozenset({"image", "gif", "pdf"})
"""https://platform.claude.com/docs/en/build-with-claude/vision"""


def listed(answer: Any) -> list[ModelInfo]:
    """Raises ModelUnavailable for what is no list."""
    entries = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(entries, list) or (entries and not any(isinstance(each, dict) for each in entries)):
        raise ModelUnavailable("not a list of models")
    found: dict[str, ModelInfo] = {}
    for entry in entries:
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and 0 < len(name) <= 200 and entry.get("lifecycle") != "retired":
            found.setdefault(name, _model(name, entry))
    return list(found.values())


def _model(name: str, entry: dict[str, Any]) -> ModelInfo:
    label, window = entry.get("display_name"), entry.get("max_input_tokens")
    can = entry.get("capabilities")
    takes = ANTHROPICS
    if isinstance(can, dict):
        refused = {kind for kind in ("image", "pdf") if _refuses(can.get(f"{kind}_input"))}
        takes = takes - refused - ({"gif"} if "image" in refused else set())
    known = isinstance(window, int) and not isinstance(window, bool) and window > 0
    return ModelInfo(name, label if isinstance(label, str) and label else name, window if known else None, takes)


def _refuses(capability: Any) -> bool:
    return isinstance(capability, dict) and capability.get("supported") is False
