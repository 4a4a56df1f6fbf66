"""Who calls, with what right, and how often: a personal token, or the session of a browser with its guard."""

from dataclasses import dataclass, field
from math import ceil
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from datalayer import DataLayer, Store, door
from datalayer.records import user_id

from ..asking import Knows, is_from_here, is_ours, network, person
from ..tokens import PREFIX, SCOPES, Scope, Tokens
from .problems import Problem

GUARD = "X-Guard"
"""Header by which a page of this server shows that it asks for the person who is signed in: of ``GET /me``."""
_REFUSED, _REFUSED_FOR = 0.2, 300
"""Wrong tokens a second from one address, and for how many seconds' worth there may be at once."""
_BURST = 6
bearer = HTTPBearer(scheme_name="token", description="A personal token, made at /library/tokens", auto_error=False)


@dataclass(frozen=True, slots=True)
class Caller:
    identifier: str
    id: str
    scopes: frozenset[Scope]
    layer: DataLayer = field(repr=False)
    """In which that person has conversations."""
    guard: str | None = None
    """Of a session; None: a token has come."""

    @property
    def store(self) -> Store:
        return self.layer.store


class Door:
    """``knows``: whether somebody of that identifier may still come in."""

    def __init__(self, layer: DataLayer, tokens: Tokens, knows: Knows) -> None:
        self._layer, self._tokens, self._knows = layer, tokens, knows
        self._calls, self._refused = door.Buckets(_BURST), door.Buckets(_REFUSED_FOR)
        door.shared().update(api=self._calls, api_refused=self._refused)

    async def __call__(self, request: Request, scope: Scope) -> Caller:
        """Raises Problem; StoreUnavailable."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and given.strip().startswith(PREFIX):
            found = await self._of_token(request, given.strip())
        else:
            found = await self._of_session(request, scope)
        calls = self._calls.of(found.identifier, door.limits().requests)
        if not calls.try_take():
            raise Problem(429, "api_often", {"Retry-After": "1"})
        if scope not in found.scopes:
            raise Problem(403, "api_scope", scope=scope)
        return found

    async def _of_token(self, request: Request, given: str) -> Caller:
        found = await self._tokens.find(given)
        if found is None or not await self._knows(found.identifier):
            if wait := self._refused.of(network(request), _REFUSED).take():
                raise Problem(429, "api_often", {"Retry-After": str(ceil(wait))})
            raise Problem(401, "api_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return Caller(found.identifier, user_id(found.identifier), frozenset(found.token.scopes), self._layer)

    async def _of_session(self, request: Request, scope: Scope) -> Caller:
        who = await person(request)
        if who is None:
            raise Problem(401, "api_nobody", {"WWW-Authenticate": "Bearer"})
        given = request.headers.get(GUARD, "")
        if not is_from_here(request):
            raise Problem(403, "api_elsewhere")
        if scope != "read" and not is_ours(request, given, who):
            raise Problem(403, "api_guard")
        return Caller(who.identifier, who.id, frozenset(SCOPES), self._layer, who.guard)


Given = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


def _all_known(request: Request) -> None:
    """Raises Problem for a name in the query that the route does not know: what is misspelt would filter nothing."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    if unknown := request.query_params.keys() - known:
        raise Problem(422, "api_query", name=min(unknown)[:100])


async def _reads(request: Request, _given: Given) -> Caller:
    found: Caller = await request.app.state.door(request, "read")
    _all_known(request)
    return found


async def _writes(request: Request, _given: Given) -> Caller:
    found: Caller = await request.app.state.door(request, "write")
    _all_known(request)
    return found


Reader = Annotated[Caller, Depends(_reads)]
Writer = Annotated[Caller, Depends(_writes)]


async def _signed_in(caller: Writer) -> Caller:
    """A token makes no other one, nor does it tell of others."""
    if caller.guard is None:
        raise Problem(403, "api_session")
    return caller


Signed = Annotated[Caller, Depends(_signed_in)]
