"""Exports as tests make them, read by one reader."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from exchange.opened import opened
from exchange.origins.base import Conversation, Origin, Problem, Read, Said


def read(origin: Origin, path: Path) -> list[Read]:
    with opened(path) as source:
        assert origin.recognises(source)
        return list(origin.read(source))


def conversations(origin: Origin, path: Path) -> list[Conversation]:
    return [each for each in read(origin, path) if isinstance(each, Conversation)]


def only(origin: Origin, path: Path) -> Conversation:
    (found,) = read(origin, path)
    assert isinstance(found, Conversation)
    return found


def problems(found: list[Read]) -> list[Problem]:
    """Those that are told alone, and those of conversations."""
    inside = [problem for each in found if isinstance(each, Conversation) for problem in each.problems]
    return [each for each in found if isinstance(each, Problem)] + inside


def path_of(conversation: Conversation) -> list[Said]:
    """What is shown, and what led to it, from the first on."""
    known = {said.key: said for said in conversation.said}
    assert len(known) == len(conversation.said)
    found: list[Said] = []
    key = conversation.tip
    while key is not None:
        found.append(known[key])
        key = known[key].parent
    return found[::-1]


def told(conversation: Conversation) -> list[tuple[str, str]]:
    """Who says what in what is shown."""
    return [(said.by, said.text) for said in path_of(conversation) if said.aside is None]


def database(path: Path, *statements: str, **rows: list[dict[str, Any]]) -> Path:
    """``rows``: of the tables, which the statements make."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.executescript(statement)
        for table, some in rows.items():
            for row in some:
                names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
                connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(row.values()))
    return path
