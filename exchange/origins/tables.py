"""SQLite files of other products, as they come: from anybody, of any age, damaged or in use.

Always true: nothing of the file is changed; only columns that exist are read, and none that is computed; a value that
is longer than LONGEST is refused; of a table only numbers of rows are held at once, of a conversation its rows.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from .base import Problem, Read, Source
from .places import Place
from .reasons import Why
from .values import digest, identifier

LONGEST = 50_000_000
"""Bytes of a value."""
_AT_ONCE = 500
"""Values in a question to the database."""
PATIENCE = 2.0
"""Seconds for which another program may have it locked."""

Row = dict[str, Any]


class Tables:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._connection.text_factory = self._text
        self._replaced = False
        self._sorted: dict[tuple[str, str], str] = {}
        self.columns = {name: self._columns_of(name) for name in self._names()}
        """Of the tables, by their names as they are spelled."""

    def _text(self, value: bytes) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError:
            self._replaced = True
            return value.decode(errors="replace")

    def replaced(self) -> bool:
        """Whether, since it was asked last, there was text that is not UTF-8. What is not was replaced."""
        found, self._replaced = self._replaced, False
        return found

    def _names(self) -> list[str]:
        every = self._connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [name for name, sql in every if name and not str(sql).lstrip()[:14].upper().startswith("CREATE VIRTUAL")]

    def _columns_of(self, table: str) -> list[str]:
        every = self._connection.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()
        return [row[1] for row in every if row[6] == 0]  # others are computed

    def have(self, table: str, *columns: str) -> bool:
        return {*columns} <= {*self.columns.get(table, ())}

    def rows(self, table: str, columns: Iterable[str], rest: str = "", values: Sequence[Any] = ()) -> Iterator[Row]:
        """``rest``: what follows the name of the table in SELECT. What is no column of it is None. Raises
        sqlite3.Error."""
        wanted = list(dict.fromkeys(columns))
        there = [column for column in wanted if self.have(table, column)]
        empty = dict.fromkeys(wanted)
        if table not in self.columns:
            return
        query = f"SELECT {', '.join(map(quoted, there)) or '1'} FROM {quoted(table)} {rest}"
        for row in self._connection.execute(query, values):
            yield empty | dict(zip(there, row, strict=False))

    def groups(self, table: str, by: str, order: Sequence[str]) -> Iterator[tuple[Any, list[int]]]:
        """Numbers of rows by the values of a column, and in the order of others, those of them that exist."""
        by_these = [column for column in (by, *order) if self.have(table, column)]
        query = (
            f"SELECT {quoted(by)}, rowid FROM {quoted(table)} ORDER BY {', '.join([*map(quoted, by_these), 'rowid'])}"
        )
        for value, some in groupby(self._connection.execute(query), key=lambda row: row[0]):
            yield value, [row[1] for row in some]

    def numbered(self, table: str, columns: Sequence[str], numbers: Sequence[int]) -> list[Row]:
        """The rows of these numbers, in their order."""
        return self.among(table, columns, "rowid", numbers)

    def among(self, table: str, columns: Sequence[str], by: str, values: Sequence[Any]) -> list[Row]:
        """The rows that have one of these values there, in their order and that of the table."""
        if table not in self.columns or not (by == "rowid" or self.have(table, by)):
            return []
        found: dict[Any, list[Row]] = {}
        each = list(dict.fromkeys(value for value in values if value is not None))
        for first in range(0, len(each), _AT_ONCE):
            some = each[first : first + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            where = self._found_by(table, by).format(f"IN ({marks})")
            for key, row in self._keyed(table, by, columns, where, some):
                found.setdefault(key, []).append(row)
        otherwise = found.keys() - {*each}  # of another type, such as 1 for "1"
        return [row for value in [*each, *otherwise] for row in found.get(value, ())]

    def _keyed(
        self, table: str, by: str, columns: Sequence[str], where: str, values: Sequence[Any]
    ) -> Iterator[tuple[Any, Row]]:
        there = [column for column in dict.fromkeys(columns) if self.have(table, column)]
        named = ", ".join(["rowid" if by == "rowid" else quoted(by), *map(quoted, there)])
        query = f"SELECT {named} FROM {quoted(table)} WHERE {where} ORDER BY rowid"
        for key, *row in self._connection.execute(query, values):
            yield key, dict.fromkeys(columns) | dict(zip(there, row, strict=True))

    def _found_by(self, table: str, by: str) -> str:
        """A condition in which ``{}`` is what the column must be. Without an index of the file's, one is made beside
        it, once: else each conversation would read the whole table."""
        if by == "rowid":
            return "rowid {}"
        if (table, by) not in self._sorted:
            if self._is_indexed(table, by):
                self._sorted[table, by] = f"{quoted(by).replace('{', '{{').replace('}', '}}')} {{}}"
            else:
                name = f"temp.sorted_{len(self._sorted)}"
                self._connection.execute(
                    f"CREATE TABLE {name} (value, number INTEGER, PRIMARY KEY (value, number)) WITHOUT ROWID"
                )
                self._connection.execute(
                    f"INSERT INTO {name} SELECT {quoted(by)}, rowid FROM {quoted(table)} WHERE {quoted(by)} IS NOT NULL"
                )
                self._sorted[table, by] = f"rowid IN (SELECT number FROM {name} WHERE value {{}})"
        return self._sorted[table, by]

    def _is_indexed(self, table: str, by: str) -> bool:
        for _, name, _, _, partial in self._connection.execute(f"PRAGMA index_list({quoted(table)})").fetchall():
            first = self._connection.execute(f"PRAGMA index_info({quoted(name)})").fetchone()
            if not partial and first and first[2] == by:
                return True
        return False


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def opened(path: Path) -> Iterator[Tables]:
    """To be read by one thread at a time. Raises sqlite3.Error."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(
        address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
        for setting in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "cache_size = -16000"):
            connection.execute(f"PRAGMA {setting}")
        yield Tables(connection)
    finally:
        connection.close()


