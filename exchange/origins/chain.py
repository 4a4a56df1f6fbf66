"""What was said one after the other, and what led to it: for products that keep a list, not a tree."""

from typing import Any

from .base import Problem, Said, SpokenBy
from .content import Call, Content
from .places import Place
from .reasons import Why
from .values import Keys

ROLES: dict[str, SpokenBy] = {
    **dict.fromkeys(("user", "human", "you", "humanmessage", "humanmessagechunk"), "user"),
    **dict.fromkeys(("assistant", "ai", "model", "bot", "gpt", "aimessage", "aimessagechunk"), "assistant"),
    **dict.fromkeys(("system", "developer", "systemmessage"), "system"),
    **dict.fromkeys(("tool", "function", "toolmessage", "functionmessage", "observation"), "tool"),
}
"""By what it is called in small letters."""


class Chain:
    def __init__(self, place: Place) -> None:
        self.place = place
        self.said: list[Said] = []
        self.problems: list[Problem] = []
        self.last: str | None = None
        """The key of what the next one follows."""
        self._keys = Keys()
        self._open: dict[str, Said] = {}
        """Calls of tools whose result has not come, by their ids."""

    def add(self, said: Said) -> Said:
        """``said`` as what follows the last; its key gets a number if it is taken."""
        said.key = self._keys.add(said.key)
        said.parent, self.last = self.last, said.key
        self.said.append(said)
        return said

    def message(self, said: Said, content: Content) -> None:
        """What has been said with this content: what was thought before it, itself, and what was called by it."""
        self.problems += content.problems
        for number, thought in enumerate(content.reasoning):
            key = f"{said.key}/reasoning{number or ''}"
            self.add(Said(key, "assistant", thought, at=said.at, model=said.model, aside="reasoning"))
        said.text = said.text or content.text
        said.files += content.files
        if content.other:
            said.metadata["parts"] = content.other
        if said.by == "system":
            said.aside = "hidden"
        if said.text.strip() or said.files or said.metadata.get("parts") or (said.by == "user" and not content.calls):
            self.add(said)
        elif not (content.calls or content.reasoning):
            self.problems.append(Problem(self.place, Why("message_empty"), lost=False))
        for number, call in enumerate(content.calls):
            self.tool(call, f"{said.key}/call{number or ''}", said.at)

    def tool(self, call: Call, key: str, at: int | None = None, metadata: dict[str, Any] | None = None) -> None:
        """A call, or the result of one before it."""
        if call.output is not None and call.id and (before := self._open.pop(call.id, None)):
            before.text, before.failed = call.output, call.failed
            before.metadata |= metadata or {}
            return
        made = Said(key, "tool", call.output or "", at=at, name=call.name, aside="tool", input=call.input)
        made.failed, made.metadata = call.failed, ({"call_id": call.id} if call.id else {}) | (metadata or {})
        self.add(made)
        if call.output is None and call.id:
            self._open[call.id] = made
