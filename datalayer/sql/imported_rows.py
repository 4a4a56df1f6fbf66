"""I14: the rows of an import as the columns take them, whoever has written them.

What one process or one database alone knows of a row (``_OWN``) is left out, and made anew.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Table

from .. import text
from ..errors import InvalidInput
from ..records import check_time, user_id, vote_id
from ..schema import elements, feedbacks, steps, summaries, threads, usage
from ..versions import ASIDE, HIDDEN, RECORD, mark, record_id, told
from .values import fit

_OWN = {
    threads: {"user_id", "model"},
    steps: {"seq", "thread_id", "favorite", "instance", "written_at"},
    elements: {"thread_id"},
    feedbacks: {"user"},
    usage: {"thread_id", "user_id"},
    summaries: {"thread_id"},
}
_DICTS = ("metadata", "extra")
_WITHOUT_ID = (threads, feedbacks, summaries)
"""The id may be missing: the write names it, it derives from others, or there is none."""
_SOURCES = {None, "first_message", "model", "user"}
_MOMENTS = ("last_activity_at", "trashed_at", "started_at")
_BLANK: dict[Table, dict[str, Any]] = {
    table: {column.name: None for column in table.columns if column.name not in _OWN[table]}
    for table in (elements, usage)
}
_BLANK[elements]["trashed_at"] = 0
_NEEDED = ("id", "kind", "model", "provider", "status", "started_at", "latency")


def thread(values: Mapping[str, Any], at: int) -> dict[str, Any]:
    """Only what is said of it. ``at``: the moment of the write; nothing of the thread is later."""
    row = _row(threads, values)
    row.pop("id", None)
    if "metadata" in row:
        row = fit(threads, row)  # which tells the model, too
    if row.get("name_source") not in _SOURCES or row.get("status", "open") not in ("open", "done"):
        raise InvalidInput("A conversation is not named or done like this")
    if "name" in row:
        row["name"] = text.one_line(row["name"])[: text.NAME_LENGTH]
        row.setdefault("name_source", "user")
    if "folder" in row:
        row["folder"] = text.folder(row["folder"]) or None
    if "tags" in row and not isinstance(row["tags"], list):
        raise InvalidInput("Tags are a list")
    for name in ("created_at", "last_activity_at"):
        if name in row:
            row[name] = min(row[name], at)
    return row


def said(rows: Iterable[Mapping[str, Any]], thread_id: str, begun: int, at: int) -> list[dict[str, Any]]:
    """Steps, all with the same columns. One without a time is of the one before it, the first of ``begun``.

    Those of one moment keep their order: on servers it is that of ``written_at``.
    """
    found, moment, names = list[dict[str, Any]](), begun, set[str]()
    for place, given in enumerate(rows):
        row = _row(steps, given)
        names.update(row)
        moment = row["created_at"] = row.get("created_at", moment)
        if row.get("streaming") or row.get("status") == "streaming":  # nobody goes on with it
            row |= {"streaming": False, "status": "interrupted"}
            names |= {"streaming", "status"}
        kind, metadata = row.get("type"), row.get("metadata")
        if kind in HIDDEN:
            _check_version(row)
        row["thread_id"], row["written_at"] = thread_id, at + place
        row["favorite"] = metadata is not None and bool(metadata.get("favorite")) and kind != ASIDE
        found.append(row)
    blank = dict.fromkeys(sorted({"type", "parent_id", *names}))
    return [{**blank, **row} for row in found]


def files(rows: Iterable[Mapping[str, Any]], thread_id: str, at: int) -> list[dict[str, Any]]:
    """Elements, each with all columns."""
    own = {"thread_id": thread_id}
    return [
        {**_BLANK[elements], "created_at": at + place, **_row(elements, given), **own}
        for place, given in enumerate(rows)
    ]


def votes(rows: Iterable[Mapping[str, Any]], author: str, at: int) -> list[dict[str, Any]]:
    """``author``: the id of the thread's, "" without one."""
    found = [{"comment": None, "created_at": at, **_row(feedbacks, given)} for given in rows]
    for row, given in zip(found, rows, strict=True):
        if type(row.get("value")) is not int or not isinstance(row.get("step_id"), str):
            raise InvalidInput("A vote has a value and a message")
        if isinstance(voter := given.get("user"), str):
            row["user_id"] = voter and user_id(voter)
        row.setdefault("user_id", author)
        if not text.is_identifier(row.get("id")):
            row["id"] = vote_id(row["step_id"], row["user_id"])
    return found


