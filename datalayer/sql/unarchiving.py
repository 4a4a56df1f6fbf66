"""What retention has removed comes back from an archive: a thread, or messages of one, in one transaction, with the ids
that they had.

Always true: what a person has deleted does not come back this way (I5). The removal that is taken back is known by the
digest of what was archived (``tombstones.py``), and can be taken back once.
"""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from ..errors import BlobVanished, Forbidden, InvalidInput
from ..records import ArchivedState, Blob, Restored
from ..schema import elements, feedbacks, steps, summaries, threads, users
from ..schema import tombstones as buried
from ..writes import RestoreArchived
from . import contents, organising, tombstones
from .group import Group, user_row
from .values import fit

_AT_ONCE = 500  # ids of a statement
_KINDS = {threads.name: "thread", steps.name: "step", elements.name: "element"}


def state(connection: Connection, thread_id: str, ids: Collection[str], digest: str, whole: bool) -> ArchivedState:
    """Of a thread, or of its steps ``ids``."""
    is_there = connection.execute(select(threads.c.id).where(threads.c.id == thread_id)).first() is not None
    if whole and is_there:
        return "there"
    if not whole and not is_there:
        return "without_thread"
    if tombstones.is_marked(connection, digest):
        return "removed"
    if not whole and _some(connection, steps, ids):
        return "there"
    gone = _buried(connection, "thread", [thread_id]) if whole else _buried(connection, "step", ids)
    return "deleted" if gone else "unknown"


def _some(connection: Connection, table: Table, ids: Collection[str]) -> bool:
    return any(connection.execute(select(table.c.id).where(table.c.id.in_(some))).first() for some in _parts(ids))


def _buried(connection: Connection, kind: str, ids: Collection[str]) -> bool:
    of_kind = select(buried.c.id).where(buried.c.kind == kind)
    return any(connection.execute(of_kind.where(buried.c.id.in_(some))).first() for some in _parts(ids))


def _parts(ids: Collection[str]) -> Iterable[list[str]]:
    these = list(ids)
    return (these[start : start + _AT_ONCE] for start in range(0, len(these), _AT_ONCE))


def restore(group: Group, write: RestoreArchived) -> Restored:
    group.released.update(blob.name for blob in write.blobs)  # what does not come back leaves nothing behind
    group.flush()
    found = state(group.connection, write.thread_id, _ids(write, steps), write.digest, write.whole)
    if found != "removed" and not (write.foreign and found == "unknown"):
        return Restored(found)
    _refuse_taken(group, write)
    _dig_out(group, write)
    if write.whole:
        _add_thread(group, write)
    _add_steps(group, write)
    lost = _add_elements(group, write)
    _add_rest(group, write)
    group.recount(write.thread_id)
    return Restored("removed", lost)


def _ids(write: RestoreArchived, table: Table) -> list[str]:
    return [row["id"] for row in _rows(write, table)]


def _rows(write: RestoreArchived, table: Table) -> list[dict[str, Any]]:
    """As the columns take them; a column that this version does not know is left out."""
    return [
        fit(table, {name: value for name, value in row.items() if name in table.c and name != "thread_id"})
        for name, row in write.found
        if name == table.name
    ]


def _refuse_taken(group: Group, write: RestoreArchived) -> None:
    """Raises Forbidden."""
    for table in (steps, elements):
        if _some(group.connection, table, _ids(write, table)):
            raise Forbidden("Something else has its ids now")


def _dig_out(group: Group, write: RestoreArchived) -> None:
    for table, kind in _KINDS.items():
        ids = [row["id"] for name, row in write.found if name == table and (name != threads.name or write.whole)]
        group.facts.deleted -= {(kind, key) for key in ids}
        for some in _parts(ids):
            group.connection.execute(delete(buried).where(buried.c.kind == kind, buried.c.id.in_(some)))
    tombstones.unmark(group.connection, write.digest)


def _add_thread(group: Group, write: RestoreArchived) -> None:
    values = next((row for row in _rows(write, threads) if row["id"] == write.thread_id), None)
    if values is None:
        raise InvalidInput("What is known of the conversation itself is missing")
    key, owner = values.pop("id"), values.get("user_id")
    if owner is not None:
        author = user_row(write.user or "", {}, write.at)
        if author["id"] != owner:
            raise Forbidden("The archive does not say whose conversation it is")
        group.connection.execute(group.sql.keep(users), author)
    group.admit(write, key, anonymous=True, author=owner)
    group.flush()
    group.words.thread(key)
    group.connection.execute(update(threads).where(threads.c.id == key).values(values))
    organising.index_tags(group.connection, key, {"tags"})


def _add_steps(group: Group, write: RestoreArchived) -> None:
    key = write.thread_id
    rows = sorted(_rows(write, steps), key=lambda row: (row["created_at"], row.get("seq") or 0))
    for row in rows:
        number = row.pop("seq", None)
        row = {**row, "thread_id": key, "written_at": row.get("written_at") or write.at}
        group.facts.steps[row["id"]] = key
        group.add_step(row, frozenset(row) - {"id", "thread_id"}, new=True)
        if number is not None and not group.sql.serial:
            row["seq"] = number  # what was said at one moment keeps its order
    group.flush()
    if not write.whole:  # which told of messages that were the first
        group.connection.execute(delete(summaries).where(summaries.c.thread_id == key))


def _add_elements(group: Group, write: RestoreArchived) -> int:
    """How many have lost their content."""
    known, lost = {blob.sha256: blob for blob in write.blobs}, 0
    rows = [row | {"thread_id": write.thread_id} for row in _rows(write, elements)]
    for row in sorted(rows, key=lambda row: row["blob"] or ""):  # locked in one order
        if row["blob"] and not _is_held(group, known.get(row["blob"]), row["blob"], write.at):
            row["blob"], lost = None, lost + 1
    if rows:
        group.note_element((row.get("for_id"), write.thread_id) for row in rows)
        group.connection.execute(insert(elements), rows)
        group.facts.elements |= {row["id"]: write.thread_id for row in rows}
    return lost


def _is_held(group: Group, blob: Blob | None, sha256: str, at: int) -> bool:
    stored = blob is not None and blob.name not in group.vanished
    try:
        spare = contents.hold(group.connection, group.sql, blob or Blob(sha256, 0), at, stored)
    except BlobVanished:
        return False
    group.released -= {sha256, *([blob.name] if blob else [])}
    group.released |= {spare} if spare else set()
    return True


def _add_rest(group: Group, write: RestoreArchived) -> None:
    said = set(_ids(write, steps))
    if votes := [row for row in _rows(write, feedbacks) if row["step_id"] in said]:
        group.connection.execute(group.sql.keep(feedbacks), votes)
    if write.whole and (rows := _rows(write, summaries)):
        group.connection.execute(insert(summaries), [row | {"thread_id": write.thread_id} for row in rows])
