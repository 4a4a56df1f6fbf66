"""A conversation of a Chainlit app as our own rows. The ids stay: Threadkeep's data layer takes the same.

A thread's time is its server's local time, which the layers call UTC: its first step tells when it was.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from datalayer import text
from datalayer.errors import InvalidInput

from ... import withheld
from ..base import Problem, Stored
from ..places import Place
from ..reasons import Why
from ..values import digest, identifier, line, moment

Row = dict[str, Any]
_QUOTED = 60


@dataclass(slots=True)
class Rows:
    """Of one conversation, as ``SQLAlchemyDataLayer`` calls their columns."""

    KINDS: ClassVar = ("threads", "steps", "elements", "feedbacks")
    threads: list[Row] = field(default_factory=list)
    """One, or none."""
    steps: list[Row] = field(default_factory=list)
    elements: list[Row] = field(default_factory=list)
    feedbacks: list[Row] = field(default_factory=list)


def stored(key: str, rows: Rows, names: Mapping[str, Any], place: Place) -> Stored:
    """``names``: the identifiers of users, by their ids."""
    return _Conversation(key, rows, names, place).stored()


class _Conversation:
    def __init__(self, key: str, rows: Rows, names: Mapping[str, Any], place: Place) -> None:
        self._key, self._rows = key, rows
        self._thread = rows.threads[0] if rows.threads else {}
        where = place.at(thread=key[:_QUOTED]).titled(line(self._thread.get("name")))
        self._done = Stored(where, {}, self._author(names), [])

    def _author(self, names: Mapping[str, Any]) -> str | None:
        user = self._thread.get("userId")
        found = names.get(str(user)) if user is not None else None
        found = found or self._thread.get("userIdentifier")
        return found if isinstance(found, str) and found and text.is_storable(found) else None

    def stored(self) -> Stored:
        done = self._done
        if not self._thread:
            self._tell(Why("thread_missing"))
        elif self._thread.get("userId") is not None and done.author is None:
            self._tell(Why("user_missing"))
        done.steps = self._steps()
        done.thread = self._values()
        ids = {row["id"] for row in done.steps}
        done.elements = [self._element(row, ids) for row in self._rows.elements]
        if any(row.get("objectKey") or row.get("url") for row in self._rows.elements):
            self._tell(Why("files_by_name"))
        done.votes = [vote for row in self._rows.feedbacks if (vote := self._vote(row, ids))]
        return done

    def _tell(self, why: Why) -> None:
        self._done.problems.append(Problem(self._done.place, why, lost=False))

    def _values(self) -> Row:
        given = self._thread
        values: Row = {"id": identifier(self._key) or self._key, "kind": "imported"}
        if name := line(given.get("name")):
            values["name"] = name
        metadata = jsoned(given.get("metadata"))
        kept = metadata if isinstance(metadata, dict) else {"imported": metadata} if metadata else {}
        kept = {name: value for name, value in kept.items() if name not in withheld.OF_SESSION and value is not None}
        rest = {name: plain(value) for name, value in given.items() if name not in _OF_THREAD and value is not None}
        values["metadata"] = {**rest, **kept}
        if tags := tags_of(given.get("tags")):
            values["tags"] = tags
        times = [row["created_at"] for row in self._done.steps if row.get("created_at") is not None]
        created = min(times) if times else at(given.get("createdAt"))
        return values | ({"created_at": created} if created is not None else {})

    # Steps

    def _steps(self) -> list[Row]:
        timed = [(at(row.get("createdAt")) or at(row.get("start")), self._step(row)) for row in self._rows.steps]
        known = [time for time, _ in timed if time is not None]
        last, untimed = min(known, default=None), 0
        for time, row in timed:
            untimed += time is None
            last = time if time is not None else last
            if last is not None:
                row["created_at"] = last
        if untimed:
            self._tell(Why("steps_untimed", n=untimed))
        return sorted((row for _, row in timed), key=lambda row: row.get("created_at") or 0)

    def _step(self, given: Row) -> Row:
        row: Row = {"id": identifier(given.get("id")) or digest(self._key, "step", json.dumps(given, default=str))}
        extra: Row = {}
        for name, value in given.items():
            if value is None or name in ("id", "threadId", "createdAt"):
                continue
            column, take = _STEP.get(name, (None, None))
            taken = take(value) if take else None
            if column is None or (taken is None and not _is_nothing(value)):
                extra[name] = plain(value)
            elif taken is not None:
                row[column] = taken
        # Before there was an output of a user's message, its text was the input.
        if row.get("type") == "user_message" and not row.get("output") and row.get("input"):
            row["output"] = row.pop("input")
        return row | ({"extra": extra} if extra else {})

    # Files and votes

    def _element(self, given: Row, steps: set[str]) -> Row:
        row: Row = {"id": identifier(given.get("id")) or digest(self._key, "file", json.dumps(given, default=str))}
        extra: Row = {}
        for name, value in given.items():
            if value is None or name in ("id", "threadId"):
                continue
            column, take = _ELEMENT.get(name, (None, None))
            taken = take(value) if take else None
            if column is None or (taken is None and not _is_nothing(value)):
                extra[name] = plain(value)
            elif taken is not None:
                row[column] = taken
        if row.get("for_id") not in (None, *steps):
            extra["forId"] = row.pop("for_id")
        if url := row.get("url"):
            shown = withheld.address(url)
            if shown != url:  # it let in whoever had it, for an hour
                del row["url"]
                extra["url"] = shown
        return row | ({"extra": extra} if extra else {})

    def _vote(self, given: Row, steps: set[str]) -> Row | None:
        step, value = identifier(given.get("forId")), number_of(given.get("value"))
        if step not in steps or value is None:
            self._tell(Why("vote_odd"))
            return None
        row: Row = {"step_id": step, "value": int(value > 0)}
        if key := identifier(given.get("id")):
            row["id"] = key
        if comment := string(given.get("comment")):
            row["comment"] = comment
        if (time := at(given.get("createdAt"))) is not None:
            row["created_at"] = time
        return row


_OF_THREAD = {"id", "createdAt", "updatedAt", "deletedAt", "name", "userId", "userIdentifier", "tags", "metadata"}


def _is_nothing(value: Any) -> bool:
    return value in ("", b"", "{}", "[]", "null") or value == {} or value == []


def at(value: Any) -> int | None:
    """What has no zone is UTC."""
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return moment(value[:-1] if isinstance(value, str) and value.endswith("ZZ") else value)


def jsoned(value: Any) -> Any:
    """What JSON in a column of text says; text that is none stays text."""
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode(errors="replace")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    try:
        return text.clean(value)
    except InvalidInput:
        return None


def plain(value: Any) -> Any:
    """As JSON can carry it."""
    try:
        return text.clean(value)
    except InvalidInput:
        return str(value)[:10_000]


def string(value: Any) -> str | None:
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).decode(errors="replace")
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    return str(value) if value not in (None, "") and not isinstance(value, bool) else None


def short(most: int) -> Any:
    return lambda value: found if (found := string(value)) and len(found) <= most else None


def flag_of(value: Any) -> bool | None:
    if isinstance(value, (bool, int, float)):
        return bool(value)
    return {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}.get(str(value).strip().lower())


def number_of(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def page(value: Any) -> int | None:
    found = number_of(value)
    return int(found) if found is not None and abs(found) < 1 << 31 else None


def shown_input(value: Any) -> bool | str | None:
    found = flag_of(value) if not isinstance(value, str) or value.lower() in ("true", "false") else None
    return found if found is not None else string(value)


def mapped(value: Any) -> Row | None:
    found = jsoned(value)
    return found if isinstance(found, dict) and found else None


def anything(value: Any) -> Any:
    found = jsoned(value)
    return found if found not in ("", {}, []) else None


def tags_of(value: Any) -> list[str] | None:
    """A list, JSON of one, or what PostgreSQL writes of one: ``{a,"b c"}``."""
    found = jsoned(value)
    if isinstance(found, str) and found.startswith("{") and found.endswith("}"):
        found = _array(found[1:-1])
    if isinstance(found, str):
        found = [found]
    tags = [tag for each in found if (tag := line(each))] if isinstance(found, list) else []
    return list(dict.fromkeys(tags)) or None


def _array(given: str) -> list[str]:
    found, now, is_quoted, is_escaped = list[str](), "", False, False
    for character in given:
        if is_escaped:
            now, is_escaped = now + character, False
        elif character == "\\":
            is_escaped = True
        elif character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            found.append(now)
            now = ""
        else:
            now += character
    return [*found, now]


_STEP: dict[str, tuple[str, Any]] = {
    **{name: (name, string) for name in ("name", "input", "output", "language", "icon", "command")},
    **{"type": ("type", short(64)), "parentId": ("parent_id", identifier), "metadata": ("metadata", mapped)},
    **{"streaming": ("streaming", flag_of), "waitForAnswer": ("wait_for_answer", flag_of)},
    **{"isError": ("is_error", flag_of), "defaultOpen": ("default_open", flag_of)},
    **{"autoCollapse": ("auto_collapse", flag_of), "start": ("start", at), "end": ("end", at)},
    **{"showInput": ("show_input", shown_input), "generation": ("generation", mapped)},
    **{"tags": ("tags", tags_of), "modes": ("modes", anything)},
}
_ELEMENT: dict[str, tuple[str, Any]] = {
    **{name: (name, string) for name in ("name", "language", "mime", "url")},
    **{name: (name, short(64)) for name in ("type", "display", "size")},
    **{"chainlitKey": ("chainlit_key", string), "objectKey": ("object_key", string), "page": ("page", page)},
    **{"forId": ("for_id", identifier), "props": ("props", anything), "autoPlay": ("auto_play", flag_of)},
    **{"playerConfig": ("player_config", anything)},
}
