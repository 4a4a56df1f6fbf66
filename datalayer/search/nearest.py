"""The messages of one user that mean most what was asked.

All vectors of the user are looked at: the signs of each, which are held in memory for a while, then the nearest of them
whole. What is no longer the user's is left out then, and once more when it is read as a document.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, or_, select

from .. import dialects
from ..dialects.expressions import listed
from ..dialects.prepared import driver
from ..schema import vectors
from . import documents, find, numbers
from .documents import Document
from .numbers import Packed
from .query import Query
from .standing import least

if TYPE_CHECKING:
    import numpy

MOST = 50
"""Hits by meaning."""
_CANDIDATES, _DEEPER = 400, 2_000
"""Vectors that are looked at whole; where many messages do not pass the filters."""
_FEW = 2_000
"""Messages that pass filters: their vectors are all looked at whole."""
_SAMPLE = 200
"""Messages that stand for all."""
_BEYOND = 3.5
"""As in ``standing.least``."""
_ROWS = 5_000
"""That are read at a time."""
_AT_ONCE = 500
_MOST_HELD = 64 * 1024 * 1024
"""Bytes of signs in memory; who has more of them than are left has them read each time."""
_HELD_FOR = 600.0
"""Seconds: so long some that are no more may be among them, which costs only places."""
_OVERLAP = 60_000_000
"""Microseconds: what was made so long before the newest may have been stored after it."""

_SCAN: Select[Any] = select(vectors.c.step_id, vectors.c.sketch, vectors.c.made).where(
    vectors.c.user_id == bindparam("user"), vectors.c.model == bindparam("model"), vectors.c.made >= bindparam("since")
)
_NEXT = (
    _SCAN.where(or_(vectors.c.made > bindparam("since"), vectors.c.step_id > bindparam("after")))
    .order_by(vectors.c.made, vectors.c.step_id)
    .limit(_ROWS)
)
_SCAN_SQLITE = "SELECT step_id, sketch, made FROM vectors WHERE user_id = ? AND model = ? AND made >= ? ORDER BY made"
# By the key alone: where the user is asked for, too, SQLite would read all of the user's.
_WHOLE = select(vectors.c.step_id, vectors.c.vector, vectors.c.user_id, vectors.c.model).where(
    vectors.c.step_id.in_(listed("steps"))
)


class Near(NamedTuple):
    cosine: float
    document: Document


class _Part(NamedTuple):
    ids: list[str]
    rows: "numpy.ndarray[Any, Any]"


@dataclass(slots=True)
class _Held:
    until: float
    parts: list[_Part] = field(default_factory=list)
    newest: int = 0
    recent: dict[str, int] = field(default_factory=dict)
    """When those were made that may be read again."""
    size: int = 0


class Sketches:
    """Those of the users who have searched last, of this process."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()
        self._lock = Lock()

    def nearest(
        self, connection: Connection, user_id: str, model: str, sketch: bytes, most: int
    ) -> tuple[list[str], list[str]]:
        """Ids of the messages of the user whose sketches of this model differ least from ``sketch``, and of some that
        stand for all."""
        found, some = list[tuple[int, str]](), list[str]()
        for ids, rows in self._parts(connection, user_id, model, len(sketch)):
            differ = numbers.differences(rows, sketch)
            found += [(int(differ[place]), ids[place]) for place in numbers.fewest(differ, most)]
            some += ids[:: max(len(ids) // _SAMPLE, 1)]
        nearest = dict.fromkeys(key for _, key in sorted(found))
        return list(nearest)[:most], some[:: max(len(some) // _SAMPLE, 1)]

    def _parts(self, connection: Connection, user_id: str, model: str, length: int) -> Iterator[_Part]:
        key = (user_id, model)
        with self._lock:
            held = self._held.pop(key, None)  # nobody else changes it meanwhile
        if held is None or held.until < time.monotonic():
            held = _Held(time.monotonic() + _HELD_FOR)
        yield from held.parts
        keep = True
        for part, made in _scan(connection, user_id, model, held.newest - _OVERLAP, set(held.recent), length):
            yield part
            held.newest = max(held.newest, *made)
            held.recent |= {each: at for each, at in zip(part.ids, made, strict=True) if at >= held.newest - _OVERLAP}
            held.size += part.rows.nbytes + 90 * len(part.ids)
            if keep := keep and held.size <= _MOST_HELD:
                held.parts.append(part)
        held.recent = {each: at for each, at in held.recent.items() if at >= held.newest - _OVERLAP}
        if keep:
            self._keep(key, held)

    def _keep(self, key: tuple[str, str], held: _Held) -> None:
        if len(held.parts) > 16:
            held.parts = [_joined(held.parts)]
        with self._lock:
            self._held[key] = held
            while sum(each.size for each in self._held.values()) > _MOST_HELD:
                self._held.popitem(last=False)


def _joined(parts: Sequence[_Part]) -> _Part:
    ids = [key for part in parts for key in part.ids]
    return _Part(ids, numbers.sketches(b"".join(part.rows.tobytes() for part in parts), len(ids)))


def _scan(
    connection: Connection, user_id: str, model: str, since: int, without: Collection[str], length: int
) -> Iterator[tuple[_Part, list[int]]]:
    """The sketches made since a moment, some at a time, and when each was made."""
    for rows in _read(connection, user_id, model, since):
        some = [row for row in rows if len(row[1]) == length and row[0] not in without]
        if some:
            ids, found, made = zip(*some, strict=True)
            yield _Part(list(ids), numbers.sketches(b"".join(found), len(ids))), list(made)


def _read(connection: Connection, user_id: str, model: str, since: int) -> Iterator[Sequence[Any]]:
    if dialects.of(connection).serial:
        cursor = driver(connection).execute(_SCAN_SQLITE, (user_id, model, since))
        while rows := cursor.fetchmany(_ROWS):
            yield rows
        return
    after = ""
    while rows := connection.execute(_NEXT, {"user": user_id, "model": model, "since": since, "after": after}).all():
        yield rows
        after, _, since = rows[-1]
        if len(rows) < _ROWS:
            return


def nearest(
    connection: Connection,
    sketches: Sketches,
    user_id: str,
    query: Query,
    asked: Packed,
    model: str,
    without: Collection[str] = (),
) -> list[Near]:
    """The nearest first, MOST at most; the words of ``query`` do not matter, but those that are excluded do.
    ``without``: threads that are left out, as are those in the trash.

    How near texts are that have nothing to do with each other differs from model to model. So what is found must stand
    out from what the user has said of other things (``standing``).
    """
    filters = replace(query, terms=tuple(term for term in query.terms if term.excluded), problems=())
    passing = list(islice(find.passing(connection, user_id, filters), _FEW + 1)) if filters != Query() else None
    few = passing if passing is not None and len(passing) <= _FEW else None
    most = 0 if few is not None else _CANDIDATES if passing is None else _DEEPER
    ids, sample = sketches.nearest(connection, user_id, model, asked.sketch, most)
    ranked = _whole(connection, user_id, model, ids if few is None else few, asked)
    others = _whole(connection, user_id, model, sample, asked)
    if not (ranked and others):
        return []
    bound = least(ranked[0][0], [cosine for cosine, _ in reversed(others)], _BEYOND)
    near = [each for each in ranked if each[0] >= bound]
    unseen = {*without, *find.in_trash(connection, user_id)}
    return list(islice(_documents(connection, user_id, filters, near, unseen), MOST))


def _whole(
    connection: Connection, user_id: str, model: str, ids: Sequence[str], asked: Packed
) -> list[tuple[float, str]]:
    """Cosines and ids, the nearest first."""
    found = list[tuple[float, str]]()
    for start in range(0, len(ids), _AT_ONCE):
        named = {"steps": json.dumps(ids[start : start + _AT_ONCE])}
        rows = dialects.of(connection).fetch(connection, _WHOLE, named, tuple)
        whole = {
            key: vector
            for key, vector, *whose in rows
            if whose == [user_id, model] and len(vector) == len(asked.vector)
        }
        if whole:
            found += zip(numbers.cosines(list(whole.values()), asked.vector), whole, strict=True)
    return sorted(found, reverse=True)


def _documents(
    connection: Connection, user_id: str, filters: Query, near: Sequence[tuple[float, str]], without: set[str]
) -> Iterator[Near]:
    passes = find.test(connection, user_id, filters)
    for start in range(0, len(near), MOST):
        some = near[start : start + MOST]
        known = documents.messages(connection, [key for _, key in some])
        for cosine, key in some:
            each = known.get(key)
            if each and each.text.user_id == user_id and each.text.thread_id not in without and passes(each):
                yield Near(cosine, each)
