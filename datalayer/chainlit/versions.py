"""Versions of a question in any app: what an edit or another answer replaces is kept, and brought back.

Always true: Chainlit is shown the chosen version alone, whichever there are. What an app removes by itself is removed:
a placeholder or a redaction is no version of anything. An app that answers a question again says so (``put_aside``).
"""

from collections.abc import Awaitable, Collection
from dataclasses import replace
from typing import Any

from chainlit.chat_context import chat_context, chat_contexts
from chainlit.context import context
from chainlit.data.base import BaseDataLayer
from chainlit.message import Message

from ..errors import NotFound
from ..records import now
from ..store import Store
from ..text import identifier
from ..versions import Version, versions_of
from ..writes import ChooseVersion, UpsertStep, Write
from . import actor
from .calls import both


class Versions(BaseDataLayer):
    store: Store
    _keeps_versions: bool

    async def put_aside(self, question: Message, keeps: Collection[str] = ()) -> None:
        """Makes all that follows ``question`` a version of it and takes it off the screen, for an app that answers
        again: instead of removing the old answer. ``keeps``: ids of steps that are the new answer's already. Within a
        session. Raises NotFound, DataLayerError: all is as it was."""
        known = chat_context.get()
        place = next((n for n, message in enumerate(known) if message.id == question.id), len(known))
        old = [message for message in known[place + 1 :] if message.id not in keeps]
        done = await self._choose(question.id, keeps=sorted(keeps))
        for message in old:
            chat_context.remove(message)
        for key in dict.fromkeys([*(done.gone if done else ()), *(message.id for message in old)]):
            await context.emitter.delete_step({"id": key})

    async def versions(self, thread_id: str, question_id: str) -> list[Version]:
        """All versions of the question, the first one first; none where it has only one. Checks nobody, as all reads.
        Raises DataLayerError."""
        whole = await self.store.whole_thread(identifier(thread_id, "thread"))
        return versions_of(whole[1], question_id) if whole else []

    async def choose_version(self, question_id: str, number: int) -> None:
        """Shows another version of a question of this session's thread, with all that followed in it. Raises NotFound,
        DataLayerError: all is as it was."""
        await self._choose(question_id, version=number)
        thread = await self.get_thread(context.session.thread_id)
        if thread is None:
            raise NotFound("There is no such conversation")
        messages = [Message.from_dict(step) for step in thread["steps"] if "message" in step["type"]]
        chat_contexts[context.session.id] = messages
        await context.emitter.resume_thread(thread)

    async def _choose(self, question_id: str, **given: Any) -> Any:
        thread_id, key = context.session.thread_id, identifier(question_id, "step")
        who = actor.current(thread_id)
        return await self._submit(ChooseVersion(actor=who, thread_id=thread_id, id=key, at=now(), **given))

    def _edited(self, write: UpsertStep) -> Awaitable[None]:
        """A person's edit. Of a question, what was shown after it goes aside before the new text comes, or goes."""
        if not self._keeps_versions or write.values.get("type") != "user_message":
            return self._submit(replace(write, edit=True))
        where: dict[str, Any] = {"actor": write.actor, "thread_id": write.thread_id, "id": write.id, "at": write.at}
        aside = self._submit(ChooseVersion(**where, text=write.values.get("output")))
        return both(aside, self._submit(write))

    def _submit(self, write: Write) -> Awaitable[Any]:
        raise NotImplementedError
