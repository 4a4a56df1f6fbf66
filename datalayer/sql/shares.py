"""Read-only links to a thread, in the database. A link is met only together with its thread, and that one's author."""

import json
import uuid
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from ..errors import NotFound
from ..schema import shares, threads, users
from ..shares import LARGEST_SNAPSHOT, MOST_OF_THREAD, MOST_OF_USER, CannotShare, Share, Shared, ShareOptions
from .values import fit

_OPTIONS = ("audience", "expires_at", "password", "files", "author", "cost")
_IS_OF = (threads.c.id == shares.c.thread_id) & (threads.c.user_id == shares.c.user_id)
_SHARE: Select[Any] = select(
    *(shares.c[name] for name in ("id", "thread_id", "user_id", "views", "created_at", "sites", *_OPTIONS)),
    *(threads.c.name, threads.c.trashed_at, shares.c.snapshot.is_not(None).label("is_snapshot")),
).select_from(shares.join(threads, _IS_OF))


def make(
    connection: Connection,
    user_id: str,
    thread_id: str,
    digest: str,
    options: ShareOptions,
    snapshot: dict[str, Any] | None,
    at: int,
) -> Share:
    """See ``Sharing.make_share``."""
    # Whoever deletes the thread, or makes another link to it at this moment, waits.
    found = select(threads.c.trashed_at).where(threads.c.id == thread_id, threads.c.user_id == user_id)
    if connection.execute(found.with_for_update(key_share=True)).scalar() != 0:
        raise NotFound("There is no such conversation")
    for which, most in ((shares.c.thread_id == thread_id, MOST_OF_THREAD), (shares.c.user_id == user_id, MOST_OF_USER)):
        if connection.execute(select(func.count()).select_from(shares).where(which)).scalar_one() >= most:
            raise CannotShare("too_many")
    if snapshot is not None and len(json.dumps(snapshot)) > LARGEST_SNAPSHOT:
        raise CannotShare("too_long")
    key = str(uuid.uuid4())
    row = {"id": key, "thread_id": thread_id, "user_id": user_id, "digest": digest, "views": 0, "created_at": at}
    connection.execute(insert(shares), {**fit(shares, row | _stored(options)), "snapshot": snapshot})
    return _share(connection.execute(_SHARE.where(shares.c.id == key)).one())


def _stored(options: ShareOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in _OPTIONS} | {"sites": list(options.sites)}


def own(connection: Connection, user_id: str, thread_id: str | None) -> list[Share]:
    query = _SHARE.where(shares.c.user_id == user_id).order_by(shares.c.created_at.desc(), shares.c.id)
    if thread_id is not None:
        query = query.where(shares.c.thread_id == thread_id)
    return [_share(row) for row in connection.execute(query)]


def change(connection: Connection, user_id: str, share_id: str, options: ShareOptions) -> None:
    """See ``Sharing.change_share``."""
    this = (shares.c.id == share_id) & (shares.c.user_id == user_id)
    if not connection.execute(update(shares).where(this).values(fit(shares, _stored(options)))).rowcount:
        raise NotFound("There is no such link")


def revoke(connection: Connection, user_id: str, share_id: str) -> bool:
    this = (shares.c.id == share_id) & (shares.c.user_id == user_id)
    return bool(connection.execute(delete(shares).where(this)).rowcount)


def shared(connection: Connection, digest: str, at: int) -> Shared | None:
    """One look for all that can be wrong with a link, so that its time does not tell what is."""
    query = (
        _SHARE.add_columns(users.c.identifier, shares.c.snapshot)
        .join(users, users.c.id == threads.c.user_id)
        .where(shares.c.digest == digest, threads.c.trashed_at == 0)
        .where(or_(shares.c.expires_at.is_(None), shares.c.expires_at > at))
    )
    row = connection.execute(query).one_or_none()
    return Shared(share=_share(row), author=row.identifier, snapshot=row.snapshot) if row else None


def count_view(connection: Connection, share_id: str) -> None:
    connection.execute(update(shares).where(shares.c.id == share_id).values(views=shares.c.views + 1))


def _share(row: Row[Any]) -> Share:
    return Share(
        id=row.id,
        thread_id=row.thread_id,
        user_id=row.user_id,
        thread_name=row.name,
        trashed=bool(row.trashed_at),
        options=ShareOptions(**{name: getattr(row, name) for name in _OPTIONS}, sites=tuple(row.sites)),
        snapshot=bool(row.is_snapshot),
        views=row.views,
        created_at=row.created_at,
    )
