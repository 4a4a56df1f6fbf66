"""OpenAI's Agents SDK: ``SQLiteSession``, and the branches of ``AdvancedSQLiteSession``.

A session's table of items, whatever it is called, has ``session_id`` and ``message_data``: an item of the Responses API
as JSON. Where there is a ``message_structure``, it tells which items make up which branch; branches share items. What
an ``EncryptedSession`` has written only the app that has its key can read.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from .base import Conversation, Problem, Read, Said, Source
from .chain import ROLES, Chain
from .content import Call, Content, as_text, call_of, content_of
from .places import Place
from .reasons import Why
from .tables import Row, Tables, columns_of, key_of, read, told
from .values import identifier, line, mapping, moment, odd_time, rest, text

_OF_MESSAGE = {"type", "role", "content", "id", "status"}
_OUTPUTS = ("output", "result", "outputs", "results", "tools")


class OpenAIAgents:
    name, title = "openai-agents", "OpenAI Agents"

    def recognises(self, source: Source) -> bool:
        return any({"session_id", "message_data"} <= {*columns} for columns in columns_of(source).values())

    def read(self, source: Source) -> Iterator[Read]:
        return read(source, _conversations)


def _conversations(tables: Tables, place: Place) -> Iterator[Read]:
    for table in [name for name in tables.columns if tables.have(name, "session_id", "message_data")]:
        for session, numbers in tables.groups(table, "session_id", ["id"]):
            where = place.at(table=table, session=line(str(session)) or "–")
            yield from told(tables, where, partial(_conversation, tables, table, where, session, numbers))


def _conversation(tables: Tables, table: str, place: Place, session: Any, numbers: list[int]) -> Read:
    rows = tables.numbered(table, ("id", "message_data", "created_at"), numbers)
    before, branches, problems = _order(tables, table, session, [row["id"] for row in rows], place)
    chain = Chain(place)
    chain.problems += problems
    ends: dict[Any, str | None] = {}
    encrypted = 0
    for row in rows:
        item = _item(row)
        encrypted += item.get("__enc__") == 1
        chain.last = ends.get(before.get(row["id"]))
        if item.get("__enc__") != 1:
            _add(chain, item, row, place.at(row=row["id"]))
        ends[row["id"]] = chain.last
    if encrypted:
        why = Why("encrypted_items", n=encrypted, total=len(rows))
        if not chain.said:
            return Problem(place, why)
        chain.problems.append(Problem(place, why, lost=False))
    if not chain.said:
        return Problem(place, Why("none_readable"))
    return _found(tables, table, session, chain, branches, rows)


def _found(
    tables: Tables, table: str, session: Any, chain: Chain, branches: list[str], rows: list[Row]
) -> Conversation:
    times = [at for row in rows if (at := moment(row["created_at"])) is not None]
    metadata: dict[str, Any] = {"session_id": session} if isinstance(session, (str, int)) else {}
    metadata |= {"branches": branches} if len(branches) > 1 else {}
    usage = tables.among(
        "turn_usage", [c for c in tables.columns.get("turn_usage", ()) if c != "id"], "session_id", [session]
    )
    if usage:
        kept, problems = rest(
            {"usage": [{k: v for k, v in row.items() if v is not None} for row in usage]}, (), chain.place
        )
        metadata, chain.problems = metadata | kept, chain.problems + problems
    return Conversation(
        key_of(table, session),
        chain.place,
        chain.said,
        tip=chain.said[-1].key,
        created_at=min(times, default=None),
        updated_at=max(times, default=None),
        metadata=metadata,
        problems=chain.problems,
    )


def _order(
    tables: Tables, table: str, session: Any, ids: list[Any], place: Place
) -> tuple[dict[Any, Any], list[str], list[Problem]]:
    """Which item each follows, and the names of the branches. What is in no branch follows the one before it."""
    wanted = ("id", "message_id", "branch_id", "sequence_number")
    rows = tables.among("message_structure", wanted, "session_id", [session])
    there = {*ids}
    rows = [row for row in rows if row["message_id"] in there]  # it may be the structure of another table's items
    rows.sort(key=lambda row: (_number(row["sequence_number"]), _number(row["id"])))
    last: dict[Any, Any] = {}
    before: dict[Any, Any] = {}
    for row in rows:
        before.setdefault(row["message_id"], last.get(row["branch_id"]))
        last[row["branch_id"]] = row["message_id"]
    linear = dict(zip(ids[1:], ids, strict=False))
    loose = [id for id in ids if id not in before]
    problems = []
    if rows and loose:
        problems.append(Problem(place, Why("no_branch", n=len(loose)), lost=False))
    return linear | before, [str(branch) for branch in last], problems


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _item(row: Row) -> dict[str, Any]:
    with suppress(ValueError, RecursionError, TypeError):
        return mapping(json.loads(row["message_data"]))
    return {}


def _add(chain: Chain, item: dict[str, Any], row: Row, place: Place) -> None:
    key, at = identifier(row["id"]) or "", moment(row["created_at"])
    chain.problems += odd_time(row["created_at"], place)
    kind = text(item.get("type")) or ("message" if "role" in item else "")
    metadata, problems = rest(item, _OF_MESSAGE, place)
    if kind == "message" and (by := ROLES.get(text(item.get("role")).lower())):
        content = content_of(item.get("content"), place)
        notes = [note for part in _parts(item) for note in part.get("annotations") or () if isinstance(note, dict)]
        kept, more = rest({"annotations": notes}, (), place)
        chain.problems += [*problems, *more]
        chain.message(Said(key, by, "", at=at, metadata=metadata | kept), content)
    elif kind == "reasoning":
        content = Content(place)
        content.add(item)
        chain.message(Said(key, "assistant", "", at=at), content)
    elif kind.endswith("_output"):
        call = Call(identifier(item.get("call_id")), None, output=as_text(item.get("output")))
        chain.tool(call, key, at)
    elif kind.endswith("_call") or kind == "mcp_list_tools":
        _call(chain, item, kind, key, at, place)
    elif kind:
        chain.problems += problems
        chain.add(Said(key, "tool", "", at=at, name=kind[:100], aside="tool", metadata=metadata))
    else:
        chain.problems.append(Problem(place, Why("message_unreadable"), lost=False))


def _parts(item: dict[str, Any]) -> list[dict[str, Any]]:
    content = item.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _call(chain: Chain, item: dict[str, Any], kind: str, key: str, at: int | None, place: Place) -> None:
    """One of a function, or of a tool that the provider runs, which has its result with it."""
    call = call_of(item)
    call.name = call.name or kind.removesuffix("_call")
    used = {"type", "id", "call_id", "name", "arguments", "input", "status"}
    if kind == "function_call":
        chain.tool(call, key, at)
        return
    files = Content(place)
    if kind == "image_generation_call" and text(item.get("result")):
        files.file(item["result"], None, "image/png", "image")
        used |= {"result"}
    output = next((item[name] for name in _OUTPUTS if item.get(name) and name not in used), None)
    call.output = as_text(output) if output is not None else None
    metadata, problems = rest(item, used | {*_OUTPUTS}, place)
    chain.problems += [*problems, *files.problems]
    chain.tool(call, key, at, metadata)
    if files.files:
        chain.add(Said(f"{key}/image", "assistant", "", at=at, files=files.files))


ORIGIN = OpenAIAgents()
