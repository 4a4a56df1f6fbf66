"""A conversation goes on in a copy of it, and stays as it is: ``/fork`` from its end, from the third-last answer, or
from where words were said; a button from any message."""

import re

from datalayer import Store, forks
from datalayer.records import Element, Step, Thread
from datalayer.text import NAME_LENGTH
from datalayer.versions import chosen_path
from datalayer.writes import Actor, ForkThread, author_id

from ..marks import is_command
from ..texts import Language, say
from ..texts.markdown import escape
from .asked import Asked, Reply
from .told import beginning, says

_MESSAGES = ("user_message", "assistant_message")
_Whole = tuple[Thread, list[Step], list[Element]]


class BeingWritten(Exception):
    """The answer is not whole yet."""


async def fork(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    store, to, words = asked.services.layer.store, asked.to, asked.words.strip()
    whole = await _own(store, asked.actor, asked.thread.id)
    steps = said(chosen_path(whole[1])) if whole else []
    if whole is None or not steps:
        return Reply(say("fork_none", to))
    until = _meant(steps, words) if words else steps[-1]
    if until is None:
        count = len(_answers(steps))
        numbered = words.isdecimal() and not any(says(step.output, words) for step in _messages(steps))
        return Reply(say("fork_no_such", to, n=count) if numbered else say("fork_not_said", to, words=escape(words)))
    try:
        write = await _copied(store, asked.actor, whole, to, until.id if words else None)
    except BeingWritten:
        return Reply(say("fork_writing", to))
    if write is None:
        return Reply(say("fork_none", to))
    await store.submit(write)
    link = asked.link(write.thread_id, write.values["name"])
    told = say("forked_until", to, link=link, said=escape(beginning(until.output or ""))) if words else None
    return Reply(told or say("forked", to, link=link), moved=True, opens=write.thread_id)


def _meant(steps: list[Step], words: str) -> Step | None:
    """The last message of the copy: that many answers from the end, else the answer to what was last said so; None:
    there is none."""
    answers = _answers(steps)
    if re.fullmatch("[0-9]{1,9}", words) and 1 <= int(words) <= len(answers):
        return answers[-int(words)]
    messages = _messages(steps)
    place = max((n for n, step in enumerate(messages) if says(step.output, words)), default=None)
    if place is None:
        return None
    until = messages[place]
    for step in messages[place + 1 :] if until.type == "user_message" else ():
        if step.type == "user_message":
            break
        until = step
    return until


def _messages(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.type in _MESSAGES and not is_command(step.metadata)]


def _answers(steps: list[Step]) -> list[Step]:
    return [step for step in _messages(steps) if step.type == "assistant_message"]


async def copy(store: Store, actor: Actor, thread_id: str, to: Language, until: str | None = None) -> ForkThread | None:
    """The conversation up to the message ``until``, None: to its end. None where there is nothing of that, or it is
    somebody else's. Raises BeingWritten, DataLayerError."""
    whole = await _own(store, actor, thread_id)
    return await _copied(store, actor, whole, to, until) if whole else None


async def _own(store: Store, actor: Actor, thread_id: str) -> _Whole | None:
    whole = await store.whole_thread(thread_id)
    return whole if whole is not None and whole[0].user_id == author_id(actor) else None


async def _copied(store: Store, actor: Actor, whole: _Whole, to: Language, until: str | None) -> ForkThread | None:
    thread, steps, files = whole
    steps = said(steps if until is None else _up_to(steps, until))
    if not steps:
        return None
    if until is not None and steps[-1].id == until and steps[-1].status == "streaming":
        raise BeingWritten
    name = say("fork_name", to, name=(thread.name or say("untitled", to))[: NAME_LENGTH - 20])
    return forks.fork(actor, thread, steps, files, name, summary=await store.summary(thread.id))


def _up_to(steps: list[Step], until: str) -> list[Step]:
    return steps[: next((n for n, step in enumerate(steps, 1) if step.id == until and step.type in _MESSAGES), 0)]


def said(steps: list[Step]) -> list[Step]:
    """All up to the last message that is no command and no reply to one."""
    last = max(
        (n for n, step in enumerate(steps) if step.type in _MESSAGES and not is_command(step.metadata)), default=-1
    )
    return steps[: last + 1]
