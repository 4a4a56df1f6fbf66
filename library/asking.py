"""Who asks, and whether a form comes from a page of this server.

Always true: a form does nothing unless it was sent by a page that was made for this session; whatever browsers tell of
where a form comes from must agree.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import quote, urlsplit

from chainlit.auth import get_current_user, require_login, reuseable_oauth
from chainlit.auth.jwt import get_jwt_secret
from fastapi import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from datalayer.records import user_id

Knows = Callable[[str], Awaitable[bool]]
"""Whether somebody of that identifier may come in."""
_OF_THIS_PROCESS = secrets.token_hex(32)
_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Person:
    identifier: str
    id: str
    guard: str
    """What proves that a form comes from a page that was made for this session."""


async def person(request: Request) -> Person | None:
    """Whom Chainlit has signed in; None: nobody."""
    token = await reuseable_oauth(request)
    try:
        user = await get_current_user(token or "")
    except HTTPException as error:
        if error.status_code != 401:
            raise
        return None
    if user is None:
        return None
    return Person(user.identifier, user_id(user.identifier), _guard(user.identifier, token or ""))


def _guard(identifier: str, token: str) -> str:
    secret = get_jwt_secret() or _OF_THIS_PROCESS
    return hmac.new(secret.encode(), f"library {token} {identifier}".encode(), hashlib.sha256).hexdigest()


def is_ours(request: Request, given: str, who: Person) -> bool:
    """Whether the form with the guard ``given`` was sent by a page that was made for ``who``."""
    return is_from_here(request) and hmac.compare_digest(given.encode("utf-8", "replace"), who.guard.encode())


def is_from_here(request: Request) -> bool:
    """Whether no page of another site sends it, as far as a browser tells."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    return site in (None, "same-origin", "none") and (origin is None or _is_here(request, origin))


def _is_here(request: Request, origin: str) -> bool:
    """A proxy may add the port that a browser leaves out."""
    scheme, _, authority = origin.lower().partition("://")
    port = _PORTS.get(scheme)
    host = request.headers.get("host", "").lower()
    return port is not None and authority.removesuffix(port) == host.removesuffix(port)


def sign_in(root: str, path: str) -> str:
    """The address of the sign-in page that leads on to ``path``."""
    return f"{root}/login?next={quote(path)}"


def nobody(request: Request, root: str) -> Response | None:
    """A browser is led over the sign-in page, and whoever else asks is refused. None: nobody signs in to this app.

    Raises HTTPException."""
    if not require_login():
        return None
    shown = urlsplit(request.headers.get("hx-current-url", "")) if request.headers.get("hx-request") else request.url
    path = shown.path if shown.path == f"{root}/library" and request.method in ("GET", "HEAD") else f"{root}/library"
    login = sign_in(root, path + (f"?{shown.query}" if shown.query else ""))
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": login})
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(401, "Unauthorized")
    return RedirectResponse(login, 303, headers={"Cache-Control": "no-store"})


def network(request: Request) -> str:
    """Where who asks is. Of IPv6 the network: whoever has one address of it has all."""
    host = request.client.host if request.client else ""
    try:
        found = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else host
