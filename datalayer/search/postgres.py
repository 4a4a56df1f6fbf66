"""PostgreSQL: a tsvector of the tokens, made of them as they are, without a parser or dictionary, in a GIN index."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, func, literal, type_coerce
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.types import UserDefinedType

from .base import Wanted
from .documents import ALL
from .servers import ServerIndex, tables

_MOST_BYTES = 900_000
"""Of the words of a document: a tsvector has less than 1 MiB."""


class Lexemes(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TSVECTOR"

    def bind_expression(self, bindvalue: Any) -> Any:
        # asyncpg takes longer for an array of as many elements than for one text.
        return func.array_to_tsvector(func.string_to_array(type_coerce(bindvalue, Text), " "))


class PostgresIndex(ServerIndex):
    tables = tables(Lexemes(), postgresql_using="gin")

    def stored(self, tokens: Collection[str]) -> str:
        """Of too many the shortest."""
        whole = " ".join(tokens)
        if 5 * len(whole.encode()) <= _MOST_BYTES:  # no token is shorter than its user's key
            return whole
        found, size = list[str](), 0
        for token in sorted(tokens, key=lambda token: (len(token), token)):
            size += len(token.encode()) + 4
            if size > _MOST_BYTES:
                break
            found.append(token)
        return " ".join(found)

    @contextmanager
    def by_index(self, connection: Connection) -> Iterator[None]:
        """The planner takes one of two hundred rows to have a word that it knows nothing of, and reads them all."""
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        yield
        connection.exec_driver_sql("SET LOCAL enable_seqscan = on")

    def read(self, words: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.array_to_string(func.tsvector_to_array(words), " ", type_=Text)

    def tokens_in(self, words: str) -> list[str]:
        return words.split(" ")

    def has(self, words: ColumnElement[Any], key: str, wanted: Wanted) -> ColumnElement[bool]:
        return words.bool_op("@@")(cast(literal(_query(key, wanted), Text), TSQUERY))

    def indexed(self, words: ColumnElement[Any], key: str, wanted: Wanted) -> ColumnElement[bool]:
        return self.has(words, key, wanted)


def _query(key: str, wanted: Wanted) -> str:
    parts = [" | ".join(f"'{key}{mark}'" for mark in some) for some in wanted.marks]
    parts += [f"!'{key}{mark}'" for mark in wanted.without]
    for term in wanted.terms:
        *whole, last = (f"'{key}{token}'" for token in term.tokens)
        last += ":*" if term.prefix else ""
        if not term.excluded:
            parts += [*whole, last]
        elif not whole:
            parts.append(f"!{last}")
    return " & ".join(f"({part})" for part in parts or [f"'{key}{ALL}'"])


index = PostgresIndex()
