"""What an edit, or another answer, replaces: it becomes a version of its question.

Always true: nothing of it is deleted, and it is no message any more. So no model is shown it, and no summary, search or
count has it. Which version is shown is one write (``datalayer/versions.py``), on every instance and after a crash.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.config import config
from chainlit.data import get_data_layer

from datalayer import DataLayer, DataLayerError
from datalayer.records import now
from datalayer.versions import Chosen
from datalayer.writes import VISITOR, ChooseVersion

from ..texts import say
from . import buttons, live, view
from .session import session_language


def layer_here() -> DataLayer:
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    return layer


async def choose(question_id: str, version: int | None = None, text: str | None = None, keeps: Any = ()) -> Any:
    """As ``ChooseVersion``, by whoever is at the screen: a ``Chosen``; None: it waits in the spool, or there is no such
    question any more. Raises DataLayerError."""
    session = cl.context.session
    who = session.user.identifier if session.user else VISITOR
    given: dict[str, Any] = {"version": version, "text": text, "keeps": sorted(keeps)}
    return await layer_here().store.submit(
        ChooseVersion(actor=who, thread_id=session.thread_id, id=question_id, at=now(), **given)
    )


async def put_aside(question: cl.Message, text: str | None = None, keeps: Collection[str] = ()) -> None:
    """Makes what is shown after the question a version of it, but for the steps ``keeps``, which belong to the new one,
    and takes it off the screens. ``text``: what the question says from now on. Raises DataLayerError: all is as it was.
    """
    done: Chosen | None = await choose(question.id, text=text, keeps=keeps)
    messages = chat_context.get()
    place = next((place for place, message in enumerate(messages) if message.id == question.id), len(messages))
    old = [message for message in messages[place + 1 :] if message.id not in keeps]
    for message in old:
        chat_context.remove(message)
    for key in done.gone if done else _around(question, old):
        await cl.context.emitter.delete_step({"id": key})
    live.here().replaced = True
    if done is not None:
        await cl.context.emitter.emit("versions", view.of_page(done.versions))


def _around(question: cl.Message, old: list[cl.Message]) -> list[str]:
    """The messages with what Chainlit has put around them: what replaces them gets its own."""
    runs = {message.parent_id: None for message in old if message.parent_id not in (None, question.id)}
    return [*(message.id for message in old), *filter(None, runs)]


async def edit(message_id: str, text: str) -> None:
    """As Chainlit's ``edit_message`` does it, except that nothing is deleted. Raises DataLayerError: it is not made."""
    emitter = cl.context.emitter
    messages = chat_context.get()
    place = next(place for place, message in enumerate(messages) if message.id == message_id)
    asked, later = messages[place], messages[place + 1 :]
    if later or asked.content != text:
        await put_aside(asked, text)
    asked.content = text
    await asked.update()
    await _show_where_it_was_not(asked, later)
    if later:
        await buttons.withdraw()
        await emitter.emit("replaced", say("put_aside_later", session_language(), n=len(later)))  # public/page/undo.js
    await emitter.task_start()
    try:
        await config.code.on_message(asked)
    finally:
        if later and chat_context.get()[-1] is asked:  # it was stopped before there was an answer
            await buttons.instead(asked)
        await emitter.task_end()


async def _show_where_it_was_not(asked: cl.Message, later: list[cl.Message]) -> None:
    """The conversation, on screens whose end began after the message: a page drops an answer to what it has not."""
    for screen in list(live.here().screens):
        if not view.has(screen, asked):
            await view.show(screen)
    if len(later) >= view.LAST:
        with suppress(DataLayerError):
            await layer_here().store.thread(asked.thread_id)  # which waits for its writes: they are read there
        live.here().say("refresh")
