"""The page on which a person makes personal tokens, looks at them and takes them back."""

from typing import Any, get_args

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from datalayer import InvalidInput

from .address import Address
from .answering import answer, answer_form
from .asking import Person
from .rendering import Notice, language, page
from .telling import failure
from .texts import Language, day, said, say
from .tokens import MOST, SCOPES, Scope, Token, Tokens, TooManyTokens

_LASTS = (90, 30, 365, 0)
"""Days that are offered, the first one chosen; 0: without end."""


class TokenPages:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def show(self, request: Request) -> Response:
        return await answer(request, lambda who: self._page(request, who))

    async def change(self, request: Request) -> Response:
        return await answer_form(
            request,
            lambda who, form: self._do(request, who, form),
            lambda who, why, status: self._page(request, who, why, status),
        )

    async def _do(self, request: Request, who: Person, form: FormData) -> Response:
        to = language(request)
        if form.get("revoke"):
            return await self._revoke(request, who, str(form["revoke"]), to)
        return await self._make(request, who, form, to)

    async def _revoke(self, request: Request, who: Person, key: str, to: Language) -> Response:
        was = await self._tokens.revoke(who.identifier, key)
        notice = Notice(said("token_revoked", to)) if was else failure("token_gone", to)
        return await self._page(request, who, notice, 200 if was else 404)

    async def _make(self, request: Request, who: Person, form: FormData, to: Language) -> Response:
        days = str(form.get("days", ""))
        chosen: list[Scope] = [scope for scope in SCOPES if scope in form.getlist("scope")]
        if not chosen:
            return await self._page(request, who, failure("token_scopeless", to), 422)
        if not (days.isascii() and days.isdecimal() and int(days[:9]) in _LASTS):
            return await self._page(request, who, failure("no_action", to), 422)
        try:
            _, made = await self._tokens.make(who.identifier, str(form.get("name", "")), chosen, int(days) or None)
        except TooManyTokens:
            return await self._page(request, who, failure("tokens_many", to, n=MOST), 409)
        except InvalidInput:
            return await self._page(request, who, failure("token_nameless", to), 422)
        return await self._page(request, who, made=made)

    async def _page(
        self, request: Request, who: Person, notice: Notice | None = None, status: int = 200, made: str = ""
    ) -> Response:
        to = language(request)
        rows = [_row(each, to) for each in await self._tokens.of(who.identifier)]
        shown: dict[str, Any] = {"tokens": rows, "made": made, "scopes": get_args(Scope), "lasts": _LASTS}
        return page("tokens.html", request, Address(), who, notice, status, **shown)


def _row(token: Token, to: Language) -> dict[str, str]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": ", ".join(say(f"scope_short_{scope}", to) for scope in token.scopes),
        "created": day(token.created_at, to),
        "used": day(token.used_at, to) if token.used_at else say("token_never", to),
        "ends": day(token.ends_at, to) if token.ends_at else say("token_endless", to),
    }
