"""The files of one person, wherever they are: what a page of them shows, and how much they are.

Always true: all that is read begins at the threads of one user, or is given back only where the thread is that user's.
It costs what this person's conversations are; equal content of others is never walked through.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, cast, func, select

from .. import dialects
from ..dialects.expressions import listed as ids_in
from ..errors import InvalidInput
from ..passages import CITES, LEFT_OUT, FileSort, FileUse, OwnFile, Status, kind_of
from ..schema import blobs, elements, file_texts, steps, threads
from ..text import fold
from .file_texts import KEPT, reader_of
from .passages import IS_FILE, MAY_BE_FILE
from .rows import BLOB_NAME

MOST = 10_000
"""Elements that are looked at, the newest."""
MOST_ON_A_PAGE = 200
MOST_TRASHED = 500
"""Files of the trash, those that came there last."""
_NAME = 100
"""Characters by which names are sorted."""
_WHAT = (
    *(elements.c.id, elements.c.for_id, func.coalesce(elements.c.name, ""), elements.c.mime, elements.c.created_at),
    *(threads.c.id, threads.c.name, blobs.c.sha256, BLOB_NAME, blobs.c.size, elements.c.props),
)
_MINE = (
    threads.join(elements, elements.c.thread_id == threads.c.id)
    .join(blobs, blobs.c.sha256 == elements.c.blob)
    .outerjoin(steps, steps.c.id == elements.c.for_id)
)
_IS_MINE = (threads.c.user_id == bindparam("user"), *IS_FILE)
_NEWEST: Select[Any] = (
    select(*_WHAT)
    .select_from(_MINE)
    .where(*_IS_MINE)
    .order_by(elements.c.created_at.desc(), elements.c.id.desc())
    .limit(MOST)
)
_NAMED: Select[Any] = select(*_WHAT).select_from(_MINE).where(*_IS_MINE, elements.c.id.in_(ids_in("elements")))
_TRASHED: Select[Any] = (
    select(*_WHAT, elements.c.trashed_at)
    .select_from(_MINE)
    .where(*MAY_BE_FILE, elements.c.trashed_at > 0)
    .order_by(elements.c.trashed_at.desc(), elements.c.created_at.desc(), elements.c.id)
    .limit(MOST_TRASHED)
)
_USERS_TRASHED = _TRASHED.where(threads.c.user_id == bindparam("user"))
_THREADS_TRASHED = _TRASHED.where(threads.c.id == bindparam("thread"))
_CONTENTS = select(blobs.c.sha256, blobs.c.size).select_from(_MINE).where(*_IS_MINE).distinct().subquery()
_TALLY = select(func.count(), cast(func.coalesce(func.sum(_CONTENTS.c.size), 0), BigInteger)).select_from(_CONTENTS)
_text = file_texts.c
_TEXTS: Select[Any] = select(
    _text.sha256, _text.refused, _text.pages, _text.passages, _text.cut, _text.number, _text.reader
).where(_text.sha256.in_(ids_in("contents")), _text.state == KEPT)


def newest(connection: Connection, user_id: str, without: Collection[str] = ()) -> list[FileUse]:
    """The user's files, the newest first, with their versions. ``without``: some threads."""
    found = dialects.of(connection).fetch(connection, _NEWEST, {"user": user_id}, _use)
    return _versioned([each for each in found if each is not None and each.thread_id not in without])


def named(
    connection: Connection, user_id: str, element_ids: Collection[str], without: Collection[str] = ()
) -> list[FileUse]:
    """Those of these elements that are files of the user, by their ids; their versions are not told."""
    asked = {"user": user_id, "elements": json.dumps(sorted(element_ids))}
    found = dialects.of(connection).fetch(connection, _NAMED, asked, _use)
    return [each for each in found if each is not None and each.thread_id not in without]


def trashed(connection: Connection, user_id: str, without: Collection[str] = ()) -> list[FileUse]:
    """The user's files in the trash, of conversations that are not; what came there last is first. ``without``: some
    threads."""
    found = dialects.of(connection).fetch(connection, _USERS_TRASHED, {"user": user_id}, _thrown)
    return [each for each in found if each is not None and each.thread_id not in without]


def trashed_of(connection: Connection, thread_id: str) -> list[FileUse]:
    """The same of one thread."""
    found = dialects.of(connection).fetch(connection, _THREADS_TRASHED, {"thread": thread_id}, _thrown)
    return [each for each in found if each is not None]


def expired(connection: Connection, before: int, limit: int) -> Sequence[tuple[str, str]]:
    """Threads and ids of anybody's elements that are in the trash since before a moment, at most so many."""
    since = elements.c.trashed_at
    found = select(elements.c.thread_id, elements.c.id).where(since > 0, since < before).order_by(since).limit(limit)
    return [(row.thread_id, row.id) for row in connection.execute(found)]


def tally(connection: Connection, user_id: str) -> tuple[int, int]:
    """How many contents the user's files have, and their bytes."""
    count, size = connection.execute(_TALLY, {"user": user_id}).one()
    return count, int(size)


def _use(row: Sequence[Any]) -> FileUse | None:
    """None: it is no file of the conversation."""
    props: Any = row[-1]
    known = props if isinstance(props, dict) else {}
    return None if CITES in known else FileUse._make((*row[:-1], bool(known.get(LEFT_OUT)), 1, 1, False, 0))


