"""Our own JSON export, ``exchange/formats/json.py``: the rows themselves, with the ids that they had.

A key that the schema does not know, and a value that is not as it says, is kept in ``extra`` of its step or element, in
the metadata of its thread.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from posixpath import dirname, join
from typing import Any

from datalayer import text
from datalayer.records import user_id

from ... import verify_export
from ..base import Item, Problem, Read, Source, Stored
from ..each import each
from ..places import Place
from ..reasons import Why
from ..values import digest, listed, mapping
from .columns import CALL, ELEMENT, NEEDED, STEP, SUMMARY, THREAD, VOTE, taken

FORMAT, VERSION = "threadkeep.threads", 1
_HEAD = re.compile(rb'"format"\s*:\s*"threadkeep\.threads"')
_VERSION = re.compile(rb'"version"\s*:\s*(\d{1,9})')
_LOOKED_AT = 5_000
_SHA256 = re.compile("[0-9a-f]{64}")
_QUOTED = 60
"""Characters of a name."""


class Threadkeep:
    name, title = "threadkeep", "Threadkeep"

    def recognises(self, source: Source) -> bool:
        return any(True for _ in _members(source))

    def read(self, source: Source) -> Iterator[Read]:
        for member in _members(source):
            if (version := _version(source.start(member))) > VERSION:
                yield Problem(Place(member), Why("format_newer", version=version, known=VERSION))
                continue
            convert = partial(_thread, folder=dirname(member), files=frozenset(source.members))
            yield from each(source.items(member, "threads"), convert)


def _members(source: Source) -> Iterator[str]:
    likely = (member for member in source.members if member.lower().endswith((".json", ".part")) or _is_alone(source))
    return (member for member in likely if _HEAD.search(source.start(member)[:_LOOKED_AT]))


def _is_alone(source: Source) -> bool:
    return len(source.members) == 1


def _version(start: bytes) -> int:
    found = _VERSION.search(start[:_LOOKED_AT])
    return int(found[1]) if found else VERSION


def _thread(item: Item, folder: str, files: frozenset[str]) -> Iterator[Read]:
    given = mapping(item.value)
    place = item.place.titled(text.one_line(str(given.get("name") or "")))
    if not text.is_identifier(given.get("id")):
        yield Problem(place, Why("no_id"))
        return
    yield _Thread(given, place, folder, files).stored()


class _Thread:
    def __init__(self, given: Mapping[str, Any], place: Place, folder: str, files: frozenset[str]) -> None:
        self._given, self._folder, self._files = given, folder, files
        author = mapping(given.get("author"))
        name = author.get("identifier")
        self._author = name if isinstance(name, str) and name else None
        self._author_id = author.get("id") or (user_id(self._author) if self._author else None)
        self._done = Stored(place, {}, self._author, [])
        if author and not self._author:
            self._tell(Why("author_missing"))

    def stored(self) -> Stored:
        done, given = self._done, self._given
        row, odd = taken(given, THREAD)
        row["metadata"] = {**odd, **row.get("metadata", {})}
        if odd:
            self._tell(Why("columns_kept", names=_names(odd)))
        done.thread = row
        done.steps = list(self._rows("steps", self._step))
        done.elements = list(self._rows("elements", self._element))
        done.usage = list(self._rows("usage", self._call))
        done.summary = self._summary()
        if mapping(given.get("chain")).get("links"):
            wrong = _wrong(given)
            self._tell(Why("chain_wrong", n=wrong) if wrong else Why("chain_whole"))
        return done

    def _tell(self, why: Why, **where: str | int) -> None:
        self._done.problems.append(Problem(self._done.place.at(**where), why, lost=False))

    def _rows(self, name: str, make: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Iterator[dict[str, Any]]:
        seen = set[str]()
        for number, row in enumerate(listed(self._given.get(name)), 1):
            if not isinstance(row, dict):
                self._tell(Why("no_columns"), table=name, row=number)
                continue
            if not text.is_identifier(row.get("id")) or row["id"] in seen:
                self._tell(Why("id_taken" if str(row.get("id")) in seen else "id_given"), table=name, row=number)
                row = {**row, "id": digest(self._given["id"], name, number)}
            seen.add(row["id"])
            if (made := make(row)) is not None:
                yield made

    def _step(self, given: dict[str, Any]) -> dict[str, Any]:
        for number, vote in enumerate(listed(given.get("votes")), 1):
            self._vote(given["id"], mapping(vote), number)
        return self._extra(*taken(given, STEP))

    def _extra(self, row: dict[str, Any], odd: dict[str, Any]) -> dict[str, Any]:
        return row | ({"extra": {**odd, **row.get("extra", {})}} if odd else {})

    def _vote(self, step_id: str, given: dict[str, Any], number: int) -> None:
        row, odd = taken(given, VOTE)
        if odd or "value" not in row:
            self._tell(Why("columns_odd", names=_names(odd)), message=step_id[:_QUOTED], vote=number)
        if "value" not in row:
            return
        row["step_id"] = step_id
        if row.get("user_id") in ("", self._author_id):
            row["user"] = self._author if row.pop("user_id") else ""
        self._done.votes.append(row)

    def _element(self, given: dict[str, Any]) -> dict[str, Any]:
        row, odd = taken(given, ELEMENT)
        content = mapping(given.get("content"))
        if content and not _SHA256.fullmatch(str(content.get("sha256"))):
            odd["content"] = content
        elif content:
            row["blob"] = sha256 = content["sha256"]
            if (member := join(self._folder, f"files/{sha256}")) in self._files:
                self._done.contents[sha256] = member
        return self._extra(row, odd)

    def _call(self, given: dict[str, Any]) -> dict[str, Any] | None:
        row, odd = taken(given, CALL)
        if odd or not row.keys() >= NEEDED:
            self._tell(Why("columns_odd", names=_names(odd)), table="usage", row=given["id"][:_QUOTED])
        return row if row.keys() >= NEEDED else None

    def _summary(self) -> dict[str, Any] | None:
        if (given := mapping(self._given.get("summary"))) == {}:
            return None
        row, odd = taken(given, SUMMARY)
        if odd or not row.keys() >= SUMMARY.keys() - {"model"}:
            self._tell(Why("summary_odd", names=_names(odd)))
            return None
        return row


def _wrong(given: Mapping[str, Any]) -> int:
    """In how many places it is not what the chain says that came along with it."""
    try:
        return len(list(verify_export.problems(given)))  # type: ignore[no-untyped-call]
    except Exception:  # it takes for granted what an export has
        return 1


def _names(odd: Mapping[str, Any]) -> str:
    return ", ".join(key[:_QUOTED] for key in sorted(odd)[:10])
