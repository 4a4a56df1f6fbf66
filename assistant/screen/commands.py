"""A command at the screen: recognised, marked as none of the model's business, answered and stored like any message."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

import chainlit as cl
from chainlit.chat_context import chat_context
from chainlit.types import CommandDict, ThreadDict
from chainlit.utils import utc_now

from datalayer import DataLayerError, InvalidInput, StoreUnavailable
from datalayer.records import Thread

from ..commands import names
from ..commands.asked import Asked, Reply
from ..commands.names import COMMANDS, Typed
from ..commands.replies import reply
from ..marks import COMMAND, OURS, UNSEARCHED, is_command, of_command
from ..services import Services
from ..settings import Settings
from ..texts import Language, say
from ..turns.history import recall, warm
from . import attaching, conversation, importing, reading, temporary
from .delivery import Handler
from .followups import announce, list_anew
from .session import owner, root_path, session_language

logger = logging.getLogger("assistant")


async def offer(services: Services) -> None:
    """Fills Chainlit's menu of commands, in the language of the page."""
    items = menu(session_language())
    for item in items:
        if item["icon"] == "trash-2":  # what public/page/trash.js goes by
            item["keeps"] = services.trash_days > 0  # type: ignore[typeddict-unknown-key]
    await cl.context.emitter.set_commands(items)


class MenuItem(CommandDict):
    about: bool
    """See Command. public/page/commands.js runs at once what takes no words."""


def menu(to: Language) -> list[CommandDict]:
    """The commands as Chainlit's menu shows them, named in the language of the reader."""
    return [
        MenuItem(
            id=command.name(to),
            description=say(f"command_{command.key}", to),
            icon=command.icon,
            button=False,
            persistent=False,
            selected=False,
            about=command.about,
        )
        for command in COMMANDS
    ]


def marked(handle: Handler) -> Handler:
    """``handle``, the one of ``client_message``, for a message that says, before it is stored, whether it is a command.
    What it says of itself does not count."""

    async def client_message(sid: str, payload: Any) -> None:
        message = payload["message"]
        typed = names.recognise(
            str(message.get("output") or ""), message.get("command"), bool(payload.get("fileReferences"))
        )
        if typed is None or not typed.picked:
            message["command"] = None
        kept = {key: value for key, value in (message.get("metadata") or {}).items() if key not in OURS}
        message["metadata"] = kept | (of_command(typed.key) if typed else {})
        await handle(sid, payload)

    return client_message


async def recognise(asked: cl.Message) -> Typed | None:
    """The command that the message is; None: a question. The stored message says which."""
    typed = names.recognise(asked.content, asked.command)
    marks, before = dict(asked.metadata or {}), (asked.content, asked.metadata)
    if typed is not None:
        marks |= of_command(typed.key)
        if typed.picked:  # kept as if it had been typed, so that it can be edited as well
            asked.content, asked.command = f"/{typed.name} {typed.words}".rstrip(), None
    elif marks.pop(COMMAND, None) is None:
        return None
    else:  # a command that was edited into a question
        marks.pop(UNSEARCHED, None)
    asked.metadata = marks
    if (asked.content, marks) != before:  # most were marked before they were stored: see marked
        await asked.update()
    return typed


async def run(typed: Typed, asked: cl.Message, thread: Thread | None, settings: Settings, services: Services) -> None:
    """Answers the command. It is a use of the conversation: its session is hot afterwards."""
    session, to = cl.context.session, session_language()
    user = owner(session)
    identifier = session.user.identifier if session.user else None
    progress = importing.Progress(to)
    try:
        if is_temporary := temporary.here():
            thread = temporary.thread()
        elif thread is None:  # it waits in the spool
            raise StoreUnavailable("the conversation is not stored yet")
        else:
            await _use(asked, services)
        held = temporary.whole(thread) if is_temporary else None
        files = await reading.held() if is_temporary else None
        about = Asked(services, user, identifier, thread, settings, typed.words, to, root_path(), held, files)
        if typed.key == importing.KEY:
            about = replace(about, attached=await importing.attached(asked), progress=progress.told)
        refused = is_temporary and typed.command and not typed.command.anywhere
        answer = Reply(say("temporary_command", to)) if refused else await reply(typed, about)
    except InvalidInput as error:
        answer = Reply(say("invalid", to, why=error))
    except DataLayerError as error:
        logger.warning("no answer to /%s: %s", typed.name, error)
        answer = Reply(say("command_failed", to))
    finally:
        await progress.end()
    if answer.gone:  # a temporary conversation has its files from its messages
        asked.elements = [each for each in asked.elements or [] if each.id not in answer.gone]
    elements: list[Any] = [cl.Plotly(name="usage", figure=answer.figure, display="inline")] if answer.figure else []
    if answer.file:
        name, mime, content = answer.file
        elements.append(cl.File(name=name, mime=mime, content=content, display="inline"))
    shown = cl.Message(answer.text, elements=elements, metadata=of_command(typed.key), created_at=utc_now())
    with suppress(DataLayerError):  # the layer logs it
        await services.layer.create_step(shown.to_dict())  # before it is seen
    shown.persisted = True
    await shown.send()
    await attaching.bring(answer, shown, services.layer)
    if thread is not None and thread.name is None and not (is_temporary or answer.name):
        with suppress(DataLayerError):  # the layer logs it
            await services.layer.update_thread(thread.id, name=names.title(typed))
            answer = replace(answer, moved=True)
    if answer.name:
        await announce(answer.name)
    elif answer.opens:
        await cl.context.emitter.emit("open_thread", {"id": answer.opens})  # public/page/trash.js
    elif answer.moved:
        await list_anew()


def names_it(asked: cl.Message, thread: Thread) -> bool:
    """Whether the conversation has no name of its own yet, and is called after this question: it began with a
    command."""
    if not asked.content.strip() or thread.name is None:
        return bool(asked.content.strip())
    said = [message for message in chat_context.get() if message.type == "user_message" and message.id != asked.id]
    questions = [message for message in said if message.content.strip() and not is_command(message.metadata)]
    return names.is_title(thread.name) and not questions


async def _use(asked: cl.Message, services: Services) -> None:
    """Makes the conversation a hot session. A question that was edited into a command took its answers along."""
    known = await recall(services.memory, services.layer, conversation.asking(asked))
    stored = known.last and (await services.layer.health())["state"] == "ok"
    await services.memory.put(known.ticket, known.session if stored else None)
    if not known.last:
        await warm(services.memory, services.layer, known.ticket.user, known.ticket.thread_id)


def warm_up(thread: ThreadDict, services: Services) -> None:
    """Opens the conversation as a hot session, before its next question; the page does not wait for it."""
    user = owner(cl.context.session)

    async def heat() -> None:
        try:
            await warm(services.memory, services.layer, user, thread["id"])
        except DataLayerError as error:
            logger.info("%s is not hot: %s", thread["id"], error)

    _warming.add(task := asyncio.create_task(heat()))
    task.add_done_callback(_warming.discard)


_warming: set[asyncio.Task[None]] = set()
