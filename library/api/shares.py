"""Read-only links: listed, made, changed, revoked."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from datalayer import NotFound, text
from datalayer.shares import CannotShare, Share, ShareOptions

from ..sharing import links, making, options
from . import shapes
from .caller import Caller, Reader, Writer
from .problems import Problem
from .sending import sent
from .threads import own_thread, storable

router = APIRouter(prefix="/shares", tags=["shares"])
_FRESH = {"Cache-Control": "no-store"}


@router.get("", response_model=shapes.Shares)
async def list_shares(
    request: Request, caller: Reader, thread: Annotated[str | None, Query(max_length=text.ID_LENGTH)] = None
) -> Response:
    """Those made last first, also those that have ended."""
    found = await caller.store.own_shares(caller.id, storable(thread))
    return sent(request, shapes.Shares(shares=[shapes.Share(**shapes.share(each)) for each in found]), headers=_FRESH)


@router.post("", response_model=shapes.MadeShare, status_code=201)
async def make_share(request: Request, caller: Writer, given: shapes.NewShare) -> Response:
    thread = await own_thread(caller, given.thread_id)
    chosen = await _chosen(ShareOptions(), given)
    try:
        made, token = await making.make(caller.store, thread, chosen, given.snapshot)
    except CannotShare as why:
        raise Problem(409, f"share_{why.reason}") from None
    link = links.public(links.path(token))
    return sent(request, shapes.MadeShare(**shapes.share(made), link=link), 201, _FRESH)


@router.patch("/{share_id}", response_model=shapes.Share)
async def change_share(request: Request, caller: Writer, share_id: str, given: shapes.ShareChange) -> Response:
    """What is not named stays as it is."""
    before = await _own(caller, share_id)
    await caller.store.change_share(caller.id, before.id, await _chosen(before.options, given))
    return sent(request, shapes.Share(**shapes.share(await _own(caller, share_id))), headers=_FRESH)


@router.delete("/{share_id}", status_code=204)
async def revoke_share(caller: Writer, share_id: str) -> Response:
    """At once, on every instance."""
    if not await caller.store.revoke_share(caller.id, (await _own(caller, share_id)).id):
        raise NotFound("There is no such link")
    return Response(status_code=204)


async def _own(caller: Caller, share_id: str) -> Share:
    """Raises NotFound."""
    for share in await caller.store.own_shares(caller.id):
        if share.id == share_id:
            return share
    raise NotFound("There is no such link")


async def _chosen(before: ShareOptions, given: shapes.ShareChange) -> ShareOptions:
    """Raises Problem."""
    named: dict[str, Any] = given.model_dump(exclude_unset=True)
    same: dict[str, Any] = {name: named[name] for name in ("audience", "files", "author", "cost") if name in named}
    if "days" in named:
        same["expires_at"] = None if given.days is None else options.after(given.days)
    if "password" in named:
        same["password"] = None
    try:
        if "sites" in named:
            same["sites"] = options.origins(given.sites)
        return await options.checked(replace(before, **same), given.password or "")
    except options.Refused as why:
        raise Problem(422, why.key, None, **why.values) from None
