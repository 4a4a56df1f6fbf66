"""What became of an import: how much was read and stored, and what was not and why."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from ..origins.base import Problem
from ..origins.places import Place
from ..origins.reasons import Why

_MOST = 200
"""Problems that are told with their place; the others are counted."""
_PLACES = 3
_CAME = 10


@dataclass(slots=True)
class Note:
    """Something that is so with several conversations, and costs none of them."""

    why: Why
    count: int = 0
    places: list[Place] = field(default_factory=list)
    """The first three."""


@dataclass(slots=True)
class Report:
    origin: str | None = None
    """The product, as people know it; None: nobody knows what this is."""
    dry_run: bool = False
    """Nothing was stored: all below is what would have become of it."""
    read: int = 0
    """Conversations that could be read."""
    new: int = 0
    added: int = 0
    """Were there, and something new of them came."""
    there: int = 0
    """Were there already, all of them."""
    deleted: int = 0
    """Were deleted here by somebody, and stay so."""
    messages: int = 0
    """That came, of the new ones and of those that were there."""
    files: int = 0
    """That came, with their content."""
    lost_files: int = 0
    """Of which the name came, and no content."""
    skipped: int = 0
    """Conversations, or what should have been some, that did not come."""
    problems: list[Problem] = field(default_factory=list)
    """Why, and where: the first 200."""
    came: list[tuple[str, str | None]] = field(default_factory=list)
    """Ids and names of the first ten that came, in the order of the export."""
    notes: dict[Why, Note] = field(default_factory=dict)
    """What else is worth knowing, by its reason."""
    authors: Counter[str] = field(default_factory=Counter)
    """How many conversations came for whom, by their identifiers ("" for nobody), where that was asked for."""

    @property
    def stored(self) -> int:
        return self.new + self.added

    def show(self, thread_id: str, name: str | None) -> None:
        if len(self.came) < _CAME:
            self.came.append((thread_id, name))

    def tell(self, problem: Problem) -> None:
        if problem.lost:
            self.skipped += 1
            if len(self.problems) < _MOST:
                self.problems.append(problem)
        elif problem.why in self.notes or len(self.notes) < _MOST:
            note = self.notes.setdefault(problem.why, Note(problem.why))
            note.count += 1
            if len(note.places) < _PLACES:
                note.places.append(problem.place)

    def as_json(self) -> dict[str, Any]:
        """Places and reasons in English; of a reason also its ``key``, which stays when its words change."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        problems = [{"place": str(each.place), **_as_json(each.why), "lost": each.lost} for each in self.problems]
        notes = [
            {**_as_json(each.why), "count": each.count, "places": [str(place) for place in each.places]}
            for each in self.notes.values()
        ]
        return found | {"problems": problems, "notes": notes, "authors": dict(self.authors)}


def _as_json(why: Why) -> dict[str, str]:
    return {"why": str(why), "key": why.key}