def calls(rows: Iterable[Mapping[str, Any]], thread_id: str, spender: str) -> list[dict[str, Any]]:
    """Rows of usage, each with all columns."""
    own = {"thread_id": thread_id, "user_id": spender}
    found = [{**_BLANK[usage], "estimated": False, **_row(usage, given), **own} for given in rows]
    for row in found:
        if any(row[name] is None for name in _NEEDED):
            raise InvalidInput("What a call of a model used is not told in full")
        if any(value < 0 for name, value in row.items() if type(value) is int and name != "started_at"):
            raise InvalidInput("No call of a model uses less than nothing")
    return found


def summary(given: Mapping[str, Any]) -> dict[str, Any]:
    """With all columns but the thread's; ``digest`` and ``created_at`` only where they are given."""
    row = _row(summaries, given)
    if not row.keys() >= {"text", "from_step", "until_step", "until_at", "messages", "tokens", "source"}:
        raise InvalidInput("What was summed up is not told in full")
    return row


def _row(table: Table, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is said in ``given``, without what is None. Raises InvalidInput."""
    if not isinstance(given, Mapping):
        raise InvalidInput("A row has columns")
    takes, own, row = _TAKES[table], _OWN[table], dict[str, Any]()
    for name, value in given.items():
        if (take := takes.get(name)) is None:
            if name not in own:
                raise InvalidInput(f"{table.name}: there is no column {str(name)[:50]}")
        elif value is not None and (taken := take(value)) is not None:
            row[name] = taken
    if table not in _WITHOUT_ID:
        text.identifier(row.get("id"), table.name)
    return row


def _taking(column: Column[Any]) -> Callable[[Any], Any]:
    """What the column makes of a value. What is most often there is looked at first: an import has many of them."""
    name, kind = column.name, column.type

    def checked(value: Any) -> Any:
        value = fit(column.table, {name: text.clean(value, name)})[name]
        return check_time(value) if name in _MOMENTS else value

    def plain(value: Any) -> Any:
        is_plain = type(value) is str and value.isascii() and "\0" not in value and 0 < len(value) <= most
        return value if is_plain else checked(value)

    def number(value: Any) -> Any:
        return value if type(value) is int and 0 <= value < most else checked(value)

    def json(value: Any) -> Any:
        if name in _DICTS and not isinstance(value, dict):
            raise InvalidInput(f"{name}: must be a dict")
        return text.clean(value, name)

    def flag(value: Any) -> Any:
        return value if type(value) is bool else checked(value)

    if isinstance(kind, JSON):
        return json
    if isinstance(kind, Boolean):
        return flag
    if isinstance(kind, String):
        most = kind.length or 1 << 62
        return plain
    most = _NEXT_CENTURY if isinstance(kind, BigInteger) else 1 << 31
    return number if isinstance(kind, Integer) else checked


_NEXT_CENTURY = 4_102_444_800_000_000
_TAKES = {
    table: {column.name: _taking(column) for column in table.columns if column.name not in own}
    for table, own in _OWN.items()
}


def _check_version(row: Mapping[str, Any]) -> None:
    """Raises InvalidInput for what would be hidden and belongs to no version."""
    kind, metadata = row.get("type"), row.get("metadata")
    if kind == RECORD and ((known := told(metadata)) is None or row["id"] != record_id(known.question)):
        raise InvalidInput("This is no record of versions")
    if kind == ASIDE and not mark(metadata).keys() >= {"question", "version"}:
        raise InvalidInput("This belongs to no version of a question")
