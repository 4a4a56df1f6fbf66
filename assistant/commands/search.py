"""What ``/search`` and ``/threads`` find, each with a link that opens the conversation where it was said."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from datalayer import Store
from datalayer.records import utc_offset
from datalayer.search.query import Problem
from datalayer.search.results import FoundThreads, Hits

from ..texts import Language, say
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
        parts = [f"**{title}**", "\n".join(found.line(hit, to, root) for hit in shown), _more(hits, to)]
    else:
        parts = [say("search_none", to, **said)]
    left_out = [say(f"problem_{problem.reason}", to, part=escape(problem.part)) for problem in problems]
    return "\n\n".join(filter(None, [*parts, *left_out]))


def _more(hits: Hits | FoundThreads, to: Language) -> str:
    """How to come to what is not shown. The day after the last hit's: more may have been said on that."""
    if hits.next is None:
        return ""
    day = datetime.fromtimestamp(hits.hits[-1].at / 1e6) + timedelta(days=1)
    return say("search_more", to, n=len(hits.hits), day=day.date().isoformat())
