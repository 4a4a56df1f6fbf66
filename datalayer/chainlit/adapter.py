"""Chainlit's calls and dicts on one side, writes and rows on the other.

Chainlit starts most of these methods as tasks that nobody awaits, so each submits its write when it is called (I1), and
finds then who acts (``actor.py``).
"""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainlit.auth import require_login
from chainlit.session import BaseSession, WebsocketSession
from chainlit.types import Feedback, PaginatedResponse, Pagination, ThreadDict, ThreadFilter
from chainlit.user import PersistedUser, User

from .. import text
from ..backup import check
from ..embeddings import Embeddings
from ..errors import DataLayerError, InvalidInput, NotFound
from ..place import Place
from ..records import Thread, now, to_iso, vote_id
from ..retention import Retention
from ..store import Store
from ..writes import (
    Actor,
    DeleteElement,
    DeleteFeedback,
    DeleteStep,
    DeleteThread,
    TrashThread,
    UpdateThread,
    UpsertElement,
    UpsertFeedback,
    UpsertStep,
    UpsertUser,
    Write,
)
from . import actor, events, shapes
from .actor import session_here
from .calls import at_call, tell_if, then
from .listing import list_threads
from .meant import NOT_GIVEN, name_source, thread_of, timing
from .parts import Parts
from .routes import mount
from .sessions import Sessions, asks_for, begin_under, is_own, is_uuid, nothing, server_address
from .temporary import Temporary
from .versions import Versions

if TYPE_CHECKING:
    from chainlit.element import Element, ElementDict
    from chainlit.step import StepDict


actor.watch()
events.listen()


