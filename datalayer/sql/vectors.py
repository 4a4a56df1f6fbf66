"""The vectors of messages: which are still to be made, which are there. A row is of the text that the message has now:
what changes a text makes its row one that waits, in the same transaction, and removes what was made of the old one.

What was said before a model was configured waits for somebody's consent: then it is walked through, some at a time.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, delete, func, insert, or_, select, update

from .. import dialects
from ..dialects.base import Row
from ..dialects.expressions import listed
from ..embeddings import LONGEST
from ..records import now
from ..reports import VectorCounts
from ..schema import app_values, steps, threads, vectors
from ..search import documents
from ..search.documents import Document
from ..search.numbers import Packed

_STATE, _LEASE = "datalayer.vectors", "datalayer.vectors.by"
WAITS = ""
"""The model of a row whose vector is still to be made."""
_WALK = 500
"""Steps that are looked at together."""


class State(NamedTuple):
    """``model``: of which vectors are made. ``since``: messages made before this are not asked of without consent, UTC
    microseconds. ``walk``: None without consent; up to which step all that was there before waits or has a vector;
    ``DONE`` when all has."""

    model: str
    since: int
    walk: str | None


DONE = "done"


class Batch(NamedTuple):
    texts: dict[str, str]
    """By the id of their step."""
    gone: list[str]
    """Steps that wait and are no messages any more."""


def text_of(document: Document) -> str:
    """What a vector is made of."""
    return document.text.whole[:LONGEST]


def _digest(document: Document) -> str:
    return hashlib.sha256(text_of(document).encode()).hexdigest()[:32]


# What changes texts

_HELD: Select[Any] = select(vectors.c.step_id, vectors.c.user_id, vectors.c.digest).where(
    vectors.c.step_id.in_(listed("steps"))
)


def _pair(row: Row) -> tuple[str, tuple[str, str]]:
    return row[0], (row[1], row[2])


def note(
    connection: Connection,
    stored: Collection[str],
    found: Mapping[str, Document],
    since: int | None = None,
    brought: Collection[str] = (),
) -> None:
    """To be called when messages have changed. ``stored``: of them, those that were there before. ``found``: what all
    of them are now. ``since``: those made later wait for a vector, and those ``brought``, whenever they were made;
    None: no vectors are made."""
    held: dict[str, tuple[str, str]] = {}
    if stored:
        held = dict(dialects.of(connection).fetch(connection, _HELD, {"steps": json.dumps(list(stored))}, _pair))
    same = {key for key in held.keys() & found.keys() if held[key] == (found[key].text.user_id, _digest(found[key]))}
    waiting = [
        found[key]
        for key in sorted(found.keys() - same)
        if since is not None
        and text_of(found[key]).strip()
        and (key in held or key in brought or found[key].at >= since)
    ]
    if gone := held.keys() - same - {each.id for each in waiting}:
        _remove(connection, sorted(gone))
    _wait(connection, waiting)


def _wait(connection: Connection, some: Sequence[Document]) -> None:
    rows = [
        {
            **{"step_id": each.id, "user_id": each.text.user_id, "model": WAITS, "made": now()},
            **{"digest": "", "sketch": b"", "vector": b""},
        }
        for each in some
    ]
    if rows:
        dialect = dialects.of(connection)
        dialect.send(connection, dialect.upsert(vectors, ("step_id",), frozenset(rows[0]) - {"step_id"}), rows)


_COPIED = select(vectors).where(
    vectors.c.step_id.in_(listed("steps")), vectors.c.user_id == bindparam("user"), vectors.c.model != WAITS
)
_INSERT = insert(vectors)


def copy(connection: Connection, copies: Mapping[str, str], user_id: str) -> list[str]:
    """``copies``: of steps of the user's, by the ids of these. Returns those for which a vector need not be made: it is
    that of the other, as long as both say the same (``note``)."""
    found = connection.execute(_COPIED, {"steps": json.dumps(list(copies)), "user": user_id}).mappings()
    rows = [{**row, "step_id": copies[row["step_id"]]} for row in found]
    if rows:
        dialects.of(connection).send(connection, _INSERT, rows)
    return [row["step_id"] for row in rows]


def _remove(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(delete(vectors).where(vectors.c.step_id.in_(ids)))


# What is known of the work


def begin(connection: Connection, model: str) -> State:
    """From now on vectors are made of ``model``. Another one than before begins anew: with new messages."""
    said = _said(connection, _STATE, lock=True)
    if said is None or said["model"] != model:
        there = connection.execute(select(steps.c.id).limit(1)).first()
        said = {"model": model, "since": now() if there else 0, "walk": None if there else DONE}
        _say(connection, _STATE, said)
    return State(**said)


def state(connection: Connection) -> State | None:
    """None: no vectors were ever made."""
    said = _said(connection, _STATE)
    return State(**said) if said else None


def agree(connection: Connection, model: str) -> None:
    """Has all be walked through that was said before."""
    _say(connection, _STATE, {**begin(connection, model)._asdict(), "since": 0, "walk": ""})


def lease(connection: Connection, holder: str, until: int) -> bool:
    """Whether ``holder`` alone makes vectors until a moment, in UTC microseconds."""
    _said(connection, _STATE, lock=True)  # of a lease that is not there yet two could find none
    said = _said(connection, _LEASE, lock=True)
    if said and said["holder"] != holder and said["until"] > now():
        return False
    _say(connection, _LEASE, {"holder": holder, "until": until})
    return True


def holder(connection: Connection) -> str | None:
    """Who makes vectors, or was the last to."""
    said = _said(connection, _LEASE)
    return str(said["holder"]) if said else None


def leave(connection: Connection, holder: str) -> None:
    said = _said(connection, _LEASE, lock=True)
    if said and said["holder"] == holder:
        connection.execute(delete(app_values).where(app_values.c.key == _LEASE))


def _said(connection: Connection, key: str, lock: bool = False) -> dict[str, Any] | None:
    query = select(app_values.c.value).where(app_values.c.key == key)
    return connection.execute(query.with_for_update() if lock else query).scalar()


def _say(connection: Connection, key: str, value: dict[str, Any]) -> None:
    put = dialects.of(connection).upsert(app_values, ("key",), frozenset({"value", "version"}))
    connection.execute(put, {"key": key, "value": value, "version": now()})


# The work

_WAITING = select(vectors.c.step_id).where(vectors.c.model == WAITS).order_by(vectors.c.made, vectors.c.step_id)


def batch(connection: Connection, most: int) -> Batch:
    """The next messages whose vectors are to be made, those that have waited longest."""
    ids = list(connection.execute(_WAITING.limit(most)).scalars())
    found = documents.messages(connection, ids) if ids else {}
    texts = {key: text_of(found[key]) for key in ids if key in found}
    return Batch(texts, [key for key in ids if not texts.get(key, "").strip()])


def put(connection: Connection, model: str, made_of: Mapping[str, str], packed: Mapping[str, Packed]) -> None:
    """Keeps the vectors of texts that are still what their messages say, NO_VECTOR too. ``made_of``: the texts.
    Both by the ids of their steps; one without a vector goes on to wait."""
    ids = sorted(packed)
    locked = select(vectors.c.step_id).where(vectors.c.step_id.in_(ids), vectors.c.model == WAITS)
    if not dialects.of(connection).serial:  # whoever changes a text waits, or has committed before it is read here
        locked = locked.order_by(vectors.c.step_id).with_for_update()
    waiting = set(connection.execute(locked).scalars())
    found = documents.messages(connection, waiting) if waiting else {}
    if gone := waiting - found.keys():
        _remove(connection, sorted(gone))
    rows = [
        {
            **{"key": key, "model": model, "made": now(), "user_id": found[key].text.user_id},
            **{"digest": _digest(found[key]), **packed[key]._asdict()},
        }
        for key in sorted(found)
        if text_of(found[key]) == made_of[key]
    ]
    if rows:
        changed = update(vectors).where(vectors.c.step_id == bindparam("key"))
        names = rows[0].keys() - {"key"}
        connection.execute(changed.values({name: bindparam(name) for name in names}), rows)


def length(connection: Connection, model: str) -> int | None:
    """Of each ``Packed.vector`` of ``model``: the oldest that there is decides. None: there is none."""
    some = select(vectors.c.vector).where(vectors.c.model == model, vectors.c.vector != b"").order_by(vectors.c.made)
    found = connection.execute(some.limit(1)).scalar()
    return None if found is None else len(found)


def forget(connection: Connection, gone: Sequence[str]) -> None:
    """Steps that wait and are no messages any more."""
    _remove(connection, gone)


def walk(connection: Connection, model: str) -> bool:
    """Has the next of what was said before wait, as far as it has no vector of ``model``. Whether there was more."""
    said = _said(connection, _STATE, lock=True)
    if said is None or said["model"] != model or said["walk"] in (None, DONE):
        return False
    rows = documents.next_steps(connection, said["walk"], _WALK)
    want(connection, model, [key for key, _ in rows])
    _say(connection, _STATE, {**said, "walk": rows[-1][1] if len(rows) == _WALK else DONE})
    return True


def want(connection: Connection, model: str, ids: Collection[str]) -> None:
    """Has those of the steps wait that are messages and have no vector of ``model``."""
    found = _without(connection, ids, (model, WAITS))
    _wait(connection, [found[key] for key in sorted(found)])


def lacking(connection: Connection, known: Collection[str], after: str) -> tuple[dict[str, Document], str | None]:
    """Of the next messages those that have no row of the ``known`` models, by the ids of their steps, and where to go
    on; None: there are no more."""
    rows = documents.next_steps(connection, after, _WALK)
    found = _without(connection, [key for key, _ in rows], known)
    return found, rows[-1][1] if len(rows) == _WALK else None


def _without(connection: Connection, ids: Collection[str], known: Collection[str]) -> dict[str, Document]:
    """Those messages among the steps that can have a vector, and have no row of the ``known`` models."""
    has = select(vectors.c.step_id).where(vectors.c.step_id.in_(ids), vectors.c.model.in_(known))
    lacking = set(ids) - set(connection.execute(has).scalars())
    found = documents.messages(connection, lacking) if lacking else {}
    return {key: each for key, each in found.items() if text_of(each).strip()}


def others(connection: Connection, model: str) -> bool:
    """Whether there are vectors of other models."""
    return connection.execute(_of_others(model, 1)).first() is not None


def _of_others(model: str, most: int) -> Select[Any]:
    """Two ranges of an index, where "other than" is none."""
    beside = or_(and_(vectors.c.model > WAITS, vectors.c.model < model), vectors.c.model > model)
    return select(vectors.c.step_id).where(beside).limit(most)


def tidy(connection: Connection, model: str | None, most: int = 1000) -> int:
    """Removes up to ``most`` vectors of other models; None: of any, and what waits. Returns how many."""
    which = select(vectors.c.step_id).limit(most) if model is None else _of_others(model, most)
    if ids := list(connection.execute(which).scalars()):
        _remove(connection, ids)
    return len(ids)


def stop(connection: Connection) -> None:
    """No vectors were ever made: to be called when they are removed."""
    connection.execute(delete(app_values).where(app_values.c.key.in_((_STATE, _LEASE))))


# What there is


def of_models(connection: Connection) -> dict[str, int]:
    """How many rows there are of each model; of WAITS, those that wait."""
    found = connection.execute(select(vectors.c.model, func.count()).group_by(vectors.c.model))
    return {name: count for name, count in found}


def counts(connection: Connection, model: str, messages: int | None = None) -> VectorCounts:
    """``messages``: how many there are, as it was told before; None: they are counted, which reads all."""
    by_model = of_models(connection)
    made, waiting = by_model.pop(model, 0), by_model.pop(WAITS, 0)
    said = state(connection)
    mine = said is not None and said.model == model
    return VectorCounts(
        **{"messages": countable(connection) if messages is None else messages, "made": made, "waiting": waiting},
        **{"others": sum(by_model.values())},
        agreed=mine and said.walk is not None if said else False,
        walked=mine and said.walk == DONE if said else False,
    )


def countable(connection: Connection) -> int:
    """That can have a vector; but for those that an app has marked as not to be found."""
    some = select(func.count()).select_from(steps.join(threads)).where(*documents.FOUND)
    return connection.execute(some).scalar() or 0


def has_some(connection: Connection, user_id: str, model: str) -> bool:
    """Whether any message of the user has a vector of ``model``."""
    some = select(1).where(vectors.c.user_id == user_id, vectors.c.model == model).limit(1)
    return connection.execute(some).first() is not None
