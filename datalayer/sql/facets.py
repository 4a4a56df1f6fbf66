"""I9: how many of a user's threads there are of each kind: what is counted, and what is not yet, up to as many as an
answer can wait for."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, true

from .. import dialects
from ..dialects.expressions import listed
from ..reports import Facets
from ..schema import facet_counts, thread_facets
from ..text import fold
from . import labels

_MOST = 1_000
"""Folders, and tags."""
_ALWAYS = (labels.ARCHIVED, labels.TRASHED)
"""Labels that are told whichever threads are asked for."""

_known, _counts = thread_facets.c, facet_counts.c
_COUNTED: Select[Any] = select(_counts.archived, _counts.facet, _counts.value, _counts.count).where(
    _counts.user_id == bindparam("author")
)
_MINE: Select[Any] = select(_known.thread_id, _known.labels).where(_known.user_id == bindparam("author"))
_STALE = _MINE.where(_known.stale == true())
_HOW_MANY: Select[Any] = select(func.count()).where(_known.user_id == bindparam("author"), _known.stale == true())
_LEFT_OUT = _MINE.where(_known.thread_id.in_(listed("threads")))
_LOOKED_AT = 300
"""Threads that have changed and are looked at for an answer: some 20 ms. What more have become is in no number until
the background has counted it, which the answer says."""


def facets(
    connection: Connection,
    user_id: str,
    archived: bool | None = False,
    like: str = "",
    without: Collection[str] = (),
) -> Facets:
    """``archived``: of those that are, or are not; None: of all. ``like``: see ``Reads.facets``. ``without`` some."""
    fetch, asked = dialects.of(connection).fetch, {"author": user_id}
    found: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for of_archived, facet, value, number in fetch(connection, _COUNTED, asked, tuple):
        found[bool(of_archived)][f"{facet}:{value}"] = number
    stale = dict(fetch(connection, _STALE.limit(_LOOKED_AT + 1), asked, tuple))
    uncounted = 0
    if len(stale) > _LOOKED_AT:
        stale.popitem()
        uncounted = connection.execute(_HOW_MANY, asked).scalar_one() - len(stale)
    some = {"threads": json.dumps(list(without))}
    left_out = dict(fetch(connection, _LEFT_OUT, asked | some, tuple)) if without else {}
    for counted in (stale | left_out).values():
        found[labels.is_archived(counted or ())].subtract(counted or ())
    for _, now in labels.of_threads(connection, [key for key in stale if key not in without]).values():
        found[labels.is_archived(now)].update(now)
    return _facets(found, archived, fold(like).split(), uncounted)


def _facets(found: Mapping[bool, Counter[str]], archived: bool | None, like: Sequence[str], uncounted: int) -> Facets:
    of: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    for of_archived, counts in found.items():
        for label, number in counts.items():
            facet, value = labels.split(label)
            asked = archived in (None, of_archived) or label in _ALWAYS
            named = not (like and value and facet in _NAMED) or _is_like(value, like)
            if number > 0 and asked and named:
                of[facet][value] += number
    sums: dict[str, Any] = {name: of[facet] for name, facet in _OF.items()}
    sums |= {name: of[name][""] for name in ("threads", "pinned", "files", "archived", "trashed")}
    sums["unfiled"], sums["uncounted"] = of["folder"].pop("", 0), uncounted
    sums["votes"] = {int(value): number for value, number in of["vote"].items()}
    return _in_order(sums)


def _is_like(name: str, parts: Sequence[str]) -> bool:
    folded = fold(name)
    return all(part in folded for part in parts)


_NAMED = ("folder", "tag")
"""Facets whose values people have named."""
_OF = {
    **{"folders": "folder", "tags": "tag", "statuses": "status"},
    **{"kinds": "kind", "models": "model", "months": "month"},
}
"""Facets by what they are called in ``records.Facets``."""


def together(parts: Sequence[Facets]) -> Facets:
    """Of several databases."""
    sums: dict[str, Any] = {}
    for field in fields(Facets):
        values = [getattr(part, field.name) for part in parts]
        sums[field.name] = sum(values) if isinstance(values[0], int) else sum(map(Counter, values), Counter[Any]())
    return _in_order(sums)


def _in_order(sums: Mapping[str, Any]) -> Facets:
    found: dict[str, Any] = {
        name: _sorted(name, each) if isinstance(each, dict) else each for name, each in sums.items()
    }
    for name in ("folders", "tags"):
        found[f"more_{name}"] = found.get(f"more_{name}", 0) + len(sums[name]) - len(found[name])
    return Facets(**found)


def _sorted(name: str, counts: dict[Any, int]) -> dict[Any, int]:
    if name in ("folders", "months"):
        return dict(sorted(counts.items(), reverse=name == "months")[:_MOST])
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST])
