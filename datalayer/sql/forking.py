"""A copy of a thread's beginning as a thread of its own: one write, which is whole or absent, and once.

A thread that is there already is left alone: the same write again must not undo what was said in it since. A merge of
several threads is such a write, too, and archives them in the same transaction.
"""

from typing import Any

from sqlalchemy import insert, update

from ..errors import BlobVanished, Forbidden
from ..records import Blob, ThreadMessage
from ..reports import digest
from ..schema import elements, steps, threads
from ..writes import ForkThread, PutSummary
from . import contents, context, merging, organising, summaries, vectors
from .group import Group
from .values import fit


def fork(group: Group, write: ForkThread) -> None:
    """Raises Forbidden, NotFound."""
    facts, key = group.facts, write.thread_id
    if ("thread", key) in facts.deleted:
        return
    if key in facts.owners:
        facts.check_owner(key, write.actor)
        return
    merging.check(facts, write)
    if any(row["id"] in facts.steps for row in write.steps) or any(row["id"] in facts.elements for row in write.files):
        raise Forbidden("This step belongs to another conversation")
    group.admit(write, key, anonymous=True)
    group.flush()
    group.words.thread(key)
    made_of = merging.archive(group, write) if write.origins else {}
    values = fit(threads, write.values | {"metadata": write.values["metadata"] | made_of})
    group.connection.execute(update(threads).where(threads.c.id == key).values(values))
    organising.index_tags(group.connection, key, {"tags"})
    for place, row in enumerate(write.steps):
        _add_step(group, write, fit(steps, {name: row[name] for name in row if name != "of"}), place)
    group.flush()
    copies = {row["of"]: row["id"] for row in write.steps if "of" in row}  # a spool may be of an older version
    group.words.copied(vectors.copy(group.connection, copies, facts.owners[key] or ""))
    if write.files:
        group.note_element((row["for_id"], key) for row in write.files)
        group.connection.execute(insert(elements), [_file(group, write, *each) for each in enumerate(write.files)])
    if write.summary:
        _put_summary(group, write)


def _add_step(group: Group, write: ForkThread, row: dict[str, Any], place: int) -> None:
    """Those of one moment keep their order: on servers it is that of ``written_at``."""
    row |= {"thread_id": write.thread_id, "written_at": write.at + place}
    row["favorite"] = bool((row.get("metadata") or {}).get("favorite"))
    group.facts.steps[row["id"]] = write.thread_id
    group.add_step(row, frozenset(row) - {"id", "thread_id"}, new=True)


def _file(group: Group, write: ForkThread, place: int, row: dict[str, Any]) -> dict[str, Any]:
    row = fit(elements, row) | {"thread_id": write.thread_id, "created_at": write.at + place}
    group.facts.elements[row["id"]] = write.thread_id
    if row["blob"]:
        try:
            contents.hold(group.connection, group.sql, Blob(row["blob"], 0), write.at, stored=False)
        except BlobVanished:  # the origin was deleted meanwhile
            row["blob"] = None
    return row


def _put_summary(group: Group, write: ForkThread) -> None:
    assert write.summary is not None
    until = (write.summary["until_at"], write.summary["until_step"])
    covered: list[ThreadMessage] = context.messages(group.connection, write.thread_id, until=until)
    put = PutSummary(actor=write.actor, thread_id=write.thread_id, at=write.at, digest=digest(covered), **write.summary)
    summaries.put(group.connection, group.sql, group.facts, put)
