"""A conversation of an export with ids of its own, where those that it has are somebody else's here.

Always true: the same conversation gets the same ids for the same person, and another one's for nobody else; what it
says of itself by an id, it says by the new one.
"""

import uuid
from dataclasses import replace
from typing import Any

from datalayer.versions import MARK, RECORD, kept_id, record_id, told

from ..base import Stored

_UNLIKE = 16
"""Characters of an id that stands for nothing else by chance."""


def anew(found: Stored, author: str | None) -> Stored:
    """``author``: the identifier of whoever it is imported for; None: nobody."""
    of = uuid.uuid5(uuid.NAMESPACE_OID, f"{len(author or '')} {author or ''}{found.thread['id']}")
    rows = [found.thread, *found.steps, *found.elements, *found.votes, *found.usage]
    ids = {row["id"]: str(uuid.uuid5(of, row["id"])) for row in rows if isinstance(row.get("id"), str)}
    for row in found.steps:
        record = told(row.get("metadata"))
        if record is not None and row["id"] == record_id(record.question):
            ids |= _of_versions(record.question, record.count, ids)
    summary = {
        key: value for key, value in (found.summary or {}).items() if key != "digest"
    }  # which is of the ids, too
    return replace(
        found,
        thread=_row(found.thread, ids),
        steps=[_row(row, ids) for row in found.steps],
        elements=[_row(row, ids) for row in found.elements],
        votes=[_row(row, ids) for row in found.votes],
        usage=[_row(row, ids) for row in found.usage],
        summary=_row(summary, ids) if summary else None,
    )


def _of_versions(question: str, count: int, ids: dict[str, str]) -> dict[str, str]:
    """Ids that follow from that of the question."""
    asked = ids.get(question, question)
    kept = {kept_id(question, number): kept_id(asked, number) for number in range(1, count + 1)}
    return kept | {record_id(question): record_id(asked)}


_NAMES = ("id", "parent_id", "for_id", "step_id", "from_step", "until_step")


def _row(row: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    changed = {name: ids.get(row[name], row[name]) for name in _NAMES if isinstance(row.get(name), str)}
    kept = {name: _within(value, ids) for name, value in row.items() if isinstance(value, (dict, list))}
    for name in (RECORD, MARK):
        of = (kept.get("metadata") or {}).get(name)
        if isinstance(of, dict) and isinstance(asked := of.get("question"), str):
            kept["metadata"][name] = of | {"question": ids.get(asked, asked)}
    return {**row, **kept, **changed}


def _within(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _within(each, ids) for key, each in value.items()}
    if isinstance(value, list):
        return [_within(each, ids) for each in value]
    return ids.get(value, value) if isinstance(value, str) and len(value) >= _UNLIKE else value
