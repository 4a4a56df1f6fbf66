"""What the routes answer. Every failure is a page that says what to do."""

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chainlit.config import config
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from datalayer import DataLayer, DataLayerError, InvalidInput, text

from . import changing
from .address import PREFIX, Address, read
from .asking import Person, is_ours, nobody, person
from .changing import Change, Outcome
from .listing import Listing, listing
from .places import places
from .reading import reading
from .rendering import Notice, language, page
from .texts import Language, say
from .totals import spans

logger = logging.getLogger("datalayer")
_FIELDS = changing.MOST + 10
_FIELD_SIZE = 512 * 1024


class Pages:
    def __init__(self, layer: DataLayer) -> None:
        self._layer = layer

    async def show(self, request: Request) -> Response:
        """The list, beside the conversation that is open. What asks with ``known`` whether the list has changed gets an
        empty answer when it has not."""
        address = read(request.query_params)
        try:
            who = await person(request)
            if who is None:
                return nobody(request, config.run.root_path) or page("nobody.html", request, address)
            return await self._list(request, who, address)
        except DataLayerError as error:
            return _failed(request, address, error)

    async def usage(self, request: Request) -> Response:
        address = Address()
        try:
            who = await person(request)
            if who is None:
                return nobody(request, config.run.root_path) or page("nobody.html", request, address)
            found = await spans(self._layer.store, who.id, language(request))
            return page("usage.html", request, address, who, spans=found)
        except DataLayerError as error:
            return _failed(request, address, error)

    async def change(self, request: Request) -> Response:
        """Does something to the conversations that are chosen; asks once more before it deletes for good."""
        return await self._answer(request, self._change)

    async def undo(self, request: Request) -> Response:
        return await self._answer(request, self._undo)

    async def _answer(self, request: Request, do: Callable[..., Any]) -> Response:
        address, to = read(request.query_params), language(request)
        try:
            who = await person(request)
            if who is None:
                return nobody(request, config.run.root_path) or page("nobody.html", request, address)
            form, status = await _form(request)
            if form is None:
                key = "too_many" if status == 413 else "no_action"
                return await self._list(request, who, address, _failure(key, to, n=changing.MOST), status)
            if not is_ours(request, str(form.get("guard", "")), who):
                return await self._list(request, who, address, _failure("expired", to), 403)
            answer: Response = await do(request, who, address, form)
            return answer
        except DataLayerError as error:
            return _failed(request, address, error)

    async def _change(self, request: Request, who: Person, address: Address, form: FormData) -> Response:
        to, change = language(request), _asked(form)
        if not change.ids:
            return await self._list(request, who, address, _failure("none_chosen", to), 422)
        if change.what not in changing.CHANGES:
            return await self._list(request, who, address, _failure("no_action", to), 422)
        if self._is_for_good(change) and form.get("sure") != "yes":
            return page("sure.html", request, address, who, change=change)
        return await self._apply(request, who, address, [change])

    async def _undo(self, request: Request, who: Person, address: Address, form: FormData) -> Response:
        try:
            changes = changing.from_text(str(form.get("undo", "")))
        except InvalidInput:
            return await self._list(request, who, address, _failure("no_undo", language(request)), 422)
        return await self._apply(request, who, address, changes, undone=True)

    async def _apply(
        self, request: Request, who: Person, address: Address, changes: list[Change], undone: bool = False
    ) -> Response:
        to, outcomes = language(request), list[Outcome]()
        try:
            for change in changes:
                outcomes.append(await changing.apply(self._layer, who.identifier, who.id, change))
        except InvalidInput:
            key = {"move": "folder_bad", "tag": "tag_bad", "untag": "tag_bad"}.get(changes[0].what, "no_action")
            limits = {"deep": text.FOLDER_DEPTH, "most": text.ID_LENGTH, "long": text.TAG_LENGTH}
            return await self._list(request, who, address, _failure(key, to, **limits, many=changing.MOST_TAGS), 422)
        notice = _told(changes, outcomes, undone, self._is_for_good(changes[0]), to)
        return await self._list(request, who, address, notice)

    def _is_for_good(self, change: Change) -> bool:
        return change.what == "purge" or (change.what == "trash" and not self._layer.has_trash)

    async def _list(
        self, request: Request, who: Person, address: Address, notice: Notice | None = None, status: int = 200
    ) -> Response:
        store, to = self._layer.store, language(request)
        try:
            listed = await listing(store, who.id, address, to)
        except InvalidInput:  # a cursor, or a folder that cannot be
            notice, status = notice or _failure("no_page", to), 404 if notice is None else status
            address, listed = address.to(folder=None), Listing()
            with suppress(InvalidInput):
                listed = await listing(store, who.id, address, to)
        if listed.known and request.query_params.get("known") == listed.known:
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        opened = await reading(store, who.id, address, to) if address.thread else None
        if address.thread and opened is None and notice is None:
            notice, status = _failure("no_thread", to), 404
        found = places(await store.facets(who.id, address.which.archived))
        shown = {"listing": listed, "places": found, "opened": opened, "has_trash": self._layer.has_trash}
        answer = page("list.html", request, address, who, notice, status, **shown)
        if request.method == "POST":  # the address of a list, not that of what has changed it
            answer.headers["HX-Push-Url"] = address.at(config.run.root_path + PREFIX)
        return answer


async def _form(request: Request) -> tuple[FormData | None, int]:
    """What was sent, or None and the status of the refusal: it is too much, or no form."""
    try:
        async with request.form(max_files=0, max_fields=_FIELDS, max_part_size=_FIELD_SIZE) as form:
            return form, 200
    except HTTPException as error:
        return None, 400 if error.detail.startswith("Invalid") else 413


def _asked(form: FormData) -> Change:
    """Who presses Enter in a field means what is in it."""
    named = {key: str(form.get(key, "")) for key in ("do", "folder", "tags")}
    what = named["do"] or ("move" if named["folder"] else "tag" if named["tags"] else "")
    tags = [tag.strip() for tag in re.split("[,;，、\\n]", named["tags"]) if tag.strip()]
    values = [named["folder"]] if what == "move" else tags if what in ("tag", "untag") else []
    return Change(what, tuple(dict.fromkeys(str(each) for each in form.getlist("id"))), tuple(values))


def _told(changes: list[Change], outcomes: list[Outcome], undone: bool, for_good: bool, to: Language) -> Notice:
    changed, missing = (sum(getattr(each, name) for each in outcomes) for name in ("changed", "missing"))
    first = changes[0]
    values = [text.folder("".join(first.values[:1]))] if first.what == "move" else first.values
    key = "undone" if undone else f"did_{'purge' if for_good else first.what}"
    if key == "did_move" and not values[0]:
        key = "did_unfile"
    said = [say(key, to, n=changed, value=", ".join(values))] if changed or not missing else []
    said += [say("missing", to, n=missing)] if missing else []
    back = () if undone or for_good else [change for each in outcomes for change in each.undo]
    return Notice(" ".join(said), not changed and bool(missing), changing.to_text(back) if back else "")


def _failure(key: str, to: Language, **values: Any) -> Notice:
    return Notice(say(key, to, **values), failure=True)


def _failed(request: Request, address: Address, error: DataLayerError) -> Response:
    if error.status_code >= 500:
        logger.error("The library page failed: %s", error)
    notice = _failure("failed" if error.status_code >= 500 else "no_page", language(request))
    return page("failed.html", request, address, notice=notice, status=error.status_code)
