"""What need not be kept for ever: old threads, too many of a user's, the oldest messages of a long one. It goes into an
archive first.

Always true: nothing goes that is not in the archive as it was at that moment (``sql/archiving.py``), and nothing that
is pinned, in use, or was spoken in during the last hour. What is in the trash has days of its own. Of several processes
one at a time does it.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from . import archive
from .archive import Part
from .blobs import Blobs, in_thread
from .dialects.base import reason
from .errors import InvalidInput, StoreUnavailable, StoreUnusable
from .records import now
from .sql import archiving, leases
from .sql import retention as sql
from .writes import RemoveArchived, Write

logger = logging.getLogger("datalayer")

_HOUR, _DAY = 3_600 * 1_000_000, 86_400 * 1_000_000
_FIRST, _LOOK = 120.0, 600.0
"""Seconds after the start, which has other things to do, and between two looks whether it is time."""
_LEASE = "datalayer.retention"
_ALONE = 900 * 1_000_000
"""Microseconds that a process has for one file; another waits so long for one that was killed."""
_PATIENCE, _PAUSE = 300.0, 0.5
"""Seconds that one question, or the removal of one file's threads, waits for the database, and between two tries:
nobody is at a screen here, and the app beside it may be writing much."""
_AT_ONCE = 20
"""Threads of one file."""
_USERS = 500
"""That are read together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """``archive``: the folder of what goes. Each of the others is a whole number of 1 or more; None: no limit."""

    archive: str | Path
    max_age_days: int | None = None
    """Days since something was said in a thread."""
    max_threads: int | None = None
    """Of a user, those that were used last, besides the pinned ones."""
    max_messages_per_thread: int | None = None
    """The newest."""
    cleanup_interval_hours: int = 24

    def __post_init__(self) -> None:
        for name in ("max_age_days", "max_threads", "max_messages_per_thread", "cleanup_interval_hours"):
            value = getattr(self, name)
            if not ((value is None and name.startswith("max")) or (type(value) is int and value > 0)):
                raise InvalidInput(f"{name} is a whole number of 1 or more")


@dataclass(slots=True)
class Removed:
    threads: int = 0
    messages: int = 0
    """Of threads that stay."""
    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Going:
    """What of a user's need not be kept at this moment."""

    threads: int = 0
    messages: int = 0
    """Of threads that stay."""
    in_use: int = 0
    """Threads that stay, or stay whole, because somebody has them open."""


class Ask(Protocol):
    async def __call__(self, query: Callable[..., Any], *args: Any, changes: bool = False) -> Any: ...


