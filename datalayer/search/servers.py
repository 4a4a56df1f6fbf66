"""What the indexes of servers have in common: a row beside each message and thread, which goes with it.

What a word is in that row is a server's own. A server finds all rows that have a word before it sorts them, which takes
long of common ones. So the newest of a user's rows are looked at first, and the words asked for the rest.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    MetaData,
    Select,
    Table,
    case,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.types import TypeEngine

from .. import dialects
from ..column_types import ID
from ..schema import steps, threads
from . import base
from .base import Found, Kind, Place, Sought, Wanted, state
from .documents import Document

_WALKED = 1_000
"""Of a user's rows: a word that one of fifty has fills a page by then."""
_SOME = 100


def tables(words: TypeEngine[Any], **index: Any) -> dict[Kind, Table]:
    """``words``: the type of the column; ``index``: what its index is."""
    metadata, made = MetaData(), dict[Kind, Table]()
    for kind, of in (("message", steps), ("title", threads)):
        name = f"search_{of.name}"
        made[kind] = Table(  # type: ignore[index]
            name,
            metadata,
            Column("id", ID, ForeignKey(of.c.id, ondelete="CASCADE"), primary_key=True),
            Column("thread_id", ID, nullable=False),
            Column("user_id", ID, nullable=False),
            Column("number", BigInteger, nullable=False),
            Column("at", BigInteger, nullable=False),
            Column("words", words, nullable=False),
            Index(f"{name}_by_number", "user_id", "number", "id"),
            Index(f"{name}_by_words", "words", **index),
        )
    return made