def _thrown(row: Sequence[Any]) -> FileUse | None:
    use = _use(row[:-1])
    return use and use._replace(trashed_at=row[-1])


def _versioned(uses: Sequence[FileUse]) -> list[FileUse]:
    """``uses``: the newest first, as they are given back. A file that is left out supersedes none."""
    folded = {name: fold(name) for name in {each.name for each in uses}}
    same: dict[tuple[str, str], list[FileUse]] = defaultdict(list)
    for each in uses:
        same[each.thread_id, folded[each.name]].append(each)
    told = {key: _told(group) for key, group in same.items() if len(group) > 1}
    return [told.get((each.thread_id, folded[each.name]), {}).get(each.element_id, each) for each in uses]


def _told(group: Sequence[FileUse]) -> dict[str, FileUse]:
    last = next((each for each in group if not each.left_out), None)
    return {
        each.element_id: each._replace(
            version=len(group) - place,
            versions=len(group),
            superseded=last not in (None, each) and not each.left_out and _replaces(last, each),
        )
        for place, each in enumerate(group)
    }


def _replaces(last: FileUse | None, other: FileUse) -> bool:
    """A file sent with the same message replaces none: a person meant both."""
    return last is not None and (last.for_id is None or last.for_id != other.for_id)


# A page


@dataclass(frozen=True, slots=True)
class Chosen:
    """``OwnFiles`` before it is known what was read."""

    files: list[OwnFile]
    next: str | None
    count: int
    size: int
    complete: bool
    opened: OwnFile | None


def chosen(
    parts: Sequence[Sequence[FileUse]],
    first: int,
    cursor: str | None,
    sort: FileSort,
    element_id: str | None,
    like: str = "",
) -> Chosen:
    """A page of ``parts``, each of other threads. Pure. Raises InvalidInput for an unreadable cursor or size."""
    if not 1 <= first <= MOST_ON_A_PAGE:
        raise InvalidInput(f"A page has 1 to {MOST_ON_A_PAGE} files")
    uses = sorted((use for part in parts for use in part), key=lambda use: (use.created_at, use.element_id))
    files = _once(uses[: -MOST - 1 : -1])
    listed = [each for each in files if _is_called(each, fold(like).split())] if like.strip() else files
    placed = sorted(((_place(each, sort), each) for each in listed), key=lambda each: each[0], reverse=sort != "name")
    if cursor is not None:
        after = _read_cursor(cursor, sort)
        placed = [each for each in placed if (each[0] > after if sort == "name" else each[0] < after)]
    shown = [each for _, each in placed[:first]]
    following = _cursor(shown[-1], sort) if len(placed) > first else None
    opened = next((each for each in files if any(use.element_id == element_id for use in each.uses)), None)
    size = sum(each.uses[0].size for each in files)
    return Chosen(shown, following, len(files), size, len(uses) < MOST, opened)


def _is_called(file: OwnFile, words: Collection[str]) -> bool:
    return any(all(word in fold(use.name) for word in words) for use in file.uses)


def _once(newest: Sequence[FileUse]) -> list[OwnFile]:
    contents: dict[str, list[FileUse]] = defaultdict(list)
    for use in newest:
        contents[use.sha256].append(use)
    return [OwnFile(tuple(uses)) for uses in contents.values()]


def _place(file: OwnFile, sort: FileSort) -> Any:
    last = file.uses[0]
    by: dict[FileSort, int | str] = {"newest": last.created_at, "size": last.size}
    return by[sort] if sort in by else fold(last.name)[:_NAME], last.sha256


def _cursor(last: OwnFile, sort: FileSort) -> str:
    value, sha256 = _place(last, sort)
    return f"{value}.{sha256}"


def _read_cursor(cursor: str, sort: FileSort) -> Any:
    value, dot, sha256 = cursor.rpartition(".")
    if sort == "name" and dot:
        return value, sha256
    if not (dot and value.removeprefix("-").isdecimal() and len(value) < 20):
        raise InvalidInput("This page of files cannot be found; reload the list")
    return int(value), sha256


# What was read


def read_of(connection: Connection, some: Sequence[OwnFile]) -> dict[str, OwnFile]:
    """The files with what was read of them, by their contents."""
    by_content = {each.uses[0].sha256: each for each in some}
    told = {row[0]: row[1:] for row in _texts(connection, by_content) if _is_of(by_content[row[0]].uses[0], row[-1])}
    return {key: _with(each, *told[key]) if key in told else each for key, each in by_content.items()}


def _with(file: OwnFile, refused: str | None, pages: int | None, passages: int, cut: bool, *_: Any) -> OwnFile:
    status: Status = "refused" if refused else "read"
    return OwnFile(file.uses, status, refused, pages, passages, bool(cut))


def number_of(connection: Connection, use: FileUse) -> int | None:
    """Of what was read of it; None: nothing is kept."""
    return next((row[-2] for row in _texts(connection, [use.sha256]) if _is_of(use, row[-1])), None)


def _is_of(use: FileUse, reader: str) -> bool:
    """Whether a text was read as the kind of file that this is."""
    return reader_of(reader, kind_of(use.name, use.mime)) is not None


def _texts(connection: Connection, contents: Collection[str]) -> list[Any]:
    asked = {"contents": json.dumps(sorted(contents))}
    return dialects.of(connection).fetch(connection, _TEXTS, asked, tuple) if contents else []
