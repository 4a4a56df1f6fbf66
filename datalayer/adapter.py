"""Chainlit's calls and dicts on one side, writes and rows on the other.

Chainlit starts most of these methods as tasks that nobody awaits, so each submits its write when it is called (I1).
Writes of a session without a user message yet are held back in order, as Chainlit's own ``queue_until_user_message``
does, except that they are not regrouped by method when they are let go.
"""

import sys
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from chainlit.auth import require_login
from chainlit.context import context_var, local_steps
from chainlit.data.base import BaseDataLayer
from chainlit.session import BaseSession, WebsocketSession
from chainlit.types import Feedback, PageInfo, PaginatedResponse, Pagination, ThreadDict, ThreadFilter
from chainlit.user import PersistedUser, User

from . import shapes, text
from .backup import check
from .engine import parse_url
from .errors import DataLayerError, InvalidInput
from .files import mount
from .place import Place
from .records import now, to_iso, vote_id
from .store import Store
from .writes import (
    DeleteElement,
    DeleteFeedback,
    DeleteStep,
    DeleteThread,
    NameSource,
    UpdateThread,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    UpsertUser,
    Write,
)

if TYPE_CHECKING:
    from chainlit.element import Element, ElementDict
    from chainlit.step import StepDict

P = ParamSpec("P")
T = TypeVar("T")
_NOT_GIVEN: Any = object()
_asking: ContextVar[str | None] = ContextVar("datalayer_asking", default=None)