class ServerIndex(base.Index):
    tables: ClassVar[dict[Kind, Table]]
    reads_all: ClassVar[bool] = False
    """Whether it takes the server long to find what has a rare word and a common one."""

    @abstractmethod
    def stored(self, tokens: Collection[str]) -> Any:
        """``tokens``, with their key, as the column takes them."""

    @abstractmethod
    def has(self, words: ColumnElement[Any], key: str, wanted: Wanted) -> ColumnElement[bool]:
        """That a row, when it is looked at, has what is wanted."""

    @abstractmethod
    def indexed(self, words: ColumnElement[Any], key: str, wanted: Wanted) -> ColumnElement[bool]:
        """The same of rows that the index finds; they may be more."""

    @contextmanager
    def by_index(self, _connection: Connection) -> Iterator[None]:
        """In which the server does not read all rows instead."""
        yield

    def create(self, connection: Connection) -> None:
        for table in self.tables.values():
            table.create(connection)
        state.create(connection)

    def drop(self, connection: Connection) -> None:
        state.drop(connection)
        for table in self.tables.values():
            table.drop(connection)

    def empty(self, connection: Connection) -> None:
        for table in self.tables.values():
            connection.execute(delete(table))

    def put(
        self,
        connection: Connection,
        kind: Kind,
        ids: Collection[str],
        old: Mapping[str, Document],
        new: Mapping[str, Document],
    ) -> bool:
        table, sql = self.tables[kind], dialects.of(connection)
        if gone := sorted(set(ids) - new.keys()):
            connection.execute(delete(table).where(table.c.id.in_(gone)))
        rows = [self._row(new[key]) for key in sorted(new)]
        if rows:
            connection.execute(sql.upsert(table, ("id",), frozenset(rows[0]) - {"id"}), rows)
        return False

    def _row(self, document: Document) -> dict[str, Any]:
        text = document.text
        of = {"thread_id": text.thread_id, "user_id": text.user_id, "at": document.at}
        return {"id": document.id, "number": document.number, "words": self.stored(text.keyed), **of}

    @abstractmethod
    def read(self, words: ColumnElement[Any]) -> ColumnElement[Any]:
        """The column as ``tokens_in`` takes it."""

    @abstractmethod
    def tokens_in(self, words: Any) -> Collection[str]: ...

    def known(self, connection: Connection, key: str, words: Sequence[str]) -> set[str]:
        stored, found = {key + word: word for word in words}, set[str]()
        encoded = {token: word for each, word in stored.items() for token in self.tokens_in(self.stored([each]))}
        for table in self.tables.values():
            having = self.indexed(table.c.words, key, Wanted(marks=[words]))
            with self.by_index(connection):
                rows = connection.execute(select(self.read(table.c.words)).where(having).limit(_SOME)).all()
            for (held,) in rows:
                found |= {encoded[token] for token in self.tokens_in(held) if token in encoded}
        return found

    def held(self, connection: Connection, kind: Kind) -> dict[str, int]:
        table = self.tables[kind]
        rows = connection.execute(select(table.c.id, self.read(table.c.words)))
        return {key: base.digest(self.tokens_in(words)) for key, words in rows}

    def digest(self, document: Document) -> int:
        return base.digest(self.tokens_in(self.stored(document.text.keyed)))

    def seek(self, connection: Connection, key: str, wanted: Wanted) -> Sought:
        return Sought((key, wanted))

    def find(
        self, connection: Connection, user_id: str, kind: Kind, expression: Any, below: Place, limit: int
    ) -> tuple[list[Found], Place | None]:
        rows = self._find(connection, user_id, kind, expression, below, limit)
        found = [Found(row.number, row.id, row.thread_id, row.at) for row in rows]
        return found, found[-1].place if len(found) == limit else None

    def _find(
        self, connection: Connection, user_id: str, kind: Kind, expression: Any, below: Place, limit: int
    ) -> list[Any]:
        table, (key, wanted) = self.tables[kind], expression
        mine = _below(select(table).where(table.c.user_id == user_id), table, below)
        newest = _newest(mine, table, _WALKED).subquery()
        walked = select(newest.c.id, newest.c.number, newest.c.thread_id, newest.c.at)
        has = _in_time(walked.where(self.has(newest.c.words, key, wanted)), newest, wanted)
        rows = list(connection.execute(_newest(has, newest, limit)))
        if len(rows) == limit:
            return rows
        end = select(newest.c.number, newest.c.id, func.count().over().label("walked"))
        last = connection.execute(end.order_by(newest.c.number, newest.c.id).limit(1)).first()
        if last is None or last.walked < _WALKED:
            return rows
        asked = self._rare(connection, newest, key, wanted)
        # Not by the user: an index of words or none.
        rest = select(table.c.id, table.c.number, table.c.thread_id, table.c.at, table.c.user_id)
        rest = _in_time(
            rest.where(self.indexed(table.c.words, key, asked), self.has(table.c.words, key, wanted)), table, wanted
        )
        every = rest.cte("indexed")
        left = _below(select(every).where(every.c.user_id == user_id), every, (last.number, last.id))
        with self.by_index(connection):
            return rows + list(connection.execute(_newest(left, every, limit - len(rows))))

    def _rare(self, connection: Connection, newest: Any, key: str, wanted: Wanted) -> Wanted:
        """What of the wanted an index need be asked for, where it reads all that have any of it."""
        parts = [Wanted(terms=[term]) for term in wanted.terms if not term.excluded]
        parts += [Wanted(marks=[some]) for some in wanted.marks]
        if not self.reads_all or len(parts) < 2:
            return wanted
        counts = [func.sum(case((self.has(newest.c.words, key, part), 1), else_=0)) for part in parts]
        found = list(connection.execute(select(*counts)).one())
        most = max(min(found), _WALKED // 50)
        kept = [part for part, count in zip(parts, found, strict=True) if count <= most]
        terms, marks = [term for part in kept for term in part.terms], [some for part in kept for some in part.marks]
        return replace(wanted, terms=terms, marks=marks)


def _newest(query: Select[Any], table: Any, limit: int) -> Select[Any]:
    return query.order_by(table.c.number.desc(), table.c.id.desc()).limit(limit)


def _below(query: Select[Any], table: Any, place: Place) -> Select[Any]:
    number, key = place
    here = or_(table.c.number < number, (table.c.number == number) & (table.c.id < key))
    return query.where(table.c.number <= number, here)


def _in_time(query: Select[Any], table: Any, wanted: Wanted) -> Select[Any]:
    if wanted.after is not None:
        query = query.where(table.c.at >= wanted.after)
    return query.where(table.c.at < wanted.before) if wanted.before is not None else query
