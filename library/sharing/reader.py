"""What a link leads to. Always true: of a link that leads nowhere nobody is told why; no page here runs a script.

A page that shows what somebody has said sends no Referer, so that no site it links to learns its address. Then browsers
do not say either which page a form is from; so the forms are on pages of their own, that link to nothing.
"""

import logging
import secrets
from contextlib import suppress
from typing import Any

from chainlit.config import config
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from datalayer import DataLayer, DataLayerError, InvalidInput, StoreUnavailable, file_response
from datalayer.shares import Shared
from datalayer.text import is_identifier, one_line

from ..address import Address
from ..asking import Knows, Person, is_ours, person, sign_in
from ..forms import sent
from ..rendering import HEADERS, POLICY, language, page, policy
from ..telling import failure
from ..texts import say
from . import continuing, links, passwords, reading, shown
from .bounds import Bounds

logger = logging.getLogger("datalayer")
_SOURCES = {name: sources for name, sources in POLICY.items() if name not in ("script-src", "connect-src")}
_NO_ROBOTS = {"X-Robots-Tag": "noindex, nofollow"}
_QUIET = {"Referrer-Policy": "no-referrer", **_NO_ROBOTS}
_PAGE = HEADERS | _QUIET | {"Content-Security-Policy": policy(_SOURCES)}
_FORM = _PAGE | {"Referrer-Policy": "same-origin"}
_COOKIE = "library_share"
"""What a browser holds that has told the password, for the address of the link alone."""


