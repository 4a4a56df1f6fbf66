"""Conversations of products whose exports do not say which questions belong together.

A pause of half an hour parts them: what is asked sooner mostly goes on with what was said. A question a conversation
would lose what answers refer to; a conversation a day would mix what has nothing to do with each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from .base import Said
from .places import Place

PAUSE = 30 * 60 * 1_000_000
"""Microseconds."""
_MOST = 2_000
"""Turns of a conversation, so that memory is bounded where there is no pause."""
_LOOK = 500
Whose = TypeVar("Whose")


@dataclass(slots=True)
class Turn:
    """A question with its answers, or something else that an export has in their place."""

    key: str
    at: int | None
    """UTC microseconds; None: not known, so it stands alone."""
    place: Place
    said: list[Said]
    """What is shown is the first, and the first that follows it, and so on."""
    spoken: bool = True
    """False: it is no question, so it makes no conversation of its own."""


class Pauses(Generic[Whose]):
    """Turns in the order of their times or against it, of several people or places one between the other."""

    def __init__(self, newest_first: bool = False) -> None:
        """``newest_first``: which order it is where all times are the same."""
        self._newest_first = newest_first
        self._open: dict[Whose, list[Turn]] = {}
        self._count = 0

    def add(self, whose: Whose, turn: Turn) -> Iterator[tuple[Whose, list[Turn]]]:
        """Those that belong together and are complete, the oldest first, and whose they are."""
        self._count += 1
        if turn.at is None:
            yield whose, [turn]
            return
        before = self._open.setdefault(whose, [])
        if before and (len(before) >= _MOST or _parts(before, turn)):
            yield whose, self._in_order(self._open.pop(whose))
        self._open.setdefault(whose, []).append(turn)
        if self._count % _LOOK == 0:
            yield from self._close([key for key, turns in self._open.items() if _parts(turns, turn)])

    def rest(self) -> Iterator[tuple[Whose, list[Turn]]]:
        """All others, at the end."""
        yield from self._close(list(self._open))

    def _close(self, keys: list[Whose]) -> Iterator[tuple[Whose, list[Turn]]]:
        for key in keys:
            yield key, self._in_order(self._open.pop(key))

    def _in_order(self, turns: list[Turn]) -> list[Turn]:
        """What is of the same moment stays in the order of the export, turned round where that is."""
        first, last = turns[0].at or 0, turns[-1].at or 0
        if first > last or (first == last and self._newest_first):
            turns.reverse()
        return sorted(turns, key=lambda turn: turn.at or 0)


def _parts(turns: list[Turn], turn: Turn) -> bool:
    """Whether a pause lies between them."""
    return abs((turn.at or 0) - (turns[-1].at or 0)) > PAUSE
