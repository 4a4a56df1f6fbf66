"""The index of each kind of database."""

from functools import cache
from importlib import import_module

from sqlalchemy import Connection

from .base import Index

_MODULES = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}


def of(connection: Connection) -> Index:
    return _index(connection.dialect.name)


@cache
def _index(name: str) -> Index:
    index: Index = import_module(f".{_MODULES[name]}", __package__).index
    return index
