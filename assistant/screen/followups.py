"""What follows an answer: its cost is counted and traced, the conversation gets its title and its running summary.

Always true: nothing here delays or breaks a turn.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context

from datalayer import DataLayer, DataLayerError
from datalayer.records import now
from datalayer.text import title
from datalayer.writes import VISITOR, RecordUsage

from ..memory import HotMessage, HotSession, Memory
from ..models import Providers
from ..models.calls import Meter
from ..models.tokens import estimate
from ..settings import Settings
from ..texts import say
from ..turns import summaries, turn
from ..turns.titles import write_title
from ..turns.window import instructions
from ..usage.prices import cost
from ..usage.records import CallRecord, Kind, Status
from ..usage.tracing import Traces
from . import conversation


@dataclass(frozen=True, slots=True)
class Parts:
    """What an answer is made with. ``summary_at``: part of a window from which the older messages are summed up.
    ``thoughts``: whether what a model thinks is shown."""

    layer: DataLayer
    providers: Providers
    traces: Traces
    memory: Memory
    summary_at: float
    thoughts: bool = False


_background: dict[tuple[str, str], asyncio.Task[None]] = {}


def of_turn(call_id: str, this: turn.Turn, outcome: turn.Outcome, status: Status) -> CallRecord:
    return _record(call_id, outcome.meter, status, "turn", outcome.fallback, this.messages[-1].text, outcome.text)


def _record(
    call_id: str, meter: Meter, status: Status, kind: Kind, fallback: str | None, question: str, answer: str
) -> CallRecord:
    session = cl.context.session
    return CallRecord(
        id=call_id,
        thread_id=session.thread_id,
        user=session.user.identifier if session.user else None,
        kind=kind,
        model=meter.model,
        provider=meter.provider,
        status=status,
        fallback=fallback,
        usage=meter.usage,
        estimated=meter.estimated,
        cost=cost(meter.model, meter.provider, meter.usage) if meter.usage else None,
        started_at=meter.started_at,
        latency=meter.elapsed,
        first_token=meter.first_token,
        question=question,
        answer=answer,
    )


def account(record: CallRecord, parts: Parts) -> None:
    """Accepted at once, and stored although whoever asked may be cancelled."""
    usage, price = record.usage, record.cost
    row = RecordUsage(
        actor=record.user or VISITOR,
        thread_id=record.thread_id,
        at=now(),
        id=record.id,
        kind=record.kind,
        model=record.model,
        provider=record.provider,
        status=record.status,
        fallback=record.fallback,
        tokens_in=usage.tokens_in if usage else None,
        tokens_out=usage.tokens_out if usage else None,
        tokens_cached=usage.tokens_cached if usage else None,
        estimated=record.estimated,
        cost=price.nano_usd if price else None,
        price_version=price.version if price else None,
        started_at=record.started_at,
        latency=record.latency,
        first_token=record.first_token,
    )
    with suppress(DataLayerError):  # the layer logs it; the answer itself is stored
        parts.layer.store.submit(row)
    parts.traces.record(record)


async def go_on(
    this: turn.Turn, outcome: turn.Outcome, answered: CallRecord, session: HotSession | None, parts: Parts
) -> None:
    """What an answer by a model brings about. ``session``: the thread with it, None where that is not known."""
    if outcome.fallback is not None:
        return
    if answered.model != this.settings.model:
        label = parts.providers.label
        chosen = label(this.settings.model)
        why = say(outcome.instead or "unknown_model", this.language, model=chosen)
        text = say("stands_in", this.language, model=label(answered.model), why=why)
        await cl.context.emitter.send_toast(text, "info")
    if this.summary is None and all(message.role == "user" for message in this.messages):
        _later(answered.thread_id, _name, answered, parts)
    if this.settings.memory and session is not None:
        _later(answered.thread_id, _sum_up, this.settings, answered, session, parts)


def _later(thread_id: str, work: Callable[..., Coroutine[Any, Any, None]], *about: Any) -> None:
    """Nobody waits for it; it goes on in the session that it belongs to, once at a time for a thread."""
    key = (work.__name__, thread_id)
    if key not in _background:
        _background[key] = asyncio.create_task(_quietly(work(*about)))
        _background[key].add_done_callback(lambda _: _background.pop(key))


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    with suppress(DataLayerError):  # the next turn tries again
        await work


async def _name(answered: CallRecord, parts: Parts) -> None:
    """Names the conversation, unless a person has, or the model did before. Raises DataLayerError."""
    thread = await parts.layer.store.thread(answered.thread_id)
    said = {title(message.content) for message in chat_context.get() if message.type == "user_message"}
    if thread is None or thread.name not in said:
        return
    meter = Meter(answered.model, "")
    name = await write_title(answered.question, answered.answer, answered.model, parts.providers, meter)
    status: Status = "complete" if name else "failed"
    account(_record(str(uuid.uuid4()), meter, status, "title", None, "", name), parts)
    if name and cl.context.session.thread_id == answered.thread_id:
        await parts.layer.update_thread(answered.thread_id, name=name)
        await announce(name)


async def announce(name: str) -> None:
    """Makes the page read its list of conversations again: the event by which Chainlit announces a new one does."""
    thread_id = cl.context.session.thread_id
    await cl.context.emitter.emit("first_interaction", {"interaction": name, "thread_id": thread_id})


async def _sum_up(settings: Settings, answered: CallRecord, session: HotSession, parts: Parts) -> None:
    """Sums up the older messages once the conversation outgrows the window of its model. Raises DataLayerError."""
    choice = parts.providers.find(settings.model)
    if choice is None:
        return
    space = turn.room(parts.providers.window(choice.info))
    left = space - estimate(instructions(settings.system_prompt, settings.answer_language, None))
    if not summaries.outgrown(session, left, parts.summary_at):
        return
    source = await summaries.read(parts.layer, answered.thread_id)
    # The session may be older than a summary made meanwhile, and have only the newest messages.
    if not (count := summaries.outgrown(source.session, left, parts.summary_at)):
        return
    summed = source.session.messages[:count]
    written = await write_summary(source.session, summed, settings.model, space, parts)
    await summaries.store(parts.layer, answered.user or VISITOR, source, summed[-1].id, written)
    await parts.memory.drop(conversation.owner(cl.context.session), answered.thread_id)


async def write_summary(
    session: HotSession, messages: Sequence[HotMessage], model: str, space: int, parts: Parts
) -> summaries.Written:
    """A summary of ``messages`` and of what the session's own sums up; what it costs is counted."""
    meter = Meter(model, "")
    written = await summaries.write(session.summary, messages, model, space, parts.providers, meter)
    if meter.provider:
        status: Status = "complete" if written.model else "failed"
        account(_record(str(uuid.uuid4()), meter, status, "summary", None, "", written.text), parts)
    return written
