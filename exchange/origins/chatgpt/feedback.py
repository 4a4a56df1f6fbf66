"""The votes of a ChatGPT export, which lie in a file of their own."""

from dataclasses import dataclass
from typing import Any

from ..base import Source
from ..places import Place
from ..values import identifier, line, listed, mapping, rest, text

_UP, _DOWN = ("thumbsup", "up", "positive"), ("thumbsdown", "down", "negative")
_MESSAGE, _CONVERSATION = ("message_id", "id"), ("conversation_id",)
_KNOWN = (*_MESSAGE, *_CONVERSATION, "rating", "content", "text", "user_id")


@dataclass(slots=True)
class Vote:
    value: int
    comment: str | None
    rest: dict[str, Any]


Votes = dict[tuple[str, str], Vote]
"""By the ids of the conversation, "" where it is not said, and of the message."""


def votes(source: Source) -> Votes:
    found = Votes()
    for member in source.members:
        if member.rpartition("/")[2].lower() == "message_feedback.json":
            for each in map(mapping, listed(source.json(member))):
                _add(each, found)
    return found


def _add(of: dict[str, Any], found: Votes) -> None:
    rating = text(of.get("rating")).lower().replace("_", "").replace("-", "")
    value = 1 if rating in _UP else 0 if rating in _DOWN else None
    conversation = identifier(of.get("conversation_id")) or ""
    keys = [key for name in _MESSAGE if (key := identifier(of.get(name)))]
    if value is not None and keys:
        # Some exports have the message's id as that of the vote.
        comment = line(of.get("text")) or line(mapping(of.get("content")).get("text")) or line(of.get("content"))
        found[conversation, keys[0]] = Vote(value, comment, rest(of, _KNOWN, Place())[0])
