"""What follows an answer: the conversation gets its title and its running summary.

Always true: nothing here delays or breaks a turn.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context

from datalayer import DataLayerError
from datalayer.text import title

from ..memory import HotSession
from ..models.calls import Meter
from ..services import Services
from ..texts import say
from ..turns import summaries, turn
from ..turns.accounting import account, record_of
from ..turns.titles import write_title
from ..usage.records import CallRecord, CallStatus

_background: dict[tuple[str, str], asyncio.Task[None]] = {}


async def go_on(
    this: turn.Turn, outcome: turn.Outcome, answered: CallRecord, session: HotSession | None, services: Services
) -> None:
    """What an answer by a model brings about. ``session``: the thread with it, None where that is not known."""
    if outcome.fallback is not None:
        return
    if answered.model != this.settings.model:
        label = services.providers.label
        chosen = label(this.settings.model)
        why = say(outcome.instead or "unknown_model", this.language, model=chosen)
        text = say("stands_in", this.language, model=label(answered.model), why=why)
        await cl.context.emitter.send_toast(text, "info")
    if this.summary is None and all(message.role == "user" for message in this.messages):
        _later(answered.thread_id, _name, answered, services)
    if this.settings.memory and session is not None:
        _later(answered.thread_id, summaries.sum_up, this.settings, answered, session, services)


def _later(thread_id: str, work: Callable[..., Coroutine[Any, Any, None]], *about: Any) -> None:
    """Nobody waits for it; it goes on in the session that it belongs to, once at a time for a thread."""
    key = (work.__name__, thread_id)
    if key not in _background:
        _background[key] = asyncio.create_task(_quietly(work(*about)))
        _background[key].add_done_callback(lambda _: _background.pop(key))


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    with suppress(DataLayerError):  # the next turn tries again
        await work


async def _name(answered: CallRecord, services: Services) -> None:
    """Names the conversation, unless a person has, or the model did before. Raises DataLayerError."""
    thread = await services.layer.store.thread(answered.thread_id)
    said = {title(message.content) for message in chat_context.get() if message.type == "user_message"}
    if thread is None or thread.name not in said:
        return
    meter = Meter(answered.model, "")
    name = await write_title(answered.question, answered.answer, answered.model, services.providers, meter)
    status: CallStatus = "complete" if name else "failed"
    user = answered.user
    account(record_of(meter, answered.thread_id, user, kind="title", status=status, question="", answer=name), services)
    if name and cl.context.session.thread_id == answered.thread_id:
        await services.layer.update_thread(answered.thread_id, name=name)
        await announce(name)


async def announce(name: str) -> None:
    """Makes the page read its list of conversations again: the event by which Chainlit announces a new one does."""
    thread_id = cl.context.session.thread_id
    await cl.context.emitter.emit("first_interaction", {"interaction": name, "thread_id": thread_id})


async def list_anew() -> None:
    """The same, where no name has changed: the page takes a name that it knows for nothing new."""
    await announce(str(uuid.uuid4()))
