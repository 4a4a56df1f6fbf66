"""I9: a part of a long thread costs what it shows, however long the thread is.

It begins at a message without a parent, so that no turn is torn, and has the parents of its steps, unless they are far
above.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Select, bindparam, func, or_, select, tuple_

from .. import dialects
from ..dialects.base import Row, T
from ..dialects.expressions import listed
from ..records import Element, Step
from ..schema import MESSAGES, elements, steps
from ..views import BEGINNING, More, Part, Point, View, Wish
from .queries import ELEMENTS, STEPS, thread

_END: Point = ((1 << 63) - 1, 0)
_MOST_STEPS, _MOST_MESSAGES = 5, 2
"""Times as many as messages are wanted: so many steps are enough, and no further up are parents looked for."""
_NO_TYPE = "∅"
"""No step has it."""

_HERE = steps.c.thread_id == bindparam("thread")
_SHOWN = func.coalesce(steps.c.type, "") != bindparam("hidden")
_ORDER = (steps.c.created_at, steps.c.seq)


def _from(name: str) -> Any:
    """The first condition says no more than the second, but of an index that MySQL can use."""
    at, seq = bindparam(name, type_=BigInteger), bindparam(f"{name}_seq", type_=BigInteger)
    return (steps.c.created_at >= at) & (tuple_(*_ORDER) >= tuple_(at, seq))


def _until(name: str) -> Any:
    at, seq = bindparam(name, type_=BigInteger), bindparam(f"{name}_seq", type_=BigInteger)
    return (steps.c.created_at <= at) & (tuple_(*_ORDER) < tuple_(at, seq))


_WALKED: Select[Any] = (
    select(steps.c.id, steps.c.parent_id, steps.c.type, *_ORDER)
    .where(_HERE, _SHOWN)
    .limit(bindparam("size", type_=Integer))
)
_BACK = _WALKED.where(_until("until")).order_by(*(column.desc() for column in _ORDER))
_ON = _WALKED.where(_from("since")).order_by(*_ORDER)
_POINT: Select[Any] = select(*_ORDER).where(_HERE, steps.c.id == bindparam("step"))
_RANGE = STEPS.where(_HERE, _SHOWN, _from("since"), _until("until")).order_by(*_ORDER)
_SOME_HIDDEN: Select[Any] = (
    select(steps.c.seq)
    .where(_HERE, steps.c.type == bindparam("hidden"), _from("since"))
    .limit(bindparam("size", type_=Integer))
)
_SHOWN_WITH = ELEMENTS.where(
    elements.c.thread_id == bindparam("thread"),
    elements.c.trashed_at == 0,
    or_(func.coalesce(elements.c.for_id, "") == "", elements.c.for_id.in_(listed("steps"))),
).order_by(elements.c.created_at, elements.c.id)


def part(
    connection: Connection,
    thread_id: str,
    view: View | None,
    wish: Wish,
    count: int,
    hidden: str | None,
    trashed: bool = False,
) -> Part | None:
    """What ``view`` shows with what is wished for: the last ``count`` messages at least, and as many more at each wish.
    None when there is no such thread; ``trashed``: in the trash there may be."""
    if (found := thread(connection, thread_id, trashed)) is None:
        return None
    here = _Thread(connection, thread_id, count, hidden or _NO_TYPE)
    view = here.wished(view, wish)
    end = here.steps(view.since, _END)
    upper = here.steps(*view.upper) if view.upper else []
    return Part(found, view, end, upper, here.elements(upper + end), here.some_hidden(view.since))


def more(
    connection: Connection,
    thread_id: str,
    view: View,
    wish: Wish,
    count: int,
    hidden: str | None,
    most: int,
    trashed: bool = False,
) -> More | None:
    """What is shown besides when ``wish.more`` is wished for. Of more than ``most`` messages those that are furthest
    from it are no longer shown. None when there is no such thread; ``trashed``: in the trash there may be."""
    if (found := thread(connection, thread_id, trashed)) is None:
        return None
    here = _Thread(connection, thread_id, count, hidden or _NO_TYPE)
    new = here.wished(view, wish)
    if new.upper:  # its end stays as it is, although some of it may have been removed
        new = View(view.since, new.upper)
    new = here.bounded(new, wish, most)
    last = new.upper[1] if new.upper else _END
    begins, before = new.first, view.first
    if wish.more == "later":
        begins, before = view.upper[1] if view.upper else view.since, view.since
    steps = here.steps(max(begins, new.first), min(last, before))
    ids = (here.message(point) for point in (before, new.first, last, new.since))
    return More(found, new, steps, here.elements(steps), *ids)


@dataclass(frozen=True, slots=True)
class _Thread:
    connection: Connection
    id: str
    count: int
    hidden: str
    """The type that is left out."""

    def wished(self, view: View | None, wish: Wish) -> View:
        since, upper = self.back(_END), view.upper if view else None
        if view is not None:  # what was removed since then may have been all that it showed
            since = min(since, view.since)
        if wish.back_to is not None and (point := self.point(wish.back_to)) is not None:
            since = min(since, point)
        point = self.point(wish.at) if wish.at is not None else None
        if point is not None and point < since and not (upper and upper[0] <= point < upper[1]):
            upper = self.back((point[0], point[1] + 1)), self.on(point)
        if wish.more == "earlier" and upper is None:
            since = self.back(since)
        elif wish.more is not None and upper is not None:
            first, last = upper
            upper = (self.back(first), last) if wish.more == "earlier" else (first, self.on(last))
        if upper is not None and upper[1] >= since:
            since, upper = min(upper[0], since), None
        return View(since, upper)

    def bounded(self, view: View, wish: Wish, most: int) -> View:
        """``view`` with no more than ``most`` messages, besides whole turns and the last ``count``."""
        if wish.more == "later":
            first = max(view.first, self.back(view.upper[1] if view.upper else _END, most))
            return View(view.since, (first, view.upper[1])) if view.upper else View(first)
        end = self.on(view.first, most)
        since = view.since if view.upper else max(view.since, self.back(_END))
        if end >= since:
            return view
        return View(since, (view.first, min(end, view.upper[1]) if view.upper else end))

    def message(self, since: Point) -> str | None:
        """Id of the first message without a parent from ``since`` on."""
        walked = self._walk(_ON, "since", since)
        return next((id for id, parent, type, *_ in walked if type in MESSAGES and parent is None), None)

    def back(self, until: Point, count: int = 0) -> Point:
        """Where the ``count`` messages before ``until`` begin, or more; BEGINNING when there is nothing before them."""
        count = count or self.count
        messages, begins = 0, None
        passed: set[str] = set()
        parents: set[str] = set()
        for id, parent, type, *point in self._walk(_BACK, "until", until):
            if begins is not None:
                return begins
            messages += type in MESSAGES
            passed.add(id)
            parents.discard(id)
            if parent is not None and parent not in passed:
                parents.add(parent)
            wanted = count * (_MOST_MESSAGES if parents else 1)
            enough = messages >= wanted or len(passed) >= _MOST_STEPS * count
            if enough and type in MESSAGES and parent is None:
                begins = point[0], point[1]
        return BEGINNING

    def on(self, since: Point, count: int = 0) -> Point:
        """Where the ``count`` messages from ``since`` on end: the next message without a parent, or the end of all."""
        messages, count = 0, count or self.count
        for _, parent, type, *point in self._walk(_ON, "since", since):
            if messages >= count and type in MESSAGES and parent is None:
                return point[0], point[1]
            messages += type in MESSAGES
        return _END

    def _walk(self, query: Select[Any], name: str, point: Point) -> Iterator[Any]:
        while True:
            rows = self._fetch(query, tuple, **_point(name, point), size=4 * self.count)
            yield from rows
            if len(rows) < 4 * self.count:
                return
            *_, at, seq = rows[-1]
            point = (at, seq + 1) if name == "since" else (at, seq)

    def point(self, step_id: str) -> Point | None:
        rows = self._fetch(_POINT, tuple, step=step_id)
        return (rows[0][0], rows[0][1]) if rows else None

    def steps(self, since: Point, until: Point) -> list[Step]:
        return self._fetch(_RANGE, Step._make, **_point("since", since), **_point("until", until))

    def elements(self, of: list[Step]) -> list[Element]:
        return self._fetch(_SHOWN_WITH, Element._make, steps=json.dumps([step.id for step in of]))

    def some_hidden(self, since: Point) -> bool:
        return bool(self._fetch(_SOME_HIDDEN, tuple, **_point("since", since), size=1))

    def _fetch(self, query: Select[Any], make: Callable[[Row], T], **named: Any) -> list[T]:
        return dialects.of(self.connection).fetch(
            self.connection, query, {"thread": self.id, "hidden": self.hidden, **named}, make
        )


def _point(name: str, point: Point) -> dict[str, int]:
    return {name: point[0], f"{name}_seq": point[1]}
