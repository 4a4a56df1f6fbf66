"""SQLite: FTS5 without a copy of the texts. A message's document is at the number of its step, a thread's at a negative
one of its own, newest first in both directions, which FTS5 walks without sorting.

``detail=none``: which documents have a word, and nothing else, in a fifth of the space of the texts, where their
positions take half of it. A phrase is looked for in the texts of those that have its words. FTS5 reads all documents of
a prefix before it gives the first, 0.1 s of 400,000; of some words it gives the first at once. So a prefix is looked up
in the vocabulary first.
"""

import sqlite3
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from json import dumps
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection

from ..dialects.prepared import driver
from . import documents
from .base import FIRST, Damaged, Found, Index, Kind, Looked, Place, Sought, Wanted, digest, state
from .documents import ALL, DAYS, LAST_DAY, MONTH, Document, day_mark, day_of, month_mark
from .matching import Matcher
from .query import Term

_CREATE = (
    # Documents are what documents.tokens gives, separated by spaces; of what is ASCII only letters, digits and "=" are
    # in tokens.
    """CREATE VIRTUAL TABLE search_index USING fts5(tokens, content='', columnsize=0, detail=none,
       tokenize="ascii tokenchars '='")""",
    # Fewer merges while somebody waits; a query has some more segments to look into.
    "INSERT INTO search_index (search_index, rank) VALUES ('automerge', 8), ('crisismerge', 64)",
    "CREATE VIRTUAL TABLE search_words USING fts5vocab(search_index, instance)",
    "CREATE TABLE search_threads (number INTEGER PRIMARY KEY, thread_id TEXT NOT NULL UNIQUE)",
)
_DROP = ("DROP TABLE search_state", "DROP TABLE search_threads", "DROP TABLE search_words", "DROP TABLE search_index")
# Of a document that changes only the tokens that come and go: the others stay where they are.
_PUT = "INSERT INTO search_index (search_index, rowid, tokens) VALUES (?, ?, ?)"
_SOIL = "INSERT INTO search_state VALUES ('left', '1') ON CONFLICT (name) DO UPDATE SET value = value + 1"
_MERGING = "INSERT OR REPLACE INTO search_state VALUES ('merging', ?)"
_MERGED = "DELETE FROM search_state WHERE name IN ('merging', 'left')"
_FIND = {
    kind: f"SELECT rowid FROM search_index WHERE search_index MATCH ? AND {place}"
    for kind, place in (
        ("message", "rowid > 0 AND rowid < ? ORDER BY rowid DESC"),
        ("title", "rowid < 0 AND rowid > -? ORDER BY rowid"),
    )
}
_FOUND = {
    "message": "SELECT seq, steps.id, thread_id, steps.created_at, user_id FROM steps"
    " JOIN threads ON threads.id = thread_id WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq DESC",
    "title": "SELECT number, threads.id, threads.id, created_at, user_id FROM search_threads"
    " JOIN threads ON threads.id = thread_id WHERE number IN (SELECT -value FROM json_each(?)) ORDER BY number DESC",
}
_WORDS = """WITH RECURSIVE
  found(word) AS (
    SELECT (SELECT term FROM search_words WHERE term >= ?1 LIMIT 1)
    UNION ALL
    SELECT (SELECT term FROM search_words WHERE term >= word || char(1) LIMIT 1) FROM found
    WHERE substr(word, 1, length(?1)) = ?1)
  SELECT word FROM found LIMIT ?2"""
# A number is the time at which the thread was made, or the next that is free.
_NUMBER = "INSERT INTO search_threads (number, thread_id) VALUES (?, ?) ON CONFLICT (number) DO NOTHING"
_NUMBERS = "SELECT thread_id, number FROM search_threads WHERE thread_id IN (SELECT value FROM json_each(?))"
_KNOWN = """SELECT value FROM json_each(?)
  WHERE EXISTS (SELECT 1 FROM search_words WHERE term = value)"""
_HELD = {
    "message": "SELECT doc, term FROM search_words WHERE doc > 0",
    "title": "SELECT doc, term FROM search_words WHERE doc < 0",
}
_IDS = {
    "message": "SELECT seq, id FROM steps",
    "title": "SELECT -number, thread_id FROM search_threads",
}
_PAGES = 64
_SHORT = 2
"""Characters as which too many words begin to look them up."""
_MOST_WORDS = 64
"""Of those that begin as a person has typed; looking up each takes 0.05 ms among a million messages."""


class _Expression(NamedTuple):
    match: str
    time: str | None
    """Of the days that are wanted, the first and the last of which some may be beyond."""
    wanted: Wanted


