"""What an edit, or another answer, has put aside, and Undo.

Always true: it stays in the database, marked and out of sight, until the conversation goes on or its last page is gone.
A crash before that loses nothing of it.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.config import config
from chainlit.data import get_data_layer
from chainlit.logger import logger

from datalayer import DataLayer, DataLayerError

from ..marks import ASIDE, is_aside
from ..memory import Memory
from ..texts import say
from . import buttons, live
from .session import session_language


@dataclass(frozen=True, slots=True)
class Replaced:
    """``text``: of the question, before. ``old``: the messages that came after it."""

    question: cl.Message
    text: str
    old: list[cl.Message]


def _layer() -> DataLayer:
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    return layer


async def put_aside(question: cl.Message, text: str, old: list[cl.Message]) -> None:
    """Takes ``old`` off the screens. Raises DataLayerError: then it is still there."""
    try:
        for message in old:
            await _mark(message, aside=True)
    except DataLayerError:
        for message in old:
            with suppress(DataLayerError):  # what could not be marked needs no mark taken off
                await _mark(message, aside=False)
        raise
    live.here().replaced.append(Replaced(question, text, old))
    for message in old:
        chat_context.remove(message)
        await cl.context.emitter.delete_step(message.to_dict())


async def _mark(message: cl.Message, aside: bool) -> None:
    others = {key: value for key, value in (message.metadata or {}).items() if key != ASIDE}
    message.metadata = others | ({ASIDE: True} if aside else {})
    step: Any = {"id": message.id, "threadId": message.thread_id, "metadata": message.metadata}
    await _layer().update_step(step)


async def edit(message_id: str, text: str) -> None:
    """As Chainlit's ``edit_message`` does it, except that nothing is deleted."""
    emitter, to = cl.context.emitter, session_language()
    messages = chat_context.get()
    place = next(place for place, message in enumerate(messages) if message.id == message_id)
    asked, later = messages[place], messages[place + 1 :]
    try:
        await put_aside(asked, asked.content, later)
    except DataLayerError as error:
        logger.warning("a message is not edited: %s", error)
        await emitter.send_toast(say("edit_failed", to), "error")
        await emitter.task_end()
        return
    asked.content = text
    await asked.update()
    if later:
        await emitter.send_toast(say("put_aside_later", to, n=len(later)), "info")
    await emitter.task_start()
    try:
        await config.code.on_message(asked)
    finally:
        if later and chat_context.get()[-1] is asked:  # it was stopped before there was an answer
            await buttons.instead(asked)
        await emitter.task_end()


async def undo(memory: Memory, user: str) -> None:
    """Brings back what was put aside last, in the place of what came after it. Raises DataLayerError."""
    room, layer = live.here(), _layer()
    if not room.replaced:
        await cl.context.emitter.send_toast(say("not_editable", session_language()), "error")
        return
    last = room.replaced.pop()
    messages = chat_context.get()
    new = messages[next(n for n, each in enumerate(messages, 1) if each.id == last.question.id) :]
    for message in last.old:
        await _mark(message, aside=False)
    if last.question.content != last.text:
        last.question.content = last.text
        await last.question.update()
    for message in new:
        await message.remove()
    for message in last.old:
        chat_context.add(message)
    await buttons.withdraw()
    await memory.drop(user, room.key[1])
    if (thread := await layer.get_thread(room.key[1])) is not None:
        thread["steps"] = [step for step in thread["steps"] if not is_aside(step.get("metadata"))]
        await live.refresh(thread)
    if last.old and (shown := last.old[-1]).type == "assistant_message":
        await buttons.below(shown)


async def settle(room: "live.Room") -> None:
    """Nobody can bring it back any more. Raises DataLayerError."""
    while room.replaced:
        for message in room.replaced.pop().old:
            await _layer().delete_step(message.id)