class Cleanup:
    """``ask`` runs a query, in a transaction that may write with ``changes``; ``submit``: as ``Store.submit``.
    ``policy`` None: nothing goes. ``catch_up``: as ``Store.catch_up``.

    ``in_use``: which of some threads of a user (an id, "" for nobody) somebody has open. ``gone``: is told user and
    thread of what was removed.
    """

    def __init__(
        self,
        policy: Retention | None,
        ask: Ask,
        submit: Callable[[Write], Awaitable[Any]],
        blobs: Blobs,
        gone: Callable[[str, str], Awaitable[None]],
        catch_up: Callable[[], Awaitable[bool]],
    ) -> None:
        self.policy = policy
        self._answer, self._submit, self._blobs, self._gone, self._catch_up = ask, submit, blobs, gone, catch_up
        self._holder = uuid.uuid4().hex
        self._looked_to = 0
        self._task: asyncio.Task[None] | None = None
        self.in_use: Callable[[str, Sequence[str]], Awaitable[Collection[str]]] = _none

    def begin(self) -> None:
        if self._task is None and self.policy is not None:
            self._task = asyncio.create_task(self._go_on(), name="datalayer-retention")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _go_on(self) -> None:
        assert self.policy is not None
        await asyncio.sleep(_FIRST)
        while True:
            try:
                await self.run(every=self.policy.cleanup_interval_hours * _HOUR)
            except Exception as error:
                logger.warning("what need not be kept is left for later: %s", reason(error))
            await asyncio.sleep(_LOOK)

    async def run(self, dry_run: bool = False, at: int | None = None, every: int = 0) -> Removed:
        """Removes what goes at the moment ``at``, None: now. ``dry_run``: only counts. ``every``: microseconds since it
        was done last, without which nothing is done. Raises DataLayerError, OSError; what was removed until then is."""
        done, moment = Removed(), now() if at is None else at
        if self.policy is None or not (dry_run or await self._may(every)):
            return done
        complete = False
        try:
            async for user in self._users():
                await self._of(user, moment, dry_run, done)
            complete = True
        finally:
            if not dry_run:
                await self._end(done, complete, moment)
        return done

    async def _end(self, done: Removed, complete: bool, moment: int) -> None:
        if done.threads or done.messages:
            told = "%s conversations and %s messages of others were archived in %s and removed"
            logger.info(told, done.threads, done.messages, self.policy and self.policy.archive)
        if complete:
            self._looked_to = moment - _HOUR
        await self._ask(leases.leave, _LEASE, self._holder, complete, changes=True)

    async def _may(self, every: int = 0) -> bool:
        return bool(await self._ask(leases.take, _LEASE, self._holder, now() + _ALONE, every, changes=True))

    async def _users(self) -> AsyncIterator[str | None]:
        yield None
        after = ""
        while some := await self._ask(sql.some_users, after, _USERS):
            for user in some:
                yield user
            after = some[-1]

    async def _of(self, user: str | None, moment: int, dry_run: bool, done: Removed) -> None:
        policy, idle = self.policy, moment - _HOUR
        assert policy is not None
        ids = await self._whole(user, moment)
        going: list[tuple[str, sql.Oldest | None]] = [(key, None) for key in ids]
        if (most := policy.max_messages_per_thread) is not None:
            for key in await self._ask(sql.said_since, user, self._looked_to, idle):
                if key not in ids and (oldest := await self._ask(sql.beyond, key, most)).steps:
                    going.append((key, oldest))
        if going:
            used = set(await self.in_use(user or "", [key for key, _ in going]))
            going = [each for each in going if each[0] not in used]
        if dry_run:
            done.threads += sum(oldest is None for _, oldest in going)
            done.messages += sum(oldest.messages for _, oldest in going if oldest)
            return
        for start in range(0, len(going), _AT_ONCE):
            await self._remove(user, going[start : start + _AT_ONCE], moment, done)

    async def _whole(self, user: str | None, moment: int) -> dict[str, None]:
        """Threads of which nothing is kept, unless they are in use."""
        policy, idle, ids = self.policy, moment - _HOUR, dict[str, None]()
        if policy and policy.max_age_days is not None:
            before = min(moment - policy.max_age_days * _DAY, idle)
            ids |= dict.fromkeys(await self._ask(sql.old, user, before))
        if policy and policy.max_threads is not None and user is not None:
            ids |= dict.fromkeys(await self._ask(sql.too_many, user, policy.max_threads, idle))
        return ids

    async def going(self, user: str) -> Going:
        """What would go of a user's (an id) if all was cleaned up now. Raises StoreUnavailable."""
        if self.policy is None:
            return Going()
        moment, most = now(), self.policy.max_messages_per_thread
        whole, long = await self._whole(user, moment), list[str]()
        if most is not None:
            found = await self._ask(sql.too_long, user, most, moment - _HOUR)
            long = [key for key in found if key not in whole]
        used = set(await self.in_use(user, [*whole, *long])) if whole or long else set()
        oldest = [await self._ask(sql.beyond, key, most) for key in long if key not in used]
        return Going(len(whole.keys() - used), sum(each.messages for each in oldest), len(used))

    async def _remove(
        self, user: str | None, some: Sequence[tuple[str, "sql.Oldest | None"]], at: int, done: Removed
    ) -> None:
        assert self.policy is not None
        if not await self._may():
            raise StoreUnavailable("Another process does it now")
        oldest = dict(some)
        parts = [part for key, each in some if (part := await self._part(key, each and each.steps))]
        contents = [sha256 for part in parts for sha256 in part.contents]
        names = await self._ask(archiving.blobs_of, contents)
        who = {"id": user, "identifier": user and await self._ask(sql.identifier, user)}
        write = partial(archive.write, Path(self.policy.archive), who, parts, self._blobs, names, at)
        done.files.append(await in_thread(write))
        removals = [
            RemoveArchived(
                thread_id=part.thread_id,
                at=now(),
                digest=part.digest,
                steps=None if part.whole else [row["id"] for table, row in part.rows if table == "steps"],
            )
            for part in parts
        ]
        answers = await asyncio.gather(*map(self._submit, removals))
        if None in answers:  # the spool has taken it, which cannot tell
            await self._stored()
        for part, removal, answer in zip(parts, removals, answers, strict=True):
            if await self._is_gone(removal) if answer is None else answer:
                each = oldest[part.thread_id]
                done.threads += each is None
                done.messages += each.messages if each else 0
                await self._gone(user or "", part.thread_id)

    async def _ask(self, query: Callable[..., Any], *args: Any, changes: bool = False) -> Any:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return await self._answer(query, *args, changes=changes)
            except StoreUnavailable as error:
                if isinstance(error, StoreUnusable) or time.monotonic() >= end:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _stored(self) -> None:
        """Returns when the database has what the spool holds."""
        end = time.monotonic() + _PATIENCE
        while not await self._catch_up():
            if time.monotonic() >= end:
                raise StoreUnavailable("The database does not answer")
            await asyncio.sleep(_PAUSE)

    async def _is_gone(self, removal: RemoveArchived) -> bool:
        rows = await self._ask(archiving.rows_of, removal.thread_id, removal.steps)
        return len(rows) <= (removal.steps is not None)  # of a thread that stays there is its own row

    async def _part(self, thread_id: str, steps: Sequence[str] | None) -> Part | None:
        rows = await self._ask(archiving.rows_of, thread_id, steps)
        whole = steps is None
        return Part(thread_id, rows, archiving.digest(rows, whole), whole) if rows else None


async def _none(_user: str, _threads: Sequence[str]) -> Collection[str]:
    return ()
