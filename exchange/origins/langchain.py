"""LangChain's ``SQLChatMessageHistory``: a table of messages, whatever it is called.

Its default is ``message_store (id, session_id, message)``, where ``message`` is JSON. The columns may be called
otherwise, and apps that follow its documentation have a column for the kind and one for the text. It keeps no times of
its own, and a session is a list. A table is told by what stands in it.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from .base import Conversation, Problem, Read, Said, Source
from .chain import ROLES, Chain
from .content import Call, Content, as_text, calls_of, content_of
from .places import Place
from .reasons import Why
from .tables import Row, Tables, key_of, opened_tables, read, told
from .values import flag, identifier, line, mapping, moment, odd_time, rest, text

_LOOKED_AT = 20
"""Rows of a table that tell what it is."""
_TEXTS = ("content", "message", "text")
_SESSIONS = ("session_id", "session", "conversation_id", "thread_id", "chat_id", "user_id")
_OF_MESSAGE = {"content", "type", "name", "id", "tool_calls", "tool_call_id", "role", "example", "status", "artifact"}


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    session: str
    message: str
    """JSON, or the text where there is a ``kind``."""
    kind: str | None
    time: str | None

    @property
    def columns(self) -> list[str]:
        return [name for name in ("id", self.message, self.kind, self.time) if name]


class LangChain:
    name, title = "langchain", "LangChain"

    def recognises(self, source: Source) -> bool:
        with opened_tables(source) as tables:
            return tables is not None and next(_tables(tables), None) is not None
        return False

    def read(self, source: Source) -> Iterator[Read]:
        return read(source, _conversations)


def _tables(tables: Tables) -> Iterator[_Table]:
    for name, columns in tables.columns.items():
        session = next((each for each in _SESSIONS if each in columns), None) or next(
            (each for each in columns if "session" in each.lower()), None
        )
        if session is None:
            continue
        time = next((each for each in ("created_at", "timestamp", "createdAt") if each in columns), None)
        some = list(tables.rows(name, columns, f"LIMIT {_LOOKED_AT}"))
        for column in columns:
            if column != session and any(_is_message(row[column]) for row in some):
                yield _Table(name, session, column, None, time)
                break
        else:
            words = next((each for each in _TEXTS if each in columns), None)
            if words and "type" in columns and some and all(text(row["type"]).lower() in ROLES for row in some):
                yield _Table(name, session, words, "type", time)


def _is_message(value: Any) -> bool:
    found = _loaded(value)
    return isinstance(found.get("type"), str) and isinstance(found.get("data"), dict) and "content" in found["data"]


def _loaded(value: Any) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        return mapping(json.loads(value)) if isinstance(value, (str, bytes)) and value[:1] in ("{", b"{") else {}
    return {}


def _conversations(tables: Tables, place: Place) -> Iterator[Read]:
    for table in list(_tables(tables)):
        for session, numbers in tables.groups(table.name, table.session, ["id"]):
            where = place.at(table=table.name, session=line(str(session)) or "–")
            yield from told(tables, where, partial(_conversation, tables, table, where, session, numbers))


def _conversation(tables: Tables, table: _Table, place: Place, session: Any, numbers: list[int]) -> Read:
    chain = Chain(place)
    times = []
    for number, row in zip(numbers, tables.numbered(table.name, table.columns, numbers), strict=False):
        key, at = identifier(row["id"]) or str(number), moment(row[table.time]) if table.time else None
        times.append(at)
        chain.problems += odd_time(row[table.time], place) if table.time else []
        _add(chain, table, row, key, at)
    if not chain.said:
        return Problem(place, Why("none_readable"))
    known = [at for at in times if at is not None]
    model = next((said.model for said in reversed(chain.said) if said.model), None)
    return Conversation(
        key_of(table.name, session),
        place,
        chain.said,
        tip=chain.last,
        created_at=min(known, default=None),
        updated_at=max(known, default=None),
        model=model,
        metadata={"session_id": session} if isinstance(session, (str, int)) else {},
        problems=chain.problems,
    )


def _add(chain: Chain, table: _Table, row: Row, key: str, at: int | None) -> None:
    place = chain.place.at(row=key)
    if table.kind:
        kind, data = text(row[table.kind]), {"content": row[table.message]}
    else:
        found = _loaded(row[table.message])
        kind, data = text(found.get("type")), mapping(found.get("data")) or found
    role = text(data.get("role")) if kind.lower().startswith("chat") else kind
    by = ROLES.get(role.lower())
    if by is None or "content" not in data:
        chain.problems.append(Problem(place, Why("message_unreadable"), lost=False))
        return
    metadata, problems = rest(data, _OF_MESSAGE, place)
    chain.problems += problems
    content = content_of(data["content"], place)
    if by == "tool":
        _result(chain, content, data, key, at, metadata)
        return
    extra = mapping(data.get("additional_kwargs"))
    content.reasoning += [each for each in [text(extra.get("reasoning_content"))] if each]
    known = {call.id for call in content.calls if call.id}
    asked = calls_of(data.get("tool_calls")) or calls_of(extra.get("tool_calls")) or _old_call(extra)
    content.calls += [call for call in asked if call.id not in known]
    about = mapping(data.get("response_metadata"))
    model = line(about.get("model_name")) or line(about.get("model")) if by == "assistant" else None
    said = Said(key, by, "", at=at, name=line(data.get("name")) or model, model=model, metadata=metadata)
    chain.message(said, content)


def _old_call(extra: dict[str, Any]) -> list[Call]:
    call = mapping(extra.get("function_call"))
    return [Call(None, line(call.get("name")), as_text(call.get("arguments")))] if call else []


def _result(
    chain: Chain, content: Content, data: dict[str, Any], key: str, at: int | None, metadata: dict[str, Any]
) -> None:
    chain.problems += content.problems
    failed = data.get("status") == "error" or flag(data.get("is_error"))
    output = content.text or as_text(content.other or None)
    call = Call(identifier(data.get("tool_call_id")), line(data.get("name")), output=output, failed=failed)
    chain.tool(call, key, at, metadata)


ORIGIN = LangChain()
