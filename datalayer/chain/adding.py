"""The links that a transaction adds: one for each message that it has brought, changed or removed.

A message that is not what its link says was changed behind the app's back. It gets no link any more until it is
deleted: whatever the app does to it later, the old link goes on telling of it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from sqlalchemy import Connection, bindparam, update

from .. import dialects
from ..records import now, to_iso
from ..schema import links
from ..sql.facts import Facts
from ..versions import HIDDEN
from . import rows
from .content import (
    BEGUN,
    CHANGED,
    DELETED,
    FOUND,
    HEAD,
    PARTIAL,
    SAID,
    STREAMING,
    Message,
    content,
    digest,
    first,
    is_linked,
    linked,
)
from .rows import End, File, Known

_SALT = 16  # bytes
_APPENDED = frozenset({"kind", "of", "hash"})
"""What changes of the row that says how long a chain is."""
_REPLACED = (
    update(links)
    .where(links.c.thread_id == bindparam("thread"), links.c.number == bindparam("replaced"))
    .values(step_id=None, salt=None)
)


class Chains:
    """Of one transaction. ``facts``: what is known of threads and steps that it names."""

    def __init__(self, connection: Connection, facts: Facts) -> None:
        self._connection = connection
        self._sql = dialects.of(connection)
        self._facts = facts
        self._partial: dict[str, bool] = {}
        self._made: set[str] = set()
        self._new: set[str] = set()
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._touched: set[str] = set()
        self._wrong: set[str] = set()

    def made(self, thread_id: str) -> None:
        """A thread that was not there."""
        self._made.add(thread_id)

    def add(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Rows that are new."""
        ids = [row["id"] for row in steps]
        self._new.update(ids)
        self._rows |= zip(ids, steps, strict=True)

    def touch(self, ids: Iterable[str]) -> None:
        """To be called before steps or their files change."""
        known = set(ids) - self._touched
        self._touched |= known
        for key in known & self._rows.keys():  # what is stored is no longer what it was added with
            del self._rows[key]
        if stored := known - self._new:
            found = [each for each in rows.of_steps(self._connection, stored) if each.end.whole or each.link.number]
            files = rows.files_of(self._connection, [each.message.id for each in found if each.link.digest])
            wrong = (each for each in found if not rows.is_as_linked(each.message, each.link, files[_place(each)]))
            self._wrong |= {each.message.id for each in wrong}

    def store(self) -> None:
        """To be called when all is changed."""
        for key in self._touched & self._rows.keys():  # an element came before it
            del self._rows[key]
        known, gone = self._read()
        if not self._sql.serial:
            threads = {each.message.thread_id for each in known} | {thread for thread, *_ in gone}
            if others := threads.difference(self._facts.locked, self._made):
                rows.lock(self._connection, others)
                known, gone = self._read()
        if known := self._whole(known + self._added()):
            self._add(known, gone)
        elif gone:
            self._add([], gone)

    def _read(self) -> tuple[list[Known], list[tuple[str, int, End]]]:
        """Those of the steps that are there, and the links of those that are there no more."""
        ids = (self._touched | self._new) - self._rows.keys()
        known = rows.of_steps(self._connection, ids) if ids else []
        gone = self._touched - {each.message.id for each in known} - self._rows.keys()
        return known, rows.of_gone(self._connection, gone) if gone else []

    def _added(self) -> list[Known]:
        """What need not be read again."""
        if not self._rows:
            return []
        ends = {thread: End(*end) for thread, end in self._facts.chains.items()}
        if others := {row["thread_id"] for row in self._rows.values()} - self._made - ends.keys():
            ends |= rows.ends(self._connection, others)
        return [
            Known(_message(row), row.get("seq") or inf, rows.NO_LINK, ends.get(row["thread_id"], rows.NO_CHAIN))
            for row in self._rows.values()
        ]

    def _whole(self, known: list[Known]) -> list[Known]:
        """With some of what is in threads of before there were chains."""
        older = {each.message.thread_id for each in known if not each.end.whole} - self._made
        if not older:
            return known
        found = {each.message.id: each for each in known}
        for thread in sorted(older):
            others, all_ = rows.unlinked(self._connection, thread)
            found |= {each.message.id: each for each in others}
            self._partial[thread] = not all_
        return list(found.values())

    def _add(self, known: list[Known], gone: Sequence[tuple[str, int, End]]) -> None:
        chains: dict[str, _Chain] = {}
        for thread, number, end in sorted(gone):
            _of(chains, thread, end).add(DELETED, number)
        files = rows.files_of(
            self._connection, [each.message.id for each in known if self._may_have_files(each.message)]
        )
        for each in sorted(known, key=lambda each: (each.message.created_at, each.seq)):
            if each.message.id not in self._wrong:
                self._link(_of(chains, each.message.thread_id, each.end), each, files.get(_place(each), ()))
        if replaced := [each for chain in chains.values() for each in chain.replaced]:
            self._sql.send(self._connection, _REPLACED, replaced)
        if added := [row for chain in chains.values() for row in chain.whole(self._partial)]:
            self._sql.send(self._connection, self._sql.upsert(links, ("thread_id", "number"), _APPENDED), added)

    def _may_have_files(self, message: Message) -> bool:
        """False of a new one that none came before: with an element it would have been touched."""
        return is_linked(message) and (message.id not in self._rows or message.id not in self._facts.unfiled)

    def _link(self, chain: "_Chain", known: Known, files: Sequence[File]) -> None:
        message, (number, salt, told) = known.message, known.link
        if not is_linked(message):
            if number is not None:
                chain.add(DELETED, number)
        elif message.status == STREAMING:
            if number is None or told is not None:
                chain.add(BEGUN, number, message.id)
        else:
            said = content(message, files)
            if told is None or salt is None or digest(salt, said) != told:
                older = not known.end.whole and message.id not in self._new
                kind = FOUND if older and number is None else SAID if told is None else CHANGED
                chain.add(kind, number, message.id, said)


