"""A thread of any length is imported by writes that none takes the database for long, so that nobody else waits.

Each is whole or absent, and all of them once more add what is missing: what is cut off is gone on with by the same
import.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .errors import StoreUnavailable
from .records import Imported
from .store import Store
from .versions import RECORD
from .writer import MAX_ROWS
from .writes import ImportThread

MOST_BYTES = 4_000_000
"""Of what is said in one write, about."""


async def store(store: Store, write: ImportThread) -> Imported:
    """What became of all of it. Raises Forbidden, InvalidInput; StoreUnavailable when the database does not answer, and
    what was given to it waits in the spool."""
    done = list[Imported]()
    for part in parts(write):
        found: Imported | None = await store.submit(part)
        if found is None:
            raise StoreUnavailable("The database does not answer")
        done.append(found)
    state = done[0].state
    if state == "there" and any(each.state == "added" for each in done):
        state = "added"
    steps, deleted, lost = (sum(getattr(each, name) for each in done) for name in ("steps", "deleted", "lost"))
    return Imported(state, steps, deleted, lost)


def parts(write: ImportThread) -> Iterator[ImportThread]:
    """Writes that do one after the other what ``write`` does. The records of versions go along with all that follows
    them, which is shown or not by what they say."""
    if write.size <= MAX_ROWS and (len(write.steps) < 2 or sum(map(_bytes, write.steps)) <= MOST_BYTES):
        yield write
        return
    where: dict[str, int] = {}
    cut = list(_cut(write.steps))
    for number, some in enumerate(cut):
        where |= {row["id"]: number for row in some if isinstance(row.get("id"), str)}
    records = list[dict[str, Any]]()
    for number, some in enumerate(cut):
        is_last = number == len(cut) - 1
        here = [row for row in write.elements if where.get(str(row.get("for_id")), 0) == number]
        contents = {row.get("blob") for row in here}
        yield replace(
            write,
            at=write.at + number * (MAX_ROWS + len(records)),  # on servers it orders what is of one moment
            steps=records + some,
            elements=here,
            votes=[row for row in write.votes if where.get(str(row.get("step_id")), 0) == number],
            usage=write.usage if is_last else [],
            summary=write.summary if is_last else None,
            blobs=[blob for blob in write.blobs if blob.sha256 in contents or (is_last and not _is_used(write, blob))],
        )
        records += [row for row in some if row.get("type") == RECORD]


def _cut(steps: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    some, taken = list[dict[str, Any]](), 0
    for row in steps:
        size = _bytes(row)
        if some and (len(some) >= MAX_ROWS or taken + size > MOST_BYTES):
            yield some
            some, taken = [], 0
        some.append(row)
        taken += size
    yield some


def _bytes(row: dict[str, Any]) -> int:
    said = sum(len(value) for name in ("input", "output") if isinstance(value := row.get(name), str))
    return said + (len(repr(row["metadata"])) if row.get("metadata") else 0)


def _is_used(write: ImportThread, blob: Any) -> bool:
    return any(row.get("blob") == blob.sha256 for row in write.elements)
