"""The messages of a ChatGPT conversation. Its mapping has nodes, and not each is a message that somebody has seen."""

from collections import defaultdict
from typing import Any

from ..base import Problem, Said, SpokenBy
from ..content import of_part
from ..places import Place
from ..reasons import Why
from ..values import ODD_TIME, fits, flag, identifier, is_odd_time, line, mapping, moment, rest, text
from .assets import Assets
from .content import Content, content_of

_ROLES: dict[str, SpokenBy] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}
_REASONING = ("thoughts", "reasoning_recap")
_INSTRUCTIONS = ("user_editable_context", "model_editable_context")
_HIDDEN = "is_visually_hidden_from_conversation"
# What each message has, and means nothing outside of the product.
_NOISE = (
    "timestamp_",
    "message_type",
    "parent_id",
    "request_id",
    "can_save",
    "turn_exchange_id",
    "user_context_message_data",
)
_KNOWN = frozenset((*_NOISE, _HIDDEN, "model_slug", "attachments", "is_user_system_message", "default_model_slug"))
_LONGEST = 200
_FINISHED = "finished_successfully"


class Messages:
    """``model``: that of the conversation, for answers that name none."""

    def __init__(self, place: Place, model: str | None, assets: Assets) -> None:
        self._place, self._model, self._assets = place, model, assets
        self._parents = dict[str, str | None]()
        self._said = dict[str, Said]()
        self.problems: list[Problem] = []

    def read(self, nodes: dict[str, Any]) -> list[Said]:
        for key, node in nodes.items():
            for child in mapping(node).get("children") or ():
                if isinstance(child, str):
                    self._parents.setdefault(child, key)  # where the child itself says nothing
        for key, node in nodes.items():
            if parent := identifier(mapping(node).get("parent")):
                self._parents[key] = parent
            if message := mapping(mapping(node).get("message")):
                self._read(key, message)
        for key, said in self._said.items():
            said.parent = self.shown(self._parents.get(key), set([key]))
        if any(file.member is None for said in self._said.values() for file in said.files):
            self.problems.append(Problem(self._place, Why("files_by_name"), lost=False))
        return self._in_order()

    def shown(self, key: str | None, seen: set[str] | None = None) -> str | None:
        """The message at this node, or the next one above it; None: there is none."""
        way = seen or set()
        while key is not None and key not in self._said:
            if key in way:
                return None
            way.add(key)
            key = self._parents.get(key)
        return key

    def _in_order(self) -> list[Said]:
        """Siblings by their times, where all of them have one."""
        families: defaultdict[str | None, list[Said]] = defaultdict(list)
        for said in self._said.values():
            families[said.parent].append(said)
        for family in families.values():
            if len(family) > 1 and all(said.at is not None for said in family):
                family.sort(key=lambda said: said.at or 0)
        return [said for family in families.values() for said in family]

    def _read(self, key: str, message: dict[str, Any]) -> None:
        metadata, content = mapping(message.get("metadata")), content_of(message, self._assets)
        role = text(mapping(message.get("author")).get("role"))
        if content.is_empty and not content.unknown:
            return  # a root, or an answer that was cut off before it began
        if content.unknown:
            self._tell(of_part(content.unknown, kept=True))
        if not role and line(metadata.get("model_slug")):
            role = "assistant"
        said = Said(key, _ROLES.get(role, "system"), content.text, at=moment(message.get("create_time")))
        said.files, said.failed = content.files, content.kind == "system_error"
        said.name = line(mapping(message.get("author")).get("name"))
        self._place_among(said, message, metadata, content)
        if said.by == "assistant":
            said.model = line(metadata.get("model_slug")) or self._model
        said.metadata = self._kept(message, metadata, content)
        if said.at is None and is_odd_time(message.get("create_time")):
            said.metadata["create_time"] = message["create_time"] if fits(message["create_time"]) else None
            self._tell(ODD_TIME)
        self._said[key] = said

    def _tell(self, why: Why) -> None:
        """Once."""
        if (problem := Problem(self._place, why, lost=False)) not in self.problems:
            self.problems.append(problem)

    def _place_among(self, said: Said, message: dict[str, Any], metadata: dict[str, Any], content: Content) -> None:
        """Whether it is a message of the conversation, or what led to one."""
        recipient, channel = text(message.get("recipient")) or "all", text(message.get("channel"))
        weight = message.get("weight")
        if content.kind in _REASONING or (said.by == "assistant" and channel == "analysis"):
            said.aside, said.text = "reasoning", content.text
        elif content.kind in _INSTRUCTIONS or said.by == "system":
            said.by, said.aside = "system", "hidden"
        elif said.by == "tool" and content.pictures and not flag(metadata.get(_HIDDEN)):
            said.by = "assistant"  # people see a picture that a tool has made as an answer
        elif said.by == "tool":
            said.aside = "tool"
        elif said.by == "assistant" and recipient != "all":
            said.aside, said.name, said.input, said.text = "tool", line(recipient), content.plain, ""
        elif flag(metadata.get(_HIDDEN)) or (weight == 0 and isinstance(weight, (int, float))):
            said.aside = "hidden"

    def _kept(self, message: dict[str, Any], metadata: dict[str, Any], content: Content) -> dict[str, Any]:
        kept, problems = rest(metadata, _KNOWN, self._place)
        self.problems += problems
        role = text(mapping(message.get("author")).get("role"))
        if role not in _ROLES:
            kept |= {"role": role[:_LONGEST]} if role else {}
            self._tell(Why("role_odd"))
        if content.marks:
            kept["marks"] = content.marks if fits(content.marks) else None
            self._tell(Why("marks_kept"))
        if content.rest:
            kept["content"] = content.rest
        if (status := line(message.get("status"))) and status != _FINISHED:
            kept["status"] = status
        if (channel := line(message.get("channel"))) and channel != "final":
            kept["channel"] = channel
        return kept
