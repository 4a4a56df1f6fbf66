"""``/trash``: what was deleted and can still be brought back, and how it goes for good."""

import asyncio
from datetime import datetime, timedelta
from itertools import count

from datalayer import NotFound, backup
from datalayer.passages import FileUse
from datalayer.records import TRASH_DAYS, Thread, now
from datalayer.text import fold
from datalayer.writes import DeleteElement, DeleteThread, RestoreThread

from ..texts import date, say
from ..texts.markdown import escape
from .asked import Asked, Reply
from .files_here import shown

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
    files = await asked.services.layer.store.own_trashed_files(asked.user)
    if not page.threads and not files:
        return Reply(say("trash_none", to))
    told = [f"**{say('trash_title', to)}**"]
    if page.threads:
        told.append("\n".join(_entry(asked, *each) for each in zip(count(1), page.threads, strict=False)))
        told += [say("trash_more", to, n=_SHOWN)] if page.next else []
        told.append(say("trash_how", to))
    if files:
        told += [say("trash_files", to), "\n".join(_file(asked, file) for file in files[:_SHOWN])]
        told.append(say("trash_files_how", to))
    return Reply("\n\n".join(told))


def _entry(asked: Asked, place: int, thread: Thread) -> str:
    name = escape(thread.name or say("untitled", asked.to))
    return f"{place}. {name} · {_until(asked, thread.trashed_at)}"


def _file(asked: Asked, file: FileUse) -> str:
    where = say("in_thread", asked.to, thread=asked.link(file.thread_id, file.thread_name))
    return f"- {shown(file.name)} {where} · {_until(asked, file.trashed_at)}"


def _until(asked: Asked, trashed_at: int) -> str:
    since, days = datetime.fromtimestamp(trashed_at / 1e6), asked.services.trash_days or TRASH_DAYS
    return say("trash_until", asked.to, day=date(since + timedelta(days=days), asked.to))


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
    files = await _empty_of_files(asked, before)
    if not gone and not files:
        return Reply(say("trash_none", to))
    told = [say("trash_emptied" if gone > 1 else "trash_emptied_one", to, n=gone)] if gone else []
    told += [say("trash_emptied_files", to, n=files)] if files else []
    return Reply(" ".join(filter(None, [*told, await _backups(asked)])))


async def _empty_of_files(asked: Asked, before: int) -> int:
    """How many went."""
    store, gone = asked.services.layer.store, 0
    while old := [file for file in await store.own_trashed_files(asked.user) if file.trashed_at < before]:
        of = {"actor": asked.actor, "at": now(), "trashed_before": before}
        writes = (DeleteElement(thread_id=file.thread_id, id=file.element_id, **of) for file in old)  # type: ignore[arg-type]
        await asyncio.gather(*map(store.submit, writes))
        gone += len(old)
    return gone


async def _backups(asked: Asked) -> str:
    """Which backups still have it; "" where there are none that the app knows of."""
    place = asked.services.layer.store.place
    moments = [each.moment for each in await asyncio.to_thread(backup.backups, place.backups)]
    known = [date(moment.astimezone(), asked.to) for moment in moments if moment is not None]
    if not known:
        return ""
    key = "trash_backups" if len(known) > 1 else "trash_backup"
    return say(key, asked.to, n=len(known), first=known[0], last=known[-1])
