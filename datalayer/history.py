"""The chains of all threads of a store, checked, also while apps have it open."""

import asyncio
from collections.abc import Iterator
from functools import partial

from .backup.disk import Progress, quiet
from .chain import checking
from .chain.checking import History as History
from .chain.checking import Problem as Problem
from .dialects.server_schema import ask
from .errors import NotFound
from .place import Place
from .reindexing import opened


async def check(place: Place, thread_id: str | None = None, progress: Progress = quiet) -> History:
    """``thread_id``: of this thread alone. Changes nothing. Raises NotFound without a store or such a thread,
    StoreTooOld, StoreUnavailable."""
    work = partial(checking.check, thread_id=thread_id, progress=progress)
    async with opened(place) as database:
        if place.server is None:
            found = await database.read.run(work)
        else:  # where a read of an app must end soon
            asked = partial(ask, place.server, lambda connection, _: work(connection), "REPEATABLE READ")
            found = await asyncio.to_thread(asked)
    if thread_id is not None and not (found.threads or found.unproved or found.wrong):
        raise NotFound("There are no messages in a conversation of this id")
    return found


def told(found: History) -> Iterator[str]:
    """As lines for a person."""
    parts = [
        f"{found.messages} messages in {found.threads} conversations are what their chains say",
        f"{found.deleted} were deleted" if found.deleted else "",
        f"{found.unproved} conversations have no whole chain yet" if found.unproved else "",
        f"the first chain began {found.since}" if found.since else "",
        f"{found.wrong} problems" if found.wrong else "",
    ]
    yield "; ".join(filter(None, parts))
    for each in found.problems:
        link = "no link" if each.number is None else f"link {each.number}"
        yield f"conversation {each.thread_id}, {link}, {each.at}, message {each.step_id or 'unknown'}: {each.what}"
