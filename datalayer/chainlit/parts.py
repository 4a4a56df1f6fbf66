"""Threads that are read without their steps, or in part: for an app that shows a long one bit by bit."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from chainlit.data.base import BaseDataLayer
from chainlit.types import ThreadDict

from .. import text
from ..records import Element, Step, Thread
from ..store import Store
from ..versions import chosen_path
from ..views import NOTHING_MORE, More, Part, View, Wish
from . import events, shapes, sources
from .sessions import server_address

if TYPE_CHECKING:
    from chainlit.step import StepDict


class Parts(BaseDataLayer):
    store: Store
    tell_source: sources.Tell = staticmethod(sources.plain)
    """What is shown of a passage that an answer cites."""

    @staticmethod
    def without_steps() -> AbstractContextManager[None]:
        """In the block, ``get_thread`` returns threads without steps and elements. It always does where Chainlit looks
        only whose a thread is."""
        return events.without_steps()

    async def get_part(
        self,
        thread_id: str,
        view: View | None = None,
        wish: Wish = NOTHING_MORE,
        count: int = 100,
        hidden: str | None = None,
    ) -> "tuple[ThreadDict, list[StepDict], Part] | None":
        """As ``Store.part``: the thread with the steps from ``view.since`` on and all elements of the part, the steps
        further up, and what was read; None when there is no such thread."""
        thread_id = text.as_id(thread_id)
        if not text.is_identifier(thread_id):
            return None
        part = await self.store.part(thread_id, view, wish, count, hidden)
        if part is None:
            return None
        shown = shapes.whole(part.thread, part.steps, part.elements, server_address())
        return shown, shapes.steps_of(part.upper), part

    async def get_more(
        self, thread_id: str, view: View, wish: Wish, count: int = 100, hidden: str | None = None, most: int = 1000
    ) -> "tuple[ThreadDict, More] | None":
        """As ``Store.more``: the thread with the steps and elements that are shown besides, and what was read."""
        more = await self.store.more(thread_id, view, wish, count, hidden, most)
        return (shapes.whole(more.thread, more.steps, more.elements, server_address()), more) if more else None

    async def _whole(self, thread_id: str) -> tuple[Thread, list[Step], list[Element]] | None:
        if not events.is_without_steps():
            whole = await self.store.whole_thread(thread_id)
            return whole and _shown(*whole)
        found = await self.store.thread(thread_id)
        return (found, [], []) if found else None


def _shown(thread: Thread, steps: list[Step], elements: list[Element]) -> tuple[Thread, list[Step], list[Element]]:
    """Of a whole thread what is not aside."""
    chosen = chosen_path(steps)
    if len(chosen) == len(steps):
        return thread, steps, elements
    aside = {step.id for step in steps} - {step.id for step in chosen}
    return thread, chosen, [element for element in elements if element.for_id not in aside]
