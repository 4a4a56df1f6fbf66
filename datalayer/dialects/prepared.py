"""Statements made ready once: what SQLAlchemy derives from one at each execution takes longer than SQLite needs."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Connection, Executable, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from .base import Row, T, from_json, to_json

Convert = Callable[[Any], Any]


def driver(connection: Connection) -> Any:
    """The driver's own connection. Its errors are not SQLAlchemy's."""
    return connection.connection.dbapi_connection


class Prepared:
    """``statement`` as its driver takes it, for parameters of these ``names``."""

    def __init__(self, statement: Executable, names: Sequence[str], dialect: Dialect) -> None:
        compiled: Any = statement.compile(  # type: ignore[attr-defined]
            dialect=dialect, column_keys=list(names), compile_kwargs={"render_postcompile": True}
        )
        assert isinstance(compiled, SQLCompiler)
        self._sql = compiled.string
        fixed = compiled.params
        self._places: list[tuple[str, Any, Convert | None]] = [
            (name, fixed.get(name), _bind(compiled, name, dialect)) for name in compiled.positiontup or ()
        ]
        self._given = frozenset(names)
        plain = len(self._places) > 1 and all(name in names and convert is None for name, _, convert in self._places)
        self._bound: Callable[[Mapping[str, Any]], tuple[Any, ...]] = (
            itemgetter(*(name for name, *_ in self._places)) if plain else self._converted
        )
        columns = getattr(statement, "selected_columns", ())
        converts = [_result(each.type, dialect) for each in columns]
        self._converts = [(place, convert) for place, convert in enumerate(converts) if convert is not None]

    def fetch(self, connection: Connection, parameters: Mapping[str, Any], make: Callable[[Row], T]) -> list[T]:
        """The rows, with values as SQLAlchemy gives them. None is alive longer than it takes to make what is wanted of
        it: with 10,000 the collector would take longer than SQLite."""
        found: list[T] = []
        for row in driver(connection).execute(self._sql, self._bound(parameters)):
            values = list(row)
            for place, convert in self._converts:
                if (value := values[place]) is not None:
                    values[place] = convert(value)
            found.append(make(values))
        return found

    def send(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        if len(rows) == 1:
            driver(connection).execute(self._sql, self._bound(rows[0]))
        else:
            driver(connection).executemany(self._sql, list(map(self._bound, rows)))

    def _converted(self, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
        given = self._given
        return tuple(
            [
                fixed if name not in given else parameters[name] if convert is None else convert(parameters[name])
                for name, fixed, convert in self._places
            ]
        )


def _bind(compiled: Any, name: str, dialect: Dialect) -> Convert | None:
    bind = compiled.binds.get(name)
    if bind is None or isinstance(bind.type, LargeBinary):  # one of an IN, which is fixed; bytes go as they are
        return None
    if isinstance(bind.type, JSON):  # none_as_null
        return lambda value: None if value is None else to_json(value)
    convert: Convert | None = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return convert


def _result(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    if isinstance(kind, JSON):
        return from_json
    if isinstance(kind, LargeBinary):  # which the driver gives as bytes
        return None
    convert: Convert | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return convert
