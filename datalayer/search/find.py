"""I9: what a user's words find, newest first, at a cost that depends neither on how much there is nor on how common
the words are: the index tells the next documents when they are asked for, and no more than LOOKED_AT are looked at. A
page that this ends says so, and the next one goes on there."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from ..errors import InvalidInput
from ..schema import threads
from . import base, building, documents
from .base import FIRST, Kind, Place
from .documents import Document
from .matching import matcher
from .query import Query
from .streams import Search, Stop

_SCATTERED = 2_000
"""Documents of each word among which threads are looked for that have the words in several messages."""

_ROUNDS = 4
"""In which a page of threads looks at LOOKED_AT messages."""


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
    stops: Mapping[Kind, Stop] = field(default_factory=dict)
    """Of the kinds of which there may be more."""
    indexed: int | None = None
    """Percent of the index that are built; None: all."""

    def __add__(self, other: "Found") -> "Found":
        """Of two databases."""
        stops = [*self.stops.items(), *other.stops.items()]
        return Found(
            _newest_of(self.messages, other.messages),
            _newest_of(self.titles, other.titles),
            _newest_of(self.scattered, other.scattered),
            {kind: max(stop for its, stop in stops if its == kind) for kind, _ in stops},
            other.indexed if self.indexed is None else self.indexed,
        )


def _newest_of(one: Sequence[Document], other: Sequence[Document]) -> list[Document]:
    return sorted((*one, *other), key=lambda each: (each.number, each.id), reverse=True)


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
    search, seen = Search(connection, user_id, query), set(without)
    if a_thread_once and cursor != Cursor():
        for kind in _KINDS:
            for each in search.stream(kind, share=None):
                if each.place < cursor.of(kind):
                    break
                seen.add(each.thread_id)
    some, stop = _said(search, cursor.message, first + 1, seen, a_thread_once)
    messages = _read(connection, "message", some)
    oldest = min(each.at for each in messages) if len(messages) > first else None
    named = search.stream("title", cursor.title, since=oldest)
    titles = _read(connection, "title", _next(named, first + 1, seen, a_thread_once))
    result = Found(
        messages,
        titles,
        stops={kind: each for kind, each in zip(_KINDS, (stop, named.stopped), strict=True) if each},
        indexed=building.indexed(connection),
    )
    if a_thread_once and cursor == Cursor() and not result.stops:
        has = {each.text.thread_id for each in (*messages, *titles)}
        if len(has) < first:
            return replace(result, scattered=_scattered(search, first - len(has), seen | has))
    return result


def in_trash(connection: Connection, user_id: str) -> Sequence[str]:
    """The ids of a user's threads there, which nobody is shown: the indexes have them still."""
    return connection.execute(_IN_TRASH, {"author": user_id}).scalars().all()


_IN_TRASH = select(threads.c.id).where(threads.c.user_id == bindparam("author"), threads.c.trashed_at > 0)
_KINDS: tuple[Kind, ...] = ("message", "title")


class Page(NamedTuple):
    documents: list[Document]
    next: Cursor | None
    """Where the next page begins; None: there is none."""
    since: int | None
    """What was said before this was not looked at, though it may match, UTC microseconds; None: all was."""


def page(found: Found, first: int, cursor: Cursor, a_thread_once: bool = False) -> Page:
    """The first of what was found."""
    chosen, seen, place = list[Document](), set[str](), cursor
    for kind, each in _merged(found):
        if kind in found.stops and _place(each) < found.stops[kind].place:  # of a database that was not ended there
            continue
        if a_thread_once and each.text.thread_id in seen:
            pass
        elif len(chosen) == first:
            return Page(chosen, place, None)
        else:
            chosen.append(each)
            seen.add(each.text.thread_id)
        place = replace(place, **{kind: _place(each)})
    if found.stops:
        place = replace(place, **{kind: stop.place for kind, stop in found.stops.items()})
        return Page(chosen, place, max(stop.at for stop in found.stops.values()))
    return Page((chosen + [each for each in found.scattered if each.text.thread_id not in seen])[:first], None, None)


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


def _said(
    search: Search, below: Place, count: int, without: set[str], a_thread_once: bool
) -> tuple[list[base.Found], Stop | None]:
    """The next messages. A thread with thousands of them is left out of what is asked for after some."""
    found, rounds, stop = list[base.Found](), _ROUNDS if a_thread_once else 1, None
    for _ in range(rounds):
        had = {each.thread_id for each in found}
        stream = (search.without(had) if had and a_thread_once else search).stream("message", below, share=rounds)
        found += _next(stream, count - len(found), without | had if a_thread_once else without, a_thread_once)
        if (stop := stream.stopped) is None:
            break
        below = stop.place
    return found, stop


def _next(stream: Iterable[base.Found], count: int, without: set[str], a_thread_once: bool) -> list[base.Found]:
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


def _scattered(search: Search, first: int, without: set[str]) -> list[Document]:
    """Documents of threads in which each term is in some message or the name."""
    terms = [term for term in search.query.terms if not term.excluded]
    if len(terms) < 2:
        return []
    common: set[str] | None = None
    for term in sorted(terms, key=lambda term: -len(term.tokens[0])):  # long words are rare ones
        alone, here = search.alone(term), set[str]()
        for kind in _KINDS:
            here |= _newest_threads(alone, kind)
        common = here - without if common is None else common & here
        if not common:
            return []
    titles = documents.titles(search.connection, common or (), all_=True)
    return sorted(titles.values(), key=lambda each: (each.at, each.id), reverse=True)[:first]


def _newest_threads(search: Search, kind: Kind) -> set[str]:
    """Those of the newest documents that the query finds."""
    if not (ways := search.ways(kind)) or ways[-1].unsure or search.unasked(kind):
        return {each.thread_id for each in islice(search.stream(kind), _SCATTERED)}
    found, _ = search.index.find(search.connection, search.user_id, kind, ways[-1].expression, FIRST, _SCATTERED)
    return {each.thread_id for each in found}


def passing(connection: Connection, user_id: str, query: Query) -> Iterator[str]:
    """Ids of the messages that the filters and the excluded words of ``query``, which has no others, let pass, newest
    first; of LOOKED_AT at most."""
    return (each.id for each in Search(connection, user_id, query).stream("message"))


def all_threads(connection: Connection, user_id: str, query: Query) -> tuple[set[str], bool]:
    """The threads of all documents that ``query`` finds, and whether these are all, or those of LOOKED_AT."""
    streams = [Search(connection, user_id, query).stream(kind) for kind in _KINDS]
    ids = {each.thread_id for stream in streams for each in stream}
    return ids, not any(stream.stopped for stream in streams)


def test(connection: Connection, user_id: str, query: Query) -> Callable[[Document], bool]:
    """The same of messages that are known."""
    search, matches = Search(connection, user_id, query), matcher(query.terms)
    wanted, unasked = [some for some in search.marks("message") if some != [documents.ALL]], search.unasked("message")

    def passes(document: Document) -> bool:
        in_time = (query.after is None or document.at >= query.after) and (
            query.before is None or document.at < query.before
        )
        marked = all(any(mark in document.text.marks for mark in some) for some in wanted)
        thread = {document.text.thread_id}
        return in_time and marked and matches(document.text.whole) and search.threads_with(unasked, thread) == thread

    return passes
