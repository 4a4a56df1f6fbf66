"""llm's tables until version 0.31: a row of ``responses`` is a question with its answer."""

import json
import sqlite3
from contextlib import suppress
from typing import Any

from .base import File, Said
from .chain import Chain
from .content import Call, Content
from .places import Place
from .reasons import Why
from .tables import Row, Tables
from .values import ODD_TIME, fits, identifier, is_odd_time, line, moment, text

_COLUMNS = (
    *("id", "model", "resolved_model", "prompt", "system", "response", "reasoning", "options_json"),
    *("datetime_utc", "duration_ms", "input_tokens", "output_tokens"),
)
MOST_BYTES = 50_000_000
"""Of the files of a conversation, which are held at once."""


class Responses:
    def __init__(self, tables: Tables, place: Place, numbers: list[int]) -> None:
        """``numbers``: those of its rows. Of those that are in the tables of the second generation, too, it has
        none."""
        self._tables = tables
        rows = tables.numbered("responses", _COLUMNS, numbers)
        again = {row["id"] for row in tables.among("turns", ("id",), "id", [row["id"] for row in rows])}
        self.rows = [row for row in rows if row["id"] not in again]
        self._ids = [row["id"] for row in self.rows]

    def said(self, place: Place) -> Chain:
        chain, system = Chain(place), ""
        questions = self._fragments("prompt_fragments", chain)
        systems = self._fragments("system_fragments", chain)
        files = self._files(chain)
        calls, results = self._of("tool_calls", "arguments"), self._of("tool_results", "output", "exception")
        for row in self.rows:
            _make_readable(row, chain)
            id, key, at = row["id"], identifier(row["id"]) or "", moment(row["datetime_utc"])
            for one in results.get(id, ()):
                chain.tool(_result(one), f"{key}/result-{one['id']}", at, _failure(one))
            told = "\n\n".join(one.strip() for one in [*systems.get(id, ()), text(row["system"])] if one.strip())
            if told and told != system:
                chain.message(Said(f"{key}/system", "system", told, at=at), Content(place))
            system = told or system
            question = "\n".join([*questions.get(id, ()), *([row["prompt"]] if text(row["prompt"]) else [])])
            if question or files.get(id) or not results.get(id):
                chain.message(Said(f"{key}/prompt", "user", question, at=at, files=files.get(id, [])), Content(place))
            self._answer(chain, row, key, at, calls.get(id, []))
        return chain

    def _answer(self, chain: Chain, row: Row, key: str, at: int | None, calls: list[Row]) -> None:
        model = line(row["resolved_model"]) or line(row["model"])
        said = Said(f"{key}/response", "assistant", text(row["response"]), at=ended(at, row), model=model, name=model)
        said.metadata = about(row)
        content = Content(chain.place, reasoning=[text(row["reasoning"])] if text(row["reasoning"]) else [])
        content.calls = [
            Call(identifier(one["tool_call_id"]), line(one["name"]), text(one["arguments"])) for one in calls
        ]
        chain.message(said, content)

    def _of(self, table: str, *columns: str) -> dict[Any, list[Row]]:
        wanted = ("id", "response_id", "name", "tool_call_id", *columns)
        found: dict[Any, list[Row]] = {}
        for row in self._tables.among(table, wanted, "response_id", self._ids):
            found.setdefault(row["response_id"], []).append(row)
        return found

    def _fragments(self, table: str, chain: Chain) -> dict[Any, list[str]]:
        rows = self._tables.among(table, ("response_id", "fragment_id", "order"), "response_id", self._ids)
        known = fragments(self._tables, [row["fragment_id"] for row in rows])
        found: dict[Any, list[str]] = {}
        for row in sorted(rows, key=_order):
            if row["fragment_id"] in known:
                found.setdefault(row["response_id"], []).append(known[row["fragment_id"]])
            else:
                Content(chain.place, problems=chain.problems).tell(
                    Why("fragment_missing", fragment=str(row["fragment_id"]))
                )
        return found

    def _files(self, chain: Chain) -> dict[Any, list[File]]:
        rows = self._tables.among(
            "prompt_attachments", ("response_id", "attachment_id", "order"), "response_id", self._ids
        )
        known = attachments(self._tables, [row["attachment_id"] for row in rows], chain)
        found: dict[Any, list[File]] = {}
        for row in sorted(rows, key=_order):
            found.setdefault(row["response_id"], []).append(known[row["attachment_id"]])
        return found


