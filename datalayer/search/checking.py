"""Whether the index has the words of what was said, all of them and no others."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ..schema import steps, threads
from . import building, documents, engines

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Checked:
    documents: int
    """Messages and threads that are to be found."""
    problems: tuple[str, ...]
    """Sentences; empty means that the index is right."""


def check(connection: Connection, progress: Callable[[str, int, int], None]) -> Checked:
    """Of one moment. Changes nothing."""
    if not building.is_built(connection):
        return Checked(0, ("the index is still being built",))
    index, found = engines.of(connection), 0
    problems, done, total = list[str](), 0, building.count(connection)
    for kind, what, table in (("message", "messages", steps), ("title", "threads", threads)):
        held = index.held(connection, kind)  # type: ignore[arg-type]
        wrong, after = 0, ""
        while ids := connection.scalars(
            select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(_BATCH)
        ).all():
            read = documents.messages if table is steps else documents.titles
            for key, document in read(connection, ids).items():
                found += 1
                wrong += held.pop(key, None) != index.digest(document)
            done, after = done + len(ids), ids[-1]
            progress("checking the index", done, total)
        if wrong:
            problems.append(f"{wrong} {what} are not indexed by the words that they have")
        if held:
            problems.append(f"{len(held)} {what} are indexed that are not there")
    return Checked(found, tuple(problems))
