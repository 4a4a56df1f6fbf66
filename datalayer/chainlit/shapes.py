"""Chainlit's dicts <-> columns. I4: every key comes back with its own type; one without column is kept in ``extra``."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Text

from .. import text
from ..errors import InvalidInput
from ..records import Thread, from_iso, to_iso
from ..schema import elements, steps
from ..sql.queries import STEP_COLUMNS

if TYPE_CHECKING:
    from chainlit.element import Element, ElementDict
    from chainlit.step import StepDict
    from chainlit.types import ThreadDict

FILES = "/datalayer/files"
"""Path of the route that serves blobs."""

_TIMES = {"created_at", "start", "end"}
_STEP = {
    "parentId": "parent_id",
    "isError": "is_error",
    "waitForAnswer": "wait_for_answer",
    "defaultOpen": "default_open",
    "autoCollapse": "auto_collapse",
    "showInput": "show_input",
    "createdAt": "created_at",
} | {
    key: key
    for key in (
        *("type", "name", "input", "output", "streaming", "language", "icon", "command", "modes"),
        *("tags", "metadata", "generation", "start", "end", "status"),
    )
}
_ELEMENT = {
    "forId": "for_id",
    "chainlitKey": "chainlit_key",
    "objectKey": "object_key",
    "autoPlay": "auto_play",
    "playerConfig": "player_config",
} | {key: key for key in ("type", "name", "display", "size", "language", "page", "mime", "url", "props")}


def step_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Columns and values of the keys in ``given``, except the ids and the vote. Raises InvalidInput."""
    if not isinstance(given, Mapping):
        raise InvalidInput("A step is a dict")
    values = _values(given, _STEP_COLUMNS, _STEP_SKIPPED)
    if values.get("created_at", 0) is None:
        del values["created_at"]  # Chainlit sets it when a message is sent, not when it starts to stream
    if "metadata" in values:
        values["favorite"] = bool((values["metadata"] or {}).get("favorite"))
    return values


def element_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Columns and values of the keys in ``given``, except the ids. Raises InvalidInput."""
    values = _values(given, _ELEMENT_COLUMNS, _ELEMENT_SKIPPED)
    if FILES + "/" in (values.get("url") or ""):
        del values["url"]  # our own address of the stored blob, sent again by a resumed app
    return values


def _values(
    given: Mapping[str, Any], columns: "Mapping[str, tuple[str, Convert]]", skipped: Set[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in given.items():
        if (column := columns.get(key)) is not None:
            name, convert = column
            values[name] = None if value is None else convert(value, key)
        elif key not in skipped:
            extra[key] = text.clean(value, key)
    return values | ({"extra": extra} if extra else {})


# What a value goes through on its way into a column; chosen once, because every message has twenty of them.
Convert = Callable[[Any, str], Any]


def _as_text(value: Any, key: str) -> Any:
    value = text.clean(value, key)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _convert(column: Any) -> Convert:
    if column.name in _TIMES:
        return lambda value, _: from_iso(value)
    if column.name == "metadata":
        return text.clean_dict
    if isinstance(column.type, Boolean):
        return lambda value, _: bool(value)
    return _as_text if isinstance(column.type, Text) else text.clean


_STEP_COLUMNS = {key: (name, _convert(steps.c[name])) for key, name in _STEP.items()}
_STEP_SKIPPED = {"id", "threadId", "feedback"}
_ELEMENT_COLUMNS = {key: (name, _convert(elements.c[name])) for key, name in _ELEMENT.items()}
_ELEMENT_SKIPPED = {"id", "threadId", "path", "content"}


def thread(found: Thread, created_at: int) -> "ThreadDict":
    """``found`` without steps and elements."""
    return {
        "id": found.id,
        "createdAt": to_iso(created_at) or "",
        "name": found.name,
        "userId": found.user_id,
        "userIdentifier": found.user_identifier,
        "tags": found.tags,
        "metadata": found.metadata,
        "steps": [],
        "elements": [],
    }


_STEP_KEYS = [{v: k for k, v in _STEP.items()}.get(c.name, c.name) for c in STEP_COLUMNS]


def step(thread_id: str, row: Sequence[Any]) -> "StepDict":
    """One row of queries.STEP_COLUMNS, followed by the vote's id, value and comment."""
    *columns, vote, value, comment = row
    item: dict[str, Any] = dict(zip(_STEP_KEYS, columns, strict=True))
    created, start, end = item["createdAt"], item["start"], item["end"]
    item["createdAt"] = moment = to_iso(created)
    item["start"] = moment if start == created else to_iso(start)
    item["end"] = moment if end == created else to_iso(end)
    item["threadId"] = thread_id
    item["feedback"] = vote and {"forId": item["id"], "id": vote, "value": value, "comment": comment}
    for key, nothing in _NOTHING:
        if item[key] is None:
            item[key] = nothing()
    return item | (item.pop("extra") or {})  # type: ignore[return-value]


# Chainlit's types know no None for these, and its browser code calls string methods on them.
_NOTHING = (("name", str), ("input", str), ("output", str), ("metadata", dict), ("streaming", bool))


def steps_of(thread_id: str, rows: Iterable[Any]) -> "list[StepDict]":
    """Rows of queries.thread_steps as Chainlit's dicts. A parent that is not among them is left out: the browser would
    not show its child."""
    found = [step(thread_id, row) for row in rows]
    ids = {item["id"] for item in found}
    for item in found:
        if item["parentId"] not in ids:
            item["parentId"] = None
    return found


def element(row: Any, server: str = "") -> "ElementDict":
    """One row of ``elements``. ``url``: where the stored content is served, else the remote one it was sent with.
    ``server``: the beginning of the address, for a page of another origin."""
    item: ElementDict = {
        "id": row.id,
        "threadId": row.thread_id,
        "forId": row.for_id,
        "type": row.type,
        "name": row.name or "",
        "display": row.display,
        "size": row.size,
        "language": row.language,
        "page": row.page,
        "mime": row.mime,
        "url": server + file_url(row.id, row.blob) if row.blob else row.url,
        "chainlitKey": row.chainlit_key,
        "objectKey": row.object_key,
        "props": row.props,
        "autoPlay": row.auto_play,
        "playerConfig": row.player_config,
    }
    return item | (row.extra or {})  # type: ignore[return-value]


def file_url(element_id: str, sha256: str) -> str:
    """Names the content too, so that a browser can keep it for ever and still see an element that changes."""
    root = os.getenv("CHAINLIT_PARENT_ROOT_PATH", "") + os.getenv("CHAINLIT_ROOT_PATH", "")
    return f"{root.rstrip('/')}{FILES}/{element_id}?v={sha256[:16]}"


def content(item: "Element | Mapping[str, Any]") -> bytes | Path | None:
    """What of the element belongs into a blob; None: nothing (a remote file, or a custom one, which is its props)."""
    get: Callable[[str], Any] = item.get if isinstance(item, Mapping) else lambda key: getattr(item, key, None)
    if get("type") == "custom":
        return None
    if get("path"):
        return Path(get("path"))
    whole: bytes | str | None = get("content")
    # A lone surrogate is the one thing that UTF-8 cannot carry.
    return whole.encode("utf-8", "replace") if isinstance(whole, str) else whole