class DataLayer(Parts, Versions):
    """Chainlit's persistence in ``url`` (sqlite+aiosqlite:///path, or a server's: postgresql+asyncpg://…,
    mysql+asyncmy://…) and ``files`` (a folder, or s3://bucket/prefix; None: a folder beside the database).

    ``spool``, ``backups``: folders of the writes that the database refuses and of its backups, on another disk at best;
    None: beside the database.
    ``author_required``: whether a thread needs a user. None: in a websocket session, where Chainlit requires a login;
    what jobs, webhooks and channels begin may be without.
    ``trash_days``: for so long a deleted thread is in the trash (``store.trash``, ``RestoreThread``); 0: it is gone at
    once.
    ``embeddings``: a model by which messages are found by their meaning, too; None: by their words alone.
    ``retention``: what need not be kept for ever (``retention.py``); None: all is.
    ``temporary``: names of chat profiles; of what is said under one of them nothing is kept (``temporary.py``).
    ``versions``: whether what a person's edit of a question replaces is kept as a version of it (``versions.py``);
    else it is deleted, as in Chainlit's own layers.
    ``mirror``: a folder in which each stored write is copied as JSON, while an app moves here from a store of JSON
    (``mirror.py``); None: none.

    The constructor opens nothing; the first call does. Every method raises a ``datalayer.errors`` type when its change
    or answer cannot be had; a mutator that returns has made its change durable.

    Who acts: the user of the Chainlit session; without a session, the user whom Chainlit has authenticated in the HTTP
    request; ``acting_as`` goes before both. The application itself acts where there is neither (jobs at start,
    background tasks, imports), in an HTTP context that was opened without a user, and in channels of Slack, Discord and
    Teams; it may change anybody's threads. In an HTTP request that nobody has signed in to, a change raises Forbidden
    where Chainlit requires a login. Reads check nobody: Chainlit asks ``get_thread_author`` first.
    """

    def __init__(
        self,
        url: str,
        files: str | Path | None = None,
        author_required: bool | None = None,
        spool: str | Path | None = None,
        backups: str | Path | None = None,
        trash_days: int = 0,
        embeddings: Embeddings | None = None,
        retention: Retention | None = None,
        temporary: Collection[str] = (),
        versions: bool = False,
        mirror: str | Path | None = None,
    ) -> None:
        self._keeps_versions = versions
        self._temporary = Temporary(temporary)
        store = partial(Store, url, files, spool, backups, trash_days=trash_days, retention=retention)
        self.store = store(embeddings=embeddings, kept=self._temporary.kept, mirror=mirror)
        self.has_trash = trash_days > 0
        self.on_unvote: Callable[[str, str], Awaitable[None]] = nothing
        self.on_delete: Callable[[Actor, str], Awaitable[None]] = nothing
        self.on_restore: Callable[[str], Awaitable[None]] = nothing
        """Told thread and step of a vote that was taken back; who has deleted which thread; which one a new message has
        taken out of the trash. Chainlit tells nobody."""
        self._author_required = author_required
        self._sessions = Sessions(self.store.submit)
        events.listen()
        mount(self.store, self.get_thread, lambda: self.tell_source)

    # Life

    @staticmethod
    def place(
        url: str,
        files: str | Path | None = None,
        spool: str | Path | None = None,
        backups: str | Path | None = None,
    ) -> Place:
        """Where a DataLayer with these arguments keeps its parts. Raises InvalidInput."""
        return Place.of(url, files, spool, backups)

    @staticmethod
    def check(place: Place) -> None:
        """Reads the whole database before it is opened, or asks its server, and raises what is wrong: for a clear word
        at start. Blocks.

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

    # Who acts

    @staticmethod
    def acting_as(identifier: Actor) -> AbstractContextManager[None]:
        """Whoever calls the layer in the block, and in tasks that begin in it, is this user: for an app's own routes,
        which sign people in by themselves. ``datalayer.APPLICATION`` is the app itself. Raises InvalidInput as
        ``create_user``.
        """
        return actor.acting_as(identifier)

    def is_temporary(self, session: BaseSession | None = None) -> bool:
        """Whether nothing of what is said in ``session`` is kept; None: the one of this task."""
        return self._temporary.is_session(session or session_here())

    def _anonymous(self) -> bool:
        if self._author_required is not None:
            return not self._author_required
        return not (isinstance(session_here(), WebsocketSession) and require_login())

    def _submit(self, write: Write, source: bytes | Path | None = None) -> Awaitable[Any]:
        return self._sessions.submit(write, source)

    # Users

    async def get_user(self, identifier: str) -> PersistedUser | None:
        """Only looks: who acts stays who it was. Raises InvalidInput for what ``create_user`` refuses."""
        found = await self.store.user(text.user_name(identifier))
        if found is None:
            return None
        created = to_iso(found.created_at) or ""
        return PersistedUser(id=found.id, createdAt=created, identifier=found.identifier, metadata=found.metadata)

    async def create_user(self, user: User) -> PersistedUser | None:
        """``metadata`` takes the place of what is stored. Anybody may be registered by anybody: Chainlit does it at a
        sign-in, before it is known who acts. Raises InvalidInput for an identifier that is empty or that not every
        database takes as it is (NUL, lone surrogates)."""
        name = text.user_name(user.identifier)
        metadata = text.clean_dict(user.metadata, "metadata") or {}
        await self.store.submit(UpsertUser(identifier=name, metadata=metadata, at=now()))
        return await self.get_user(name)

    # Threads

    async def get_thread_author(self, thread_id: str) -> str:
        """The author's identifier; "" without such a thread or author, which Chainlit answers with 404."""
        thread_id = text.as_id(thread_id)
        found = await self.store.thread(thread_id) if text.is_identifier(thread_id) else None
        return (found.user_identifier or "") if found else ""

    async def get_thread(self, thread_id: str) -> ThreadDict | None:
        """The thread with its steps (oldest first) and elements, without what is aside; None when there is none."""
        thread_id = text.as_id(thread_id)
        whole = await self._whole(thread_id) if text.is_identifier(thread_id) else None
        if asks_for(thread_id):
            kept = await self._may_go_on(thread_id, whole and whole[0])
            if whole is None or not kept:
                begin_under(thread_id if kept else str(uuid.uuid4()))
        if whole is None:
            return None
        self._sessions.load(whole[0])
        return shapes.whole(*whole, server_address())

    async def _may_go_on(self, thread_id: str, found: Thread | None) -> bool:
        """Whether a session may keep the thread id that its client has chosen: its own, or one that nobody has used.
        Under another's, a deleted or an odd one, what it writes would be refused or discarded."""
        if found is not None:
            return is_own(found)
        return is_uuid(thread_id) and not await self.store.was_deleted(thread_id)

    async def list_threads(self, pagination: Pagination, filters: ThreadFilter) -> PaginatedResponse[ThreadDict]:
        """A page of the user's threads without steps, the pinned ones first, then last activity; archived ones are not
        listed. ``createdAt`` is the last activity, by which the sidebar groups. Of a search (``search.query``), newest
        hit first: ``createdAt`` is the hit's, ``name`` shows it, and ``hit`` tells more (``shapes.found``).
        ``endCursor`` is opaque. Raises InvalidInput."""
        return await list_threads(self.store, pagination, filters)

    @at_call
    def update_thread(
        self,
        thread_id: str,
        name: str | None = None,
        user_id: str | None = NOT_GIVEN,
        metadata: dict[str, Any] | None = None,
        tags: list[str] | None = None,
    ) -> Awaitable[None]:
        """None leaves what is stored; ``metadata`` is merged key by key, and a key given as None is removed.

        Chainlit names a thread after its whole first message: that name is cut to a title and never replaces another.
        A name that an app gives in a session replaces such a title, one from an HTTP request or a job is a person's,
        and final. The author is whom ``user_id`` names first.
        """
        thread_id, source = text.identifier(thread_id, "thread"), name_source(name, user_id, metadata)
        if name is not None:
            name = text.clean(str(name))
            name = text.title(name) if source == "first_message" else text.thread_name(name)
        return self._submit(
            UpdateThread(
                actor=actor.current(thread_id),
                thread_id=thread_id,
                at=now(),
                user_id=None if user_id is NOT_GIVEN else user_id,
                name=name,
                name_source=source,
                metadata=self._sessions.changed(text.clean_dict(metadata, "metadata")),
                tags=text.clean(tags, "tags"),
                anonymous=self._anonymous(),
                yields=actor.is_channel(session_here()),
                kind="channel" if actor.is_channel(session_here()) else None,
            )
        )

    @at_call
    def delete_thread(self, thread_id: str) -> Awaitable[None]:
        thread_id = text.identifier(thread_id, "thread")
        kind = TrashThread if self.has_trash else DeleteThread
        write = kind(actor=actor.current(thread_id), thread_id=thread_id, at=now())
        return self._deleted(self._submit(write), write.actor, thread_id)

    async def _deleted(self, done: Awaitable[None], who: Actor, thread_id: str) -> None:
        await done
        await self.on_delete(who, thread_id)

    # Steps

    @at_call
    def create_step(self, step_dict: "StepDict") -> Awaitable[None]:
        write = self._step(step_dict)
        return tell_if(self._submit(write), self.on_restore, write.thread_id)

    @at_call
    def update_step(self, step_dict: "StepDict") -> Awaitable[None]:
        """As ``create_step``. When a person edits a message, what answered the old text goes, or becomes a version;
        when the app changes it, nothing else does."""
        write = self._step(step_dict)
        return self._edited(write) if events.is_edit(write.id) else self._submit(write)

    def _step(self, step_dict: "StepDict") -> UpsertStep:
        values = shapes.step_values(step_dict)
        if "status" in values:
            values["instance"] = self.store.instance if values["status"] == "streaming" else None
        thread_id = thread_of(step_dict.get("threadId"), "step's thread")
        return UpsertStep(
            actor=actor.current(thread_id),
            thread_id=thread_id,
            id=text.identifier(step_dict.get("id"), "step"),
            at=now(),
            values=values,
            anonymous=self._anonymous(),
            timing=timing(values),
        )

    async def get_step(self, step_id: str) -> "StepDict | None":
        """A step of any thread, with its author's vote."""
        step_id = text.as_id(step_id)
        found = await self.store.step(step_id) if text.is_identifier(step_id) else None
        return shapes.step(found) if found else None

    @at_call
    def delete_step(self, step_id: str) -> Awaitable[None]:
        """Wherever it is: Chainlit names no thread. What an edit has put aside stays there."""
        if self._keeps_versions and events.is_replaced(step_id):
            return nothing()
        session = session_here()
        return self._submit(
            DeleteStep(
                actor=actor.current(session.thread_id if session else None),
                thread_id=session.thread_id if session else None,
                id=text.identifier(step_id, "step"),
                at=now(),
                anywhere=True,
            )
        )

    @at_call
    def set_step_favorite(self, step_dict: "StepDict", favorite: bool) -> "Awaitable[StepDict]":
        """Changes nothing but the mark: the rest of what a browser's session holds of the step may be out of date."""
        step_dict["metadata"] = {**(step_dict.get("metadata") or {}), "favorite": favorite}
        marked: StepDict = {key: step_dict.get(key) for key in ("id", "threadId", "metadata")}  # type: ignore
        return then(self._submit(self._step(marked)), step_dict)

    async def get_favorite_steps(self, user_id: str) -> "list[StepDict]":
        """Newest first."""
        return [shapes.step(found) for found in await self.store.favorite_steps(user_id)]

    # Feedback

    async def upsert_feedback(self, feedback: Feedback) -> str:
        """The vote's id. One vote per step and user: a second one replaces the first. Raises NotFound."""
        if feedback.value not in (0, 1):
            raise InvalidInput("A vote is 0 or 1")
        if self._temporary.is_thread(feedback.threadId):
            raise NotFound("This conversation is temporary: no vote on it is kept")
        who, step_id = actor.current(feedback.threadId), text.identifier(feedback.forId, "step")
        write = UpsertFeedback(
            actor=who,
            thread_id=feedback.threadId or None,
            id=vote_id(step_id, who if isinstance(who, str) else None),
            step_id=step_id,
            at=now(),
            value=feedback.value,
            comment=text.clean(feedback.comment),
        )
        feedback.id = str(await self.store.submit(write))
        return feedback.id

    async def delete_feedback(self, feedback_id: str) -> bool:
        """Whether there was such a vote of the user who asks."""
        key, place = text.identifier(feedback_id, "vote"), None
        with suppress(DataLayerError):  # what the database cannot tell now is taken back all the same
            place = await self.store.vote(key)
        thread_id = place[0] if place else None
        write = DeleteFeedback(actor=actor.current(), thread_id=thread_id, id=key, at=now())
        done = bool(await self.store.submit(write))
        if place and done:
            await self.on_unvote(*place)
        return done

    # Elements

    @at_call
    def create_element(self, element: "Element") -> Awaitable[None]:
        """Stores the element and its content: ``path`` or ``content`` as a blob, a remote ``url`` as it is."""
        given: Any = element if isinstance(element, Mapping) else element.to_dict()
        thread_id = thread_of(given.get("threadId"), "element's thread")
        write = UpsertElement(
            actor=actor.current(thread_id),
            thread_id=thread_id,
            id=text.identifier(given.get("id"), "element"),
            at=now(),
            values=shapes.element_values(given),
            anonymous=self._anonymous(),
        )
        return self._submit(write, shapes.content(element))

    async def get_element(self, thread_id: str, element_id: str) -> "ElementDict | None":
        thread_id, element_id = text.as_id(thread_id), text.as_id(element_id)
        known = text.is_identifier(thread_id) and text.is_identifier(element_id)
        found = await self.store.element(thread_id, element_id) if known else None
        return shapes.element(found, server_address()) if found else None

    @at_call
    def delete_element(self, element_id: str, thread_id: str | None = None) -> Awaitable[None]:
        """``thread_id``: an element of another thread is left alone; None: wherever it is."""
        where = text.identifier(thread_id, "element's thread") if thread_id else None
        element = text.identifier(element_id, "element")
        return self._submit(DeleteElement(actor=actor.current(where), thread_id=where, id=element, at=now()))