class Reader:
    def __init__(self, layer: DataLayer, storage: int | None, knows: Knows) -> None:
        self._store, self._storage, self._knows, self._bounds = layer.store, storage, knows, Bounds()

    async def show(self, request: Request, token: str) -> Response:
        return await self._answer(request, token, self._show)

    async def embed(self, request: Request, token: str) -> Response:
        """The page for frames, where its author has named sites; it asks for nothing, since there it would not get
        it."""
        return await self._answer(request, token, self._embed, framed=True)

    async def file(self, request: Request, token: str, element_id: str) -> Response:
        async def serve(request: Request, _token: str, found: Shared, _who: Person | None) -> Response:
            served = await shown.file(self._store, found, element_id)
            if served is None:
                return self._nothing(request)
            answer = await file_response(self._store, served, request)
            answer.headers.update(_QUIET)
            return answer

        return await self._answer(request, token, serve)

    async def ask(self, request: Request, token: str) -> Response:
        """Whether its reader wants to go on with it."""
        return await self._answer(request, token, self._ask)

    async def go_on(self, request: Request, token: str) -> Response:
        return await self._answer(request, token, self._go_on)

    async def unlock(self, request: Request, token: str) -> Response:
        """Takes the password."""
        return await self._answer(request, token, self._unlock, locked=False)

    async def _answer(
        self, request: Request, token: str, do: Any, locked: bool = True, framed: bool = False
    ) -> Response:
        """``locked``: only for who has told the password. ``framed``: only where sites are named."""
        try:
            if not self._bounds.may_look(request):
                return self._later(request)
            found = await self._store.shared(links.digest(token))
            if found is None or (framed and not found.share.options.sites) or not await self._knows(found.author):
                self._bounds.missed(request)
                return self._nothing(request)
            who = None if framed else await person(request)
            chosen = found.share.options
            if chosen.audience == "signed_in" and who is None:
                return RedirectResponse(sign_in(config.run.root_path, links.path(token)), 303, headers=_PAGE)
            if locked and chosen.password and not self._is_open(request, found):
                return page("share_locked.html", request, Address(), headers=_FORM, here=links.path(token))
            answer: Response = await do(request, token, found, who)
            return answer
        except DataLayerError as error:
            if error.status_code >= 500:
                logger.error("A shared conversation could not be shown: %s", error)
                return self._told(request, "failed", 503)
            return self._nothing(request)

    def _is_open(self, request: Request, found: Shared) -> bool:
        known = found.share.options.password or ""
        return passwords.proves(request.cookies.get(_COOKIE, ""), found.share.id, known)

    async def _show(self, request: Request, token: str, found: Shared, who: Person | None) -> Response:
        return await self._page(request, token, found, "share.html", _PAGE, may_continue=who is not None)

    async def _embed(self, request: Request, token: str, found: Shared, _who: Person | None) -> Response:
        framed = policy(_SOURCES | {"frame-ancestors": " ".join(found.share.options.sites)})
        headers = _PAGE | {"Content-Security-Policy": framed, "Cross-Origin-Resource-Policy": "cross-origin"}
        return await self._page(request, token, found, "share.html", headers, framed=True)

    async def _page(
        self,
        request: Request,
        token: str,
        found: Shared,
        template: str,
        headers: dict[str, str],
        may_continue: bool = False,
        framed: bool = False,
    ) -> Response:
        after = request.query_params.get("after")
        read = await reading.reading(self._store, found, after, language(request))
        here = links.path(token)
        values: dict[str, Any] = {
            "read": read,
            "here": here,
            "more_at": links.path(token, links.EMBED) if framed else here,
        }
        values |= {"may_continue": may_continue, "framed": framed, "address_told": links.public(here)}
        answer = page(template, request, Address(), headers=headers, **values)
        if request.method == "GET" and after is None:
            answer.background = BackgroundTask(self._count, found.share.id)
        return answer

    async def _count(self, share_id: str) -> None:
        """Nobody waits for it, and who may read need not be counted."""
        with suppress(StoreUnavailable):
            await self._store.count_view(share_id)

    async def _ask(self, request: Request, token: str, found: Shared, who: Person | None) -> Response:
        here = links.path(token)
        if who is None:
            return RedirectResponse(sign_in(config.run.root_path, f"{here}/continue"), 303, headers=_PAGE)
        return self._continue(request, token, found, who)

    async def _go_on(self, request: Request, token: str, found: Shared, who: Person | None) -> Response:
        if who is None:
            return self._nothing(request)
        form, _ = await sent(request)
        once = str(form.get("once", "")) if form is not None else ""
        if form is None or not is_identifier(once) or not is_ours(request, str(form.get("guard", "")), who):
            return self._continue(request, token, found, who, "expired", 403)
        if not self._bounds.may_copy(who.id):
            return self._later(request)
        try:
            made = await continuing.go_on(self._store, found, who, once, self._storage)
        except InvalidInput:
            return self._continue(request, token, found, who, "share_no_room", 422)
        return RedirectResponse(f"{config.run.root_path}/thread/{made}", 303, headers=_PAGE)

    def _continue(
        self, request: Request, token: str, found: Shared, who: Person, why: str = "", status: int = 200
    ) -> Response:
        to = language(request)
        values = {"here": links.path(token), "shared": one_line(shown.name(found)), "once": secrets.token_urlsafe(16)}
        notice = failure(why, to) if why else None
        return page("share_continue.html", request, Address(), who, notice, status, _FORM, **values)

    async def _unlock(self, request: Request, token: str, found: Shared, _who: Person | None) -> Response:
        known, here = found.share.options.password, links.path(token)
        if known is None:
            return RedirectResponse(here, 303, headers=_PAGE)
        form, _ = await sent(request)
        given = str(form.get("password", "")) if form is not None else ""
        if not self._bounds.may_try_password(request, found.share.id):
            return self._later(request)
        if len(given) > 1_000 or not await passwords.verify(given, known):
            notice = failure("share_wrong_password", language(request))
            return page("share_locked.html", request, Address(), None, notice, 403, _FORM, here=here)
        answer = RedirectResponse(here, 303, headers=_PAGE)
        held = passwords.proof(found.share.id, known)
        is_https = request.url.scheme == "https"
        answer.set_cookie(_COOKIE, held, path=here, secure=is_https, httponly=True, samesite="lax")
        return answer

    def _nothing(self, request: Request) -> Response:
        return self._told(request, "share_nothing", 404)

    def _later(self, request: Request) -> Response:
        answer = self._told(request, "share_later", 429)
        answer.headers["Retry-After"] = "60"
        return answer

    def _told(self, request: Request, key: str, status: int) -> Response:
        said = say(key, language(request))
        return page("share_nothing.html", request, Address(), status=status, headers=_PAGE, said=said)
