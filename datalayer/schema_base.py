"""What the modules of the schema share: the one list of tables, and how their columns and indexes are written."""

from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, MetaData

metadata = MetaData()


def time(name: str, nullable: bool = True) -> Column[int]:
    """UTC microseconds."""
    return Column(name, BigInteger, nullable=nullable)


def partial(name: str, *columns: Column[Any], where: ColumnElement[bool]) -> None:
    """MySQL has no partial indexes: there it holds all rows."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)
