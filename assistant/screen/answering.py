"""A turn at the screen: its answer is shown, saved and accounted for; then come the followups."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import chainlit as cl

from datalayer import DataLayer, DataLayerError, StoreUnavailable
from datalayer.records import user_id

from ..marks import BROKE_OFF, FALLBACK, MODEL, UNSEARCHED
from ..models import OFFLINE, ChatMessage
from ..models.calls import Meter
from ..services import Services
from ..settings import Settings
from ..texts import say
from ..turns import turn
from ..turns.accounting import account, record_of
from ..turns.context import Quotes, context_of, quotes
from ..turns.elsewhere import elsewhere
from ..turns.formatter import Fallback
from ..turns.remembered import Found, remember
from ..turns.sources import NOTHING, Context, Part
from ..usage.records import CallRecord, CallStatus
from . import buttons, conversation, followups, replacing, temporary
from .citing import Citing
from .conversation import Conversation
from .session import root_path, session_language
from .streaming import Streaming
from .thinking import Thinking


def make_turn(
    services: Services, held: Conversation, settings: Settings, insist: bool = False, begun: bool = False
) -> turn.Turn:
    async def search(question: str) -> Found:
        return await _search(services.layer, question)

    return turn.Turn(held.messages, settings, session_language(), search, root_path(), insist, held.summary, begun)


async def answer(
    asked: cl.Message,
    held: Conversation,
    settings: Settings,
    services: Services,
    reply: cl.Message,
    replaced: cl.Message | None = None,
    insist: bool = False,
) -> None:
    """Shows the answer in ``reply``, behind what it holds already. Cancelled, it keeps what was shown.

    ``replaced``: the answer that goes once there is something to put in its place; to what a model wrote, the
    formatter's answer is nothing. ``insist``: see Turn.
    """
    begun = bool(reply.content)
    this = make_turn(services, held, settings, insist, begun)
    cites = Citing(reply, held.held.by_id or {})
    context, quoted = await _of_files(asked, held, settings)
    context = context.joined(await _elsewhere(asked, settings, services.layer))
    this = replace(this, context=context, quotes=quoted, numbers=cites.numbers)
    thinking = Thinking(reply) if services.thoughts else None
    this = replace(this, think=thinking.think if thinking else None)
    outcome = turn.Outcome(Meter(settings.model, ""))
    call_id = str(uuid.uuid4()) if begun else reply.id  # an answer that goes on is a call of its own
    status: CallStatus = "failed"
    whole: cl.Message | None = None
    stopped = False
    try:
        async with (
            Streaming(services.layer, reply) as shown,
            aclosing(turn.run(this, services.providers, outcome)) as pieces,
        ):
            async for piece in pieces:
                if replaced is not None:
                    if outcome.fallback and not (replaced.metadata or {}).get(FALLBACK):
                        await _no_other(outcome.fallback, settings, services)
                        break
                    new = {reply.id, reply.parent_id, thinking and thinking.id}
                    await _replace(replaced, asked, {key for key in new if key})
                    replaced = None
                found = cites.found(piece, outcome.sources)
                reply.metadata = _marks(outcome, begun) | cites.marks
                if outcome.fallback is None:
                    reply.author = services.providers.label(outcome.meter.model)
                await shown.show(piece)
                await cites.show(found)
        status = "complete" if outcome.fallback in (None, "no_key", "no_key_team", "offline") else "failed"
        whole = reply if replaced is None else None
    except asyncio.CancelledError:
        status, stopped = "stopped", True
        raise
    finally:
        if thinking:
            await thinking.end()
        ended = _record(call_id, this, outcome, status)
        account(ended, services)
        session = await conversation.after(held, asked, whole, services.layer, services.memory)
        if (last := replaced or reply).content:
            await buttons.below(last, stopped and last is reply)
    await followups.go_on(this, outcome, ended, session, services)


async def _of_files(
    asked: cl.Message, held: Conversation, settings: Settings
) -> tuple[Context, Callable[[], Awaitable[Quotes]] | None]:
    """What the files have for the question, and what is quoted of them without a model; a question that is asked
    without what came before has its own files only."""
    files = [file for file in held.held.files if settings.memory or file.for_id == asked.id]
    if held.held.shelf is None or not files:
        return NOTHING, None
    before = held.messages if settings.memory else [ChatMessage("user", asked.content)]
    asked_at = (n for n, message in enumerate(before) if (message.role, message.text) == ("user", asked.content))
    of = (held.held.shelf, files, before[: max(asked_at, default=len(before)) + 1])
    try:
        context = await context_of(*of)
    except DataLayerError:  # which is logged
        return NOTHING, None

    async def quoted() -> Quotes:
        try:
            return await quotes(context, *of)
        except DataLayerError:  # which is logged
            return Quotes((), asked.content)

    return context, quoted


async def _elsewhere(asked: cl.Message, settings: Settings, layer: DataLayer) -> tuple[Part, ...]:
    """What a model is shown of other conversations. A temporary one has none: it would tell what is asked there."""
    user = cl.context.session.user
    if not settings.recall or settings.model == OFFLINE or user is None or temporary.here():
        return ()
    try:
        return await elsewhere(layer, user_id(user.identifier), asked.content, asked.thread_id)
    except DataLayerError:  # which is logged
        return ()


async def _replace(old: cl.Message, asked: cl.Message, new: set[str]) -> None:
    if temporary.here():
        await old.remove()
        return
    await replacing.put_aside(asked, keeps=new)
    await cl.context.emitter.emit("replaced", say("put_aside_answer", session_language()))


def _record(call_id: str, this: turn.Turn, outcome: turn.Outcome, status: CallStatus) -> CallRecord:
    session = cl.context.session
    return record_of(
        outcome.meter,
        session.thread_id,
        session.user.identifier if session.user else None,
        kind="turn",
        status=status,
        question=this.messages[-1].text,
        answer=outcome.text,
        id=call_id,
        fallback=outcome.fallback,
    )


async def _no_other(reason: Fallback, settings: Settings, services: Services) -> None:
    """Says why there is no other answer than the one that a model wrote before."""
    to = session_language()
    why = say(reason, to, model=services.providers.label(settings.model))
    await cl.context.emitter.send_toast(say("no_other", to, why=why), "warning")


def _marks(outcome: turn.Outcome, begun: bool) -> dict[str, Any]:
    """What the stored answer says of itself. ``broke_off``: its beginning is a model's."""
    broke_off = outcome.fallback is not None and (begun or outcome.meter.first_token is not None)
    formatted = outcome.fallback is not None and not broke_off
    marks: dict[str, Any] = {MODEL: outcome.meter.model, FALLBACK: outcome.fallback, UNSEARCHED: formatted}
    return {**marks, BROKE_OFF: True} if broke_off else marks


async def _search(layer: DataLayer, question: str) -> Found:
    session = cl.context.session
    if session.user is None:
        return Found()
    try:
        return await remember(layer, user_id(session.user.identifier), question, session.thread_id)
    except StoreUnavailable:
        return Found()