def _make_readable(row: Row, chain: Chain) -> None:
    """Text that was stored as bytes; and what cannot be read is told."""
    for name in ("prompt", "system", "response", "reasoning"):
        if isinstance(row[name], bytes):
            row[name] = row[name].decode("utf-8", "replace")
            if "\ufffd" in row[name]:
                Content(chain.place, problems=chain.problems).tell(Why("no_utf8"))
    if is_odd_time(row["datetime_utc"]):
        Content(chain.place, problems=chain.problems).tell(ODD_TIME)


def _order(row: Row) -> int:
    return row["order"] if isinstance(row["order"], int) else 0


def _result(row: Row) -> Call:
    failed = bool(text(row["exception"]))
    output = text(row["output"]) or text(row["exception"])
    return Call(identifier(row["tool_call_id"]), line(row["name"]), output=output, failed=failed)


def _failure(row: Row) -> dict[str, Any]:
    return {"exception": row["exception"]} if text(row["exception"]) and fits(row["exception"]) else {}


def ended(at: int | None, row: Row) -> int | None:
    """When an answer was there, of which it is told when it was asked for."""
    took = row["duration_ms"]
    return at + took * 1000 if at is not None and isinstance(took, int) and 0 <= took < 86_400_000 else at


def about(row: Row) -> dict[str, Any]:
    """What a row says of a call of a model that has no other place."""
    options: Any = None
    with suppress(ValueError, RecursionError):
        options = json.loads(text(row["options_json"]) or "null")
    found = {name: row[name] for name in ("duration_ms", "input_tokens", "output_tokens")}
    known = {name: value for name, value in found.items() if isinstance(value, int)}
    known |= {"datetime_utc": row["datetime_utc"]} if _is_kept_time(row["datetime_utc"]) else {}
    return known | ({"options": options} if options and fits(options) else {})


def _is_kept_time(value: object) -> bool:
    return is_odd_time(value) and isinstance(value, (str, int, float)) and fits(value)


def fragments(tables: Tables, ids: list[Any]) -> dict[Any, str]:
    return {row["id"]: text(row["content"]) for row in tables.among("fragments", ("id", "content"), "id", ids)}


def attachments(tables: Tables, ids: list[Any], chain: Chain) -> dict[Any, File]:
    """By their ids. What lies at a path is on the machine that the log is of: nothing is opened there."""
    found: dict[Any, File] = {}
    size = 0
    for id in dict.fromkeys(ids):
        row = next(iter(tables.among("attachments", ("id", "type", "path", "url"), "id", [id])), None) or {}
        name = line(str(row.get("path") or row.get("url") or "").rstrip("/\\").replace("\\", "/").rpartition("/")[2])
        file = found[id] = File(identifier(id) or str(id), name or f"attachment-{str(id)[:12]}", line(row.get("type")))
        file.metadata = {"url": row["url"]} if text(row.get("url")) and fits(row["url"]) else {}
        file.content, why = (None, Why("file_large")) if size > MOST_BYTES else _content(tables, id)
        size += len(file.content or b"")
        if file.content is None:
            Content(chain.place, problems=chain.problems).tell(why or Why("files_by_name"))
    return found


def _content(tables: Tables, id: Any) -> tuple[bytes | None, Why | None]:
    """And why there is none; None: it is not in the export."""
    try:
        found = next(iter(tables.among("attachments", ("content",), "id", [id])), {}).get("content")
    except sqlite3.DataError:
        return None, Why("file_large")
    found = found.encode() if isinstance(found, str) else found
    return (found if isinstance(found, bytes) else None), None
