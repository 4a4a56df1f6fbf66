"""Statements made ready once: what SQLAlchemy derives from one at each execution takes longer than SQLite needs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], Any]
Row = tuple[Any, ...]


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
        columns = getattr(statement, "selected_columns", ())
        converts = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in columns]
        self._converts = [(place, convert) for place, convert in enumerate(converts) if convert is not None]

    def fetch(self, connection: Connection, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows, with values as SQLAlchemy gives them."""
        found: list[Any] = list(connection.exec_driver_sql(self._sql, self._bound(parameters)).cursor.fetchall())
        return self._converted(found) if self._converts else found

    def send(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        connection.exec_driver_sql(self._sql, [self._bound(row) for row in rows])

    def _bound(self, parameters: Mapping[str, Any]) -> Row:
        given = self._given
        return tuple(
            [
                fixed if name not in given else parameters[name] if convert is None else convert(parameters[name])
                for name, fixed, convert in self._places
            ]
        )

    def _converted(self, found: list[Row]) -> list[Row]:
        converted = []
        for row in found:
            values = list(row)
            for place, convert in self._converts:
                if (value := values[place]) is not None:
                    values[place] = convert(value)
            converted.append(tuple(values))
        return converted


def _bind(compiled: Any, name: str, dialect: Dialect) -> Convert | None:
    bind = compiled.binds.get(name)
    if bind is None:  # one of an IN, which is fixed
        return None
    convert: Convert | None = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return convert
