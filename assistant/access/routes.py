"""Signing in and out over HTTP, in place of Chainlit's routes, whose sessions have no end before their tokens'."""

from collections.abc import Iterable

from chainlit.config import config as chainlit_config
from chainlit.logger import logger
from chainlit.server import app as chainlit_app
from fastapi import APIRouter, HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from assistant.access.accounts import AccountError
from assistant.texts import accepted, say
from datalayer import DataLayerError

from . import cookies, tokens
from .devices import Devices
from .passwords import AWAY_FOR, Passwords, SignInRefused
from .visitors import Visitors

PREFIX = "access_"
"""Of the names of all routes of ours: by it they are found when `chainlit run -w` executes the app again."""


def mount(routes: Iterable[BaseRoute], prefix: str = PREFIX) -> None:
    """Add `routes` to Chainlit's server before its own, in place of earlier ones whose names begin with `prefix`."""
    known = chainlit_app.router.routes
    known[:] = [*routes, *(route for route in known if not str(getattr(route, "name", "")).startswith(prefix))]


def make(visitors: Visitors, passwords: Passwords | None, devices: Devices) -> APIRouter:
    """The routes. `passwords` None: the person of this machine is let in without one."""
    router = APIRouter(prefix=chainlit_config.run.root_path)

    @router.post("/login", name=f"{PREFIX}login", include_in_schema=False)
    async def login(request: Request) -> Response:
        if passwords is None:
            raise HTTPException(400, "No auth_callback defined")
        return await _login(request, visitors, passwords, devices)

    @router.post("/auth/header", name=f"{PREFIX}header", include_in_schema=False)
    async def header(request: Request) -> Response:
        if passwords is not None:
            raise HTTPException(400, "No header_auth_callback defined")
        try:
            return _with_session(request, await visitors.begin(request))
        except (DataLayerError, OSError) as error:
            logger.error("No session can begin: %s", error)
            raise HTTPException(503, "default") from error

    @router.post("/auth/jwt", name=f"{PREFIX}jwt", include_in_schema=False)
    async def exchange(request: Request) -> Response:
        """The cookie is the token that was sent: a new one would outlive the sign-out of the first."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = tokens.read(given.strip()) if scheme.lower() == "bearer" else None
        if token is None or not await visitors.is_current(token):
            raise HTTPException(401, "Invalid token")
        return _with_session(request, given.strip())

    @router.post("/logout", name=f"{PREFIX}logout", include_in_schema=False)
    async def logout(request: Request) -> Response:
        await visitors.end(tokens.read(cookies.token_of(request)))
        response = JSONResponse({"success": True})
        cookies.take_session(request, response)
        return response

    return router


async def _login(request: Request, visitors: Visitors, passwords: Passwords, devices: Devices) -> Response:
    async with request.form(max_files=0, max_fields=10) as form:
        name, password = form.get("username"), form.get("password")
    if name is None or password is None or isinstance(name, UploadFile) or isinstance(password, UploadFile):
        raise HTTPException(422, "username and password are missing")
    device = devices.read(request.cookies.get(cookies.device_cookie()))
    host = request.client.host if request.client else ""
    try:
        found = await passwords.check(name, password, host, device)
        if found is None:
            return JSONResponse({"detail": "credentialssignin"}, 401)
        response = _with_session(request, await visitors.begin(request, *found))
    except SignInRefused as refused:
        return refusal(request, refused)
    except DataLayerError as error:
        logger.error("No session can begin: %s", error)
        return refusal(request, SignInRefused(503, "away", AWAY_FOR))
    except (AccountError, OSError) as error:
        logger.error("%s", error)
        raise HTTPException(503, "default") from error
    cookies.give_device(response, devices.remember(device, found[0]))
    return response


def _with_session(request: Request, token: str) -> Response:
    response = JSONResponse({"success": True})
    cookies.give_session(request, response, token)
    return response


def refusal(request: Request, refused: SignInRefused) -> Response:
    """The page knows the sentence of `detail` in its own language: public/page/requests.js."""
    to = accepted(request.headers.get("accept-language"))
    body = {"detail": refused.reason, "message": say(f"sign_in_{refused.reason}", to)}
    return JSONResponse(body, refused.status, headers={"Retry-After": str(refused.retry_after)})
