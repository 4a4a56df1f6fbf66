"""One's personal tokens, for the session of a browser only."""

from fastapi import APIRouter, Request, Response

from datalayer import NotFound

from ..tokens import Tokens, TooManyTokens
from . import shapes
from .caller import Signed
from .problems import Problem
from .sending import sent

router = APIRouter(prefix="/tokens", tags=["tokens"])


@router.get("", response_model=shapes.Tokens)
async def list_tokens(request: Request, caller: Signed) -> Response:
    """With the session of a browser only."""
    held = [shapes.Token(**shapes.token(each)) for each in await _tokens(request).of(caller.identifier)]
    return sent(request, shapes.Tokens(tokens=held), headers={"Cache-Control": "no-store"})


@router.post("", response_model=shapes.MadeToken, status_code=201)
async def make_token(request: Request, caller: Signed, given: shapes.NewToken) -> Response:
    try:
        made, secret = await _tokens(request).make(caller.identifier, given.name, given.scopes, given.days)
    except TooManyTokens:
        raise Problem(409, "api_tokens") from None
    found = shapes.MadeToken(**shapes.token(made), token=secret)
    return sent(request, found, 201, {"Cache-Control": "no-store"})


@router.delete("/{token_id}", status_code=204)
async def revoke_token(request: Request, caller: Signed, token_id: str) -> Response:
    if not await _tokens(request).revoke(caller.identifier, token_id):
        raise NotFound("There is no such token")
    return Response(status_code=204)


def _tokens(request: Request) -> Tokens:
    found: Tokens = request.app.state.tokens
    return found
