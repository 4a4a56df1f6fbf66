"""I10: of which contents the database knows, and what becomes of one when its last element goes.

A row is made in the transaction of the element that needs it, when its content is stored already: so what an element
points to is there. Nothing of the store of files is asked here, as it may be far away. A content goes in three steps:

1. ``release`` marks its row, and what was read of it, if no element points to it. The row's lock orders this and
   ``hold``: one sees the other.
2. Its blob is removed, outside any transaction.
3. ``forget`` deletes the row, if it is still marked and has the same tag.

Whoever needs the content between 1 and 3 has stored it anew, under a tag of its own: the row takes that one, so that
neither 2 nor 3 touches it, however late they come. A process that dies between 1 and 3 leaves a row that no element
points to: the next start begins with 1 again.
"""

from collections.abc import Collection

from sqlalchemy import Connection, delete, select, update

from ..dialects.base import Dialect
from ..errors import BlobVanished
from ..records import Blob
from ..schema import blobs, elements
from . import file_texts

_SHA256 = 64  # digits, with which the name of a blob begins


def hold(connection: Connection, sql: Dialect, blob: Blob, at: int, stored: bool = True) -> str | None:
    """Has a row for the content of ``blob``, and locks it. ``stored``: the blob is there; else the row must be.

    Returns the name of the blob when nobody needs it, as the content was there already, else None. Raises BlobVanished.
    """
    if stored:
        row = {"sha256": blob.sha256, "size": blob.size, "created_at": at, "tag": blob.tag}
        connection.execute(sql.upsert(blobs, ("sha256",), frozenset({"size"})), row)
    this = blobs.c.sha256 == blob.sha256
    known = connection.execute(select(blobs.c.tag, blobs.c.released_at).where(this).with_for_update()).one_or_none()
    if known is not None and known.released_at is None:
        return blob.name if stored and known.tag != blob.tag else None
    if known is None or not stored or known.tag == blob.tag:
        raise BlobVanished("The file was removed before it could be stored; send it again")
    connection.execute(update(blobs).where(this).values(tag=blob.tag, released_at=None, created_at=at))
    return None


def release(connection: Connection, names: Collection[str], at: int) -> list[str]:
    """As ``writes.ReleaseBlobs``."""
    contents = sorted({name[:_SHA256] for name in names})
    these = blobs.c.sha256.in_(contents)
    rows = connection.execute(
        select(blobs.c.sha256, blobs.c.size, blobs.c.tag).where(these).order_by(blobs.c.sha256).with_for_update()
    ).all()
    used = set(connection.execute(select(elements.c.blob).where(elements.c.blob.in_(contents))).scalars())
    unused = [row.sha256 for row in rows if row.sha256 not in used]
    connection.execute(
        update(blobs).where(blobs.c.sha256.in_(unused), blobs.c.released_at.is_(None)).values(released_at=at)
    )
    file_texts.release(connection, unused)
    known = {Blob(*row).name: row.sha256 for row in rows}
    going = {name for name, sha256 in known.items() if sha256 not in used}
    return sorted(going | {name for name in names if len(name) > _SHA256 and name not in known})


def forget(connection: Connection, names: Collection[str]) -> None:
    """As ``writes.ForgetBlobs``."""
    for name in sorted(names):
        tag = name[_SHA256 + 1 :] or None
        same = blobs.c.tag == tag if tag else blobs.c.tag.is_(None)
        row = delete(blobs).where(blobs.c.sha256 == name[:_SHA256], same, blobs.c.released_at.is_not(None))
        connection.execute(row)
