"""What led to an answer, as Open WebUI keeps it beside the answer: items of OpenAI's responses."""

from typing import Any

from ..base import Said
from ..values import fits, identifier, line, listed, mapping, plain, text, written
from .details import Block


class Output:
    def __init__(self, output: object, at: int | None) -> None:
        self.before: list[Said] = []
        """What was thought, and which tools were called."""
        self.text = ""
        self.other: list[Any] = []
        """Items that have no other place."""
        self._at = at
        self._calls: dict[str, Said] = {}
        for item in listed(output):
            self._add(item)

    def add_blocks(self, blocks: list[Block]) -> None:
        for block in blocks:
            if block.kind == "reasoning":
                self._reasoned(block.body)
            else:
                called = self._called(block.attributes.get("name") or block.kind, block.json("arguments") or block.body)
                called.text = block.json("result") or block.json("output")

    def _add(self, item: object) -> None:
        found = mapping(item)
        kind = found.get("type")
        if kind == "message":
            self.text = "\n\n".join(filter(None, (self.text, plain(found.get("content")))))
        elif kind == "reasoning":
            self._reasoned(plain(found.get("content")) or plain(found.get("summary")))
        elif kind in ("function_call", "tool_call"):
            id = identifier(found.get("call_id")) or identifier(found.get("id")) or ""
            self._calls[id] = self._called(found.get("name"), written(found.get("arguments")))
        elif kind in ("function_call_output", "tool_call_output"):
            call = self._calls.pop(identifier(found.get("call_id")) or "", None) or self._called(None, "")
            call.text = plain(found.get("output")) or written(found.get("output"))
            call.failed = found.get("status") in ("failed", "incomplete")
        elif item is not None and fits(item):
            self.other.append(item)

    def _reasoned(self, thought: str) -> None:
        if thought.strip():
            self.before.append(Said("", "assistant", thought, at=self._at, aside="reasoning"))

    def _called(self, name: object, given: str) -> Said:
        made = Said("", "tool", "", at=self._at, name=line(name), aside="tool", input=text(given))
        self.before.append(made)
        return made
