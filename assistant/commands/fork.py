"""A conversation goes on in a copy of it, and stays as it is: ``/fork`` from its end, a button from any answer."""

from datalayer import Store, forks
from datalayer.records import Step
from datalayer.text import NAME_LENGTH
from datalayer.writes import Actor, ForkThread, author_id

from ..marks import is_command
from ..texts import Language, say
from .asked import Asked, Reply

_MESSAGES = ("user_message", "assistant_message")


class BeingWritten(Exception):
    """The answer is not whole yet."""


async def fork(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    store, to = asked.services.layer.store, asked.to
    write = await copy(store, asked.actor, asked.thread.id, to)
    if write is None:
        return Reply(say("fork_none", to))
    await store.submit(write)
    link = asked.link(write.thread_id, write.values["name"])
    return Reply(say("forked", to, link=link), moved=True, opens=write.thread_id)


async def copy(store: Store, actor: Actor, thread_id: str, to: Language, until: str | None = None) -> ForkThread | None:
    """The conversation up to the message ``until``, None: to its end. None where there is nothing of that, or it is
    somebody else's. Raises BeingWritten, DataLayerError."""
    whole = await store.whole_thread(thread_id)
    if whole is None or whole[0].user_id != author_id(actor):
        return None
    thread, steps, files = whole
    steps = said(steps if until is None else _up_to(steps, until))
    if not steps:
        return None
    if until is not None and steps[-1].id == until and steps[-1].status == "streaming":
        raise BeingWritten
    name = say("fork_name", to, name=(thread.name or say("untitled", to))[: NAME_LENGTH - 20])
    return forks.fork(actor, thread, steps, files, name, summary=await store.summary(thread_id))


def _up_to(steps: list[Step], until: str) -> list[Step]:
    return steps[: next((n for n, step in enumerate(steps, 1) if step.id == until and step.type in _MESSAGES), 0)]


def said(steps: list[Step]) -> list[Step]:
    """All up to the last message that is no command and no reply to one."""
    last = max(
        (n for n, step in enumerate(steps) if step.type in _MESSAGES and not is_command(step.metadata)), default=-1
    )
    return steps[: last + 1]
