"""The reads of a store, one method each: what they ask, of whom, and which thread's writes they wait for (I8)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar

from .fused import Fused
from .fused import Page as FusedPage
from .records import (
    LISTED,
    ArchivedState,
    Element,
    File,
    Page,
    Sort,
    Step,
    StepFile,
    Thread,
    ThreadMessage,
    User,
    Which,
    now,
)
from .reports import Facets, StoredFiles, Summary, ThreadStats, UsageDay, UsageTotal
from .search import results, slips
from .search.find import NOTHING, read_cursor
from .search.find import Found as FoundPart
from .search.query import Query, parse
from .search.results import FoundThreads, Hit, Hits
from .sql import context, facets, lists, parts, queries, summaries, unarchiving, usage, whole
from .views import NOTHING_MORE, More, Part, View, Wish
from .whole import FIRST, Call, Size, WholeThread
from .writes import APPLICATION, Role

T = TypeVar("T")
Found = TypeVar("Found", File, Step)


class Reads(ABC):
    """None of them checks who asks: what takes a ``user_id`` returns that user's rows, the others any thread's."""

    _fused: Fused | None = None
    """What finds by meaning, too; None: there is no model for that."""

    @abstractmethod
    async def _read(self, query: Callable[..., T], *args: Any, thread_id: str | None = None) -> T:
        """``query(connection, *args)`` after the writes called before it, those to ``thread_id`` or all."""

    @abstractmethod
    async def _find(self, query: Callable[..., Found | None], key: str) -> Found | None:
        """As ``_read``, for a row whose thread is not known."""

    @abstractmethod
    async def _list(self, user_id: str, query: Callable[..., T], content: bool) -> list[T]:
        """What ``query(connection, without=threads)`` returns as of all writes, of one database or of several.
        ``content``: it reads more than the threads themselves."""

    async def user(self, identifier: str) -> User | None:
        return await self._read(queries.user, identifier)

    async def thread(self, thread_id: str) -> Thread | None:
        """The thread without its steps; None when there is none."""
        return await self._read(queries.thread, thread_id, thread_id=thread_id)

    async def was_deleted(self, thread_id: str) -> bool:
        """Whether somebody deleted this thread, or put it into the trash; False also for an id that nobody has used
        yet."""
        return await self._read(queries.was_deleted, thread_id, thread_id=thread_id)

    async def archived(self, thread_id: str, ids: Sequence[str], digest: str, whole: bool) -> ArchivedState:
        """What became of a thread that was archived and removed, or of its steps ``ids``."""
        return await self._read(unarchiving.state, thread_id, ids, digest, whole, thread_id=thread_id)

    async def whole_thread(self, thread_id: str) -> tuple[Thread, list[Step], list[Element]] | None:
        """The thread, its steps (oldest first) and its elements, of one moment; None when there is none."""
        return await self._read(queries.whole_thread, thread_id, thread_id=thread_id)

    async def sizes(self, thread_ids: Sequence[str]) -> dict[str, Size]:
        """How much is said in each of these threads that has steps."""
        return await self._read(whole.sizes, list(thread_ids))

    async def rewritten(self, thread_id: str, step_ids: Sequence[str]) -> tuple[set[str], set[str]]:
        """Of these messages of a thread those that say something else since they came, and those that were deleted."""
        return await self._read(whole.rewritten, thread_id, list(step_ids), thread_id=thread_id)

    async def whole_threads(
        self, author: str | Role | None, thread_ids: Sequence[str], trashed: bool = False
    ) -> list[WholeThread]:
        """Those of the threads that are the author's, with all that is stored of them, in this order.

        ``author``: a user's id; None: threads that have none; APPLICATION: anybody's. ``trashed``: also from the trash.
        """
        ask = partial(whole.whole_threads, author=author, ids=list(thread_ids), trashed=trashed)
        alone = author is APPLICATION  # what waits in a spool is put before its author only
        parts = [await self._read(ask)] if alone else await self._list(str(author or ""), ask, content=True)
        found = {each.thread.id: each for part in parts for each in part}
        spent = await self._read(whole.calls, author, list(found))
        here = (found[key] for key in dict.fromkeys(thread_ids) if key in found)
        return [replace(each, calls=spent.get(each.thread.id, [])) for each in here]

    async def users(self, after: str = "", first: int = 200) -> list[User]:
        """The users in the order of their ids, from behind the id ``after``."""
        return await self._read(whole.users_after, after, first)

    async def ownerless(self, after: tuple[int, str] = FIRST, first: int = 200) -> list[tuple[tuple[int, str], bool]]:
        """The threads without author, the oldest first, from behind ``after``: when each was made and its id, and
        whether it is in the trash."""
        return await self._read(whole.ownerless_after, after, first)

    async def part(
        self,
        thread_id: str,
        view: View | None = None,
        wish: Wish = NOTHING_MORE,
        count: int = 100,
        hidden: str | None = None,
        trashed: bool = False,
    ) -> Part | None:
        """What ``view`` shows, None: nothing yet, and what is wished for; None when there is no such thread.

        At least the last ``count`` messages, and as many more for a wish, or a few more than those: no turn is torn. A
        step that is not in the thread is no wish. ``hidden``: a type of steps that are left out and not counted.
        ``trashed``: of a thread in the trash, too.
        """
        return await self._read(parts.part, thread_id, view, wish, count, hidden, trashed, thread_id=thread_id)

    async def more(
        self,
        thread_id: str,
        view: View,
        wish: Wish,
        count: int,
        hidden: str | None,
        most: int,
        trashed: bool = False,
    ) -> More | None:
        """What ``part`` with ``wish.more`` shows and ``view`` does not. ``most``: messages that are shown then; what is
        furthest from the new ones no longer is, except the last ``count``. None when there is no such thread."""
        return await self._read(parts.more, thread_id, view, wish, count, hidden, most, trashed, thread_id=thread_id)

    async def element(self, thread_id: str, element_id: str) -> Element | None:
        return await self._read(queries.element, thread_id, element_id, thread_id=thread_id)

    async def file(self, element_id: str) -> File | None:
        """What serves an element's content; None when there is none."""
        return await self._find(queries.file, element_id)

    async def threads(
        self,
        user_id: str,
        first: int = 35,
        cursor: str | None = None,
        search: str | None = None,
        feedback: int | None = None,
        which: Which = LISTED,
        sort: Sort = "pinned",
    ) -> Page:
        """One page of a user's threads: those that are pinned, then the others, last activity first.

        ``search``: as in ``found_threads``, whose order it has then, also of archived threads; without a word it is
        none. ``feedback``: 0 or 1, a vote that occurs. ``cursor``: ``Page.next`` of the page before, of the same sort.
        ``which``, ``sort``: of a page that is no search. Raises InvalidInput.
        """
        if search and search.strip():
            found = await self.found_threads(user_id, search, first, cursor, feedback)
            return Page(found.threads, found.next)
        page = partial(lists.page, user_id=user_id, first=first, cursor=cursor, feedback=feedback)
        page = partial(page, which=which, sort=sort)
        content = not (feedback is which.has_file is which.vote is None)
        return lists.first_of(await self._list(user_id, page, content), first, sort)

    async def trash(self, user_id: str, first: int = 35, cursor: str | None = None) -> Page:
        """One page of a user's threads in the trash, which no other read finds: what was put there last comes first.
        Raises InvalidInput."""
        which = Which(trashed=True, archived=None)
        return await self.threads(user_id, first, cursor, which=which, sort="trashed")

    async def own_threads(self, user_id: str, thread_ids: Sequence[str], trashed: bool = False) -> list[Thread]:
        """Those of the threads that are this user's; ``trashed``: in the trash, too."""
        ask = partial(lists.own, user_id=user_id, ids=thread_ids, trashed=trashed)
        return [thread for part in await self._list(user_id, ask, content=False) for thread in part]

    async def count(self, user_id: str, which: Which = LISTED) -> int:
        """How many threads ``threads`` has, on all its pages. Raises InvalidInput."""
        ask = partial(lists.count, user_id=user_id, which=which)
        return sum(await self._list(user_id, ask, content=not (which.has_file is which.vote is None)))

    async def facets(self, user_id: str, archived: bool | None = False, like: str = "") -> Facets:
        """How many threads of a user there are in each folder, with each tag, of each month… ``archived``: only those
        that are, or are not; None: all. ``like``: only folders and tags in whose names all of these words are,
        whatever their case and accents, also within another."""
        ask = partial(facets.facets, user_id=user_id, archived=archived, like=like)
        return facets.together(await self._list(user_id, ask, content=True))

    async def search(
        self,
        user_id: str,
        question: str,
        first: int = 20,
        cursor: str | None = None,
        utc_offset_seconds: int = 0,
        by: Literal["time", "relevance"] | None = None,
    ) -> Hits:
        """The messages and threads of a user in which all is found that ``question`` asks for.

        ``question``: as in ``search.query.parse``; days are those of a clock that is ``utc_offset_seconds`` ahead of
        UTC. ``by``: the newest first, or of the newest 1,000 that which is most about the question. None: by words and
        by meaning, as in ``search.fusion``, where the store has a model for that and words are asked for without
        quotes; else by time. ``cursor``: ``Hits.next`` of the page before. Raises InvalidInput for another one.
        """
        moment = now()
        query = parse(question, moment, utc_offset_seconds)
        has_words = True
        if by is None and (page := await self._by_meaning(user_id, question, query, first, cursor)):
            shown = [results.hit(each, query) for each in page.documents]
            hits = Hits(shown, page.next, query.problems, indexed=page.indexed, since=page.since)
            has_words = page.has_words
        elif by == "relevance":
            ask = partial(queries.search, user_id=user_id, query=query, first=queries.MOST_RANKED, cursor=None)
            hits = results.best_hits(_all(await self._list(user_id, ask, content=True)), query, first, cursor)
        else:
            ask = partial(queries.search, user_id=user_id, query=query, first=first, cursor=cursor)
            found = _all(await self._list(user_id, ask, content=True))
            hits = results.hits(found, query, first, read_cursor(cursor))
        if (hits.hits and has_words) or cursor is not None:
            return hits
        return replace(hits, meant=await self._meant(user_id, query, question, moment, utc_offset_seconds))

    async def found_threads(
        self,
        user_id: str,
        question: str,
        first: int = 20,
        cursor: str | None = None,
        feedback: int | None = None,
        utc_offset_seconds: int = 0,
    ) -> FoundThreads:
        """The threads of what ``search`` finds, each once, in its order. Where these do not fill the first page,
        threads follow that have all the words, but in several messages.

        ``feedback``: as in ``threads``. ``cursor``: ``FoundThreads.next`` of the page before. Raises InvalidInput.
        """
        moment = now()
        query = parse(question, moment, utc_offset_seconds)
        has_words = True
        if page := await self._by_meaning(user_id, question, query, first, cursor, by_thread=True, feedback=feedback):
            found = results.threads_of(page.documents, page.threads, query, page.next)
            found = replace(found, indexed=page.indexed, since=page.since)
            has_words = page.has_words
        else:
            ask = partial(queries.search, user_id=user_id, query=query, first=first, cursor=cursor)
            found_parts = await self._list(user_id, partial(ask, by_thread=True, feedback=feedback), content=True)
            known = {key: thread for _, some in found_parts for key, thread in some.items()}
            found = results.found_threads(_all(found_parts), known, query, first, read_cursor(cursor))
        if (found.hits and has_words) or cursor is not None:
            return found
        return replace(found, meant=await self._meant(user_id, query, question, moment, utc_offset_seconds))

    async def threads_found(
        self, user_id: str, question: str, moment: int, utc_offset_seconds: int = 0
    ) -> tuple[list[str], bool]:
        """The ids of all threads in which there is what ``search`` finds by words, in their order, as if it was asked
        at ``moment`` (UTC microseconds); and whether that is all: where most of what is said matches, it is the threads
        of the newest."""
        query = parse(question, moment, utc_offset_seconds)
        parts = await self._list(user_id, partial(queries.found, user_id=user_id, query=query), content=True)
        return sorted({key for ids, _ in parts for key in ids}), all(complete for _, complete in parts)

    async def nearest(self, user_id: str, text: str, first: int = 20) -> list[Hit]:
        """The messages of a user that mean most what ``text`` says, whatever their words, the nearest first; none where
        the store has no model for that, or it does not answer in time."""
        return await self._fused.near(user_id, text, first) if self._fused else []

    async def _by_meaning(self, user_id: str, question: str, query: Query, *how: Any, **more: Any) -> FusedPage | None:
        return await self._fused.page(user_id, question, query, *how, **more) if self._fused else None

    async def _meant(self, user_id: str, query: Query, question: str, moment: int, offset: int) -> str | None:
        return await self._read(slips.meant, user_id, query, question, moment, offset)

    async def vote(self, vote_id: str) -> tuple[str, str] | None:
        """The thread and the step that were voted on; None when there is no such vote."""
        return await self._read(queries.vote, vote_id)

    async def step(self, step_id: str) -> Step | None:
        """A step of any thread; None when there is none."""
        return await self._find(queries.step, step_id)

    async def preferences(self, user_id: str) -> dict[str, Any]:
        """What the user wants of new conversations, as the app stored it; empty when nothing is."""
        return await self._read(queries.preferences, user_id)

    async def favorite_steps(self, user_id: str) -> list[Step]:
        """A user's favourite messages, newest first."""
        return await self._read(queries.favorite_steps, user_id)

    async def recent_files(self, user_id: str, except_thread: str | None = None) -> list[StepFile]:
        """A user's latest files, newest first: at most 200, of the 1,000 threads used last."""
        return await self._read(context.recent_files, user_id, except_thread)

    # One thread

    async def thread_files(self, thread_id: str) -> list[StepFile]:
        """The elements that have content, in the order in which they came."""
        return await self._read(context.files, thread_id, thread_id=thread_id)

    async def thread_messages(
        self,
        thread_id: str,
        limit: int | None = None,
        after: tuple[int, str] | None = None,
        first: int | None = None,
        until: tuple[int, str] | None = None,
    ) -> list[ThreadMessage]:
        """The messages, errors apart, oldest first.

        ``limit``: only the newest. ``after``: only those later than this (created_at, id), as ``Summary.until``.
        ``first``: only the oldest of all these, without a ``limit``. ``until``: only those up to this, too.
        """
        return await self._read(context.messages, thread_id, limit, after, until, first, thread_id=thread_id)

    async def thread_stats(self, thread_id: str) -> ThreadStats | None:
        """None without such a thread."""
        return await self._read(context.stats, thread_id, thread_id=thread_id)

    async def message_counts(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """How many messages, errors apart, each thread has; 0 for one that is not there."""
        return await self._read(context.message_counts, thread_ids)

    async def summary(self, thread_id: str) -> Summary | None:
        """What the older messages said; None when nobody has put it since one of them changed."""
        return await self._read(summaries.summary, thread_id, thread_id=thread_id)

    async def stored_files(self, user_id: str, ids: Sequence[str] = ()) -> StoredFiles:
        """What a user's files take, and which of some elements are stored, or were."""
        return await self._read(context.stored_files, user_id, ids)

    # Usage

    async def usage_by_model(
        self, user_id: str, thread_id: str | None = None, since: int | None = None
    ) -> list[UsageTotal]:
        """What a user's calls came to, the most expensive model first. ``since``: UTC microseconds, included."""
        return await self._read(usage.by_model, user_id, thread_id, since, thread_id=thread_id)

    async def calls(self, user_id: str, after: tuple[int, str] = FIRST, first: int = 1_000) -> list[Call]:
        """What a user has spent, oldest first, from behind the position of a call; "" is who does not log in."""
        return await self._read(whole.calls_after, user_id, after, first)

    async def usage_by_day(self, user_id: str, since: int, utc_offset_seconds: int = 0) -> list[UsageDay]:
        """What a user's calls came to per day and model, oldest first; days as at this offset from UTC."""
        return await self._read(usage.by_day, user_id, since, utc_offset_seconds)


def _all(parts: Sequence[tuple[FoundPart, Any]]) -> FoundPart:
    return sum((part for part, _ in parts), NOTHING)
