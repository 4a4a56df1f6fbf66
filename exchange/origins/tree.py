"""What was said as a tree, whatever the ids of an export are: missing, unknown, twice, in a circle."""

from dataclasses import dataclass

from .base import Problem, Said
from .places import Place
from .reasons import Why
from .values import Keys, identifier


@dataclass(slots=True)
class _Message:
    parent: str | None
    said: list[Said]
    """What led to it, and itself; one follows the other."""
    end: str | None = None
    """The key of the last of them, or of the last before them."""


class Tree:
    """Messages by their ids, in any order."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.problems: list[Problem] = []
        self._messages: dict[str, _Message] = {}
        self._keys = Keys()

    def __bool__(self) -> bool:
        return any(message.said for message in self._messages.values())

    def tell(self, why: Why) -> None:
        """A part of it does not come over as it was. One reason is told once."""
        if all(problem.why != why for problem in self.problems):
            self.problems.append(Problem(self.place, why, lost=False))

    def add(self, id: object, parent: object, *said: Said) -> str:
        """A message of which ``said`` is all, itself the last; returns its id. It may be nothing at all. The keys are
        given here."""
        known = identifier(id)
        if known in self._messages:
            if _words(self._messages[known].said) == _words(said):
                return known
            self.tell(Why("id_twice"))
        key = self._keys.add(known, *(_words(said)))
        for one in said[:-1]:
            one.key = self._keys.add(f"{key}/{one.aside}")
        if said:
            said[-1].key = key
        self._messages[key] = _Message(identifier(parent), list(said))
        return key

    def said(self, by_time: bool = False) -> list[Said]:
        """All of it. ``by_time``: siblings are in the order of their times, where all have one, else in that in which
        they were added."""
        self._open_circles()
        for message in self._messages.values():
            before = self._end(message.parent)
            for one in message.said:
                one.parent, before = before, one.key
        every = [one for message in self._messages.values() for one in message.said]
        if by_time and all(one.at is not None for one in every):
            every.sort(key=lambda one: one.at or 0)
        return every

    def end(self, id: object) -> str | None:
        """The key of the last that a message has given; None: it is not there. To be called after ``said``."""
        known = identifier(id)
        return self._end(known) if known in self._messages else None

    def _end(self, id: str | None) -> str | None:
        passed = []
        while id in self._messages and not self._messages[id].said and self._messages[id].end is None:
            passed.append(self._messages[id])
            id = passed[-1].parent
        found = self._messages.get(id or "")
        end = (found.said[-1].key if found.said else found.end) if found else None
        for message in passed:
            message.end = end
        return end

    def _open_circles(self) -> None:
        """A message that would follow itself is a first one."""
        done: set[str] = set()
        for key in self._messages:
            path: dict[str, None] = {}
            at: str | None = key
            while at is not None and at in self._messages and at not in done and at not in path:
                path[at] = None
                at = self._messages[at].parent
            if at in path:
                self._messages[at].parent = None
                self.tell(Why("circle"))
            done.update(path)


def _words(said: tuple[Said, ...] | list[Said]) -> list[tuple[str, str, str]]:
    return [(one.by, one.text, one.input) for one in said]