class SQLiteIndex(Index):
    needs_old = True

    def create(self, connection: Connection) -> None:
        for statement in _CREATE:
            connection.exec_driver_sql(statement)
        state.create(connection)

    def drop(self, connection: Connection) -> None:
        for statement in _DROP:
            connection.exec_driver_sql(statement)

    def empty(self, connection: Connection) -> None:
        self.drop(connection)
        self.create(connection)

    def put(
        self,
        connection: Connection,
        kind: Kind,
        ids: Collection[str],
        old: Mapping[str, Document],
        new: Mapping[str, Document],
    ) -> bool:
        numbers = self._numbers(connection, kind, old, new)
        if not numbers.keys() >= old.keys():
            raise Damaged
        rows = list[tuple[int, bool, str | None, str]]()
        for key in old.keys() | new.keys():
            before, after = old.get(key), new.get(key)
            had = before.text.tokens if before else set[str]()
            has = after.text.tokens if after else set[str]()
            owner = documents.key_of((before or new[key]).text.user_id)
            if gone := had - has if had else had:
                rows.append((numbers[key], False, "delete", _joined(owner, gone)))
            if come := has - had if had else has:
                rows.append((numbers[key], True, None, _joined(owner, come)))
        rows.sort(key=itemgetter(0, 1))  # FTS5 writes a segment wherever numbers do not grow
        if rows:
            sent = [(command, number, found) for number, _, command, found in rows]
            try:
                driver(connection).executemany(_PUT, sent)
            except sqlite3.DatabaseError as error:  # more is removed than there is
                if getattr(error, "sqlite_errorname", "") == "SQLITE_CORRUPT_VTAB":
                    raise Damaged from error
                raise
        if removed := not all(added for _, added, *_ in rows):
            connection.exec_driver_sql(_SOIL)
        return removed

    def _numbers(
        self, connection: Connection, kind: Kind, old: Mapping[str, Document], new: Mapping[str, Document]
    ) -> dict[str, int]:
        if kind == "message":
            return {key: document.number for key, document in (*old.items(), *new.items())}
        for key in new.keys() - old.keys():
            number = max(new[key].at, 1)
            while connection.exec_driver_sql(_NUMBER, (number, key)).rowcount == 0:
                number += 1
        rows = connection.exec_driver_sql(_NUMBERS, (dumps([*old, *new]),)).all()
        if gone := [(key,) for key in old.keys() - new.keys()]:
            connection.exec_driver_sql("DELETE FROM search_threads WHERE thread_id = ?", gone)
        return {key: -number for key, number in rows}

    def seek(self, connection: Connection, key: str, wanted: Wanted) -> Sought | None:
        time = self._time(connection, key, wanted)
        marks = [_any(key + mark for mark in some) for some in (*wanted.marks, *([] if time is None else [time]))]
        having, broad = list[str](), list[Term]()
        lacking = [_any(key + mark for mark in wanted.without)] if wanted.without else []
        for term in wanted.terms:
            if term.excluded and len(term.tokens) > 1:
                continue
            *whole, last = (key + token for token in term.tokens)
            many = term.prefix and len(term.tokens[-1]) <= _SHORT
            words = self._beginning(connection, last) if term.prefix and not many else [last]
            if not words and not term.excluded:
                return None
            many |= len(words) > _MOST_WORDS
            if many:
                broad.append(term)
            found = f'"{last}"*' if many else _any(words)
            if term.excluded:
                lacking += [found] if words else []
            else:
                having += [f'"{token}"' for token in whole] + [found]
        expression = " AND ".join([*having, *marks] or [f'"{key}{ALL}"'])
        for found in lacking:
            expression = f"({expression}) NOT {found}"
        of_time = _any(key + mark for mark in time) if time else None
        return Sought(_Expression(expression, of_time, wanted), broad)

    def _time(self, connection: Connection, key: str, wanted: Wanted) -> list[str] | None:
        """The marks of the time that is wanted, whole months and single days; None: any is."""
        if wanted.after is None and wanted.before is None:
            return None
        first = 0 if wanted.after is None else day_of(wanted.after)
        last = LAST_DAY if wanted.before is None else day_of(wanted.before - 1)
        found = list[str]()
        for word in self._beginning(connection, key + MONTH, 10_000):
            begins = int(word[len(key + MONTH) :]) * DAYS
            days = range(max(first, begins), min(last + 1, begins + DAYS))
            found += [month_mark(begins)] if len(days) == DAYS else map(day_mark, days)
        return found

    def _beginning(self, connection: Connection, beginning: str, most: int = _MOST_WORDS) -> list[str]:
        """The words that begin so; one more than ``most`` where there are more."""
        words = driver(connection).execute(_WORDS, (beginning, most + 1))
        return [word for (word,) in words if word and word.startswith(beginning)]

    def find(
        self, connection: Connection, user_id: str, kind: Kind, expression: "_Expression", below: Place, limit: int
    ) -> tuple[list[Found], Place | None]:
        with closing(self.walk(connection, user_id, kind, expression, below, [limit])) as walk:
            looked = next(walk)
            return looked.found, looked.place

    def walk(
        self,
        connection: Connection,
        user_id: str,
        kind: Kind,
        expression: "_Expression",
        below: Place,
        sizes: Iterable[int],
        matches: Matcher | None = None,
    ) -> Generator[Looked, None, None]:
        """One statement of FTS5, since beginning costs as much as some hundred documents, of a prefix much more."""
        execute, top = driver(connection).execute, below[0]
        if expression.time and below == FIRST:  # what is later need not be walked
            newest = execute(_FIND[kind] + " LIMIT 1", (expression.time, top)).fetchall()
            top = abs(newest[0][0]) + 1 if newest else top
        with closing(execute(_FIND[kind], (expression.match, top))) as places:
            for size in sizes:
                numbers = [number for (number,) in places.fetchmany(size)]
                place = (abs(numbers[-1]), "") if len(numbers) == size else None
                found, at = self._seen(connection, user_id, kind, expression.wanted, numbers, matches)
                yield Looked(found, place, at)
                if place is None:
                    return

    def _seen(
        self,
        connection: Connection,
        user_id: str,
        kind: Kind,
        wanted: Wanted,
        numbers: list[int],
        matches: Matcher | None,
    ) -> tuple[list[Found], int | None]:
        """What is found there, and when the last was made. Of messages the texts are read first: most of those that
        are looked at do not match, and whose they are takes as long."""
        at = None
        if matches is not None and kind == "message":
            said = documents.numbered(connection, numbers)
            at = said[-1].at if said else None
            numbers = [each.number for each in said if matches(each.text)]
        found = [
            Found(*row)
            for *row, owner in driver(connection).execute(_FOUND[kind], (dumps(numbers),))
            if owner == user_id
            and (wanted.after is None or row[3] >= wanted.after)
            and (wanted.before is None or row[3] < wanted.before)
        ]
        at = found[-1].at if at is None and found else at
        if matches is not None and kind == "title":
            texts = documents.texts(connection, kind, [each.id for each in found])
            found = [each for each in found if each.id in texts and matches(texts[each.id])]
        return found, at

    def known(self, connection: Connection, key: str, words: Sequence[str]) -> set[str]:
        found = driver(connection).execute(_KNOWN, (dumps([key + word for word in words]),))
        return {word[len(key) :] for (word,) in found}

    def held(self, connection: Connection, kind: Kind) -> dict[str, int]:
        found: dict[int, int] = {}
        for number, word in driver(connection).execute(_HELD[kind]):
            found[number] = found.get(number, 0) ^ hash(word)
        ids = dict(driver(connection).execute(_IDS[kind]))
        return {ids.get(number, f"#{number}"): of for number, of in found.items()}

    def digest(self, document: Document) -> int:
        return digest(document.text.keyed)

    def has_grown(self, connection: Connection) -> None:
        """Every word is looked up in each segment: the 18 that a million messages were built into become one, by 9 s of
        work; among 20,000 messages a look-up then takes a third of the time."""
        connection.exec_driver_sql(_SOIL)

    def is_clean(self, connection: Connection) -> bool:
        return connection.exec_driver_sql("SELECT 1 FROM search_state WHERE name = 'left'").first() is None

    def clean(self, connection: Connection) -> None:
        """What was deleted stays in FTS5's segments until all that are as old are merged into one: a negative count
        begins that, a positive one goes on (https://www.sqlite.org/fts5.html#the_merge_command)."""
        rows = connection.exec_driver_sql("SELECT name, value FROM search_state")
        said: dict[str, str] = {name: value for name, value in rows}
        if "left" not in said:  # another process has done it meanwhile
            return
        begun, _, going_on = said.get("merging", "").partition(" ")
        if not begun:
            connection.exec_driver_sql(_PUT, (None, 0, ALL))  # a segment more, or there may be only one, left as it is
            connection.exec_driver_sql(_MERGING, (said["left"] + " ",))
            return
        before = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
        pages = _PAGES if going_on else -_PAGES
        connection.exec_driver_sql("INSERT INTO search_index (search_index, rank) VALUES ('merge', ?)", (pages,))
        if connection.exec_driver_sql("SELECT total_changes()").scalar_one() - before >= 2:
            connection.exec_driver_sql(_MERGING, (begun + " on",))
            return
        # Where more was deleted meanwhile, it begins again.
        connection.exec_driver_sql(_MERGED if said["left"] == begun else _MERGED + " AND name <> 'left'")


def _joined(key: str, tokens: Iterable[str]) -> str:
    return key + f" {key}".join(tokens)


def _any(words: Iterable[str]) -> str:
    """FTS5 has no expression for nothing: this is a word that nobody says."""
    return "(" + (" OR ".join(f'"{word}"' for word in words) or '"="') + ")"


index = SQLiteIndex()
