"""What of a long thread is shown, and what is to be shown besides, as values."""

from dataclasses import dataclass
from typing import Literal

from .records import Element, Step, Thread

Point = tuple[int, int]
"""Where a step stands in its thread: created_at and seq."""
BEGINNING: Point = (-(1 << 63), 0)


@dataclass(frozen=True, slots=True)
class View:
    """Which steps of a thread are shown: those from ``since`` on, and perhaps some further up."""

    since: Point = BEGINNING
    upper: tuple[Point, Point] | None = None
    """From the first point on, not up to the second, which is before ``since``."""

    @property
    def first(self) -> Point:
        return self.upper[0] if self.upper else self.since


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be shown besides."""

    more: Literal["earlier", "later"] | None = None
    """Before the first step that is shown; or where some further up end."""
    at: str | None = None
    """Id of a step, with some before and after it."""
    back_to: str | None = None
    """Id of a step, and all after it."""


NOTHING_MORE = Wish()


@dataclass(frozen=True, slots=True)
class Part:
    """What ``view`` shows of a thread, at one moment; all steps oldest first."""

    thread: Thread
    view: View
    steps: list[Step]
    """Those from ``view.since`` on."""
    upper: list[Step]
    """Those of ``view.upper``."""
    elements: list[Element]
    """Those of all these steps, and those of none."""
    hidden: bool
    """Whether steps of the type that was to be left out were, from ``view.since`` on."""


@dataclass(frozen=True, slots=True)
class More:
    """What ``view`` shows and the one before it did not, at one moment; oldest first. Ids are those of messages without
    a parent, None: there is none."""

    thread: Thread
    view: View
    steps: list[Step]
    elements: list[Element]
    """Those of these steps, and those of none."""
    before: str | None
    """The one that they stand before."""
    first: str | None
    """The first that is shown."""
    until: str | None
    """The first that is not shown after it."""
    since: str | None
    """The first of the end, from ``view.since`` on."""
