"""AnythingLLM's database: its chats by workspace, thread and person.

Chats that a person has reset are in it, and not shown any more: they are a conversation of their own, archived.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from ..base import Conversation, Problem, Read, Said, Source
from ..places import Place
from ..reasons import Why
from ..tables import Row, Tables, columns_of, told
from ..tables import read as read_tables
from ..values import digest, flag, identifier, line, mapping, moment, odd_time, plain, rest, text
from .pictures import pictures

_CHATS = "workspace_chats"
_WHOSE = ("workspaceId", "user_id", "thread_id", "api_session_id", "include")
_CHAT = ("id", "prompt", "response", "createdAt", "feedbackScore", *_WHOSE)


class _Whose(NamedTuple):
    workspace: str | None
    user: str | None
    thread: str | None
    session: str | None
    shown: bool


def recognises(source: Source) -> bool:
    return {"id", "prompt", "response", "workspaceId"} <= {*columns_of(source).get(_CHATS, ())}


def read(source: Source) -> Iterator[Read]:
    return read_tables(source, _conversations)


def _conversations(tables: Tables, place: Place) -> Iterator[Read]:
    chats: dict[_Whose, list[int]] = {}
    for row in tables.rows(_CHATS, ("id", *_WHOSE), "ORDER BY id"):
        if isinstance(row["id"], int):
            chats.setdefault(_whose(row), []).append(row["id"])
        else:
            yield Problem(place, Why("no_id"))
    names = {
        table: {str(row["id"]): row[name] for row in tables.rows(table, ("id", name))}
        for table, name in (("workspaces", "name"), ("workspace_threads", "name"), ("users", "username"))
    }
    several = len({whose.user for whose in chats}) > 1
    for whose, ids in chats.items():
        yield from told(tables, _place(place, whose), lambda w=whose, i=ids: _read(tables, place, w, i, names, several))  # type: ignore[misc]


def _whose(row: Row) -> _Whose:
    ids = [identifier(row[name]) for name in _WHOSE[:4]]
    return _Whose(ids[0], ids[1], ids[2], ids[3], row["include"] is None or flag(row["include"]))


def _place(place: Place, whose: _Whose) -> Place:
    return place.at(workspace=whose.workspace or "?", thread=whose.thread or "default")


def _read(
    tables: Tables, file: Place, whose: _Whose, ids: list[int], names: dict[str, dict[str, Any]], several: bool
) -> Read | None:
    place, problems = _place(file, whose), list[Problem]()
    said: list[Said] = []
    for row in tables.among(_CHATS, _CHAT, "id", ids):
        for one in _turn(row, place, problems):
            one.parent = said[-1].key if said else None
            said.append(one)
    if not said:
        return Problem(place, Why("nothing_said"))
    workspace = line(names["workspaces"].get(whose.workspace or ""))
    user = line(names["users"].get(whose.user or "")) or whose.user
    return Conversation(
        key=digest(*whose),
        place=place,
        said=said,
        tip=said[-1].key,
        title=line(names["workspace_threads"].get(whose.thread or "")),
        author=user if several else None,
        folder=workspace,
        archived=not whose.shown,
        metadata={"api_session_id": whose.session} if whose.session else {},
        problems=problems,
    )


def _turn(row: Row, place: Place, problems: list[Problem]) -> Iterator[Said]:
    key, at = f"chat-{row['id']}", moment(row["createdAt"])
    answer: dict[str, Any] = {}
    with suppress(ValueError, RecursionError):
        answer = mapping(json.loads(text(row["response"])))
    where = place.at(row=row["id"])
    problems += odd_time(row["createdAt"], where)
    files = pictures(answer.get("attachments"), where, problems)
    if text(row["prompt"]).strip() or files:
        yield Said(key, "user", text(row["prompt"]), at=at, files=files)
    words = plain(answer.get("text"))
    if not words.strip():
        problems.append(Problem(where, Why("no_answer"), lost=False))
        return
    metadata, large = rest(answer, {"text", "attachments"}, where)
    problems += large
    score = row["feedbackScore"]
    vote = None if score is None else int(flag(score))
    yield Said(f"{key}/answer", "assistant", words, at=at, vote=vote, metadata=metadata)
