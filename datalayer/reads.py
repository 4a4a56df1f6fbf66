"""The reads of a store, one method each: what they ask, of whom, and which thread's writes they wait for (I8)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from . import text
from .records import (
    NOTHING_MORE,
    Element,
    File,
    Message,
    Page,
    Part,
    Step,
    StepFile,
    Thread,
    ThreadMessage,
    User,
    View,
    Wish,
)
from .reports import Summary, ThreadStats, UsageDay, UsageTotal
from .sql import context, parts, queries, summaries, usage

T = TypeVar("T")
Found = TypeVar("Found", File, Step)


class Reads(ABC):
    """None of them checks who asks: what takes a ``user_id`` returns that user's rows, the others any thread's."""

    @abstractmethod
    async def _read(self, query: Callable[..., T], *args: Any, thread_id: str | None = None) -> T:
        """``query(connection, *args)`` after the writes called before it, those to ``thread_id`` or all."""

    @abstractmethod
    async def _find(self, query: Callable[..., Found | None], key: str) -> Found | None:
        """As ``_read``, for a row whose thread is not known."""

    @abstractmethod
    async def _list(
        self, user_id: str, first: int, cursor: str | None, search: str | None, feedback: int | None
    ) -> Page:
        """As ``_read``, for a page of threads."""

    async def user(self, identifier: str) -> User | None:
        return await self._read(queries.user, identifier)

    async def thread(self, thread_id: str) -> Thread | None:
        """The thread without its steps; None when there is none."""
        return await self._read(queries.thread, thread_id, thread_id=thread_id)

    async def was_deleted(self, thread_id: str) -> bool:
        """Whether somebody deleted this thread; False also for an id that nobody has used yet."""
        return await self._read(queries.was_deleted, thread_id, thread_id=thread_id)

    async def whole_thread(self, thread_id: str) -> tuple[Thread, list[Step], list[Element]] | None:
        """The thread, its steps (oldest first) and its elements, of one moment; None when there is none."""
        return await self._read(queries.whole_thread, thread_id, thread_id=thread_id)

    async def part(
        self, thread_id: str, view: View | None = None, wish: Wish = NOTHING_MORE, count: int = 100
    ) -> Part | None:
        """What ``view`` shows, None: nothing yet, and what is wished for; None when there is no such thread.

        At least the last ``count`` messages, and as many more for a wish, or a few more than those: no turn is torn. A
        step that is not in the thread is no wish.
        """
        return await self._read(parts.part, thread_id, view, wish, count, thread_id=thread_id)

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
    ) -> Page:
        """One page of a user's threads, last activity first.

        ``search``: words, of which the first 20 all occur in the name or a message, accents and case apart.
        ``feedback``: 0 or 1, a vote that occurs. ``cursor``: ``Page.next`` of the page before. Raises InvalidInput.
        """
        return await self._list(user_id, first, cursor, text.clean(search), feedback)

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

    async def recent_messages(self, user_id: str, except_thread: str | None = None) -> list[Message]:
        """A user's latest messages, newest first: at most 4,000, of the 200 threads used last."""
        return await self._read(context.recent_messages, user_id, except_thread)

    async def recent_files(self, user_id: str, except_thread: str | None = None) -> list[StepFile]:
        """A user's latest files, newest first: at most 200, of the 1,000 threads used last."""
        return await self._read(context.recent_files, user_id, except_thread)

    # One thread

    async def thread_files(self, thread_id: str) -> list[StepFile]:
        """The elements that have content, in the order in which they came."""
        return await self._read(context.files, thread_id, thread_id=thread_id)

    async def thread_messages(
        self, thread_id: str, limit: int | None = None, after: tuple[int, str] | None = None
    ) -> list[ThreadMessage]:
        """The messages, errors apart, oldest first.

        ``limit``: only the newest. ``after``: only those later than this (created_at, id), as ``Summary.until``.
        """
        return await self._read(context.messages, thread_id, limit, after, thread_id=thread_id)

    async def thread_stats(self, thread_id: str) -> ThreadStats | None:
        """None without such a thread."""
        return await self._read(context.stats, thread_id, thread_id=thread_id)

    async def message_counts(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """How many messages, errors apart, each thread has; 0 for one that is not there."""
        return await self._read(context.message_counts, thread_ids)

    async def summary(self, thread_id: str) -> Summary | None:
        """What the older messages said; None when nobody has put it since one of them changed."""
        return await self._read(summaries.summary, thread_id, thread_id=thread_id)

    # Usage

    async def usage_by_model(
        self, user_id: str, thread_id: str | None = None, since: int | None = None
    ) -> list[UsageTotal]:
        """What a user's calls came to, the most expensive model first. ``since``: UTC microseconds, included."""
        return await self._read(usage.by_model, user_id, thread_id, since, thread_id=thread_id)

    async def usage_by_day(self, user_id: str, since: int, utc_offset_seconds: int = 0) -> list[UsageDay]:
        """What a user's calls came to per day and model, oldest first; days as at this offset from UTC."""
        return await self._read(usage.by_day, user_id, since, utc_offset_seconds)
