"""Where a thread is kept: its folder and tags, whether it is pinned, archived or done. I4: only what is given changes.

``thread_tags`` always has the tags of ``threads.tags`` that are texts of at most 255 characters, of threads that have
an author and are not in the trash.
"""

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from .. import dialects, text
from ..errors import InvalidInput
from ..schema import thread_tags, threads
from ..writes import UpdateThread

MOST_TAGS = 1_000
"""Of a thread, when one is added. What an app gives as a whole is kept whole."""
_INDEXED = {"tags", "user_id", "archived", "trashed_at"}
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


def index_tags(connection: Connection, thread_id: str, changed: Any) -> None:
    """To be called when these columns of the thread have changed."""
    if not _INDEXED & set(changed):
        return
    connection.execute(delete(thread_tags).where(thread_tags.c.thread_id == thread_id))
    found = connection.execute(_TAGGED.where(threads.c.id == thread_id)).one_or_none()
    if found is not None and (rows := _rows(found)):
        dialects.of(connection).send(connection, _INSERT, rows)


_INSERT = insert(thread_tags)
_TAGGED = select(threads.c.id, threads.c.user_id, threads.c.tags, threads.c.archived).where(
    threads.c.tags.is_not(None), threads.c.user_id.is_not(None), threads.c.trashed_at == 0
)


def _rows(found: Any) -> list[dict[str, Any]]:
    texts = {tag for tag in found.tags or () if isinstance(tag, str) and len(tag) <= text.ID_LENGTH}
    of = {"thread_id": found.id, "user_id": found.user_id, "archived": found.archived}
    return [{**of, "tag": tag} for tag in sorted(texts)]
