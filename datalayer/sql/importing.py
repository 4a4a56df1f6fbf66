"""A thread that was somewhere else before: all that it lacks here is added, in one transaction.

Always true: a step that is here keeps what it says, also if a person has changed it since; what was deleted here stays
deleted. So the same again changes nothing, and a newer export adds what is new.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, insert, select

from .. import versions
from ..errors import BlobVanished, Forbidden
from ..records import Blob, Imported, ThreadMessage, user_id, vote_id
from ..reports import digest
from ..schema import MESSAGES, elements, feedbacks, steps, threads, usage
from ..versions import RECORD
from ..writes import APPLICATION, ImportThread, PutSummary, author_id
from . import contents, context, imported_rows, organising, summaries
from .group import Group

Row = dict[str, Any]

_PLACED = {"pinned": False, "archived": False, "status": "open", "kind": "imported", "trashed_at": 0}
_BLANK = dict.fromkeys(("name", "name_source", "folder", "tags", "model"))
_LACKED = ("name", "name_source", "folder", "tags", "metadata")
_STORED: Select[Any] = select(*(threads.c[name] for name in _LACKED)).where(threads.c.id == bindparam("key"))
_INSERTS = {table: insert(table) for table in (elements, usage)}


def store(group: Group, write: ImportThread) -> Imported:
    """Raises Forbidden, InvalidInput."""
    group.released.update(blob.name for blob in write.blobs)  # what is not stored leaves nothing behind
    return _Import(group, write).store()


class _Import:
    def __init__(self, group: Group, write: ImportThread) -> None:
        self._group, self._write, self._facts = group, write, group.facts
        self._key = write.thread_id
        self._author = None if write.user is None else user_id(write.user)
        self._is_new = self._key not in self._facts.owners
        self._changed = False

    def store(self) -> Imported:
        self._check_actor()
        if ("thread", self._key) in self._facts.deleted:
            return Imported("deleted")
        said, files, votes, calls = self._rows()
        values = imported_rows.thread(self._write.values, self._write.at)
        summary = imported_rows.summary(self._write.summary) if self._write.summary else None
        told, deleted = self._kept(said)
        self._put_thread(values, told)
        self._put_steps(told)
        self._add_versions(said)
        lost = self._put_files(files)
        self._put_votes(votes)
        self._put_calls(calls)
        # One that does not say of what it was made is of a thread that nobody can have changed.
        if summary and self._key not in self._facts.summaries and (self._is_new or "digest" in summary):
            self._put_summary(summary)
        changed = self._changed or bool(told)
        return Imported("new" if self._is_new else "added" if changed else "there", len(told), deleted, lost)

    # What it may

    def _check_actor(self) -> None:
        write = self._write
        if write.actor is not APPLICATION and (write.user is None or self._author != author_id(write.actor)):
            raise Forbidden("A conversation can only be imported for oneself")
        if not self._is_new and self._facts.owner(self._key) != self._author:
            raise Forbidden(_TAKEN)

    def _rows(self) -> tuple[list[Row], list[Row], list[Row], list[Row]]:
        """Steps, elements, votes, usage; all of them are looked at before anything changes."""
        write, facts, key = self._write, self._facts, self._key
        begun = write.values.get("created_at")
        said = imported_rows.said(write.steps, key, begun if type(begun) is int else write.at, write.at)
        files = imported_rows.files(write.elements, key, write.at)
        votes = imported_rows.votes(write.votes, self._author or "", write.at)
        calls = imported_rows.calls(write.usage, key, self._author or "")
        for known, ids in (
            (facts.steps, {row["id"] for row in said} | {row["for_id"] for row in files if row["for_id"]}),
            (facts.elements, {row["id"] for row in files}),
        ):
            if any(known.get(each, key) != key for each in ids):
                raise Forbidden(_TAKEN)
        if calls and self._others_calls([row["id"] for row in calls]):
            raise Forbidden(_TAKEN)
        return said, files, votes, calls

    def _others_calls(self, ids: list[str]) -> bool:
        mine = and_(usage.c.thread_id == self._key, usage.c.user_id == (self._author or ""))
        return _any(self._group.connection, usage, usage.c.id.in_(ids), ~mine)

    def _kept(self, said: list[Row]) -> tuple[list[Row], int]:
        """The steps that are not here, and how many more were deleted, or stand below one that was."""
        facts = self._facts
        gone = {row["id"] for row in said if ("step", row["id"]) in facts.deleted}
        told = dict[str, Row]()
        self._here = {row["id"] for row in said if row["id"] in facts.steps}
        for row in said:
            key, parent = row["id"], row["parent_id"]
            if key not in facts.steps and (parent in gone or ("step", parent) in facts.deleted):
                gone.add(key)
            if key not in facts.steps and key not in gone:
                told.setdefault(key, row)
        for row in told.values():
            if facts.steps.get(row["parent_id"], self._key) != self._key:
                row["parent_id"] = None
        return list(told.values()), len(gone)

    # What it changes

    def _put_thread(self, values: Row, told: list[Row]) -> None:
        group, write = self._group, self._write
        newest = max((row["created_at"] for row in told if row["type"] in MESSAGES), default=None)
        if newest is not None:
            newest = min(newest, write.at)
        if not self._is_new:
            if newest is not None:
                group.touch(self._key, newest)
            self._add_what_is_lacking(values)
            return
        if write.user is not None:
            group.add_user(write.user, write.at)
        begun = min((row["created_at"] for row in told), default=write.at)
        row: Row = {"id": self._key, "user_id": self._author, "created_at": begun, **_BLANK, **_PLACED, "metadata": {}}
        row |= {"last_activity_at": values.get("created_at", begun) if newest is None else newest, **values}
        group.add_thread(row)
        group.words.thread(self._key, new=True)
        if row["trashed_at"]:
            self._facts.trashed[self._key] = row["trashed_at"]
        if row["tags"]:
            group.flush()
            organising.index_tags(group.connection, self._key, {"tags"})

    def _add_what_is_lacking(self, values: Row) -> None:
        group = self._group
        group.flush()
        (found,) = group.sql.fetch(group.connection, _STORED, {"key": self._key}, tuple)
        stored = dict(zip(_LACKED, found, strict=True))
        lacking = {name: values[name] for name in ("folder", "tags") if values.get(name) and not stored[name]}
        if values.get("name") and not stored["name"]:
            lacking |= {name: values[name] for name in ("name", "name_source")}
        if values.get("metadata", {}).keys() - stored["metadata"].keys():
            lacking["metadata"] = {**values["metadata"], **stored["metadata"]}
        if lacking:
            self._changed = True
            group.words.thread(self._key)
            group.set(threads, self._key, lacking)
            organising.index_tags(group.connection, self._key, lacking)

    def _put_steps(self, told: list[Row]) -> None:
        facts, key, at = self._facts, self._key, self._write.at
        given = frozenset(told[0]) - {"id", "thread_id"} if told else frozenset[str]()
        self._group.words.brought(row["id"] for row in told)
        for row in told:
            facts.steps[row["id"]], facts.written[row["id"]] = key, at
            self._group.add_step(row, given, new=True)

    def _add_versions(self, said: list[Row]) -> None:
        """The record of a question that is here learns of versions that are new. Which one is shown stays."""
        group, facts = self._group, self._facts
        new = {row["id"] for row in said if row["type"] == RECORD and row["id"] in self._here}
        if not new:
            return
        group.flush()
        stored = group.connection.execute(_RECORDS.where(steps.c.id.in_(new))).mappings().all()
        metadata = {row["id"]: row["metadata"] for row in said}
        for row in stored:
            known, given = versions.told(row["metadata"]), versions.told(metadata[row["id"]])
            if known and given and given.count > known.count and given.made[: known.count] == known.made:
                grown = replace(given, shown=known.shown, replaced=known.replaced + given.replaced[known.count :])
                values = {"metadata": {**row["metadata"], **grown.stored()}, "written_at": self._write.at}
                facts.written[row["id"]] = self._write.at
                group.add_step({**row, "thread_id": self._key, **values}, frozenset(values), new=False)
                self._changed = True

    def _put_files(self, files: list[Row]) -> int:
        """How many have no content although they should."""
        group, facts, lost = self._group, self._facts, 0
        rows = {
            row["id"]: row
            for row in files
            if row["id"] not in facts.elements
            and ("element", row["id"]) not in facts.deleted
            and ("step", row["for_id"]) not in facts.deleted
        }
        if not rows:
            return 0
        group.flush()
        known = {blob.sha256: blob for blob in self._write.blobs}
        for row in sorted(rows.values(), key=lambda row: row["blob"] or ""):  # locked in one order
            if row["blob"] and not self._is_held(known.get(row["blob"]), row["blob"]):
                row["blob"], lost = None, lost + 1
        group.note_element((row["for_id"], self._key) for row in rows.values())
        group.recount(self._key)
        group.sql.send(group.connection, _INSERTS[elements], list(rows.values()))
        facts.elements |= dict.fromkeys(rows, self._key)
        self._changed = True
        return lost

    def _is_held(self, blob: Blob | None, sha256: str) -> bool:
        """Who knows the hash of somebody else's file does not get it by that."""
        group = self._group
        if blob is None and not _any(group.connection, elements, elements.c.blob == sha256, self._is_mine()):
            return False
        stored = blob is not None and blob.name not in group.vanished
        try:
            spare = contents.hold(group.connection, group.sql, blob or Blob(sha256, 0), self._write.at, stored)
        except BlobVanished:
            return False
        group.released -= {sha256, *([blob.name] if blob else [])}
        group.released |= {spare} if spare else set()
        return True

    def _is_mine(self) -> ColumnElement[bool]:
        owner = threads.c.user_id
        mine = select(threads.c.id).where(owner == self._author if self._author else owner.is_(None))
        return elements.c.thread_id.in_(mine)

    def _put_votes(self, votes: list[Row]) -> None:
        group, facts, own = self._group, self._facts, self._author or ""
        ours = self._write.actor is APPLICATION
        rows = [row for row in votes if facts.steps.get(row["step_id"]) == self._key]
        rows = [row for row in rows if ours or row["user_id"] == own]
        if not rows:
            return
        group.flush()
        said = feedbacks.c.step_id.in_([row["step_id"] for row in rows])
        known = {(step, user) for step, user in group.connection.execute(_VOTED.where(said))}
        if rows := [row for row in rows if (row["step_id"], row["user_id"]) not in known]:
            self._changed = True
            group.words.steps([row["step_id"] for row in rows], said=False)
            group.recount(self._key)
            taken = set(group.connection.execute(_VOTES.where(feedbacks.c.id.in_([r["id"] for r in rows]))).scalars())
            for row in rows:
                if row["id"] in taken:
                    row["id"] = vote_id(row["step_id"], row["user_id"])
            group.connection.execute(group.sql.keep(feedbacks), rows)

    def _put_calls(self, calls: list[Row]) -> None:
        if not calls:
            return
        group, ids = self._group, [row["id"] for row in calls]
        known = set(group.connection.execute(select(usage.c.id).where(usage.c.id.in_(ids))).scalars())
        if rows := [row for row in calls if row["id"] not in known]:
            self._changed = True
            group.connection.execute(group.sql.keep(usage), rows)

    def _put_summary(self, row: Row) -> None:
        """Only if it is of what is here now."""
        group, write = self._group, self._write
        group.flush()
        until = (row["until_at"], row["until_step"])
        covered: list[ThreadMessage] = context.messages(group.connection, self._key, until=until)
        row = {"digest": digest(covered), "model": None, **row}
        put = PutSummary(actor=write.actor, thread_id=self._key, at=row.pop("created_at", write.at), **row)
        if covered and covered[-1].id == put.until_step:
            summaries.put(group.connection, group.sql, group.facts, put)


_TAKEN = "Something else has its ids"
_RECORDS: Select[Any] = select(steps.c.id, steps.c.metadata, steps.c.created_at, steps.c.favorite)
_VOTED: Select[Any] = select(feedbacks.c.step_id, feedbacks.c.user_id)
_VOTES = select(feedbacks.c.id)


def _any(connection: Connection, table: Table, *which: ColumnElement[bool]) -> bool:
    return connection.execute(select(1).select_from(table).where(*which).limit(1)).first() is not None
