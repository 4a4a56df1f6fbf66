"""``/fork``: goes on from here in a conversation of its own, and leaves this one as it is."""

from datalayer import forks
from datalayer.records import Step
from datalayer.text import NAME_LENGTH

from ..marks import is_command
from ..texts import say
from .asked import Asked, Reply

_MESSAGES = ("user_message", "assistant_message")


async def fork(asked: Asked) -> Reply:
    """Raises DataLayerError."""
    store, to = asked.services.layer.store, asked.to
    whole = await store.whole_thread(asked.thread.id)
    steps = said(whole[1]) if whole else []
    if whole is None or not steps:
        return Reply(say("fork_none", to))
    thread, _, files = whole
    name = say("fork_name", to, name=(thread.name or say("untitled", to))[: NAME_LENGTH - 20])
    write = forks.fork(asked.actor, thread, steps, files, name, summary=await store.summary(thread.id))
    await store.submit(write)
    return Reply(say("forked", to, link=asked.link(write.thread_id, name)), moved=True, opens=write.thread_id)


def said(steps: list[Step]) -> list[Step]:
    """All up to the last message that is no command and no reply to one."""
    last = max(
        (n for n, step in enumerate(steps) if step.type in _MESSAGES and not is_command(step.metadata)), default=-1
    )
    return steps[: last + 1]
