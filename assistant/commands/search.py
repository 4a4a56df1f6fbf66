"""What ``/search`` and ``/threads`` find, each with a link that opens the conversation where it was said."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from datalayer import Store
from datalayer.records import utc_offset
from datalayer.search.query import Problem
from datalayer.search.results import FoundThreads, Hits

from ..texts import Language, date, say
from ..texts.markdown import escape
from ..turns import found

_SHOWN = 20
Search = Callable[..., Awaitable[Hits | FoundThreads]]


async def messages(store: Store, user_id: str, words: str, to: Language, root: str) -> str:
    """The messages, and the conversations by their names, tags and files, in Markdown. ``root``: the path the app is
    mounted under. Raises DataLayerError."""
    return await _find(store.search, user_id, words, to, root)


async def threads(store: Store, user_id: str, words: str, to: Language, root: str) -> str:
    """As ``messages``, each conversation once."""
    return await _find(store.found_threads, user_id, words, to, root)


async def _find(search: Search, user_id: str, words: str, to: Language, root: str) -> str:
    """What is found, or else what is by the words that were most likely meant."""
    ask = partial(search, user_id, first=_SHOWN, utc_offset_seconds=utc_offset())
    hits = await ask(words)
    meant = hits.meant if not hits.hits else None
    return _told(await ask(meant) if meant else hits, words, meant, hits.problems, to, root)


def _told(
    hits: Hits | FoundThreads, words: str, meant: str | None, problems: Sequence[Problem], to: Language, root: str
) -> str:
    said = {"words": escape(words), "meant": escape(meant or "")}
    with_messages = {hit.thread_id for hit in hits.hits if hit.step_id}
    shown = [hit for hit in hits.hits if hit.step_id or hit.thread_id not in with_messages]  # a name is often a message
    if shown:
        title = say("search_meant" if meant else "search_title", to, **said)
        parts = [f"**{title}**", "\n".join(found.line(hit, to, root) for hit in shown)]
    else:
        parts = [say("search_none", to, **said)]
    parts.append(_more(hits, to))
    left_out = [say(f"problem_{problem.reason}", to, part=escape(problem.part)) for problem in problems]
    if hits.indexed is not None:
        left_out.append(say("search_indexed", to, percent=hits.indexed))
    return "\n\n".join(filter(None, [*parts, *left_out]))


def _more(hits: Hits | FoundThreads, to: Language) -> str:
    """How to come to what is not shown, or was not looked at. The day after the last: more may have been said on it."""
    if hits.since is not None:
        until = datetime.fromtimestamp(hits.since / 1e6)
        return say("search_since", to, date=date(until, to), day=_day_after(until))
    if hits.next is None:
        return ""
    if any(one.at < other.at for one, other in pairwise(hits.hits)):  # by meaning, too, so not by time
        return say("search_more_ranked", to, n=len(hits.hits))
    return say("search_more", to, n=len(hits.hits), day=_day_after(datetime.fromtimestamp(hits.hits[-1].at / 1e6)))


def _day_after(moment: datetime) -> str:
    return (moment + timedelta(days=1)).date().isoformat()
