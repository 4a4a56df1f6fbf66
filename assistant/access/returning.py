"""Whoever follows a link without being signed in is led over the sign-in page to what the link is for.

Chainlit's page goes to the sign-in page by itself, and from there always to the start.
"""

import re
from urllib.parse import quote

from chainlit.config import config as chainlit_config
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from datalayer import DataLayerError

from . import cookies, tokens
from .visitors import Visitors

_PLACE = re.compile(r"/(thread|element)/[^/]+")
_SAFE = "/-._~"


class Returning:
    """ASGI middleware, for deployments with accounts."""

    def __init__(self, app: ASGIApp, *, visitors: Visitors) -> None:
        self._app, self._visitors = app, visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a stranger's browser to the sign-in page, or hand the request on."""
        if scope["type"] == "http" and scope["method"] == "GET" and await self._is_for_a_member(scope):
            query = scope["query_string"].decode("latin-1")
            return await to_sign_in(scope["path"] + (query and f"?{query}"))(scope, receive, send)
        await self._app(scope, receive, send)

    async def _is_for_a_member(self, scope: Scope) -> bool:
        inner = scope["path"].removeprefix(chainlit_config.run.root_path)
        if not _PLACE.fullmatch(inner) or "text/html" not in Headers(scope=scope).get("accept", ""):
            return False
        try:
            return await self._visitors.session(tokens.read(cookies.token_of(Request(scope)))) is None
        except DataLayerError:  # nobody knows: the page asks again
            return False


def to_sign_in(path: str) -> Response:
    """Lead to the sign-in page, and from there to `path` of this app, which may have a query:
    public/page/returning.js."""
    address = f"{chainlit_config.run.root_path}/login?next={quote(path, safe=_SAFE)}"
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})
