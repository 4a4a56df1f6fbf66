"""One's own account over HTTP: the password, and the open sessions. Only with accounts.

Always true: a form does nothing unless it was sent by a page that was made for this session.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping

from chainlit.config import config as chainlit_config
from chainlit.logger import logger
from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from assistant.access.accounts import AccountError, fits
from assistant.texts import accepted, say
from datalayer import DataLayerError

from . import cookies, tokens
from .account_page import View, render
from .passwords import Passwords, SignInRefused
from .returning import to_sign_in
from .routes import PREFIX
from .tokens import Token
from .visitors import Visitors

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def make(visitors: Visitors, passwords: Passwords, secret: str) -> APIRouter:
    """The routes of the page and of its forms."""
    page = _Account(visitors, passwords, secret)
    router = APIRouter(prefix=chainlit_config.run.root_path)
    for path, method, endpoint in (
        ("/account", "GET", page.show),
        ("/account/password", "POST", page.password),
        ("/account/sessions", "POST", page.end),
    ):
        name = f"{PREFIX}{method}{path}"
        router.add_api_route(path, endpoint, methods=[method], name=name, include_in_schema=False, response_model=None)
    return router


class _Account:
    def __init__(self, visitors: Visitors, passwords: Passwords, secret: str) -> None:
        self._visitors, self._passwords, self._secret = visitors, passwords, secret

    async def show(self, request: Request) -> Response:
        token = await self._asking(request)
        if token is None:
            return _sign_in(request)
        done = request.query_params.get("done", "")
        if done == "password":
            return await self._page(request, token, "account_changed")
        if done.isdecimal() and len(done) < 4:
            return await self._page(request, token, "account_ended", n=int(done))
        return await self._page(request, token)

    async def password(self, request: Request) -> Response:
        token = await self._asking(request)
        if token is None:
            return _sign_in(request)
        form = await _form(request)
        if not self._is_ours(form, token):
            return await self._page(request, token, "account_expired", 403)
        if form.get("new") != form.get("again"):
            return await self._page(request, token, "account_differ", 422)
        if not fits(form.get("new", "")):
            return await self._page(request, token, "account_unfit", 422)
        return await self._change(request, token, form.get("old", ""), form["new"])

    async def _change(self, request: Request, token: Token, old: str, new: str) -> Response:
        try:
            changed = await self._passwords.change(token.name, old, new, token.session)
            if changed is None:
                return await self._page(request, token, "account_wrong", 422)
            answer = _back("password")
            cookies.give_session(request, answer, await self._visitors.begin(request, token.name, changed))
        except SignInRefused as refused:
            reason = "account_failed" if refused.status == 503 else "account_tries"
            answer = await self._page(request, token, reason, refused.status)
            answer.headers["Retry-After"] = str(refused.retry_after)
        except (AccountError, DataLayerError, OSError) as error:
            logger.error("%s", error)
            return await self._page(request, token, "account_failed", 503)
        return answer

    async def end(self, request: Request) -> Response:
        token = await self._asking(request)
        if token is None:
            return _sign_in(request)
        form = await _form(request)
        if not self._is_ours(form, token):
            return await self._page(request, token, "account_expired", 403)
        others = set(await self._visitors.open_sessions(token.name)) - {token.session}
        ended = others if "others" in form else others & {form.get("end", "")}
        await self._visitors.end_these(token.name, ended)
        return _back(str(len(ended)))

    async def _asking(self, request: Request) -> Token | None:
        token = tokens.read(cookies.token_of(request))
        return token if await self._visitors.session(token) is not None else None

    async def _page(
        self, request: Request, token: Token, notice: str = "", status: int = 200, **values: int
    ) -> Response:
        """`notice`: the key of a sentence, and `values` in it."""
        to = accepted(request.headers.get("accept-language"))
        view = View(
            app=chainlit_config.ui.name,
            root=chainlit_config.run.root_path,
            to=to,
            name=token.name,
            sessions=await self._visitors.open_sessions(token.name),
            here=token.session,
            guard=self._guard(token),
            now=time.time(),
            notice=say(notice, to, **values) if notice else "",
            failure=status != 200,
        )
        return HTMLResponse(render(view), status, headers=_HEADERS)

    def _guard(self, token: Token) -> str:
        return hmac.new(self._secret.encode(), f"account {token.session}".encode(), hashlib.sha256).hexdigest()

    def _is_ours(self, form: Mapping[str, str], token: Token) -> bool:
        return hmac.compare_digest(form.get("guard", "").encode("utf-8", "replace"), self._guard(token).encode())


async def _form(request: Request) -> Mapping[str, str]:
    async with request.form(max_files=0, max_fields=10) as form:
        return {key: value for key, value in form.items() if isinstance(value, str)}


def _back(done: str) -> Response:
    return RedirectResponse(f"{chainlit_config.run.root_path}/account?done={done}", 303)


def _sign_in(request: Request) -> Response:
    """A browser is led over the sign-in page, and whoever else asks is refused."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(401, "Unauthorized")
    return to_sign_in(f"{chainlit_config.run.root_path}/account")
