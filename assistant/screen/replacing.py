"""What an edit, or another answer, has put aside, and Undo.

Always true: it stays in the database until the conversation goes on, and is no message there meanwhile. So no model is
shown it, and no summary, search or count has it. Its marks are all that Undo needs: it works on every instance that
shows the conversation, and after a crash.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.config import config
from chainlit.data import get_data_layer

from datalayer import DataLayer, DataLayerError
from datalayer.records import now

from ..marks import ASIDE, is_aside
from ..memory import Memory
from ..texts import say
from . import buttons, live, view
from .room import Room
from .session import session_language

Step = dict[str, Any]

_SHOWN = ("user_message", "assistant_message", "llm")
"""Types of what stands on the page of a turn: messages and thoughts."""


def _layer() -> DataLayer:
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    return layer


async def put_aside(question: cl.Message, old: list[cl.Message], text: str | None = None, runs: bool = False) -> None:
    """Takes ``old``, with their thoughts, off the screens, and keeps ``text``, which the question was before. ``runs``:
    also what Chainlit has put around them, as what replaces them gets its own.

    Raises DataLayerError: then all is as it was.
    """
    mark = {"question": question.id, "at": now()}
    types = ("llm", "run") if runs else ("llm",)
    gone: list[Any] = [message.to_dict() for message in old] + await _between(question, old, types)
    marked = [_marked(step, {**mark, "type": step["type"]}) for step in gone]
    if text is not None:
        was = {"id": str(uuid.uuid4()), "threadId": question.thread_id}
        marked.append(_marked(was, mark) | {"output": text})
    try:
        await _together(_layer().update_step(step) for step in marked)
    except DataLayerError:
        with suppress(DataLayerError):  # what could not be marked needs no mark taken off
            await _together(map(_back, marked))
        raise
    live.here().replaced = True
    for message in old:
        chat_context.remove(message)
    for step in gone:
        await cl.context.emitter.delete_step(step)


async def _between(question: cl.Message, answers: list[cl.Message], types: tuple[str, ...]) -> list[Any]:
    """The steps of these types between the question and the last of the answers."""
    with suppress(DataLayerError):
        thread = await _layer().get_thread(question.thread_id)
        steps: list[Any] = thread["steps"] if thread and answers else []
        place = {step["id"]: number for number, step in enumerate(steps)}
        part = steps[place.get(question.id, 0) : place.get(answers[-1].id, 0)] if steps else []
        return [step for step in part if step["type"] in types]
    return []


def _marked(step: Step, mark: dict[str, Any]) -> Any:
    others = {key: value for key, value in (step.get("metadata") or {}).items() if key != ASIDE}
    return _only(step, type=view.ASIDE, metadata=others | {ASIDE: mark})


def _back(step: Any) -> Awaitable[None]:
    """Of a question that was edited, what it was goes back into it."""
    mark = step["metadata"][ASIDE]
    if "type" not in mark:
        return _layer().delete_step(step["id"])
    others = {key: value for key, value in step["metadata"].items() if key != ASIDE}
    return _layer().update_step(_only(step, type=mark["type"], metadata=others))


def _only(step: Any, **values: Any) -> Any:
    return {"id": step["id"], "threadId": step["threadId"], **values}


async def _together(writes: Iterable[Awaitable[Any]]) -> None:
    """Stores them in this order. Raises the first DataLayerError once all are done."""
    done = await asyncio.gather(*writes, return_exceptions=True)
    for error in done:
        if isinstance(error, BaseException):
            raise error


async def edit(message_id: str, text: str) -> None:
    """As Chainlit's ``edit_message`` does it, except that nothing is deleted. Raises DataLayerError: it is not made."""
    emitter = cl.context.emitter
    messages = chat_context.get()
    place = next(place for place, message in enumerate(messages) if message.id == message_id)
    asked, later = messages[place], messages[place + 1 :]
    await put_aside(asked, later, asked.content if asked.content != text else None, runs=True)
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
            await _layer().store.thread(asked.thread_id)  # which waits for its writes: they are read there
        live.here().say("refresh")


async def undo(memory: Memory, user: str) -> None:
    """Brings back what was put aside last, in the place of what came after it. Raises DataLayerError."""
    room, layer = live.here(), _layer()
    if (await layer.health())["state"] != "ok":  # what waits in the spool would not be found
        await cl.context.emitter.send_toast(say("undo_waits", session_language()), "error")
        return
    thread = await layer.get_thread(room.key[1])
    steps: list[Any] = thread["steps"] if thread else []
    await buttons.withdraw()
    if last := _last(steps):
        await _together(_exchange(last, steps))
        await memory.drop(user, room.key[1])
    else:
        await settle(room)
        await cl.context.emitter.send_toast(say("undo_gone", session_language()), "error")
    await _show()


def _last(steps: list[Any]) -> list[Any]:
    """What was put aside last; nothing where the conversation has gone on since."""
    aside = [step for step in steps if is_aside(step.get("metadata"))]
    at = max((step["metadata"][ASIDE]["at"] for step in aside), default=None)
    last = [step for step in aside if step["metadata"][ASIDE]["at"] == at]
    asked = [step["id"] for step in steps if step["type"] == "user_message"]
    return last if last and asked and last[0]["metadata"][ASIDE]["question"] == asked[-1] else []


def _exchange(last: list[Any], steps: list[Any]) -> Iterable[Awaitable[Any]]:
    """``last`` in the place of what is shown of ``steps`` after their question."""
    place = next(n for n, step in enumerate(steps) if step["id"] == last[0]["metadata"][ASIDE]["question"])
    for step in last:
        if "type" not in step["metadata"][ASIDE]:
            yield _layer().update_step(_only(steps[place], output=step["output"]))
        yield _back(step)
    around = {step["parentId"] for step in last}
    for step in steps[place + 1 :]:
        if step["type"] in _SHOWN or (step["type"] == "run" and step["id"] not in around):
            yield _layer().delete_step(step["id"])


async def _show() -> None:
    """The conversation as it is stored, on all its screens, with what can be done now."""
    for screen, thread in (await view.read_all(live.here(), anew=True)).items():
        await buttons.resume(thread)
        await screen.emit("resume_thread", thread)  # type: ignore[misc]
    live.here().say("refresh")


async def settle(room: Room) -> None:
    """The conversation goes on: nothing can be brought back any more. Raises DataLayerError."""
    if not room.replaced:
        return
    room.replaced = False
    if (thread := await _layer().get_thread(room.key[1])) is not None:
        await _together(_layer().delete_step(step["id"]) for step in thread["steps"] if is_aside(step.get("metadata")))
