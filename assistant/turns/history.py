"""The conversation that a turn builds on: out of the hot session, else out of the database, with the same result."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from datalayer import DataLayer
from datalayer.records import StepFile, ThreadMessage, from_iso
from datalayer.reports import Summary

from ..marks import forgets, is_for_models
from ..memory import HotMessage, HotSession, Memory, Ticket
from ..models.tokens import estimate

_READ = 2_000
"""Messages that are read of a thread, the newest; what is older than a summary is not read at all."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks what, where."""

    user: str
    thread_id: str
    question_id: str
    at: int
    """UTC microseconds at which the question was first sent."""


@dataclass(frozen=True, slots=True)
class Known:
    ticket: Ticket
    """To be given back with what the turn adds; with None unless the question is the last message."""
    session: HotSession
    """What came before the question."""
    last: bool = True
    """Whether the question is the last message."""
    files: tuple[str, ...] = ()
    """Ids of the question's elements that were stored before."""


async def recall(memory: Memory, layer: DataLayer, asking: Asking) -> Known:
    """What came before the question, which may be an older one that was edited.

    Raises DataLayerError where the database must be read and cannot be.
    """
    ticket, hot = await memory.take(asking.user, asking.thread_id)
    if hot is not None and (known := _known(ticket, hot, asking)) is not None:
        return known
    try:
        return Known(ticket, *await _rebuilt(layer, asking.thread_id, asking.question_id))
    except BaseException:  # stopped, too: a turn that never comes back would keep the thread from being hot
        await memory.put(ticket, None)
        raise


async def warm(memory: Memory, layer: DataLayer, user: str, thread_id: str) -> None:
    """Makes the thread a hot session before its next question, unless it is one. Raises DataLayerError."""
    ticket, session = await memory.take(user, thread_id)
    try:
        if session is None:
            session = await rebuild(layer, thread_id)
        if (await layer.health())["state"] != "ok":  # the database lacks what waits in the spool
            session = None
    except BaseException:
        session = None
        raise
    finally:
        await memory.put(ticket, session)


def _known(ticket: Ticket, hot: HotSession, asking: Asking) -> Known | None:
    """None when what came before the question cannot be told from the session."""
    if not hot.complete or not hot.messages:
        return None
    place = next((place for place, message in enumerate(hot.messages) if message.id == asking.question_id), None)
    if place is not None:
        return Known(ticket, replace(hot, messages=hot.messages[:place]), False, hot.messages[place].files)
    # Else an older question that was edited: the answers to it and what it was before are gone.
    return Known(ticket, hot) if asking.at > max(hot.messages[-1].created_at, hot.ended_at) else None


async def rebuild(layer: DataLayer, thread_id: str) -> HotSession:
    """The session as the database has it."""
    session, _, _ = await _rebuilt(layer, thread_id)
    return session


async def _rebuilt(
    layer: DataLayer, thread_id: str, before: str | None = None
) -> tuple[HotSession, bool, tuple[str, ...]]:
    """The session up to the message ``before``, None: whole; whether that is the last one; the ids of its files."""
    summary = await layer.store.summary(thread_id)
    after = summary.until if summary else None
    rows, files = await asyncio.gather(
        layer.store.thread_messages(thread_id, limit=_READ, after=after), layer.store.thread_files(thread_id)
    )
    ids, attached = [row.id for row in rows], _by_message(files)
    end = ids.index(before) if before in ids else len(ids)
    session = _session(rows[:end], attached, summary, len(rows) < _READ)
    return session, end >= len(ids) - 1, attached.get(before, ())


def _by_message(files: Sequence[StepFile]) -> dict[str | None, tuple[str, ...]]:
    attached: dict[str | None, tuple[str, ...]] = {}
    for file in files:
        attached[file.for_id] = (*attached.get(file.for_id, ()), file.element_id)
    return attached


def _session(
    rows: Sequence[ThreadMessage],
    attached: Mapping[str | None, tuple[str, ...]],
    summary: Summary | None,
    complete: bool,
) -> HotSession:
    if start := forgotten(rows):
        summary, complete = None, True
    shown = [row for row in rows[start:] if is_for_models(row.metadata)]
    return HotSession(
        messages=tuple(
            hot_message(row.id, row.type, row.text, row.created_at, attached.get(row.id, ())) for row in shown
        ),
        summary=summary.text if summary else None,
        summary_until=summary.until_step if summary else None,
        complete=complete,
    )


def forgotten(rows: Sequence[ThreadMessage]) -> int:
    """How many of the messages, oldest first, are up to the last with which their author had all before forgotten."""
    cleared = (place for place in range(len(rows), 0, -1) if forgets(rows[place - 1].metadata))
    return next(cleared, 0)


def hot_message(id: str, type: str, text: str, created_at: int, files: tuple[str, ...] = ()) -> HotMessage:
    return HotMessage(id, "user" if type == "user_message" else "assistant", text, created_at, estimate(text), files)


def moment(iso: str | None) -> int:
    """UTC microseconds of a Chainlit message's time."""
    return from_iso(iso) or 0
