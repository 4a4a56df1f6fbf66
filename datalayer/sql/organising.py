"""Where a thread is kept: its folder and tags, whether it is pinned, archived or done. I4: only what is given changes.

``thread_tags`` always has the tags of ``threads.tags`` that are texts of at most 255 characters, of threads that have
an author and are not in the trash.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select

from .. import dialects, text
from ..errors import InvalidInput
from ..schema import thread_tags, threads
from ..writes import UpdateThread

MOST_TAGS = 1_000
"""Of a thread, when one is added. What an app gives as a whole is kept whole."""
_INDEXED = {"tags", "user_id", "trashed_at"}
"""Columns that rows of ``thread_tags`` depend on."""


def wanted(write: UpdateThread, tags: Any) -> dict[str, Any]:
    """The columns that ``write`` sets; ``tags``: those that are stored. Raises InvalidInput."""
    values: dict[str, Any] = {
        name: value for name in ("pinned", "archived", "status", "kind") if (value := getattr(write, name)) is not None
    }
    if values.get("status", "open") not in ("open", "done"):
        raise InvalidInput("A conversation is open or done")
    if write.folder is not None:
        values["folder"] = text.folder(write.folder) or None
    if write.tags is not None:
        values["tags"] = tags = write.tags
    if write.tags_added or write.tags_removed:
        values["tags"] = _merged(tags, write.tags_added or (), write.tags_removed or ())
    return values


def _merged(stored: Any, added: Any, removed: Any) -> list[Any]:
    gone = set(removed)
    tags = [tag for tag in stored or () if not isinstance(tag, str) or tag not in gone]
    tags += [tag for tag in dict.fromkeys(map(text.tag, added)) if tag not in tags]
    if added and len(tags) > MOST_TAGS:
        raise InvalidInput(f"A conversation has at most {MOST_TAGS} tags")
    return tags


def holds(connection: Connection, thread_id: str, only_if: Mapping[str, Any] | None) -> bool:
    """Whether the thread, which is there, is as ``only_if`` says; None: however it is. Raises InvalidInput for what
    cannot be asked."""
    if only_if is None:
        return True
    if not only_if.keys() <= _ASKED.keys():
        raise InvalidInput("A conversation is not asked for this")
    (found,) = dialects.of(connection).fetch(connection, _AS_IT_IS, {"key": thread_id}, tuple)
    stored = dict(zip(_ASKED, found, strict=True))
    return all(_ASKED[name](stored[name]) == _ASKED[name](value) for name, value in only_if.items())


_ASKED: dict[str, Callable[[Any], Any]] = {
    "folder": lambda path: path or "",
    "tags": lambda tags: tags or [],
    **{"pinned": bool, "archived": bool, "status": str, "last_activity_at": int},
}
"""What can be asked, and what of it is compared."""
_AS_IT_IS: Select[Any] = select(*(threads.c[name] for name in _ASKED)).where(threads.c.id == bindparam("key"))


def index_tags(connection: Connection, thread_id: str, changed: Any) -> None:
    """To be called when these columns of the thread have changed."""
    if not _INDEXED & set(changed):
        return
    sql, this = dialects.of(connection), {"key": thread_id}
    sql.send(connection, _DELETE, [this])
    for user_id, tags in sql.fetch(connection, _TAGGED, this, tuple):
        of = {"thread_id": thread_id, "user_id": user_id}
        if rows := [{**of, "tag": tag} for tag in sorted(texts(tags))]:
            sql.send(connection, _INSERT, rows)


_DELETE = delete(thread_tags).where(thread_tags.c.thread_id == bindparam("key"))
_INSERT = insert(thread_tags)
_TAGGED: Select[Any] = select(threads.c.user_id, threads.c.tags).where(
    threads.c.id == bindparam("key"),
    *(threads.c.tags.is_not(None), threads.c.user_id.is_not(None), threads.c.trashed_at == 0),
)


def texts(tags: Any) -> set[str]:
    """The tags that threads are listed and counted by."""
    return {tag for tag in tags or () if isinstance(tag, str) and len(tag) <= text.ID_LENGTH}
