"""A turn at the screen: what ``turn.py`` is asked, and its answer shown, saved, counted, traced and named."""

import asyncio
import uuid
from collections.abc import Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.config import config as chainlit_config

from datalayer import DataLayer, DataLayerError, StoreUnavailable
from datalayer.records import now, user_id
from datalayer.text import title
from datalayer.writes import RecordUsage

from . import offers, turn
from .accounting import CallRecord, Kind, Status
from .attachments import searchable
from .models import ChatMessage, Providers
from .models.calls import Meter
from .models.offline import Memory, remember
from .prices import cost
from .screen import session_language
from .settings import Settings
from .streaming import Streaming
from .texts import say
from .titles import write_title
from .tracing import Traces


@dataclass(frozen=True, slots=True)
class Parts:
    """What an answer is made with."""

    layer: DataLayer
    providers: Providers
    traces: Traces


_background: set[asyncio.Task[None]] = set()


def make_turn(parts: Parts, messages: Iterable[ChatMessage], settings: Settings, insist: bool = False) -> turn.Turn:
    async def recall(question: str) -> Memory:
        return await _recall(parts.layer, question)

    to, root = session_language(), chainlit_config.run.root_path.rstrip("/")
    return turn.Turn(list(messages), settings, to, recall, root, insist)


async def stream(this: turn.Turn, parts: Parts, reply: cl.Message, replaced: cl.Message | None = None) -> None:
    """Shows the answer in ``reply``, behind what it holds already. Cancelled, it keeps what was shown.

    ``replaced``: the answer that goes once there is something to put in its place.
    """
    outcome = turn.Outcome(Meter(this.settings.model, ""))
    call_id = str(uuid.uuid4()) if reply.content else reply.id  # an answer that goes on is a call of its own
    status: Status = "failed"
    try:
        async with (
            Streaming(parts.layer, reply) as shown,
            aclosing(turn.run(this, parts.providers, outcome)) as pieces,
        ):
            async for piece in pieces:
                if replaced is not None:
                    await replaced.remove()
                    replaced = None
                reply.metadata = {"model": outcome.meter.model, "fallback": outcome.fallback}
                await shown.show(piece)
        status = "complete" if outcome.fallback in (None, "no_key", "offline") else "failed"
    except asyncio.CancelledError:
        status = "stopped"
        raise
    finally:
        record = _record(call_id, this, outcome, status)
        _account(record, parts)
        if (last := replaced or reply).content:
            await offers.answer_again(last.id, bool((last.metadata or {}).get("fallback")))
    await _after(this, outcome, record, parts)


async def _after(this: turn.Turn, outcome: turn.Outcome, record: CallRecord, parts: Parts) -> None:
    if outcome.fallback is not None:
        return
    if record.model != this.settings.model:
        label = parts.providers.label
        text = say("stands_in", this.language, model=label(record.model), chosen=label(this.settings.model))
        await cl.context.emitter.send_toast(text, "info")
    if sum(message.role == "user" for message in this.messages) == 1:
        naming = asyncio.create_task(_name(record, parts))
        _background.add(naming)
        naming.add_done_callback(_background.discard)


def _record(call_id: str, this: turn.Turn, outcome: turn.Outcome, status: Status) -> CallRecord:
    return _measured(call_id, outcome.meter, status, "turn", outcome.fallback, this.messages[-1].text, outcome.text)


def _measured(
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


def _account(record: CallRecord, parts: Parts) -> None:
    """Accepted at once, and stored although whoever asked may be cancelled."""
    usage, price = record.usage, record.cost
    row = RecordUsage(
        actor=record.user,
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


async def _name(answered: CallRecord, parts: Parts) -> None:
    """Names the conversation, unless a person has, or the model did before."""
    with suppress(DataLayerError):
        thread = await parts.layer.store.thread(answered.thread_id)
        said = {title(message.content) for message in chat_context.get() if message.type == "user_message"}
        if thread is None or thread.name not in said:
            return
        meter = Meter(answered.model, answered.provider)
        name = await write_title(answered.question, answered.answer, answered.model, parts.providers, meter)
        status: Status = "complete" if name else "failed"
        _account(_measured(str(uuid.uuid4()), meter, status, "title", None, "", name), parts)
        session = cl.context.session
        if name and session.thread_id == answered.thread_id:
            await parts.layer.update_thread(answered.thread_id, name=name)
            # The event with which Chainlit announces a new conversation makes the page read its list again.
            await cl.context.emitter.emit("first_interaction", {"interaction": name, "thread_id": session.thread_id})


async def _recall(layer: DataLayer, question: str) -> Memory:
    session = cl.context.session
    if session.user is None:
        return Memory()
    who = user_id(session.user.identifier)
    try:
        messages = await layer.store.recent_messages(who, except_thread=session.thread_id)
        files = await searchable(layer, who)
    except StoreUnavailable:
        return Memory()
    return await asyncio.to_thread(remember, question, messages, files)
