"""A command at the screen: recognised, marked as none of the model's business, answered and stored like any message."""

import asyncio
import logging

import chainlit as cl
from chainlit.types import ThreadDict

from datalayer import DataLayerError, InvalidInput, StoreUnavailable
from datalayer.records import Thread

from . import commands, conversation
from .afterwards import Parts, announce
from .answering import root_path
from .history import warm
from .memory import Limits
from .replies import Asked, Reply, reply
from .screen import session_language
from .settings import Settings
from .texts import say

logger = logging.getLogger("assistant")
MARK = "command"
"""In the metadata of a command and of its reply: no model is shown them (``history.tells``)."""


async def offer() -> None:
    """Fills Chainlit's menu of commands, in the language of the page."""
    await cl.context.emitter.set_commands(commands.menu(session_language()))


async def recognise(asked: cl.Message) -> commands.Typed | None:
    """The command that the message is; None: a question. The stored message says which."""
    typed = commands.recognise(asked.content, asked.command)
    marks = dict(asked.metadata or {})
    if typed is not None:
        marks[MARK] = typed.command.key if typed.command else typed.name
        if not asked.content:  # picked from the menu, without a word: it must show and be called something
            asked.content = f"/{typed.name}"
    elif marks.pop(MARK, None) is None:
        return None  # else a command that was edited into a question
    asked.metadata = marks
    await asked.update()
    return typed


async def run(
    typed: commands.Typed, asked: cl.Message, thread: Thread | None, settings: Settings, parts: Parts, limits: Limits
) -> None:
    """Answers the command. It is a use of the conversation: its session is hot afterwards."""
    session, to = cl.context.session, session_language()
    user = conversation.owner(session)
    identifier = session.user.identifier if session.user else None
    try:
        if thread is None:  # it waits in the spool
            raise StoreUnavailable("the conversation is not stored yet")
        if conversation.is_old(asked):
            await parts.memory.drop(user, thread.id)  # an edited question took its answers along
        await warm(parts.memory, parts.layer, user, thread.id, thread.metadata)
        about = (parts, limits, user, identifier, thread, settings, asked.id, typed.words, to, root_path())
        answer = await reply(typed, Asked(*about))
    except InvalidInput as error:
        answer = Reply(say("invalid", to, why=error))
    except DataLayerError as error:
        logger.warning("no answer to /%s: %s", typed.name, error)
        answer = Reply(say("command_failed", to))
    await cl.Message(answer.text, elements=list(answer.elements), metadata={MARK: typed.name}).send()
    if name := answer.name:
        await announce(name)


def warm_up(thread: ThreadDict, parts: Parts) -> None:
    """Opens the conversation as a hot session, before its next question; the page does not wait for it."""
    user = conversation.owner(cl.context.session)

    async def heat() -> None:
        try:
            await warm(parts.memory, parts.layer, user, thread["id"], thread["metadata"] or {})
        except DataLayerError as error:
            logger.info("%s is not hot: %s", thread["id"], error)

    _warming.add(task := asyncio.create_task(heat()))
    task.add_done_callback(_warming.discard)


_warming: set[asyncio.Task[None]] = set()
