"""What the routes of a person's files answer. Every failure is a page that says what to do."""

from collections.abc import Awaitable, Callable
from typing import Any

from chainlit.config import config
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from datalayer import DataLayer, InvalidInput, NotFound, text
from datalayer.passages import FileUse

from .address import PREFIX, Address
from .answering import answer, answer_form
from .asking import Person
from .file_address import FileAddress, read
from .file_changes import BACK, CHANGES, add, apply, use_of
from .filing import PICTURES, Filed, Passages, called, elsewhere, filed, passages
from .places import Tally, places
from .rendering import Notice, language, page
from .telling import failure, told_of_file
from .texts import say, size

FILES = "/files"
Changed = Callable[[str, str, str], Awaitable[None]]
"""Told who has done it, in which thread, and which element: it is there now, or is not. It raises nothing."""


async def nobody_is_told(_identifier: str, _thread_id: str, _element_id: str) -> None:
    """What shows the conversation learns of it when it is loaded anew."""


class FilePages:
    """``storage``: how many bytes the files of one person may take; None: that is not known."""

    def __init__(self, layer: DataLayer, storage: int | None, changed: Changed) -> None:
        self._layer, self._storage, self._changed = layer, storage, changed

    async def show(self, request: Request) -> Response:
        return await answer(request, lambda who: self._list(request, who, read(request.query_params)))

    async def change(self, request: Request) -> Response:
        """Does something to a file of a conversation, or takes that back; asks once more before it deletes."""
        address = read(request.query_params)
        return await answer_form(
            request,
            lambda who, form: self._change(request, who, address, form),
            lambda who, why, status: self._list(request, who, address, why, status),
        )

    async def _change(self, request: Request, who: Person, address: FileAddress, form: FormData) -> Response:
        to, undone = language(request), str(form.get("undo", ""))
        what, _, key = undone.partition(":") if undone else (str(form.get("do", "")), "", str(form.get("id", "")))
        if what not in (BACK if undone else CHANGES):
            return await self._list(request, who, address, failure("no_action", to), 422)
        try:
            if not text.is_identifier(key):
                raise NotFound("There is no such file")
            use = await use_of(self._layer.store, who.id, key)
            if what in ("delete", "trash") and not use.trashed_at:
                what = "trash" if self._layer.has_trash else "delete"
            if what == "delete" and form.get("sure") != "yes":
                return page("file_sure.html", request, Address(), who, here=address, use=use, called=called(use.name))
            if what == "add":
                return await self._add(request, who, address, use, str(form.get("thread", "")))
            await apply(self._layer.store, who.identifier, use, what)
            if what in ("trash", "restore", "delete"):
                await self._changed(who.identifier, use.thread_id, key)
        except NotFound:
            return await self._list(request, who, address, failure("file_gone", to), 422)
        back = f"{BACK[what]}:{key}" if what in BACK and not undone else ""
        at = address.at(f"{config.run.root_path}{PREFIX}{FILES}")
        return await self._list(request, who, address, told_of_file(what, use, bool(undone), back, at, to))

    async def _add(self, request: Request, who: Person, address: FileAddress, use: FileUse, key: str) -> Response:
        to = language(request)
        for thread in await self._layer.store.own_threads(who.id, [key] if text.is_identifier(key) else []):
            try:
                added = await add(self._layer.store, who.identifier, use, thread)
            except (InvalidInput, OSError) as error:
                reason = "file_there" if isinstance(error, InvalidInput) else "failed"
                return await self._list(request, who, address, failure(reason, to), 422)
            await self._changed(who.identifier, thread.id, added)
            there = use._replace(thread_name=thread.name)
            return await self._list(request, who, address, told_of_file("add", there, False, "", "", to))
        return await self._list(request, who, address, failure("no_thread", to), 422)

    async def _list(
        self,
        request: Request,
        who: Person,
        address: FileAddress,
        notice: Notice | None = None,
        status: int = 200,
    ) -> Response:
        store, to = self._layer.store, language(request)
        try:
            found = await filed(store, who.id, address, to)
        except InvalidInput:  # a cursor
            notice, status = notice or failure("no_page", to), 404 if notice is None else status
            address = address.to()
            found = await filed(store, who.id, address, to)
        if found.known and request.query_params.get("known") == found.known:
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        if address.file and found.opened is None:
            if notice is None:
                notice, status = failure("file_gone", to), 404
            address = address.to(after=address.after)
        shown = await self._shown(who, address, found, request)
        return page("files.html", request, Address(), who, notice, status, **shown)

    async def _shown(self, who: Person, address: FileAddress, found: Filed, request: Request) -> dict[str, Any]:
        store, to = self._layer.store, language(request)
        everything = await store.facets(who.id)
        where = places(
            everything, everything, Address(), to, self._layer.has_trash, Tally(found.count, found.size), at_files=True
        )
        read_of = await passages(store, who.id, found.file, address.passage, to) if found.file else Passages()
        used = (await store.stored_files(who.id)).bytes
        room = {"used": size(used, to), "most": size(self._storage or 0, to)}
        return {
            "here": address,
            "files": found,
            "has_trash": self._layer.has_trash,
            "places": where,
            "passages": read_of,
            "others": await elsewhere(store, who.id, found.file, to) if found.file else [],
            "is_picture": found.opened is not None and found.opened.mime in PICTURES,
            "room": say("storage_of" if self._storage is not None else "storage_used", to, **room) if used else "",
        }
