"""``/trash``: what was deleted and can still be brought back, and how it goes for good."""

import asyncio
from datetime import datetime, timedelta
from itertools import count

from datalayer import NotFound, backup
from datalayer.records import TRASH_DAYS, Thread, now
from datalayer.text import fold
from datalayer.writes import DeleteThread, RestoreThread

from ..texts import date, say
from ..texts.markdown import escape
from .asked import Asked, Reply

_SHOWN = 20
_AT_ONCE = 100
_RESTORE = ("restore", "restaurer", "recuperer")
_EMPTY = ("empty", "vider")


async def trash(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    word, _, number = fold(asked.words).strip().partition(" ")
    if word in _EMPTY and not number:
        return await _empty(asked)
    if word in _RESTORE:
        word = number.strip()
    if word.isdecimal() and len(word) < 4:
        return await _restore(asked, int(word))
    return await _list(asked)


async def _list(asked: Asked) -> Reply:
    to, page = asked.to, await asked.services.layer.store.trash(asked.user, _SHOWN)
    if not page.threads:
        return Reply(say("trash_none", to))
    days = asked.services.trash_days or TRASH_DAYS
    lines = [_entry(asked, place, thread, days) for place, thread in zip(count(1), page.threads, strict=False)]
    more = [say("trash_more", to, n=_SHOWN)] if page.next else []
    return Reply("\n\n".join([f"**{say('trash_title', to)}**", "\n".join(lines), *more, say("trash_how", to)]))


def _entry(asked: Asked, place: int, thread: Thread, days: int) -> str:
    to, since = asked.to, datetime.fromtimestamp(thread.trashed_at / 1e6)
    name = escape(thread.name or say("untitled", to))
    return f"{place}. {name} · {say('trash_until', to, day=date(since + timedelta(days=days), to))}"


async def _restore(asked: Asked, number: int) -> Reply:
    store, to = asked.services.layer.store, asked.to
    threads = (await store.trash(asked.user, _SHOWN)).threads
    if not 1 <= number <= len(threads):
        return Reply(say("trash_no_such", to, n=number))
    thread = threads[number - 1]
    try:
        await store.submit(RestoreThread(actor=asked.actor, thread_id=thread.id, at=now()))
    except NotFound:  # another tab was faster
        return Reply(say("trash_no_such", to, n=number))
    return Reply(say("trash_restored", to, link=asked.link(thread.id, thread.name)), moved=True)


async def _empty(asked: Asked) -> Reply:
    """Only what was in it when this was said."""
    store, to, before, gone = asked.services.layer.store, asked.to, now(), 0
    while threads := (await store.trash(asked.user, _AT_ONCE)).threads:
        old = [thread for thread in threads if thread.trashed_at < before]
        writes = (
            DeleteThread(actor=asked.actor, thread_id=thread.id, at=now(), trashed_before=before) for thread in old
        )
        await asyncio.gather(*map(store.submit, writes))
        for thread in old:
            await store.on_gone(asked.user, thread.id)
        gone += len(old)
        if len(old) < len(threads):
            break
    if not gone:
        return Reply(say("trash_none", to))
    told = say("trash_emptied" if gone > 1 else "trash_emptied_one", to, n=gone)
    return Reply(" ".join(filter(None, [told, await _backups(asked)])))


async def _backups(asked: Asked) -> str:
    """Which backups still have it; "" where there are none that the app knows of."""
    place = asked.services.layer.store.place
    moments = [each.moment for each in await asyncio.to_thread(backup.backups, place.backups)]
    known = [date(moment.astimezone(), asked.to) for moment in moments if moment is not None]
    if not known:
        return ""
    key = "trash_backups" if len(known) > 1 else "trash_backup"
    return say(key, asked.to, n=len(known), first=known[0], last=known[-1])
