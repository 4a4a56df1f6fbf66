"""llm (simonw/llm): its ``logs.db``, in which both of its generations of tables may lie.

Until 0.31 a row of ``responses`` is a question with its answer. From 0.32 on ``messages`` are a tree by their hashes,
``threads`` point into it, and a row of ``turns`` says which of them a call of a model has added. A conversation may
have begun in the first and gone on in the second, which then repeats what was said before.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from .base import Conversation, Problem, Read, Source
from .llm_responses import Responses
from .llm_turns import Turns
from .places import Place
from .reasons import Why
from .tables import Row, Tables, columns_of, read, told
from .values import identifier, line, moment


class Llm:
    name, title = "llm", "llm"

    def recognises(self, source: Source) -> bool:
        columns = {table: {*some} for table, some in columns_of(source).items()}
        old = {"id", "model", "prompt", "response"} <= columns.get("responses", set())
        new = {"hash", "parent_hash", "role"} <= columns.get("messages", set())
        return old or (new and {"message_hash", "type"} <= columns.get("parts", set()))

    def read(self, source: Source) -> Iterator[Read]:
        return read(source, _conversations)


def _conversations(tables: Tables, place: Place) -> Iterator[Read]:
    for id, numbers in _groups(tables, "responses", "conversation_id"):
        for some in [numbers] if id is not None else [[number] for number in numbers]:
            where = _where(place.at(table="responses"), id, some[0])
            yield from told(tables, where, partial(_begun, tables, where, id, some))
    for id, numbers in _groups(tables, "turns", "thread_id"):
        for some in [numbers] if id is not None else [[number] for number in numbers]:
            where = _where(place.at(table="turns"), id, some[0])
            yield from told(tables, where, partial(_gone_on, tables, where, id, some))
    for row in tables.rows("threads", ("id",), "WHERE tip_message_hash IS NOT NULL ORDER BY id"):
        where = place.at(thread=row["id"])
        yield from told(tables, where, partial(_forked, tables, where, row["id"]))


def _where(place: Place, id: Any, number: int) -> Place:
    return place.at(row=number) if id is None else place.at(thread=str(id))


def _groups(tables: Tables, table: str, by: str) -> Iterator[tuple[Any, list[int]]]:
    if tables.have(table, "id", by):
        yield from tables.groups(table, by, ["id"])
    elif tables.have(table, "id"):
        yield from ((None, [number]) for _, numbers in tables.groups(table, "id", []) for number in numbers)


def _begun(tables: Tables, place: Place, id: Any, numbers: list[int]) -> Read | None:
    """A conversation that has rows of the first generation. One in no conversation is in one of its own."""
    turns = tables.among("turns", ("id",), "thread_id", [id])
    old = Responses(tables, place, numbers)
    if not old.rows and not turns:
        return None  # it is written in the second as well
    key = identifier(id) or f"response-{old.rows[0]['id']}"
    return _made(tables, place, id, key, old, [row["id"] for row in turns])


def _gone_on(tables: Tables, place: Place, id: Any, numbers: list[int]) -> Read | None:
    if tables.among("responses", ("id",), "conversation_id", [id]):
        return None  # it has begun in the first
    turns = [row["id"] for row in tables.numbered("turns", ("id",), numbers)]
    return _made(tables, place, id, identifier(id) or f"turn-{turns[0]}", Responses(tables, place, []), turns)


def _forked(tables: Tables, place: Place, id: Any) -> Read | None:
    """A thread that has had no turn of its own yet."""
    for table, by in (("turns", "thread_id"), ("responses", "conversation_id")):
        if tables.among(table, ("id",), by, [id]):
            return None
    return _made(tables, place, id, identifier(id) or "thread", Responses(tables, place, []), [])


def _made(tables: Tables, place: Place, id: Any, key: str, old: Responses, turns: list[Any]) -> Read | None:
    head = _head(tables, id)
    where = place.titled(head["name"])
    chain = old.said(where)
    tip = Turns(tables, chain, head["forked_from"]).add(turns, head["tip_message_hash"])
    if not chain.said:
        return Problem(where, Why("nothing_said"), lost=False)
    forked = identifier(head["forked_from"])
    return Conversation(
        key,
        where,
        chain.said,
        tip=tip or chain.last,
        title=head["name"],
        created_at=moment(head["datetime_utc"]),
        model=head["model"] or next((said.model for said in chain.said if said.model), None),
        metadata={"forked_from": forked} if forked else {},
        problems=chain.problems,
    )


def _head(tables: Tables, id: Any) -> Row:
    """What both generations say of a conversation."""
    found: Row = dict.fromkeys(("name", "model", "tip_message_hash", "forked_from", "datetime_utc"))
    for table in ("conversations", "threads"):
        for row in tables.among(table, tuple(found), "id", [id]):
            found |= {column: value for column, value in row.items() if value is not None}
    return found | {"name": line(found["name"]), "model": line(found["model"])}


ORIGIN = Llm()
