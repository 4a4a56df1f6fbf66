"""What the routes of an import answer: a file is chosen, looked at, brought in."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from chainlit.config import config
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from datalayer import DataLayer
from exchange.importing.telling import told

from .address import PREFIX, Address
from .answering import answer
from .asking import Person, is_ours, person
from .bringing import Import, Imports
from .forms import sent
from .rendering import language, page
from .telling import failure
from .texts import Language, said, say, size
from .uploads import Refused, claims_too_much, received

IMPORT = "/import"
_LINGER, _SILENCE = 10.0, 2.0
"""Seconds that a refused upload is still read and thrown away, and that one waits for more of it: a browser that is cut
off while it sends does not show the answer."""


Stays = Callable[[Request], Awaitable[bool]]


async def stays(request: Request) -> bool:
    """As Chainlit knows it, whose tokens outlive a sign-out."""
    return await person(request) is not None


class ImportPages:
    """``most``: bytes of a file. ``storage``: bytes that the files of one person may take; None: any number.
    ``stays``: whether who has sent a request is still signed in."""

    def __init__(self, layer: DataLayer, most: int, storage: int | None, stays: Stays) -> None:
        self._layer, self._storage, self._stays = layer, storage, stays
        self._imports = Imports(layer.store, most, storage)

    async def show(self, request: Request) -> Response:
        """What asks with ``known`` how far it is gets the whole page anew once that is over."""

        async def show(who: Person) -> Response:
            one = self._imports.of(who.id)
            known = request.query_params.get("known")
            if known is not None and known != (one.state if one else ""):
                return Response(headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
            return self._page(request, who)

        return await answer(request, show)

    async def change(self, request: Request) -> Response:
        """Takes a file, or does what a button says; leads to the page, so that nothing is sent twice."""
        request = Request(request.scope, body := _Body(request.receive))

        async def do(who: Person) -> Response:
            try:
                if request.headers.get("content-type", "").lower().startswith("multipart/"):
                    await self._take(request, who)
                else:
                    await self._press(request, who)
            except Refused as why:
                return _Lingering(self._page(request, who, why), body)
            except ClientDisconnect:
                return Response(status_code=400)
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                key = "import_no_room" if full else "import_failed"
                return _Lingering(self._page(request, who, Refused(key, 507 if full else 500)), body)
            return RedirectResponse(f"{config.run.root_path}{PREFIX}{IMPORT}", 303)

        return await answer(request, do)

    async def _take(self, request: Request, who: Person) -> None:
        """Raises Refused, ClientDisconnect, OSError, StoreUnavailable."""
        most = self._imports.most
        if not is_ours(request, who.guard, who):  # what the browser says of where it comes from
            raise Refused("expired", 403)
        if claims_too_much(request, most):
            raise Refused("import_too_large", 413)
        if self._storage is not None and (await self._layer.store.own_files_tally(who.id))[1] >= self._storage:
            raise Refused("import_full", 413)
        one = self._imports.begin(who.identifier, who.id, partial(self._stays, request))
        try:
            path = await received(request, one.folder, most, lambda given: is_ours(request, given, who))
        except BaseException:
            self._imports.give_up(one)
            raise
        self._imports.look(one, path)

    async def _press(self, request: Request, who: Person) -> None:
        """Raises Refused."""
        form, status = await sent(request)
        if form is None:
            raise Refused("no_action", status)
        if not is_ours(request, str(form.get("guard", "")), who):
            raise Refused("expired", 403)
        one, what = self._imports.of(who.id), form.get("do")
        if what not in ("bring", "stop", "forget"):
            raise Refused("no_action", 422)
        if one is None:
            if what == "bring":
                raise Refused("import_gone", 422)
        elif what == "bring":
            self._imports.bring(one)
        elif what == "stop":
            self._imports.stop(one)
        else:
            self._imports.forget(who.id)

    def _page(self, request: Request, who: Person, why: Refused | None = None) -> Response:
        to, one = language(request), self._imports.of(who.id)
        most = size(self._imports.most, to)
        notice = failure(why.key, to, most=most) if why else None
        shown: dict[str, Any] = {"state": one.state if one else "", "most": most, "bytes": self._imports.most}
        shown |= {"told": _told(one, to), "came": list(one.report.came) if one and one.report else []}
        shown |= {"so_far": _so_far(one, to), "done": one.done if one else 0, "total": one.total if one else 0}
        shown["failure"] = said(one.failure, to, most=most) if one and one.failure else ""
        return page("import.html", request, Address(), who, notice, why.status if why else 200, **shown)


def _told(one: Import | None, to: Language) -> Sequence[tuple[str, list[str]]]:
    """The sentences of its report, each with what stands below it."""
    found: list[tuple[str, list[str]]] = []
    for line in told(one.report, to) if one and one.report else ():
        if line.startswith(" ") and found:
            found[-1][1].append(line.strip())
        else:
            found.append((line, []))
    return found


def _so_far(one: Import | None, to: Language) -> str:
    if one is None or not one.at_work:
        return ""
    return say(f"import_{one.state}", to, n=one.done)


class _Body:
    """What a request brings, and whether all of it has come."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self.whole = receive, False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.whole = self.whole or message["type"] != "http.request" or not message.get("more_body", False)
        return message


class _Lingering(Response):
    """``answer``, to what may still be sent, and is thrown away."""

    def __init__(self, answer: Response, body: _Body) -> None:
        self._body, self.body = body, answer.body
        self.status_code, self.raw_headers, self.background = answer.status_code, answer.raw_headers, None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body), "more_body": True})
        end = asyncio.get_running_loop().time() + _LINGER
        with suppress(TimeoutError):
            while not self._body.whole and asyncio.get_running_loop().time() < end:
                await asyncio.wait_for(self._body(), _SILENCE)
        await send({"type": "http.response.body", "body": b""})
