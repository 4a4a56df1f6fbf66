"""The page of a person's own links: what each shows, how often it was opened, and how it is taken back."""

from typing import Any

from chainlit.config import config
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from datalayer import DataLayer, NotFound
from datalayer.records import Thread, now
from datalayer.shares import CannotShare, Share
from datalayer.text import is_identifier, one_line

from ..address import PREFIX, Address
from ..answering import answer, answer_form
from ..asking import Person
from ..rendering import Notice, language, page
from ..telling import failure
from ..texts import Language, day, said, say
from . import links, making, options

SHARES = "/shares"


class OwnPages:
    def __init__(self, layer: DataLayer) -> None:
        self._store = layer.store

    async def show(self, request: Request) -> Response:
        """The list; with ``share`` beside the form that changes one of them."""
        changed = request.query_params.get("share")
        return await answer(request, lambda who: self._list(request, who, changed=changed))

    async def change(self, request: Request) -> Response:
        """Makes a link, changes or revokes one."""
        return await answer_form(
            request,
            lambda who, form: self._do(request, who, form),
            lambda who, why, status: self._list(request, who, why, status),
        )

    async def _do(self, request: Request, who: Person, form: FormData) -> Response:
        to, what, key = language(request), str(form.get("do", "")), str(form.get("share", ""))
        try:
            if what == "make":
                return await self._make(request, who, form)
            if what == "change":
                before = next((each.options for each in await self._store.own_shares(who.id) if each.id == key), None)
                if before is None:
                    raise NotFound("There is no such link")
                await self._store.change_share(who.id, key, (await options.wanted(form, before)).options)
                return await self._list(request, who, Notice(said("share_changed", to)))
            if what == "revoke":
                if not await self._store.revoke_share(who.id, key):
                    raise NotFound("There is no such link")
                return await self._list(request, who, Notice(said("share_revoked", to)))
        except options.Refused as why:
            thread = await self._asked(who, form)
            return await self._list(request, who, failure(why.key, to, **why.values), 422, key, thread)
        except NotFound:
            return await self._list(request, who, failure("share_none", to), 422)
        except CannotShare as why:
            return await self._list(request, who, failure(f"share_{why.reason}", to), 422)
        return await self._list(request, who, failure("no_action", to), 422)

    async def _make(self, request: Request, who: Person, form: FormData) -> Response:
        thread = await self._asked(who, form)
        if thread is None:
            raise NotFound("There is no such conversation")
        asked = await options.wanted(form)
        made = await making.make(self._store, thread, asked.options, asked.snapshot)
        return await self._list(request, who, Notice(said("share_made", language(request))), made=made)

    async def _asked(self, who: Person, form: FormData) -> Thread | None:
        """The conversation that a link is made to."""
        key = str(form.get("thread", ""))
        return next(iter(await self._store.own_threads(who.id, [key] if is_identifier(key) else [])), None)

    async def _list(
        self,
        request: Request,
        who: Person,
        notice: Notice | None = None,
        status: int = 200,
        changed: str | None = None,
        thread: Thread | None = None,
        made: tuple[Share, str] | None = None,
    ) -> Response:
        """``changed``: the id of the link whose form is shown; ``thread``: whose form was refused."""
        to, root = language(request), config.run.root_path
        found = await self._store.own_shares(who.id)
        one = next((share for share in found if share.id == changed), None)
        values: dict[str, Any] = {"shares": [_row(share, to) for share in found], "one": one, "thread": thread}
        values |= {"link": "", "snippet": "", "is_whole": True}
        if made is not None:
            share, token = made
            link = links.public(links.path(token))
            values |= {"link": link, "is_whole": not link.startswith("/")}
            if share.options.sites:
                values["snippet"] = links.public(links.path(token, links.EMBED))
        answer = page("shares.html", request, Address(), who, notice, status, **values)
        if request.method == "POST":
            answer.headers["HX-Push-Url"] = f"{root}{PREFIX}{SHARES}"
        return answer


def _row(share: Share, to: Language) -> dict[str, object]:
    chosen = share.options
    flags = {
        "share_snapshot": share.snapshot,
        "share_live": not share.snapshot,
        "share_signed_in": chosen.audience == "signed_in",
        "share_protected": chosen.password is not None,
        "share_files": chosen.files,
        "share_author": chosen.author,
        "share_cost": chosen.cost,
    }
    over = chosen.expires_at is not None and chosen.expires_at <= now()
    return {
        "id": share.id,
        "thread_id": share.thread_id,
        "name": one_line(share.thread_name or ""),
        "told": [say(key, to) for key, holds in flags.items() if holds],
        "sites": chosen.sites,
        "views": say("share_views", to, n=share.views),
        "made": say("share_made_at", to, at=day(share.created_at, to)),
        "ends": say("share_over", to)
        if over
        else say("share_ends_at", to, at=day(chosen.expires_at, to))
        if chosen.expires_at is not None
        else "",
        "trashed": share.trashed,
    }
