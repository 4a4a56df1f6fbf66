"""What the routes answer."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from chainlit.config import config
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from datalayer import DataLayer, InvalidInput, NotFound, Store, StoreUnavailable
from datalayer.records import now
from datalayer.reports import Facets

from . import changing, exporting, merging, resuming, undoing, working
from .address import PREFIX, Address, read
from .answering import answer, answer_form
from .asking import Person
from .changing import NOTHING, Change, Ready
from .forms import asked
from .keeping import in_backups, rules
from .listing import Listing, listing
from .places import Tally, places
from .reading import reading
from .rendering import Notice, language, page
from .selecting import Selection
from .telling import failure, refused, told
from .texts import Language, number, say
from .totals import spans

logger = logging.getLogger("datalayer")
CHANGES = changing.CHANGES | {"merge"}


_KEPT = "@"
"""What begins a form's word for what is taken back, where that is kept (``undoing``)."""
_TALLIED = 10_000
"""Conversations whose files are counted beside every list: some milliseconds."""
_SECONDS, _SECONDS_UNSCRIPTED = 1.0, 8.0
"""That a request works before it tells how far it is: a browser with a script goes on by itself."""


class Pages:
    def __init__(self, layer: DataLayer) -> None:
        self._layer = layer

    async def show(self, request: Request) -> Response:
        """The list, beside the conversation that is open. What asks with ``known`` whether the list has changed gets an
        empty answer when it has not."""
        address = read(request.query_params)
        return await answer(request, lambda who: self._list(request, who, address), address)

    async def usage(self, request: Request) -> Response:
        async def show(who: Person) -> Response:
            found = await spans(self._layer.store, who.id, language(request))
            return page("usage.html", request, Address(), who, spans=found)

        return await answer(request, show)

    async def kept(self, request: Request) -> Response:
        """What is kept for how long; with ``count`` also what would go now."""

        async def show(who: Person) -> Response:
            count = request.query_params.get("count") == "1"
            found = await rules(self._layer.store, who.id, count, language(request))
            return page("kept.html", request, Address(), who, rules=found)

        return await answer(request, show)

    async def change(self, request: Request) -> Response:
        """Does something to the conversations that are chosen; asks once more before it deletes for good."""
        return await self._answer(request, self._change)

    async def undo(self, request: Request) -> Response:
        return await self._answer(request, self._undo)

    async def export(self, request: Request) -> Response:
        """A file of the conversations that are chosen, while it is made."""
        return await self._answer(request, self._export)

    async def _answer(self, request: Request, do: Callable[..., Any]) -> Response:
        address = read(request.query_params)
        return await answer_form(
            request,
            lambda who, form: do(request, who, address, form),
            lambda who, why, status: self._list(request, who, address, why, status),
            address,
            too_large=failure("too_many", language(request), n=changing.MOST),
        )

    async def _change(self, request: Request, who: Person, address: Address, form: FormData) -> Response:
        to, change = language(request), asked(form)
        if form.get("all"):
            return await self._all(request, who, address, form, change)
        if not change.ids:
            return await self._list(request, who, address, failure("none_chosen", to), 422)
        if len(change.ids) > changing.MOST:
            return await self._list(request, who, address, failure("too_many", to, n=changing.MOST), 413)
        if change.what not in CHANGES:
            return await self._list(request, who, address, failure("no_action", to), 422)
        if self._is_for_good(change) and form.get("sure") != "yes":
            return await self._sure(request, who, address, change, len(change.ids))
        return await self._apply(request, who, address, [change])

    async def _sure(
        self, request: Request, who: Person, address: Address, change: Change, count: int, moment: int = 0
    ) -> Response:
        backups = await in_backups(self._layer.store, language(request))
        shown: dict[str, Any] = {"change": change, "count": count, "moment": moment, "backups": backups}
        return page("sure.html", request, address, who, **shown)

    async def _export(self, request: Request, who: Person, address: Address, form: FormData) -> Response:
        to = language(request)
        try:
            return await exporting.export(self._layer.store, who.id, address, form, to)
        except exporting.Refused as why:
            return await self._list(request, who, address, failure(why.key, to, n=changing.MOST), why.status)

    async def _undo(self, request: Request, who: Person, address: Address, form: FormData) -> Response:
        try:
            if (given := str(form.get("undo", ""))).startswith(_KEPT):
                return await self._take_back(request, who, address, given.removeprefix(_KEPT), form)
            changes = undoing.from_text(given)
        except InvalidInput:
            return await self._list(request, who, address, failure("no_undo", language(request)), 422)
        return await self._apply(request, who, address, changes, undone=True)

    async def _apply(
        self, request: Request, who: Person, address: Address, changes: list[Change], undone: bool = False
    ) -> Response:
        """All are checked before the first is made."""
        to, made, change = language(request), list[Ready](), changes[0]
        try:
            for change in changes:
                made.append(await self._ready(who, change, to))
            outcomes = [await make() for make in made]
        except (InvalidInput, NotFound) as error:
            return await self._list(request, who, address, refused(error, change, to), 422, None if undone else change)
        notice = told(changes, outcomes, undone, self._is_for_good(changes[0]), to)
        if changes[0].what == "merge":
            address = address.at_thread(outcomes[0].undo[0].ids[0])
        return await self._list(request, who, address, notice)

    async def _all(self, request: Request, who: Person, address: Address, form: FormData, change: Change) -> Response:
        """Does something to all that the address lists, or goes on with it."""
        to, store, here = language(request), self._layer.store, address.to()
        for_good = self._is_for_good(change)
        try:
            if change.what not in changing.CHANGES:
                raise InvalidInput("There is no such action")
            work = resuming.read(form, address, change)
            if for_good and form.get("sure") != "yes":
                count, _ = await work.selection.count(store, who.id)
                return await self._sure(request, who, address, change, count, work.selection.moment)
            if not work.name:
                await undoing.forget_old(store)
                total, _ = await work.selection.count(store, who.id)
                work = replace(work, name=undoing.begin(), total=total)
            if not form.get("stop"):
                seconds, gone = _seconds(request), request.is_disconnected
                work = await working.go_on(self._layer, who.identifier, who.id, work, seconds, gone)
            elif not for_good:  # the request that it cuts off has done more than its page knew
                done = max(work.outcome.changed, await undoing.count(store, who.id, work.name))
                work = replace(work, outcome=replace(work.outcome, changed=done))
        except (InvalidInput, NotFound) as error:
            return await self._list(request, who, here, refused(error, change, to), 422)
        if work.done or form.get("stop"):
            undo = "" if for_good or not work.outcome.changed else _KEPT + work.name
            notice = told([change], [work.outcome], False, for_good, to, undo)
            return await self._list(request, who, here, notice)
        so_far = say("working_so_far", to, n=min(work.seen, work.total), total=number(work.total, to))
        shown = {"so_far": so_far, "heading": say("working", to), "total": work.total, "seen": work.seen}
        shown |= {"path": "/threads", "fields": resuming.fields(work), "stuck": work.stuck}
        return self._working(request, address, who, shown)

    async def _take_back(self, request: Request, who: Person, address: Address, name: str, form: FormData) -> Response:
        """Takes back what was done to all of a list, or goes on with that. Raises InvalidInput for what is no name."""
        to, before = language(request), resuming.outcome(form)
        if not undoing.is_name(name):
            raise InvalidInput("This cannot be undone any more")
        made, done, stuck = before, bool(form.get("stop")), False
        if not done:
            try:
                made, done = await working.take_back(
                    self._layer, who.identifier, who.id, name, before, _seconds(request)
                )
            except StoreUnavailable:
                stuck = True
        if made == NOTHING and done:
            raise InvalidInput("This cannot be undone any more")
        if done:
            undone = Change("", ())
            return await self._list(request, who, address.to(), told([undone], [made], True, False, to))
        fields = [("undo", _KEPT + name), *resuming.counts(made)]
        said = say("taking_back_so_far", to, n=made.changed)
        shown = {"so_far": said, "heading": say("taking_back", to), "total": 0, "seen": 0, "path": "/undo"}
        return self._working(request, address, who, shown | {"fields": fields, "stuck": stuck})

    def _working(self, request: Request, address: Address, who: Person, shown: dict[str, Any]) -> Response:
        to, stuck = language(request), shown["stuck"]
        notice = failure("failed", to) if stuck else None
        return page("working.html", request, address.to(), who, notice, 503 if stuck else 200, **shown)

    async def _ready(self, who: Person, change: Change, to: Language) -> Ready:
        if change.what in merging.MERGES:
            return partial(merging.apply, self._layer, who.identifier, who.id, change, to)
        return await changing.ready(self._layer, who.identifier, who.id, change)

    def _is_for_good(self, change: Change) -> bool:
        return change.what == "purge" or (change.what == "trash" and not self._layer.has_trash)

    async def _list(
        self,
        request: Request,
        who: Person,
        address: Address,
        notice: Notice | None = None,
        status: int = 200,
        tried: Change | None = None,
    ) -> Response:
        """``tried``: what was refused; its choice and its words stay."""
        store, to = self._layer.store, language(request)
        try:
            listed = await listing(store, who.id, address, to)
        except InvalidInput:  # a cursor, or a folder that cannot be
            notice, status = notice or failure("no_page", to), 404 if notice is None else status
            address, listed = address.to(folder=None, month=None), Listing()
            with suppress(InvalidInput):
                listed = await listing(store, who.id, address, to)
        if listed.known and request.query_params.get("known") == listed.known:
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        opened = await reading(store, who.id, address, to) if address.thread else None
        if address.thread and opened is None and notice is None:
            notice, status = failure("no_thread", to), 404
        everything = await store.facets(who.id, like=address.find)
        here = everything
        if address.show == "archived":
            here = await store.facets(who.id, archived=True, like=address.find)
        found = places(everything, here, address, to, self._layer.has_trash, await _tally(store, who, everything))
        chosen = await _chosen(store, who, address) if address.every and listed.rows else None
        shown: dict[str, Any] = {
            "listing": listed,
            "places": found,
            "opened": opened,
            "chosen": chosen,
            "formats": exporting.FORMATS,
        }
        shown["tried"] = tried
        answer = page("list.html", request, address, who, notice, status, **shown)
        if request.method == "POST":  # the address of a list, not that of what has changed it
            answer.headers["HX-Push-Url"] = address.at(config.run.root_path + PREFIX)
        return answer


async def _tally(store: Store, who: Person, everything: Facets) -> Tally | None:
    """None for whoever has so many conversations that going through them all takes long."""
    many = everything.threads + everything.archived > _TALLIED
    return None if many else Tally(*await store.own_files_tally(who.id))


async def _chosen(store: Store, who: Person, address: Address) -> dict[str, Any]:
    """All that is listed, as of now."""
    moment = now()
    count, complete = await Selection(address.to(), moment).count(store, who.id)
    return {"moment": moment, "count": count, "complete": complete}


def _seconds(request: Request) -> float:
    return _SECONDS if request.headers.get("hx-request") else _SECONDS_UNSCRIPTED
