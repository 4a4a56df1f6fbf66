"""JSON Lines in OpenAI's chat format: a conversation a line, as chat models are trained and evaluated with.

``{"messages": [{"role": "system" | "user" | "assistant", "content": …, "weight": 0 | 1}, …], "metadata": {…}}``.
A vote is kept twice: as ``weight`` of the answer, by which training leaves out what was bad, and in ``metadata.votes``
with its comment, by the number of the message. Left out are errors, commands, versions that are not shown, files.
"""

import json
from typing import Any

from datalayer.records import to_iso
from datalayer.whole import WholeThread

from ..transcript import Said, Transcript, models, system_prompt
from .base import About


class Jsonl:
    ending, mime, has_references, separator = ".jsonl", "application/jsonl", False, ""

    def head(self, about: About) -> str:
        return ""

    def add(self, whole: WholeThread, about: About) -> str:
        said = [each for each in Transcript(whole, about.to).said if _is_for_models(each)]
        if not said:
            return ""
        told = [{"role": "system", "content": prompt}] if (prompt := system_prompt(whole)) else []
        messages: list[dict[str, Any]] = [*told, *map(_message, said)]
        votes = [_vote(each, number) for number, each in enumerate(said, len(told)) if each.vote]
        line = {"messages": messages, "metadata": _metadata(whole) | ({"votes": votes} if votes else {})}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"

    def tail(self) -> str:
        return ""


def _is_for_models(said: Said) -> bool:
    """No error, and nothing that searches leave out: no answer that was made without a model."""
    apart = said.step.is_error or (said.step.metadata or {}).get("unsearched")
    return bool(said.text.strip()) and not apart


def _message(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "user" if said.own else "assistant", "content": said.text}
    return message | ({"weight": said.vote.value} if said.vote and not said.own else {})


def _vote(said: Said, number: int) -> dict[str, Any]:
    assert said.vote
    found: dict[str, Any] = {"message": number, "value": said.vote.value}
    return found | ({"comment": said.vote.comment} if said.vote.comment else {})


def _metadata(whole: WholeThread) -> dict[str, Any]:
    thread = whole.thread
    about = {
        "thread": thread.id,
        "author": thread.user_identifier,
        "title": thread.name,
        "created_at": to_iso(thread.created_at),
        "folder": thread.folder,
        "tags": thread.tags,
        "models": models(whole),
    }
    return {name: value for name, value in about.items() if value}
