"""A switch to another version of a question is one write: all of it or nothing, and twice is once.

Always true: what is shown after a question is one version of it, whole. So what is written late to what is aside, as by
an answer that was still running, stays aside.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, select

from ..errors import NotFound
from ..schema import steps
from ..text import clean
from ..versions import ASIDE, HIDDEN, MARK, RECORD, Chosen, Versions, kept_id, mark, record_id, told, unmarked
from ..writes import ChooseVersion
from .group import Group
from .values import fit

_READ = (steps.c.id, steps.c.parent_id, steps.c.type, steps.c.metadata, steps.c.created_at)
_QUESTION: Select[Any] = select(*_READ, steps.c.name, steps.c.output, steps.c.seq)
_ORDER = (steps.c.created_at, steps.c.seq)


def choose(group: Group, write: ChooseVersion) -> Chosen | None:
    """None: the thread or the question was deleted, or chosen anew since. Raises Forbidden, NotFound."""
    gone = ("step", write.id) in group.facts.deleted
    if not group.admit(write, write.thread_id, anonymous=True, stored_only=True) or gone:
        return None
    if write.replayed and group.facts.written.get(record_id(write.id), 0) > write.at:
        return None
    group.flush()
    return _Question(group, write).choose()


class _Question:
    def __init__(self, group: Group, write: ChooseVersion) -> None:
        self._group, self._write = group, write
        of = steps.c.thread_id == write.thread_id
        asked = group.connection.execute(_QUESTION.where(of, steps.c.id == write.id)).one_or_none()
        if asked is None or asked.type != "user_message":
            raise NotFound("There is no such message")
        self._asked = asked
        later = select(*_READ).where(of, steps.c.created_at >= asked.created_at).order_by(*_ORDER)
        here = group.connection.execute(later).all()
        self._known = {row.id: row for row in here}
        place = next(n for n, row in enumerate(here) if row.id == asked.id)
        record = record_id(asked.id)
        self._after = [row for row in here[place + 1 :] if row.id != record]

    def choose(self) -> Chosen:
        record = self._known.get(record_id(self._asked.id))
        first = Versions(self._asked.id, 1, (self._asked.created_at,), (0,))
        before = (told(record.metadata) if record else None) or first
        after = self._wanted(before)
        if after == before:
            return Chosen(before, ())
        coming = [row for row in self._after if self._is_of(row, after.shown)]
        around = {row.parent_id for row in coming} | set(self._write.keeps)
        going = [row for row in self._after if row.type != ASIDE and row.id not in around]
        for row in going:
            self._put(row.id, self._aside(row, before.shown))
        for row in coming:
            self._put(row.id, _back(row))
        self._turn(before.shown, after.shown)
        self._put(record_id(self._asked.id), {"type": RECORD, "metadata": after.stored(), "parent_id": self._asked.id})
        return Chosen(after, tuple(row.id for row in going if row.type != RECORD))

    def _wanted(self, before: Versions) -> Versions:
        number, at = self._write.version, self._write.at
        if number is None:
            if at in before.made:
                return before
            made, replaced = (*before.made, at), (*before.replaced, before.shown)
            return Versions(before.question, before.count + 1, made, replaced)
        if not 1 <= number <= before.count:
            raise NotFound("There is no such version")
        return replace(before, shown=number)

    def _is_of(self, row: Any, version: int) -> bool:
        found = mark(row.metadata) if row.type == ASIDE else {}
        return (found.get("question"), found.get("version")) == (self._asked.id, version) and "type" in found

    def _aside(self, row: Any, version: int) -> dict[str, Any]:
        of = {"question": self._asked.id, "version": version, "type": row.type}
        if row.parent_id is None:
            of["top"] = True
        parent = row.parent_id or self._asked.id
        return {"type": ASIDE, "metadata": _marked(row.metadata, of), "parent_id": parent, "favorite": False}

    def _turn(self, shown: int, wanted: int) -> None:
        """The question keeps what it says now for when ``shown`` comes back, and says what it says in ``wanted``."""
        asked = self._asked
        of = {"question": asked.id, "version": shown}
        said = {"type": ASIDE, "metadata": _marked(asked.metadata, of), "parent_id": asked.id, "favorite": False}
        self._put(kept_id(asked.id, shown), said | {"name": asked.name, "output": asked.output})
        kept = kept_id(asked.id, wanted)
        if kept in self._known:
            [then] = self._group.connection.execute(_QUESTION.where(steps.c.id == kept)).all()
            self._put(asked.id, {"output": then.output, "metadata": _starred(then.metadata, asked.metadata)})
        elif self._write.text is not None:
            self._put(asked.id, fit(steps, {"output": clean(self._write.text)}))

    def _put(self, key: str, values: Mapping[str, Any]) -> None:
        group, write = self._group, self._write
        row = {"favorite": False, **values, "id": key, "thread_id": write.thread_id}
        row |= {"created_at": self._known[key].created_at if key in self._known else self._asked.created_at}
        group.facts.steps[key], group.facts.written[key] = write.thread_id, write.at
        if values.get("type") == ASIDE:
            group.facts.aside.add(key)
        elif "type" in values:
            group.facts.aside.discard(key)
        group.add_step(row | {"written_at": write.at}, frozenset(values) | {"written_at"}, key not in self._known)


def _marked(metadata: Mapping[str, Any] | None, of: Mapping[str, Any]) -> dict[str, Any]:
    return {**(metadata or {}), MARK: of}


def _back(row: Any) -> dict[str, Any]:
    was, metadata = mark(row.metadata), unmarked(row.metadata)
    parent = None if was.get("top") else row.parent_id
    return {"type": was["type"], "metadata": metadata, "parent_id": parent, "favorite": bool(metadata.get("favorite"))}


def _starred(metadata: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> dict[str, Any]:
    """A star is the question's, whatever it says."""
    star = {"favorite": now["favorite"]} if now and "favorite" in now else {}
    return {key: value for key, value in unmarked(metadata).items() if key != "favorite"} | star


def stays_aside(group: Group, step_id: str, values: dict[str, Any]) -> dict[str, Any]:
    """What of ``values`` a step takes that is aside."""
    group.flush()
    stored = group.connection.execute(select(steps.c.metadata).where(steps.c.id == step_id)).scalar()
    return _without_place(values, mark(stored))


def comes_aside(group: Group, parent_id: str, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` of a new step below one that is aside."""
    group.flush()
    stored = mark(group.connection.execute(select(steps.c.metadata).where(steps.c.id == parent_id)).scalar())
    if not stored.keys() >= {"version", "type"} or values.get("type") in HIDDEN:
        return values
    of = {"question": stored["question"], "version": stored["version"], "type": values.get("type")}
    times = {"created_at": values["created_at"]} if "created_at" in values else {}
    place = {"type": ASIDE, "parent_id": parent_id, "metadata": {MARK: of}, "favorite": False}
    return place | _without_place(values, of) | times


def _without_place(values: Mapping[str, Any], of: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in values.items() if k not in ("type", "parent_id", "created_at", "favorite")}
    return kept | ({"metadata": _marked(kept["metadata"], of)} if "metadata" in kept else {})
