"""The index, and the chains of the threads, change in the transaction that changes what is said: what a group of writes
touches is noted before, and looked at again when all of them are applied."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from ..chain.adding import Chains
from ..sql import vectors
from ..sql.facts import Facts
from . import building, documents, engines
from .base import Damaged, Kind
from .documents import Document

logger = logging.getLogger("datalayer")


class Changes:
    """Of one transaction."""

    def __init__(self, connection: Connection, facts: Facts, vectors_since: int | None = None) -> None:
        """``facts``: as in ``Chains``. ``vectors_since``: as in ``vectors.note``."""
        self._chains = Chains(connection, facts)
        self._connection = connection
        self._vectors_since = vectors_since
        self._index = engines.of(connection)
        self._steps: set[str] = set()
        self._stored: set[str] = set()
        self._brought: set[str] = set()
        self._threads: set[str] = set()
        self._messages: dict[str, Document] = {}
        self._titles: dict[str, Document] = {}

    def new(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows of steps that are added."""
        self._chains.add(rows)
        self._steps |= {row["id"] for row in rows}

    def steps(self, ids: Iterable[str | None], said: bool = True) -> None:
        """To be called before the steps, their files or their votes change. ``said``: not only their votes, or whose
        they are."""
        touched = {key for key in ids if key}
        if said:
            self._chains.touch(touched)
        known = touched - self._steps
        if known and self._index.needs_old:
            self._messages |= documents.messages(self._connection, known)
        self._steps |= known
        self._stored |= known

    def copied(self, ids: Iterable[str]) -> None:
        """New steps that have a vector already."""
        self._stored.update(ids)

    def brought(self, ids: Iterable[str]) -> None:
        """New steps that somebody brings now, whenever they were said."""
        self._brought.update(ids)

    def made(self, thread_id: str) -> None:
        """A thread that was not there."""
        self._chains.made(thread_id)

    def thread(self, thread_id: str, new: bool = False) -> None:
        """To be called before the name, the tags or the files of the thread change. ``new``: it is not there yet."""
        if thread_id not in self._threads and self._index.needs_old and not new:
            self._titles |= documents.titles(self._connection, [thread_id])
        self._threads.add(thread_id)

    def store(self) -> bool:
        """To be called when all is changed. Whether the index is no longer clean."""
        self._chains.store()
        messages = documents.messages(self._connection, self._steps) if self._steps else {}
        vectors.note(self._connection, self._stored, messages, self._vectors_since, self._brought)
        try:
            return self._store(messages)
        except Damaged:
            logger.warning("the index of words does not hold what it should: it is built anew")
            building.begin_again(self._connection)
            return True

    def _store(self, messages: dict[str, Document]) -> bool:
        left = False
        if self._threads:
            titles = documents.titles(self._connection, self._threads)
            left |= self._put("title", self._threads, self._titles, titles)
        if self._steps:
            left |= self._put("message", self._steps, self._messages, messages)
        return left

    def _put(self, kind: Kind, ids: set[str], old: dict[str, Document], new: dict[str, Document]) -> bool:
        if self._index.needs_old:
            old, new = (building.built(self._connection, kind, each) for each in (old, new))
        return self._index.put(self._connection, kind, ids, old, new)
