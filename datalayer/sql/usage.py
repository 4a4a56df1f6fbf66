"""What calls of models used: a row each, and totals that the database sums over the rows asked for, by an index.

I6: a row belongs to the user who spent it, and counts in nobody else's totals.
"""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, and_, case, cast, func, or_, select

from ..dialects.base import Dialect
from ..errors import Forbidden
from ..reports import UsageDay, UsageTotal
from ..schema import usage
from ..writes import APPLICATION, RecordUsage, author_id
from .facts import Facts
from .rows import columns

_GIVEN = [column.name for column in usage.c if column.name != "user_id"]
_EPOCH = date(1970, 1, 1).toordinal()
_SECOND, _DAY = 1_000_000, 86_400_000_000


_REPLACED = frozenset(_GIVEN) - {"id", "thread_id"}


def record(connection: Connection, sql: Dialect, facts: Facts, write: RecordUsage) -> None:
    """An earlier row of the same id, thread and user is replaced; the application may do so for any user.

    Raises Forbidden when the thread or an earlier row of this id is somebody else's.
    """
    if write.thread_id in facts.owners:
        facts.check_owner(write.thread_id, write.actor)
    spender = author_id(write.actor) or facts.owners.get(write.thread_id) or ""
    row = {name: getattr(write, name) for name in _GIVEN} | {"user_id": spender}
    same = ("thread_id",) if write.actor is APPLICATION else ("thread_id", "user_id")
    stored = connection.execute(select(usage.c.thread_id, usage.c.user_id).where(usage.c.id == write.id)).one_or_none()
    if stored and any(getattr(stored, name) != row[name] for name in same):
        raise Forbidden("This usage belongs to somebody else")
    connection.execute(sql.upsert(usage, ("id",), _REPLACED, same), row)


def _count(condition: Any) -> Any:
    return _sum(case((condition, 1), else_=0))


def _sum(column: Any) -> Any:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)  # servers sum whole numbers as decimals


_USED = or_(usage.c.tokens_in.is_not(None), usage.c.tokens_out.is_not(None))
_COST = _sum(usage.c.cost)
_SUMS = {
    "turns": _count(usage.c.kind == "turn"),
    "calls": func.count(),
    "tokens_in": _sum(usage.c.tokens_in),
    "tokens_out": _sum(usage.c.tokens_out),
    "tokens_cached": _sum(usage.c.tokens_cached),
    "cost": _COST,
    "unpriced": _count(and_(usage.c.cost.is_(None), _USED)),
}
_TOTALS = {
    **_SUMS,
    "fallbacks": func.count(usage.c.fallback),
    "failed": _count(usage.c.status == "failed"),
    "estimated": _count(usage.c.estimated),
}
_BY_MODEL: Select[Any] = (
    select(*columns(UsageTotal, usage, **_TOTALS))
    .group_by(usage.c.model)
    .order_by(_COST.desc(), (_sum(usage.c.tokens_in) + _sum(usage.c.tokens_out)).desc(), usage.c.model)
)


def by_model(connection: Connection, user_id: str, thread_id: str | None, since: int | None) -> list[UsageTotal]:
    """Totals of a user's calls, in one thread or all, the most expensive and most used models first."""
    query = _BY_MODEL.where(usage.c.user_id == user_id)
    if thread_id is not None:
        query = query.where(usage.c.thread_id == thread_id)
    if since is not None:
        query = query.where(usage.c.started_at >= since)
    return [UsageTotal(*row) for row in connection.execute(query)]


def by_day(connection: Connection, user_id: str, since: int, utc_offset_seconds: int) -> list[UsageDay]:
    """Totals of a user's calls per day and model, in this order; days begin at midnight of the offset."""
    day = ((usage.c.started_at + utc_offset_seconds * _SECOND) // _DAY).label("day")
    query = (
        select(*columns(UsageDay, usage, day=day, **_SUMS))
        .where(usage.c.user_id == user_id, usage.c.started_at >= since)
        .group_by(day, usage.c.model)
        .order_by(day, usage.c.model)
    )
    return [
        UsageDay(date.fromordinal(_EPOCH + int(day)).isoformat(), *sums) for day, *sums in connection.execute(query)
    ]
