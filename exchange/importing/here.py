"""What of a thread is here already, so that only what is new of it is stored, and what differs is told."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datalayer import text
from datalayer.records import Element, Step, Thread
from datalayer.versions import Versions, kept_id, mark, told

from ..planting.threads import IMPORTED_FROM

Row = Mapping[str, Any]


@dataclass(slots=True)
class Here:
    versions: dict[str, Versions] = field(default_factory=dict)
    name: str | None = None
    folder: str | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What the thread keeps of where it comes from."""
    texts: dict[int, int] = field(default_factory=dict)
    """What its steps say, by their ids, both as hashes; its elements say 0."""

    def has(self, id: str) -> bool:
        return hash(id) in self.texts

    def differs(self, row: Row) -> bool:
        """Whether a step of this id is here and says something else. What a question said in a version that is not
        shown stands elsewhere in its thread."""
        stored = self.texts.get(hash(row["id"]))
        if stored is None or stored in (_said(row), _said({name: text.clean(row.get(name) or "") for name in TEXTS})):
            return False
        known = self.versions.get(row["id"])
        numbers = range(1, known.count + 1) if known and known.count > 1 else ()
        return _said(row) not in [self.texts.get(hash(kept_id(row["id"], number))) for number in numbers]

    def packed(self) -> "array[int]":
        """``texts`` in a tenth of the memory."""
        return array("q", (each for pair in self.texts.items() for each in pair))


TEXTS = ("output", "input")


def _said(row: Row) -> int:
    return hash(tuple(row.get(name) or "" for name in TEXTS))


def of_rows(steps: Iterable[Row], elements: Iterable[Row]) -> Here:
    """As if these were here. It knows no versions."""
    return Here(texts={hash(r["id"]): 0 for r in elements} | {hash(r["id"]): _said(r) for r in steps})


def of_stored(thread: Thread, steps: Sequence[Step], elements: Sequence[Element]) -> Here:
    found = of_rows(
        ({"id": s.id, "output": s.output, "input": s.input} for s in steps), ({"id": e.id} for e in elements)
    )
    origin = (thread.metadata or {}).get(IMPORTED_FROM)
    found.name, found.folder, found.origin = thread.name, thread.folder, origin if isinstance(origin, dict) else {}
    for step in steps:
        if step.type == "user_message" or mark(step.metadata).get("type") == "user_message":
            found.versions.setdefault(step.id, Versions(step.id, 1, (step.created_at,), (0,)))
        elif (known := told(step.metadata)) is not None:
            found.versions[known.question] = known
    return found


class Planned:
    """What a dry run would have stored, by the ids of the threads: a conversation may be in an export twice."""

    def __init__(self) -> None:
        self._texts: dict[str, array[int]] = {}

    def add(self, thread_id: str, steps: Iterable[Row], elements: Iterable[Row], before: Here | None) -> None:
        """``before``: what was here of it; the first says what counts."""
        made = of_rows(steps, elements)
        made.texts |= before.texts if before else {}
        self._texts[thread_id] = made.packed()

    def get(self, thread_id: str) -> Here | None:
        flat = self._texts.get(thread_id)
        return None if flat is None else Here(texts=dict(zip(flat[::2], flat[1::2], strict=True)))