def _at_call(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Runs ``method`` when it is called, not when the task that Chainlit makes of it comes to run: that is the order in
    which Chainlit meant the calls, and the context (session, run) they were made in. Its errors come when awaited."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        try:
            return _answer(method(*args, **kwargs))
        except DataLayerError as error:
            return _raise(error)

    return call


async def _answer(answer: Awaitable[T]) -> T:
    return await answer


async def _then(done: Awaitable[Any], answer: T) -> T:
    await done
    return answer


async def _raise(error: DataLayerError) -> NoReturn:
    raise error


class DataLayer(BaseDataLayer):
    """Chainlit's persistence in ``url`` (sqlite+aiosqlite:///path) and ``files`` (a folder; None: beside the database).

    ``spool``, ``backups``: folders of the writes that the database refuses and of its backups, on another disk at best;
    None: beside the database.
    ``author_required``: whether a thread needs a user; None: where Chainlit requires a login.

    The constructor opens nothing; the first call does. Every method raises a ``datalayer.errors`` type when its change
    or answer cannot be had; a mutator that returns has made its change durable. The mutators also work outside a
    Chainlit session, where they act for the application itself.
    """

    def __init__(
        self,
        url: str,
        files: str | Path | None = None,
        author_required: bool | None = None,
        spool: str | Path | None = None,
        backups: str | Path | None = None,
    ) -> None:
        self.store = Store(url, files, spool, backups)
        self.on_unvote: Callable[[str, str], Awaitable[None]] = _nothing
        self.on_delete: Callable[[str | None, str], Awaitable[None]] = _nothing
        """Told thread and step of a vote that was taken back; who has deleted which thread. Chainlit tells nobody."""
        self._author_required = author_required
        self._held: WeakKeyDictionary[BaseSession, list[tuple[Write, bytes | Path | None]]] = WeakKeyDictionary()
        self._loaded: WeakKeyDictionary[BaseSession, dict[str, Any]] = WeakKeyDictionary()
        mount(self.store)

    # Life

    @staticmethod
    def place(
        url: str,
        files: str | Path | None = None,
        spool: str | Path | None = None,
        backups: str | Path | None = None,
    ) -> Place:
        """Where a DataLayer with these arguments keeps its parts. Raises InvalidInput."""
        return Place.beside(Path(str(parse_url(url).database)), files, spool, backups)

    @staticmethod
    def check(place: Place) -> None:
        """Reads the whole database before it is opened, and raises what is wrong: for a clear word at start. Blocks.

        Changes nothing, but for a restore that was cut off, which it completes.
        """
        check(place)

    async def drain(self) -> None:
        """Returns when every accepted write is durable or has failed loudly."""
        await self.store.drain()

    async def health(self) -> dict[str, Any]:
        """{"state": "ok" | "degraded" (writes wait in the spool), "pending": writes not in the database yet}"""
        return await self.store.health()

    async def close(self) -> None:
        """Drains, then closes. Chainlit calls it at shutdown."""
        await self.store.close()

    async def build_debug_url(self) -> str:
        return ""

    # Who asks

    def _actor(self) -> str | None:
        session = _session()
        if session is None:
            return _asking.get()
        return session.user.identifier if session.user else None

    def _anonymous(self) -> bool:
        required = require_login() if self._author_required is None else self._author_required
        return not required

    def _submit(self, write: Write, source: bytes | Path | None = None) -> Awaitable[Any]:
        session = _session()
        if not isinstance(session, WebsocketSession):
            return self.store.submit(write, source)
        if not session.has_first_interaction:
            self._held.setdefault(session, []).append((write, source))
            return _nothing()
        for earlier in self._held.pop(session, []):
            self.store.submit(*earlier)
        return self.store.submit(write, source)

    # Users

    async def get_user(self, identifier: str) -> PersistedUser | None:
        if _in_server() and _session() is None:
            _asking.set(identifier)  # Chainlit's auth asks first in each request, in the task that goes on to act
        found = await self.store.user(text.clean(identifier))
        if found is None:
            return None
        created = to_iso(found.created_at) or ""
        return PersistedUser(id=found.id, createdAt=created, identifier=found.identifier, metadata=found.metadata)

    async def create_user(self, user: User) -> PersistedUser | None:
        name = text.clean(user.identifier)
        if not name:
            raise InvalidInput("A user needs an identifier")
        metadata = text.clean_dict(user.metadata, "metadata") or {}
        await self.store.submit(UpsertUser(identifier=name, metadata=metadata, at=now()))
        return await self.get_user(name)

    # Threads

    async def get_thread_author(self, thread_id: str) -> str:
        """The author's identifier; "" without such a thread or author, which Chainlit answers with 404."""
        found = await self.store.thread(thread_id) if text.is_identifier(thread_id) else None
        return (found.user_identifier or "") if found else ""

    async def get_thread(self, thread_id: str) -> ThreadDict | None:
        """The thread with its steps (oldest first) and elements; None when there is none."""
        rows = await self.store.thread_rows(thread_id) if text.is_identifier(thread_id) else None
        if rows is None:
            _start_afresh(thread_id)
            return None
        found, steps, elements = rows
        if (session := _session()) is not None and session.thread_id == thread_id:
            self._loaded.setdefault(session, deepcopy(found.metadata))  # Chainlit gives the session the first one
        shown = shapes.thread(found, found.created_at)
        shown["steps"] = shapes.steps_of(thread_id, steps)
        shown["elements"] = [shapes.element(row) for row in elements]
        return shown

    async def list_threads(self, pagination: Pagination, filters: ThreadFilter) -> PaginatedResponse[ThreadDict]:
        """A page of the user's threads without steps, last activity first; ``createdAt`` is the last activity, by which
        the sidebar groups. ``endCursor`` is opaque. Raises InvalidInput."""
        if not filters.userId:
            raise InvalidInput("A list of conversations needs a user")
        page = await self.store.threads(
            filters.userId, pagination.first, pagination.cursor, filters.search, filters.feedback
        )
        listed = [shapes.thread(thread, thread.last_activity_at) for thread in page.threads]
        start = listed[0]["id"] if listed else None
        return PaginatedResponse(PageInfo(page.next is not None, start, page.next), listed)

    @_at_call
    def update_thread(
        self,
        thread_id: str,
        name: str | None = None,
        user_id: str | None = _NOT_GIVEN,
        metadata: dict[str, Any] | None = None,
        tags: list[str] | None = None,
    ) -> Awaitable[None]:
        """None leaves what is stored; ``metadata`` is merged key by key.

        Chainlit names a thread after its whole first message, in the one call that also tells the user: that name is
        cut to a title and never replaces another. A name from an HTTP request or a job is a person's, and final.
        """
        session = _session()
        source: NameSource = "user" if session is None else "model" if user_id is _NOT_GIVEN else "first_message"
        if name is not None:
            name = text.clean(name)
            name = text.title(name) if source == "first_message" else text.thread_name(name)
        return self._submit(
            UpdateThread(
                actor=self._actor(),
                thread_id=text.identifier(thread_id, "thread"),
                at=now(),
                user_id=None if user_id is _NOT_GIVEN else user_id,
                name=name,
                name_source=source,
                metadata=self._changed(session, text.clean_dict(metadata, "metadata")),
                tags=text.clean(tags, "tags"),
                anonymous=self._anonymous(),
            )
        )

    def _changed(self, session: BaseSession | None, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
        """``metadata`` without what the session merely still holds from when it loaded the thread: at disconnect
        Chainlit writes all of it back, which would undo what another tab has changed since."""
        if session is None or metadata is None:
            return metadata
        loaded = self._loaded.get(session, {})
        changed = {k: v for k, v in metadata.items() if k not in loaded or loaded[k] != v}
        self._loaded[session] = {**loaded, **changed}
        return changed

    @_at_call
    def delete_thread(self, thread_id: str) -> Awaitable[None]:
        write = DeleteThread(actor=self._actor(), thread_id=text.identifier(thread_id, "thread"), at=now())
        return self._deleted(self._submit(write), write)

    async def _deleted(self, done: Awaitable[None], write: DeleteThread) -> None:
        await done
        await self.on_delete(write.actor, write.thread_id)

    # Steps

    @_at_call
    def create_step(self, step_dict: "StepDict") -> Awaitable[None]:
        return self._submit(self._step(step_dict))

    @_at_call
    def update_step(self, step_dict: "StepDict") -> Awaitable[None]:
        """As ``create_step``. A changed text of a user message takes the answers to the old one along, unless the
        call comes from within an answer: then the app rewrites what it answers."""
        return self._submit(replace(self._step(step_dict), edit=not local_steps.get()))

    def _step(self, step_dict: "StepDict") -> UpsertStep:
        values = shapes.step_values(step_dict)
        if "status" in values:
            values["instance"] = self.store.instance if values["status"] == "streaming" else None
        return UpsertStep(
            actor=self._actor(),
            thread_id=text.identifier(step_dict.get("threadId"), "step's thread"),
            id=text.identifier(step_dict.get("id"), "step"),
            at=now(),
            values=values,
            anonymous=self._anonymous(),
        )

    @_at_call
    def delete_step(self, step_id: str) -> Awaitable[None]:
        thread_id = session.thread_id if (session := _session()) else None
        return self._submit(
            DeleteStep(actor=self._actor(), thread_id=thread_id, id=text.identifier(step_id, "step"), at=now())
        )

    @_at_call
    def set_step_favorite(self, step_dict: "StepDict", favorite: bool) -> "Awaitable[StepDict]":
        """Changes nothing but the mark: the rest of what a browser's session holds of the step may be out of date."""
        step_dict["metadata"] = {**(step_dict.get("metadata") or {}), "favorite": favorite}
        marked: StepDict = {key: step_dict[key] for key in ("id", "threadId", "metadata")}  # type: ignore
        return _then(self._submit(self._step(marked)), step_dict)

    async def get_favorite_steps(self, user_id: str) -> "list[StepDict]":
        """Newest first."""
        return [shapes.step(row.thread_id, row[:-1]) for row in await self.store.favorite_steps(user_id)]

    # Feedback

    async def upsert_feedback(self, feedback: Feedback) -> str:
        """The vote's id. One vote per step and user: a second one replaces the first. Raises NotFound."""
        if feedback.value not in (0, 1):
            raise InvalidInput("A vote is 0 or 1")
        actor, step_id = self._actor(), text.identifier(feedback.forId, "step")
        write = UpsertFeedback(
            actor=actor,
            thread_id=feedback.threadId,
            id=vote_id(step_id, actor),
            step_id=step_id,
            at=now(),
            value=feedback.value,
            comment=text.clean(feedback.comment),
        )
        feedback.id = str(await self.store.submit(write))
        return feedback.id

    async def delete_feedback(self, feedback_id: str) -> bool:
        """Whether there was such a vote of the user who asks."""
        write = DeleteFeedback(actor=self._actor(), id=text.identifier(feedback_id, "vote"), at=now())
        place = None
        with suppress(DataLayerError):  # what the database cannot tell now is taken back all the same
            place = await self.store.vote(write.id)
        done = bool(await self.store.submit(write))
        if place and done:
            await self.on_unvote(*place)
        return done

    # Elements

    @_at_call
    def create_element(self, element: "Element") -> Awaitable[None]:
        """Stores the element and its content: ``path`` or ``content`` as a blob, a remote ``url`` as it is."""
        session = _session()
        write = UpsertElement(
            actor=self._actor(),
            thread_id=text.identifier(element.thread_id or (session and session.thread_id), "element's thread"),
            id=text.identifier(element.id, "element"),
            at=now(),
            values=shapes.element_values(element.to_dict()),
            anonymous=self._anonymous(),
        )
        return self._submit(write, shapes.content(element))

    async def get_element(self, thread_id: str, element_id: str) -> "ElementDict | None":
        known = text.is_identifier(thread_id) and text.is_identifier(element_id)
        row = await self.store.element(thread_id, element_id) if known else None
        return shapes.element(row) if row else None

    @_at_call
    def delete_element(self, element_id: str, thread_id: str | None = None) -> Awaitable[None]:
        return self._submit(
            DeleteElement(
                actor=self._actor(), thread_id=thread_id or None, id=text.identifier(element_id, "element"), at=now()
            )
        )


async def _nothing(*_: Any) -> None:
    """The answer to a write that is held back."""


def _session() -> BaseSession | None:
    context = context_var.get(None)
    return context.session if context is not None else None


def _start_afresh(thread_id: str) -> None:
    """A session that could not resume goes on under the id it asked for, which may be anything, or a deleted thread's,
    whose writes are discarded. It gets an id of its own before it writes."""
    session = _session()
    if session is not None and session.thread_id_to_resume == thread_id and not session.has_first_interaction:
        session.thread_id_to_resume, session.thread_id = None, str(uuid.uuid4())


def _in_server() -> bool:
    """Whether this process serves Chainlit, rather than a script that only uses its data layer."""
    return "chainlit.server" in sys.modules
