"""What the two data layers of Chainlit call their tables and columns, and which of their rows are one conversation."""

from collections.abc import Callable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

from ..base import Problem, Read, Source
from ..each import guarded
from ..places import Place
from ..reasons import Why
from .bases import Base, Row, Unreadable, has, read
from .conversations import Rows, jsoned, stored


class _Layer:
    """``_names``: what users, threads, steps, elements and feedbacks are called."""

    name: str
    title: str
    _names: ClassVar[tuple[str, str, str, str, str]]
    _for: ClassVar[str]
    """The column of an element and of a vote that names its step."""

    def recognises(self, source: Source) -> bool:
        try:
            with read(source) as base:
                return self._is(base)
        except Unreadable:
            return False

    def read(self, source: Source) -> Iterator[Read]:
        place = source.place
        try:
            with read(source) as base:
                if not self._is(base):
                    raise Unreadable(Why("no_chainlit"))
                yield from self._conversations(base, place)
        except Unreadable as error:
            yield Problem(place, error.why)

    def _is(self, base: Base) -> bool:
        _, threads, steps, *_ = self._names
        return has(base, [(threads, ["id", "userId"]), (steps, ["id", "threadId", "output", "type"])])

    def _conversations(self, base: Base, place: Place) -> Iterator[Read]:
        users, threads, steps, elements, feedbacks = self._names
        there = base.columns.keys()
        names = {str(row["id"]): row.get("identifier") for _, row in base.sorted(users, "id")} if users in there else {}
        streams = [_marked("threads", base.sorted(threads, "id")), _marked("steps", base.sorted(steps, "threadId"))]
        if elements in there:
            streams.append(_marked("elements", base.sorted(elements, "threadId")))
        if feedbacks in there:
            streams.append(_marked("feedbacks", base.joined(feedbacks, self._for, steps, "id", "threadId")))
        for key, found in groupby(merge(*streams, key=itemgetter(0)), itemgetter(0)):
            if not key:
                yield from self._without_thread(found, place)
                continue
            rows = Rows()
            for _, kind, row in found:
                getattr(rows, kind).append(self._row(kind, row))
            if rows.threads and rows.threads[0].get("deletedAt") is not None:
                continue
            yield from guarded(place.at(thread=key[:60]), _one, key, rows, names, place)

    def _without_thread(self, found: Iterator[tuple[str, str, Row]], place: Place) -> Iterator[Problem]:
        """Rows that say of no conversation that they are its."""
        count: dict[str, int] = dict.fromkeys(Rows.KINDS, 0)
        for _, kind, row in found:
            count[kind] += kind != "steps" or bool(row.get("output") or row.get("input"))
        if count["steps"]:
            yield Problem(place, Why("steps_astray", n=count["steps"]), lost=False)
        if count["elements"]:
            yield Problem(place, Why("files_astray", n=count["elements"]), lost=False)
        if count["feedbacks"]:
            yield Problem(place, Why("votes_astray", n=count["feedbacks"]), lost=False)

    def _row(self, kind: str, row: Row) -> Row:
        return row


def _one(key: str, rows: Rows, names: dict[str, Any], place: Place) -> Iterator[Read]:
    yield stored(key, rows, names, place)


def _marked(kind: str, rows: Iterator[tuple[str, Row]]) -> Iterator[tuple[str, str, Row]]:
    return ((key, kind, row) for key, row in rows)


class ChainlitSQLAlchemy(_Layer):
    name, title = "chainlit", "Chainlit"
    _names = ("users", "threads", "steps", "elements", "feedbacks")
    _for = "forId"


class ChainlitOfficial(_Layer):
    name, title = "chainlit-official", "Chainlit"
    _names = ("User", "Thread", "Step", "Element", "Feedback")
    _for = "stepId"

    def _row(self, kind: str, row: Row) -> Row:
        """As the other layer calls its columns."""
        return _OFFICIAL[kind](row) if kind in _OFFICIAL else row


def _step(row: Row) -> Row:
    """``createdAt`` is when it was stored, by the clock of the database."""
    left = {name: value for name, value in row.items() if name not in ("updatedAt", "startTime", "endTime")}
    return left | {"createdAt": row.get("startTime"), "start": row.get("startTime"), "end": row.get("endTime")}


def _element(row: Row) -> Row:
    metadata = jsoned(row.get("metadata"))
    metadata = metadata if isinstance(metadata, dict) else {}
    left = {name: value for name, value in row.items() if name not in ("metadata", "stepId", "createdAt", "updatedAt")}
    rest = {name: value for name, value in metadata.items() if name != "type"}
    return left | {"forId": row.get("stepId"), "type": metadata.get("type")} | ({"metadata": rest} if rest else {})


def _vote(row: Row) -> Row:
    return row | {"forId": row.get("stepId")}


_OFFICIAL: dict[str, Callable[[Row], Row]] = {"steps": _step, "elements": _element, "feedbacks": _vote}
