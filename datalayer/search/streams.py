"""What a query finds, newest first: the index tells the next documents when they are asked for, and texts are read
where it cannot know."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ..records import now
from . import documents, engines
from .base import FIRST, Found, Kind, Place, Wanted
from .matching import matcher
from .query import Query, State, Term
from .tokens import phrase

LOOKED_AT, _READ = 10_000, 8
"""Documents that a page looks at, at most; one whose text is read counts as several. So it ends when nobody says a
phrase whose words many say."""
_WALKED, _TRIED, _ONE_OF = 1_000, 100, 25
"""Documents that are looked at one by one when more words begin as what was typed than can be looked up; how many of
them, when fewer than one of 25 has it: the index reads all that have such a word, which are few then."""
_MOST_THREADS = 200
"""That an index is asked for. Where a filter stands for more, the threads of what is found are looked at."""


def _sizes() -> Iterator[int]:
    """How many documents are asked for, and then how many more."""
    size = 24
    while True:
        yield size
        size = min(size * 2, 500)


class Stop(NamedTuple):
    """Where LOOKED_AT ended a search."""

    place: Place
    at: int
    """What was said before was not looked at, UTC microseconds."""


class Way(NamedTuple):
    """One of several expressions, which are asked one after the other."""

    expression: Any
    unsure: bool
    """What it finds may be something else."""
    walks: bool = False
    """It finds all, so it is soon left when little of it is right."""

    def is_left(self, looked_at: int, found: int) -> bool:
        return self.walks and (looked_at >= _WALKED or (looked_at >= _TRIED and found * _ONE_OF < looked_at))


class Search:
    """What is known of a query of a user, in one transaction."""

    def __init__(self, connection: Connection, user_id: str, query: Query) -> None:
        self.connection, self.user_id, self.query = connection, user_id, query
        self.index, self.key = engines.of(connection), documents.key_of(user_id)
        self._ways: dict[Kind, list[Way]] = {}
        self._threads: dict[Wanted, tuple[list[str], bool]] = {}
        self._without: tuple[str, ...] = ()
        self._of: dict[tuple[Wanted, str], bool] = {}

    def stream(self, kind: Kind, below: Place = FIRST, since: int | None = None, share: int | None = 1) -> "Stream":
        """``since``: UTC microseconds, what is older is not wanted. ``share``: so many of them look at LOOKED_AT
        together; None: at all."""
        return Stream(self, kind, below, since, None if share is None else LOOKED_AT // share)

    def without(self, thread_ids: Iterable[str]) -> "Search":
        """The same in other threads."""
        other = Search(self.connection, self.user_id, self.query)
        other._threads, other._of = self._threads, self._of
        other._without = tuple(sorted(map(documents.thread_mark, thread_ids)))
        return other

    def alone(self, term: Term) -> "Search":
        """The same of one of its terms, and of those that it excludes."""
        terms = (term, *(each for each in self.query.terms if each.excluded))
        one = Search(self.connection, self.user_id, replace(self.query, terms=terms))
        one._threads, one._of = self._threads, self._of
        return one

    def ways(self, kind: Kind) -> list[Way]:
        """The last one finds all that the query does, of those that the others have not come to."""
        if kind not in self._ways:
            self._ways[kind] = list(self._made(kind))
        return self._ways[kind]

    def _made(self, kind: Kind) -> Iterator[Way]:
        query, seek = self.query, self.index.seek
        wanted = Wanted(query.terms, tuple(self.marks(kind)), query.after, query.before)
        if wanted == Wanted() or not all(wanted.marks):
            return
        wanted = replace(wanted, without=self._without)
        if (sought := seek(self.connection, self.key, wanted)) is None:
            return
        if sought.broad:
            without = replace(wanted, terms=tuple(term for term in query.terms if term not in sought.broad))
            if (more := seek(self.connection, self.key, without)) is not None:
                yield Way(more.expression, unsure=True, walks=True)
        yield Way(sought.expression, unsure=sought.unsure or any(len(term.tokens) > 1 for term in query.terms))

    def marks(self, kind: Kind) -> Iterator[Sequence[str]]:
        """Of each what a document must have one of; of an empty one, none can have it."""
        query = self.query
        if query.sender:
            yield [documents.MINE if query.sender == "me" else documents.ASSISTANT]
        for each in sorted(query.has):
            yield [_HAS[each]]
        if query.models:
            yield [documents.model_mark(each) for each in query.models]
        if kind == "title":
            yield from ([mark] for mark in self._own_marks())
        yield from (self._threads_of(wanted)[0] for wanted in self._of_thread(kind))

    def _of_thread(self, kind: Kind) -> Iterator[Wanted]:
        """What the own document of a thread has to have."""
        query = self.query
        if kind == "message":
            for mark in self._own_marks():
                yield Wanted(marks=((mark,),))
        if query.within is not None:
            terms = _terms(query.within)
            yield Wanted(terms, ((documents.THREAD,) if terms else (),))

    def _own_marks(self) -> Iterator[str]:
        yield from map(documents.tag_mark, self.query.tags)
        yield from (_IS[state] for state in sorted(self.query.states))

    def _threads_of(self, wanted: Wanted) -> tuple[list[str], bool]:
        """The marks of the threads whose own document is wanted, and whether some may be of others: of too many, what
        every document has."""
        if wanted not in self._threads:
            sought = self.index.seek(self.connection, self.key, wanted) if all(wanted.marks) else None
            found, unsure = list[Found](), any(len(term.tokens) > 1 for term in wanted.terms)
            if sought is not None:
                unsure |= sought.unsure
                found, _ = self.index.find(
                    self.connection, self.user_id, "title", sought.expression, FIRST, _MOST_THREADS + 1
                )
            marks = [documents.thread_mark(each.thread_id) for each in found]
            self._threads[wanted] = ([documents.ALL], True) if len(marks) > _MOST_THREADS else (marks, unsure)
        return self._threads[wanted]

    def unasked(self, kind: Kind) -> list[Wanted]:
        """What of that the index is not asked for, or not exactly: ``threads_with`` knows."""
        return [wanted for wanted in self._of_thread(kind) if self._threads_of(wanted)[1]]

    def threads_with(self, wanted: Sequence[Wanted], thread_ids: Collection[str]) -> set[str]:
        """Those of the threads whose own document has all of it."""
        new = {key for key in thread_ids if any((each, key) not in self._of for each in wanted)}
        titles = documents.titles(self.connection, new) if new else {}
        for each in wanted:
            matches = matcher(tuple(each.terms))
            for key in new:
                text = titles[key].text if key in titles else None
                self._of[each, key] = text is not None and (
                    all(not text.marks.isdisjoint(some) for some in each.marks) and matches(text.whole)
                )
        return {key for key in thread_ids if all(self._of[each, key] for each in wanted)}


_IS: dict[State, str] = {"pinned": documents.PINNED, "archived": documents.ARCHIVED, "done": documents.DONE}
_HAS = {"file": documents.FILE, "picture": documents.PICTURE, "vote": documents.VOTE}


def _terms(name: str) -> tuple[Term, ...]:
    sought, _ = phrase(name)
    return (Term(sought, prefix=True, excluded=False),) if sought else ()


class Stream:
    """Documents of one kind that the query finds."""

    stopped: Stop | None = None
    """Where there may be more, when all of it is gone through."""

    def __init__(self, search: Search, kind: Kind, below: Place, since: int | None, most: int | None) -> None:
        self._search, self._kind, self._below, self._since, self._most = search, kind, below, since, most
        self._matches = matcher(search.query.terms)

    def __iter__(self) -> Iterator[Found]:
        search, kind, place, cost = self._search, self._kind, self._below, 0
        last: int | None = None
        unasked = search.unasked(kind)
        for way in search.ways(kind):
            looked_at = found = 0
            matches = self._matches if way.unsure else None
            walk = search.index.walk(search.connection, search.user_id, kind, way.expression, place, _sizes(), matches)
            with closing(walk):
                for size, (some, following, at) in zip(_sizes(), walk, strict=False):
                    last = last if at is None else at
                    if unasked:
                        here = search.threads_with(unasked, {each.thread_id for each in some})
                        some = [each for each in some if each.thread_id in here]
                    yield from some
                    if following is None or (self._since is not None and last is not None and last < self._since):
                        return
                    place, looked_at, found = following, looked_at + size, found + len(some)
                    cost += size * _READ if way.unsure or unasked else size
                    if self._most is not None and cost >= self._most:
                        self.stopped = Stop(place, now() if last is None else last)
                        return
                    if way.is_left(looked_at, found):
                        break