def _message(row: Mapping[str, Any]) -> Message:
    kind = row.get("type")
    return Message(
        *(row["id"], row["thread_id"], kind, row.get("parent_id"), row.get("name"), row.get("input")),
        *(row.get("output"), row["created_at"], row.get("metadata") if kind in HIDDEN else None, row.get("status")),
    )


def _place(known: Known) -> tuple[str, str]:
    return known.message.thread_id, known.message.id


def _of(chains: "dict[str, _Chain]", thread_id: str, end: End) -> "_Chain":
    if thread_id not in chains:
        chains[thread_id] = _Chain(thread_id, end)
    return chains[thread_id]


class _Chain:
    """What is added to that of a thread."""

    def __init__(self, thread_id: str, end: End) -> None:
        self._thread = thread_id
        self._number, self._hash, self._end = end.number or 0, end.hash or first(thread_id), end
        self._at = now()
        self._iso = to_iso(self._at)
        self._rows: list[dict[str, Any]] = []
        self.replaced: list[dict[str, Any]] = []

    def add(self, kind: str, of: int | None, step_id: str | None = None, said: bytes | None = None) -> None:
        """``of``: the number of the link that this one replaces. ``said``: what the message says now."""
        self._number += 1
        salt = told = None
        if said is not None:
            salt = os.urandom(_SALT)
            told = digest(salt, said)
        self._hash = linked(self._hash, self._number, kind, of, self._iso, told)
        self._rows.append(self._row(self._number, kind, of, step_id, salt, told))
        if of is not None:
            self.replaced.append({"thread": self._thread, "replaced": of})

    def whole(self, partial: Mapping[str, bool]) -> list[dict[str, Any]]:
        """The rows to be stored. ``partial``: whether there are older messages without a link, of threads that were
        looked at."""
        kind = PARTIAL if partial.get(self._thread, self._end.kind == PARTIAL) else HEAD
        return [*self._rows, self._row(0, kind, self._number)] if self._rows else []

    def _row(
        self,
        number: int,
        kind: str,
        of: int | None,
        step_id: str | None = None,
        salt: bytes | None = None,
        told: bytes | None = None,
    ) -> dict[str, Any]:
        place = {"thread_id": self._thread, "number": number, "kind": kind, "of": of, "at": self._at}
        return place | {"step_id": step_id, "salt": salt, "digest": told, "hash": self._hash}