@contextmanager
def opened_tables(source: Source) -> Iterator[Tables | None]:
    """None: it is no database that can be read."""
    path = source.database()
    with ExitStack() as stack:
        tables = None
        if path is not None:
            with suppress(sqlite3.Error):
                tables = stack.enter_context(opened(path))
        with suppress(sqlite3.Error):
            yield tables


def columns_of(source: Source) -> dict[str, list[str]]:
    """Those of its tables; none where it is no database that can be read."""
    with opened_tables(source) as tables:
        return tables.columns if tables is not None else {}


def read(source: Source, conversations: Callable[[Tables, Place], Iterator[Read]]) -> Iterator[Read]:
    """What ``conversations(tables, place)`` gives, and what ends it as a problem."""
    path = source.database()
    place = source.place
    if path is None:
        yield Problem(place, Why("no_sqlite"))
        return
    try:
        with opened(path) as tables:
            yield from conversations(tables, place)
    except sqlite3.Error as error:
        yield Problem(place, Why("partly_read", why=why(error)))


def told(tables: Tables, place: Place, made: Callable[[], Read | None]) -> Iterator[Read]:
    """A conversation of it, or why it cannot be read; None is nothing."""
    try:
        found = made()
    except sqlite3.Error as error:
        yield Problem(place, why(error))
        return
    if found is not None and tables.replaced() and not isinstance(found, Problem):
        found.problems.append(Problem(place, Why("no_utf8"), lost=False))
    if found is not None:
        yield found


def key_of(table: str, session: Any) -> str:
    """Of a session of a table, whatever its id is: two that differ in white space only are two."""
    written = session if isinstance(session, str) and session == session.strip() else repr(session)
    return identifier(f"{table}/{written}") or digest(table, written)


def why(error: sqlite3.Error) -> Why:
    """Without what SQLite says of its statements."""
    said = str(error).lower()
    if "locked" in said or "busy" in said:
        return Why("locked")
    if "malformed" in said or "not a database" in said or "corrupt" in said or "disk i/o" in said:
        return Why("database_damaged")
    if "too big" in said:
        return Why("value_large", mb=LONGEST // 1_000_000)
    return Why("odd_tables")
