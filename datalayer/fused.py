"""A search by words and by meaning: the model is asked what the question means, and is not waited for long.

Always true: where there are no vectors, or the model does not answer in time, words alone find, and nobody is told of
an error.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .questions import Questions
from .records import Thread
from .search import find, fusion, results
from .search.documents import Document
from .search.find import NOTHING
from .search.fusion import Part, Place
from .search.nearest import MOST, Sketches, nearest
from .search.numbers import Packed
from .search.query import Query, has_quotes, words
from .search.results import Hit
from .sql import queries, vectors


@dataclass(frozen=True, slots=True)
class Page:
    documents: list[Document]
    threads: dict[str, Thread]
    next: str | None
    has_words: bool
    """Whether something that was found has the words."""
    indexed: int | None = None
    since: int | None = None
    """Both as in ``results.Hits``."""


class Fused:
    """``read``, ``ask``: the store's ``_read`` and ``_list``."""

    def __init__(
        self, questions: Questions, read: Callable[..., Awaitable[Any]], ask: Callable[..., Awaitable[list[Any]]]
    ) -> None:
        self._questions, self._read, self._ask = questions, read, ask
        self._sketches = Sketches()

    async def page(
        self,
        user_id: str,
        question: str,
        query: Query,
        first: int,
        cursor: str | None,
        by_thread: bool = False,
        feedback: int | None = None,
    ) -> Page | None:
        """None: words alone find. ``by_thread``: each thread once. Raises InvalidInput for an unreadable cursor."""
        if cursor is not None and not fusion.is_place(cursor):
            return None  # so was the page before
        place = fusion.read_place(cursor) if cursor is not None else Place()
        meaning = await self._meaning(user_id, question, query) if place.tail is None else None
        if place.tail is None and meaning is None:
            if cursor is None:
                return None
            place = replace(place, tail="")  # the model is gone meanwhile
        find_words = partial(queries.search, user_id=user_id, query=query, by_thread=by_thread, feedback=feedback)
        page = Page([], {}, None, False)
        if meaning is not None:
            how: dict[str, Any] = {
                **{"find_words": find_words, "sketches": self._sketches, "user_id": user_id, "query": query},
                **{"asked": meaning, "model": self._questions.model, "by_thread": by_thread, "feedback": feedback},
            }
            part = partial(fusion.part, **how)
            page, place = _head(await self._ask(user_id, part, content=True), query, first, place, by_thread)
        while len(page.documents) < first and place.tail is not None and page.since is None:
            page, place = await self._tail(find_words, user_id, first, page, place, by_thread)
        left = page.next is not None or place.tail is not None
        return replace(page, next=str(place) if left else None)

    async def _tail(
        self, find_words: Callable[..., Any], user_id: str, first: int, page: Page, place: Place, by_thread: bool
    ) -> tuple[Page, Place]:
        """One more page of what has the words, without what was shown."""
        size = first - len(page.documents)
        here = find.read_cursor(place.tail or None)
        found = await self._ask(user_id, partial(find_words, first=size, cursor=place.tail or None), content=True)
        words = sum((part for part, _ in found), NOTHING)
        some, following, since = find.page(words, size, here, by_thread)
        threads = page.threads | {key: thread for _, known in found for key, thread in known.items()}
        fresh = [each for each in some if fusion.mark_of(each, by_thread) not in place.seen]
        fresh = [each for each in fresh if each.text.thread_id in threads] if by_thread else fresh
        documents = [*page.documents, *fresh]
        page = replace(page, documents=documents, threads=threads, has_words=True, indexed=words.indexed, since=since)
        return page, replace(place, tail=str(following) if following else None)

    async def near(self, user_id: str, text: str, first: int) -> list[Hit]:
        """The messages that mean most what ``text`` says; none where nobody can tell."""
        query = Query()
        if not text.strip() or (meaning := await self._vector(user_id, text)) is None:
            return []
        model = self._questions.model
        part = partial(nearest, sketches=self._sketches, user_id=user_id, query=query, asked=meaning, model=model)
        found = [near for some in await self._ask(user_id, part, content=True) for near in some]
        ranked = sorted(found, key=lambda near: -near.cosine)[: min(first, MOST)]
        return [results.hit(each.document, query) for each in ranked]

    async def _meaning(self, user_id: str, question: str, query: Query) -> Packed | None:
        """None: nobody can tell, or words are wanted as they stand."""
        if has_quotes(question) or all(term.excluded for term in query.terms):
            return None
        return await self._vector(user_id, words(question))

    async def _vector(self, user_id: str, text: str) -> Packed | None:
        length = None
        if not self._questions.knows(text):
            model = self._questions.model
            if not (self._questions.asks([text]) and await self._read(vectors.has_some, user_id, model)):
                return None
            length = await self._read(vectors.length, model)
        found = await self._questions.vectors([text], length)
        return found[0] if found else None


def _head(parts: list[Part], query: Query, first: int, place: Place, by_thread: bool) -> tuple[Page, Place]:
    """What is next of the list; ``Page.next`` is not None where there is more of it."""
    found, following = fusion.head(parts, query, by_thread)
    fresh = [each for each in found if fusion.mark_of(each, by_thread) not in place.seen]
    chosen = fresh[:first]
    seen = place.seen | {fusion.mark_of(each, by_thread) for each in chosen}
    more = len(fresh) > first
    threads = {key: thread for part in parts for key, thread in part.threads.items()}
    has_words = any(part.words.messages or part.words.titles or part.words.scattered for part in parts)
    indexed = next((part.words.indexed for part in parts if part.words.indexed is not None), None)
    page = Page(chosen, threads, "more" if more else None, bool(has_words), indexed)
    return page, Place(seen, None if more else following)
