"""The conversation that a turn builds on: out of the hot session, else out of the database, with the same result."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from datalayer import DataLayer
from datalayer.records import StepFile, ThreadMessage, from_iso
from datalayer.reports import Summary

from .context import estimate
from .memory import HotMessage, HotSession, Memory, Ticket

CLEARED = "cleared"
"""In a thread's metadata: id of the message with which its author had the context forgotten."""

_READ = 2_000
"""Messages that are read of a thread, the newest; what is older than a summary is not read at all."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks what, where. ``at``: UTC microseconds at which the question was first sent."""

    user: str
    thread_id: str
    question_id: str
    at: int


@dataclass(frozen=True, slots=True)
class Known:
    """``session``: what came before the question. ``ticket``: to be given back with what the turn adds."""

    ticket: Ticket
    session: HotSession


async def recall(memory: Memory, layer: DataLayer, asking: Asking, metadata: Mapping[str, Any]) -> Known:
    """What came before the question, which may be an older one that was edited. ``metadata``: of the thread.

    Raises DataLayerError where the database must be read and cannot be.
    """
    ticket, hot = await memory.take(asking.user, asking.thread_id)
    if hot is not None and (before := _before(hot, asking)) is not None:
        return Known(ticket, before)
    return Known(ticket, await rebuild(layer, asking.thread_id, metadata, asking.question_id))


async def warm(memory: Memory, layer: DataLayer, user: str, thread_id: str, metadata: Mapping[str, Any]) -> None:
    """Makes the thread a hot session before its next question, unless it is one."""
    ticket, hot = await memory.take(user, thread_id)
    await memory.put(ticket, hot or await rebuild(layer, thread_id, metadata))


def _before(hot: HotSession, asking: Asking) -> HotSession | None:
    """The session up to the question; None when that cannot be told from it."""
    if not hot.complete:
        return None
    ids = [message.id for message in hot.messages]
    if asking.question_id in ids:
        return replace(hot, messages=hot.messages[: ids.index(asking.question_id)])
    newest = hot.messages[-1].created_at if hot.messages else 0
    # An older question that was edited: the answers to it and what it was before are gone.
    return hot if asking.at > newest else None


async def rebuild(
    layer: DataLayer, thread_id: str, metadata: Mapping[str, Any], before: str | None = None
) -> HotSession:
    """The session as the database has it. ``before``: id of the message at which it ends, None: at the last one."""
    summary = await layer.store.summary(thread_id)
    after = summary.until if summary else None
    rows, files = await asyncio.gather(
        layer.store.thread_messages(thread_id, limit=_READ, after=after), layer.store.thread_files(thread_id)
    )
    return _session(rows, files, summary, metadata, before)


def _session(
    rows: Sequence[ThreadMessage],
    files: Sequence[StepFile],
    summary: Summary | None,
    metadata: Mapping[str, Any],
    before: str | None,
) -> HotSession:
    complete = len(rows) < _READ
    ids = [row.id for row in rows]
    start = 0
    if (cleared := metadata.get(CLEARED)) in ids:
        start, summary, complete = ids.index(cleared) + 1, None, True
    end = ids.index(before) if before in ids else len(ids)
    attached: dict[str | None, tuple[str, ...]] = {}
    for file in files:
        attached[file.for_id] = (*attached.get(file.for_id, ()), file.element_id)
    shown = [row for row in rows[start:end] if tells(row.metadata)]
    return HotSession(
        settings={},
        messages=tuple(
            hot_message(row.id, row.type, row.text, row.created_at, attached.get(row.id, ())) for row in shown
        ),
        summary=summary.text if summary else None,
        summary_until=summary.until_step if summary else None,
        complete=complete,
    )


def tells(metadata: Mapping[str, Any] | None) -> bool:
    """Whether a message with this metadata is for models: no command or its reply, no answer of the formatter alone."""
    marks = metadata or {}
    return not marks.get("command") and not (marks.get("fallback") and not marks.get("broke_off"))


def hot_message(id: str, type: str, text: str, created_at: int, files: tuple[str, ...] = ()) -> HotMessage:
    return HotMessage(id, "user" if type == "user_message" else "assistant", text, created_at, estimate(text), files)


def moment(iso: str | None) -> int:
    """UTC microseconds of a Chainlit message's time."""
    return from_iso(iso) or 0
