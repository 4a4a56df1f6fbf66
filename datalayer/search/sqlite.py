"""SQLite: FTS5 without a copy of the texts. A message's document is at the number of its step, a thread's at a negative
one of its own, newest first in both directions, which FTS5 walks without sorting.

``detail=none``: which documents have a word, and nothing else, in a fifth of the space of the texts, where their
positions take half of it. A phrase is looked for in the texts of those that have its words. FTS5 reads all documents of
a prefix before it gives the first, 0.1 s of 400,000; of some words it gives the first at once. So a prefix is looked up
in the vocabulary first.
"""

from collections.abc import Collection, Iterable, Mapping
from json import dumps
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from . import documents
from .base import FIRST, Index, Kind, Place, Sought, Wanted, state
from .documents import ALL, MONTHS, Document, month_mark

_CREATE = (
    # Documents are what documents.tokens gives, separated by spaces; of what is ASCII only letters, digits and "=" are
    # in tokens.
    """CREATE VIRTUAL TABLE search_index USING fts5(tokens, content='', columnsize=0, detail=none,
       tokenize="ascii tokenchars '='")""",
    "CREATE VIRTUAL TABLE search_words USING fts5vocab(search_index, instance)",
    "CREATE TABLE search_threads (number INTEGER PRIMARY KEY, thread_id TEXT NOT NULL UNIQUE)",
)
_DROP = ("DROP TABLE search_state", "DROP TABLE search_threads", "DROP TABLE search_words", "DROP TABLE search_index")
# Of a document that changes only the tokens that come and go: the others stay where they are.
_PUT = "INSERT INTO search_index (search_index, rowid, tokens) VALUES (?, ?, ?)"
_SOIL = "INSERT INTO search_state VALUES ('left', '1') ON CONFLICT (name) DO UPDATE SET value = value + 1"
_MERGING = "INSERT OR REPLACE INTO search_state VALUES ('merging', ?)"
_MERGED = "DELETE FROM search_state WHERE name IN ('merging', 'left')"
_LOOK = {
    "message": "rowid > 0 AND rowid < ? ORDER BY rowid DESC",
    "title": "rowid < 0 AND rowid > -? ORDER BY rowid",
}
_FIND = "SELECT rowid FROM search_index WHERE search_index MATCH ? AND {} LIMIT ?"
# A number is the time at which the thread was made, or the next that is free.
_NUMBER = "INSERT INTO search_threads (number, thread_id) VALUES (?, ?) ON CONFLICT (number) DO NOTHING"
_NUMBERS = "SELECT thread_id, number FROM search_threads WHERE thread_id IN (SELECT value FROM json_each(?))"
_NAMED = "SELECT number, thread_id FROM search_threads WHERE number IN (SELECT -value FROM json_each(?))"
_THREADS = {
    "message": "SELECT seq, thread_id, user_id FROM steps JOIN threads ON threads.id = thread_id"
    " WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq DESC",
    "title": "SELECT number, thread_id, user_id FROM search_threads JOIN threads ON threads.id = thread_id"
    " WHERE number IN (SELECT -value FROM json_each(?)) ORDER BY number DESC",
}
_PAGES = 64
_MOST_WORDS = 64
"""Of those that begin as a person has typed; looking up each takes 0.05 ms among a million messages."""


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
        rows = list[tuple[int, bool, str | None, str]]()
        for key in old.keys() | new.keys():
            before, after = _tokens(old.get(key)), _tokens(new.get(key))
            if before - after:
                rows.append((numbers[key], False, "delete", " ".join(before - after)))
            if after - before:
                rows.append((numbers[key], True, None, " ".join(after - before)))
        if rows:
            rows.sort(key=itemgetter(0, 1))  # FTS5 writes a segment wherever numbers do not grow
            connection.exec_driver_sql(_PUT, [(command, number, found) for number, _, command, found in rows])
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
        marks = [_any(key + mark for mark in some) for some in (*wanted.marks, *self._months(connection, key, wanted))]
        having, lacking, broad = list[str](), list[str](), False
        for term in wanted.terms:
            if term.excluded and len(term.tokens) > 1:
                continue
            *whole, last = (key + token for token in term.tokens)
            words = self._beginning(connection, last) if term.prefix else [last]
            if not words and not term.excluded:
                return None
            broad |= len(words) > _MOST_WORDS
            found = f'"{last}"*' if len(words) > _MOST_WORDS else _any(words)
            if term.excluded:
                lacking += [found] if words else []
            else:
                having += [f'"{token}"' for token in whole] + [found]
        all_of_them = [f'"{key}{ALL}"']
        expression = " AND ".join([*having, *marks] or all_of_them)
        for found in lacking:
            expression = f"({expression}) NOT {found}"
        return Sought(expression, broad, " AND ".join(marks or all_of_them))

    def _months(self, connection: Connection, key: str, wanted: Wanted) -> list[list[str]]:
        if wanted.after is None and wanted.before is None:
            return []
        months = [word[len(key) :] for word in self._beginning(connection, key + MONTHS, 10_000)]
        first = month_mark(wanted.after or 0)
        last = max(months, default="") if wanted.before is None else month_mark(wanted.before)
        return [[month for month in months if first <= month <= last]]

    def _beginning(self, connection: Connection, beginning: str, most: int = _MOST_WORDS) -> list[str]:
        """The words that begin so; one more than ``most`` where there are more."""
        found, after = list[str](), beginning
        while len(found) <= most:
            row = connection.exec_driver_sql("SELECT term FROM search_words WHERE term >= ? LIMIT 1", (after,)).first()
            if row is None or not row.term.startswith(beginning):
                break
            found.append(row.term)
            after = row.term + "\x01"  # which is in no word
        return found

    def find(
        self, connection: Connection, user_id: str, kind: Kind, expression: Any, below: Place, limit: int
    ) -> tuple[list[Document], Place | None]:
        asked = (expression, below[0], limit)
        numbers = connection.exec_driver_sql(_FIND.format(_LOOK[kind]), asked).scalars().all()
        if kind == "message":
            found = {each.number: each for each in documents.numbered_messages(connection, numbers).values()}
        else:
            named = {key: number for number, key in connection.exec_driver_sql(_NAMED, (dumps(numbers),))}
            titles = documents.titles(connection, named).values()
            found = {-named[each.id]: each._replace(number=named[each.id]) for each in titles}
        mine = [found[number] for number in numbers if number in found and found[number].text.user_id == user_id]
        return mine, (abs(numbers[-1]), "") if len(numbers) == limit else None

    def locate(
        self, connection: Connection, user_id: str, kind: Kind, expression: Any, limit: int
    ) -> list[tuple[Place, str]]:
        asked = (expression, FIRST[0], limit)
        numbers = connection.exec_driver_sql(_FIND.format(_LOOK[kind]), asked).scalars().all()
        rows = connection.exec_driver_sql(_THREADS[kind], (dumps(numbers),)).all()
        return [((number, ""), key) for number, key, owner in rows if owner == user_id]

    def is_clean(self, connection: Connection) -> bool:
        return connection.exec_driver_sql("SELECT 1 FROM search_state WHERE name = 'left'").first() is None

    def clean(self, connection: Connection) -> None:
        """What was deleted stays in FTS5's segments until all that are as old are merged into one: a negative count
        begins that, a positive one goes on (https://www.sqlite.org/fts5.html#the_merge_command)."""
        rows = connection.exec_driver_sql("SELECT name, value FROM search_state")
        said: dict[str, str] = {name: value for name, value in rows}
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


def _tokens(document: Document | None) -> documents.Tokens:
    return document.text.tokens if document else frozenset()


def _any(words: Iterable[str]) -> str:
    """FTS5 has no expression for nothing: this is a word that nobody says."""
    return "(" + (" OR ".join(f'"{word}"' for word in words) or '"="') + ")"


index = SQLiteIndex()
