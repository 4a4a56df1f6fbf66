"""What an export says otherwise than what is here of the same ids, as a further version of its question.

Always true: what is here keeps what it says, and what is shown stays; the same export again changes nothing, for when
a version began derives from what it says.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datalayer.versions import ASIDE, HIDDEN, MARK, RECORD, Versions, kept_id, record_id, told

from ..planting.ids import copy_id
from ..planting.rows import Aside
from ..planting.threads import IMPORTED_FROM
from .here import TEXTS, Here

Row = dict[str, Any]
_MOMENTS = 1_000_000


@dataclass(slots=True)
class Turn:
    """A question that is here, and what follows it up to the next one, as the export shows them."""

    rows: list[Row]
    known: Versions
    began: int
    """When the version begins that it is, or would be, in UTC microseconds."""

    @property
    def is_here(self) -> bool:
        return self.began in self.known.made

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.rows]


def turns(rows: Sequence[Row], here: Here) -> list[Turn]:
    """Those that are no version that was here before they were imported, or were brought as one before."""
    found = list[Turn]()
    for said in _turns(rows):
        question = said[0]
        if not here.has(question["id"]):
            continue
        begun = question.get("created_at", 0)
        known = here.versions.get(question["id"]) or Versions(question["id"], 1, (begun,), (0,))
        differs = any(map(here.differs, said))
        if differs or known.count > 1:
            turn = Turn(said, known, max(begun, known.made[0]) + 1 + _digest(said))
            found += [turn] if differs or turn.is_here else []
    return found


def _turns(rows: Sequence[Row]) -> Iterator[list[Row]]:
    turn = list[Row]()
    for row in rows:
        if row.get("type") == "user_message":
            if turn:
                yield turn
            turn = [row]
        elif turn and row.get("type") not in HIDDEN:
            turn.append(row)
    if turn:
        yield turn


def _digest(rows: Sequence[Row]) -> int:
    said = json.dumps([[row["id"], *(row.get(name) or "" for name in TEXTS)] for row in rows])
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8]) % _MOMENTS


def further(rows: Sequence[Row], of: Sequence[Turn], here: Here, gone: Collection[str]) -> list[Row]:
    """``rows`` with the turns that are not here as versions that nobody is shown yet. ``gone``: ids of steps that were
    deleted here, which no version brings back."""
    new = {row["id"] for turn in of for row in turn.rows if not here.has(row["id"])}
    found = {row["id"]: row for row in rows if row["id"] not in new}
    for turn in of:
        if not turn.is_here:
            found |= {row["id"]: row for row in _version(turn, found.get(record_id(turn.known.question)), gone)}
    return list(found.values())


def _version(turn: Turn, record: Row | None, gone: Collection[str]) -> Iterator[Row]:
    question, known = turn.rows[0], turn.known
    before = (told(record["metadata"]) if record else None) or known
    grown = replace(
        before, shown=known.shown, made=(*before.made, turn.began), replaced=(*before.replaced, known.shown)
    )
    key, number = question["id"], grown.count
    own = {"parent_id": key, "created_at": question.get("created_at", known.made[0])}
    yield {"id": record_id(key), "type": RECORD, "metadata": grown.stored()} | own
    mark = {MARK: {"question": key, "version": number}}
    kept = {"id": kept_id(key, number), "type": ASIDE, "metadata": {**(question.get("metadata") or {}), **mark}}
    yield question | kept | own
    ids = {row["id"]: copy_id(row["id"], turn.began) for row in turn.rows[1:]}
    for row in turn.rows[1:]:
        if row["id"] not in gone:
            parent = row.get("parent_id")
            yield Aside(key, number).put(row | {"id": ids[row["id"]], "parent_id": ids.get(parent, parent)})


def as_shown_here(rows: Sequence[Row], here: Here) -> list[Row]:
    """``rows`` of a store of ours, with each question in the version that is shown here. What is new of another one is
    aside."""
    by_id = {row["id"]: row for row in rows}
    for row in list(by_id.values()):
        given = told(row.get("metadata")) if row.get("type") == RECORD else None
        known = here.versions.get(given.question) if given else None
        if not given or not known or given.shown == known.shown or given.made[: known.count] != known.made:
            continue
        by_id |= {each["id"]: each for each in _turned(list(by_id.values()), row, given, known, here)}
    return list(by_id.values())


def _turned(rows: Sequence[Row], record: Row, given: Versions, known: Versions, here: Here) -> Iterator[Row]:
    """Those that change."""
    question = next((row for row in rows if row["id"] == given.question), None)
    if question is None:
        return
    yield record | {"metadata": {**record["metadata"], **replace(given, shown=known.shown).stored()}}
    kept = next((row for row in rows if row["id"] == kept_id(question["id"], known.shown)), None)
    mark: Mapping[str, Any] = {MARK: {"question": question["id"], "version": given.shown}}
    aside = {"type": ASIDE, "parent_id": question["id"], "metadata": {**(question.get("metadata") or {}), **mark}}
    yield question | aside | {"id": kept_id(question["id"], given.shown)}
    if kept is not None:
        yield question | {"output": kept.get("output")}
    for row in rows[rows.index(question) + 1 :]:
        if row.get("type") != ASIDE and row is not record and not here.has(row["id"]):
            yield Aside(question["id"], given.shown).put(row)


def follows(values: Mapping[str, Any], here: Here) -> Row:
    """Title and folder, where the export is no older than the last one, and nobody has changed them here since."""
    was, now = here.origin, values.get("metadata", {}).get(IMPORTED_FROM, {})
    found: Row = {}
    if was.get("until", "") <= now.get("until", ""):
        if "title" in was and here.name == was["title"] != now.get("title"):
            found |= {"name": now.get("title"), "name_source": values.get("name_source")}
        if (here.folder or "") == was.get("folder") != now.get("folder", ""):
            found["folder"] = now.get("folder", "")
    return found | {"metadata": {IMPORTED_FROM: {**was, **now}}} if found else {}
