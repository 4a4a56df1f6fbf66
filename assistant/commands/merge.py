"""``/merge``: this conversation and others become one, in order of time. Undone in that one by ``/merge undo``."""

import re
from collections.abc import Sequence
from dataclasses import replace

from datalayer import NotFound, merges
from datalayer.merges import CannotMerge, Origin
from datalayer.records import Thread, Which
from datalayer.text import NAME_LENGTH, fold

from ..marks import is_command
from ..texts import say
from ..texts.markdown import escape
from .asked import Asked, Reply
from .fork import said

_UNDO = ("undo", "annuler", "defaire")
_LAST = re.compile(
    r"(?:(?:the|les|mes) )?(?:last|latest|derni[eè]re?s?) (\d{1,6})|(?:les |mes )?(\d{1,6}) derni[eè]re?s?"
)
_LINK = re.compile(r"(?:\[[^\]]*\]\()?[^\s,;(]*/thread/([^\s,;/?#)]+)[^\s,;)]*\)?")
_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*\S)\s*#\s*(\d{1,2})")
_SHOWN, _PART = 9, 200


class _Unclear(Exception):
    """Says what to answer."""


async def merge(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    to, words = asked.to, asked.words.strip()
    if not words:
        return Reply(say("merge_how", to))
    if fold(words) in _UNDO:
        return await _undo(asked)
    try:
        keys = await _named(asked, words)
        return await _merged(asked, await _origins(asked, keys))
    except _Unclear as unclear:
        return Reply(str(unclear))
    except CannotMerge as error:
        name = escape((error.thread and error.thread.name) or say("untitled", to))
        most = {"threads": merges.MOST_THREADS, "messages": merges.MOST_STEPS}.get(error.reason, 0)
        return Reply(say(f"merge_{error.reason}", to, name=name, n=most))
    except NotFound:
        return Reply(say("merge_no_such", to))


async def _origins(asked: Asked, keys: Sequence[str]) -> list[Origin]:
    """This conversation and the others, without commands at the end, as far as anything is said in them."""
    found = await merges.read(asked.services.layer.store, asked.actor, [asked.thread.id, *keys])
    whole = [replace(origin, steps=said(list(origin.steps))) for origin in found]
    whole = [origin for origin in whole if origin.steps]
    if len(whole) < 2:
        raise CannotMerge("few", "")
    return sorted(whole, key=lambda origin: (origin.began, origin.thread.id))


async def _merged(asked: Asked, origins: list[Origin]) -> Reply:
    store, to, name = asked.services.layer.store, asked.to, _name(asked, origins)
    merge_id, known = await merges.next_id(store, asked.actor, origins)
    if known:
        return Reply(say("merge_there", to, link=asked.link(known.id, known.name)), opens=known.id)
    write = merges.merge(asked.actor, origins, name, merge_id)
    await store.submit(write)
    link = asked.link(write.thread_id, name)
    return Reply(say("merged", to, link=link, n=len(origins)), moved=True, opens=write.thread_id)


def _name(asked: Asked, origins: Sequence[Origin]) -> str:
    first, second, *others = [origin.thread.name or say("untitled", asked.to) for origin in origins]
    short = NAME_LENGTH // 2 - 20
    if others:
        return say("merge_name_many", asked.to, first=first[:short], n=len(others) + 1)
    return say("merge_name", asked.to, first=first[:short], second=second[:short])


async def _undo(asked: Asked) -> Reply:
    services, to = asked.services, asked.to
    write = merges.undo(asked.actor, asked.thread, trash=services.trash_days > 0)
    if write is None:
        return Reply(say("merge_undo_none", to))
    kept = await services.layer.store.submit(write)
    await services.memory.drop(asked.user, asked.thread.id)
    found = [await services.layer.store.thread(key) for key in write.origins]
    back = [thread for thread in found if thread]
    links = [f"- {asked.link(thread.id, thread.name)}" for thread in back[:_SHOWN]]
    links += ["- …"] if len(back) > _SHOWN else []
    told = say("merge_undone_kept" if kept else "merge_undone" if write.trash else "merge_undone_gone", to)
    return Reply("\n\n".join([told, "\n".join(links)]), moved=True, opens=back[0].id if back else None)


async def _named(asked: Asked, words: str) -> list[str]:
    """Ids of the conversations that the words name. Raises _Unclear."""
    if last := _LAST.fullmatch(" ".join(words.lower().split())):
        return await _last(asked, int(last[1] or last[2]))
    keys = _LINK.findall(words)
    rest = _LINK.sub(",", words)
    keys += _ID.findall(rest)
    rest = _ID.sub(",", rest)
    whole = rest.strip(" ,;+\n")
    if whole and (found := _exact(whole, await _titled(asked, whole))):
        return [*keys, found.id]
    parts = [part.strip() for part in re.split(r"[,;，、\n]|\s\+\s", rest) if part.strip()]
    if len(parts) > merges.MOST_THREADS:
        raise CannotMerge("threads", "")
    return keys + [(await _called(asked, part)).id for part in parts]


async def _last(asked: Asked, count: int) -> list[str]:
    """The conversations that were used last; this one is among them if anything is said in it."""
    if count > merges.MOST_THREADS:
        raise CannotMerge("threads", "")
    store, here = asked.services.layer.store, asked.thread.id
    messages = await store.thread_messages(here)
    begun = any(not is_command(message.metadata) for message in messages)
    page = await store.threads(asked.user, count + 1, which=Which(), sort="activity")
    return [thread.id for thread in page.threads if thread.id != here][: max(count - begun, 0)]


async def _called(asked: Asked, part: str) -> Thread:
    """The one conversation with these words in its name, or else in what is said in it. Raises _Unclear."""
    numbered = _NUMBERED.fullmatch(part)
    words, number = (numbered[1], int(numbered[2])) if numbered else (part, 0)
    found = await _titled(asked, words)
    if 1 <= number <= len(found):
        return found[number - 1]
    if len(found) == 1:
        return found[0]
    if not numbered and (same := _exact(words, found)):
        return same
    to, shown = asked.to, escape(words[:_PART])
    if not found:
        raise _Unclear(say("merge_not_found", to, words=shown))
    lines = [f"{place}. {asked.link(each.id, each.name)}" for place, each in enumerate(found, 1)]
    raise _Unclear("\n\n".join([say("merge_which", to, words=shown), "\n".join(lines), say("merge_number", to)]))


async def _titled(asked: Asked, words: str) -> list[Thread]:
    """Other conversations with all of the words in their names; where there is none, those in which they are said."""
    found = (await asked.services.layer.store.found_threads(asked.user, words[:_PART], first=50)).threads
    others = [thread for thread in found if thread.id != asked.thread.id]
    sought = fold(words).split()
    titled = [thread for thread in others if all(word in fold(thread.name) for word in sought)]
    return (titled or others)[:_SHOWN]


def _exact(words: str, found: Sequence[Thread]) -> Thread | None:
    same = [thread for thread in found if fold(thread.name).split() == fold(words).split()]
    return same[0] if len(same) == 1 else None
