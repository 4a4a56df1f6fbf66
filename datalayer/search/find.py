"""I9: what a user's words find, newest first, at a cost that depends neither on how much there is nor on how common
the words are: the index tells the next documents when they are asked for, and no more than LOOKED_AT are looked at."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from ..errors import InvalidInput
from . import base, documents, engines
from .base import FIRST, Kind, Place, Wanted
from .documents import Document
from .query import Query, State, Term
from .snippets import matches
from .tokens import phrase

LOOKED_AT = 10_000
"""Documents that a page looks at, at most."""
_WALKED = 300
"""Documents that are looked at one by one when more words begin as what was typed than can be looked up: if these do
not fill a page, what was typed is rare enough for the index."""
_SCATTERED = 2_000
"""Documents of each word among which threads are looked for that have the words in several messages."""
_MOST_THREADS = 200
"""That a filter may stand for."""
_CHUNK = 24


@dataclass(frozen=True, slots=True)
class Cursor:
    """Up to where a page has gone, in each kind of document."""

    message: Place = FIRST
    title: Place = FIRST

    def of(self, kind: Kind) -> Place:
        return self.message if kind == "message" else self.title

    def __str__(self) -> str:
        return json.dumps([*self.message, *self.title], separators=(",", ":"))


def read_cursor(cursor: str | None) -> Cursor:
    """Raises InvalidInput."""
    if cursor is None:
        return Cursor()
    try:
        number, key, other, its = json.loads(cursor)
        if not all(type(n) is int and abs(n) < 1 << 63 for n in (number, other)):
            raise ValueError
        return Cursor((number, str(key)), (other, str(its)))
    except (ValueError, TypeError):
        raise InvalidInput("This page of what was found cannot be read; search again") from None


@dataclass(frozen=True, slots=True)
class Found:
    """The next documents of each kind, newest first, as many as were asked for; then of threads that have the words
    in several messages."""

    messages: Sequence[Document]
    titles: Sequence[Document]
    scattered: Sequence[Document] = ()

    def __add__(self, other: "Found") -> "Found":
        """Of two databases."""
        return Found(
            *(
                sorted((*one, *another), key=lambda each: (each.number, each.id), reverse=True)
                for one, another in (
                    (self.messages, other.messages),
                    (self.titles, other.titles),
                    (self.scattered, other.scattered),
                )
            )
        )


NOTHING = Found((), ())


def found(
    connection: Connection,
    user_id: str,
    query: Query,
    first: int,
    cursor: Cursor,
    a_thread_once: bool = False,
    without: Collection[str] = (),
) -> Found:
    """What a page of ``first`` is made of. ``a_thread_once``: of each thread only its newest document, unless that was
    on a page before. ``without``: threads that are left out."""
    seen = set(without)
    if a_thread_once and cursor != Cursor():
        for kind in _KINDS:
            for each in _found(connection, user_id, query, kind, FIRST):
                if each.place < cursor.of(kind):
                    break
                seen.add(each.thread_id)
    result = Found(
        *(
            _read(
                connection,
                kind,
                _next(_found(connection, user_id, query, kind, cursor.of(kind)), first + 1, seen, a_thread_once),
            )
            for kind in _KINDS
        )
    )
    if a_thread_once and cursor == Cursor():
        has = {each.text.thread_id for each in (*result.messages, *result.titles)}
        if len(has) < first:
            return replace(result, scattered=_scattered(connection, user_id, query, first - len(has), seen | has))
    return result


_KINDS: tuple[Kind, ...] = ("message", "title")


def page(found: Found, first: int, cursor: Cursor, a_thread_once: bool = False) -> tuple[list[Document], Cursor | None]:
    """The first of what was found, and where the next page begins; None: there is none."""
    chosen, seen, place = list[Document](), set[str](), cursor
    for kind, each in _merged(found):
        if a_thread_once and each.text.thread_id in seen:
            pass
        elif len(chosen) == first:
            return chosen, place
        else:
            chosen.append(each)
            seen.add(each.text.thread_id)
        place = replace(place, **{kind: _place(each)})
    return (chosen + [each for each in found.scattered if each.text.thread_id not in seen])[:first], None


def is_title(document: Document) -> bool:
    return documents.THREAD in document.text.marks


def _merged(found: Found) -> Iterator[tuple[Kind, Document]]:
    """Both kinds by their time, each in its own order."""
    said, named = list(found.messages), list(found.titles)
    while said or named:
        if named and (not said or named[0].at > said[0].at):
            yield "title", named.pop(0)
        else:
            yield "message", said.pop(0)


def _place(document: Document) -> Place:
    return document.number, document.id


def _next(stream: Iterator[base.Found], count: int, without: set[str], a_thread_once: bool) -> list[base.Found]:
    seen = set(without)

    def fresh() -> Iterator[base.Found]:
        for each in stream:
            if each.thread_id not in seen:
                if a_thread_once:
                    seen.add(each.thread_id)
                yield each

    return list(islice(fresh(), count))


def _read(connection: Connection, kind: Kind, found: Sequence[base.Found]) -> list[Document]:
    """The documents, in the same order."""
    read = documents.messages if kind == "message" else documents.titles
    known = read(connection, [each.id for each in found]) if found else {}
    return [known[each.id]._replace(number=each.number) for each in found if each.id in known]


def _found(connection: Connection, user_id: str, query: Query, kind: Kind, below: Place) -> Iterator[base.Found]:
    """All of one kind that the query finds, newest first."""
    index = engines.of(connection)
    place: Place | None = below
    left = LOOKED_AT
    for expression, unsure, most in _ways(connection, user_id, query, kind):
        size, looked_at = _CHUNK, 0
        while place is not None and looked_at < min(most, left):
            some, place = index.find(connection, user_id, kind, expression, place, size)
            if unsure:
                said = _TEXTS[kind](connection, [each.id for each in some])
                some = [each for each in some if each.id in said and matches(said[each.id], query)]
            yield from some
            looked_at, size = looked_at + size, min(size * 2, 500)
        if place is None:
            return
        left -= looked_at


_TEXTS = {"message": documents.texts_of_messages, "title": documents.texts_of_threads}


def _ways(connection: Connection, user_id: str, query: Query, kind: Kind) -> Iterator[tuple[Any, bool, int]]:
    """Expressions one after the other: whether what they find may be something else, and how many of it are looked at,
    at most."""
    index, key = engines.of(connection), documents.key_of(user_id)
    wanted = Wanted(query.terms, tuple(_marks(connection, user_id, query, kind)), query.after, query.before)
    if wanted == Wanted() or not all(wanted.marks):
        return
    if (sought := index.seek(connection, key, wanted)) is None:
        return
    if sought.broad and (every := index.seek(connection, key, replace(wanted, terms=()))) is not None:
        yield every.expression, True, _WALKED
    yield sought.expression, any(len(term.tokens) > 1 for term in query.terms), LOOKED_AT


def _marks(connection: Connection, user_id: str, query: Query, kind: Kind) -> Iterator[Collection[str]]:
    """Of each what a document must have one of; of an empty one, none can have it."""
    if query.sender:
        yield [documents.MINE if query.sender == "me" else documents.ASSISTANT]
    for each in sorted(query.has):
        yield [_HAS[each]]
    if query.models:
        yield [documents.model_mark(each) for each in query.models]
    for mark in (*map(documents.tag_mark, query.tags), *(_IS[state] for state in sorted(query.states))):
        yield [mark] if kind == "title" else _threads(connection, user_id, Wanted(marks=[[mark]]))
    if query.within is not None:
        terms = _terms(query.within)
        yield _threads(connection, user_id, Wanted(terms, [[documents.THREAD]])) if terms else []


_IS: dict[State, str] = {"pinned": documents.PINNED, "archived": documents.ARCHIVED, "done": documents.DONE}
_HAS = {"file": documents.FILE, "picture": documents.PICTURE, "vote": documents.VOTE}


def _terms(name: str) -> tuple[Term, ...]:
    sought, _ = phrase(name)
    return (Term(sought, prefix=True, excluded=False),) if sought else ()


def _threads(connection: Connection, user_id: str, wanted: Wanted) -> list[str]:
    """The marks of the newest threads whose own document is wanted."""
    index = engines.of(connection)
    if (sought := index.seek(connection, documents.key_of(user_id), wanted)) is None:
        return []
    found, _ = index.find(connection, user_id, "title", sought.expression, FIRST, _MOST_THREADS)
    return [documents.thread_mark(each.thread_id) for each in found]


def _scattered(connection: Connection, user_id: str, query: Query, first: int, without: set[str]) -> list[Document]:
    """Documents of threads in which each term is in some message or the name."""
    terms = [term for term in query.terms if not term.excluded]
    if len(terms) < 2:
        return []
    excluded = [term for term in query.terms if term.excluded]
    common: set[str] | None = None
    for term in sorted(terms, key=lambda term: -len(term.tokens[0])):  # long words are rare ones
        alone, here = replace(query, terms=(term, *excluded)), set[str]()
        for kind in _KINDS:
            here |= _newest_threads(connection, user_id, alone, kind)
        common = here - without if common is None else common & here
        if not common:
            return []
    titles = documents.titles(connection, common or (), all_=True)
    return sorted(titles.values(), key=lambda each: (each.at, each.id), reverse=True)[:first]


def _newest_threads(connection: Connection, user_id: str, query: Query, kind: Kind) -> set[str]:
    """Those of the newest documents that the query finds."""
    ways = list(_ways(connection, user_id, query, kind))
    if not ways or ways[-1][1]:
        return {each.thread_id for each in islice(_found(connection, user_id, query, kind, FIRST), _SCATTERED)}
    found, _ = engines.of(connection).find(connection, user_id, kind, ways[-1][0], FIRST, _SCATTERED)
    return {each.thread_id for each in found}


def passing(connection: Connection, user_id: str, query: Query) -> Iterator[str]:
    """Ids of the messages that the filters and the excluded words of ``query``, which has no others, let pass, newest
    first; of LOOKED_AT at most."""
    return (each.id for each in _found(connection, user_id, query, "message", FIRST))


def test(connection: Connection, user_id: str, query: Query) -> Callable[[Document], bool]:
    """The same of messages that are known."""
    wanted = list(_marks(connection, user_id, query, "message"))

    def passes(document: Document) -> bool:
        in_time = (query.after is None or document.at >= query.after) and (
            query.before is None or document.at < query.before
        )
        marked = all(any(mark in document.text.marks for mark in some) for some in wanted)
        return in_time and marked and matches(document.text.whole, query)

    return passes
