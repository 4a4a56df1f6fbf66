"""Threads with all that is stored of them, as values: what a person takes along, and nothing that a page needs."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .records import Blob, Element, Step, Thread, now
from .reports import Summary
from .writes import ImportThread


class Vote(NamedTuple):
    id: str
    step_id: str
    user_id: str
    """Who voted; "" where nobody logs in."""
    value: int
    comment: str | None
    created_at: int


class Call(NamedTuple):
    """What a call of a model used: a row of ``schema.usage``."""

    id: str
    user_id: str
    thread_id: str
    """Of a thread that may be gone; "" where none was kept."""
    kind: str
    model: str
    provider: str
    status: str
    fallback: str | None
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    estimated: bool
    cost: int | None
    """Billionths of a US dollar."""
    price_version: str | None
    started_at: int
    latency: int
    first_token: int | None

    @property
    def position(self) -> tuple[int, str]:
        """What ``Reads.calls`` goes on after."""
        return self.started_at, self.id


FIRST = (-(1 << 62), "")
"""The position before all calls, and all threads: a time and an id."""


class Link(NamedTuple):
    """Of the chain of a thread: a row of ``schema.links``."""

    thread_id: str
    number: int
    kind: str
    of: int | None
    at: int
    step_id: str | None
    salt: bytes | None
    digest: bytes | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class WholeThread:
    thread: Thread
    name_source: str | None
    steps: list[Step]
    """In their order, also those of a question's versions that are not shown. Without votes."""
    elements: list[Element]
    """In the order in which they came."""
    came: dict[str, int]
    """When each element came, by its id."""
    contents: dict[str, Blob]
    """Of the elements that have some, by its SHA-256, which is ``Element.blob``."""
    votes: list[Vote]
    summary: Summary | None
    calls: list[Call]
    links: list[Link] = field(default_factory=list)
    """In their order; the first says how long the chain is. Empty: there is no chain yet."""

    def as_import(self) -> ImportThread:
        """What makes the thread elsewhere, without the contents of its files, its chain, its summary and what was spent
        in it."""
        thread, user = self.thread, self.thread.user_identifier
        values = {name: getattr(thread, name) for name in _VALUES} | {"name_source": self.name_source}
        return ImportThread(
            at=now(),
            thread_id=thread.id,
            user=user,
            values=_given(values),
            steps=[_given({name: getattr(step, name) for name in _OF_STEP}) for step in self.steps],
            elements=[_given(each._asdict()) | {"created_at": self.came[each.id]} for each in self.elements],
            votes=[_given(vote._asdict()) for vote in self.votes],
        )


_VALUES = (
    *("name", "metadata", "tags", "created_at", "last_activity_at", "folder", "pinned", "archived", "status", "kind"),
    "trashed_at",
)
_OF_STEP = tuple(name for name in Step._fields if not name.startswith("vote_"))


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class Size(NamedTuple):
    steps: int
    bytes: int
    """Of what is said in them, as UTF-8."""


NO_SIZE = Size(0, 0)
