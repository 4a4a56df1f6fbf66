"""The cookies: that of Chainlit's session, and that of a device."""

from chainlit.auth import cookie as chainlit_cookie
from chainlit.config import config as chainlit_config
from starlette.requests import Request
from starlette.responses import Response

from .devices import Devices


def device_cookie() -> str:
    return f"device_{chainlit_cookie._auth_cookie_name}"


def token_of(request: Request) -> str | None:
    return chainlit_cookie.get_token_from_cookies(request.cookies)


def session_lasts() -> float:
    """Seconds."""
    return float(chainlit_config.project.user_session_timeout)


def give_session(request: Request, response: Response, token: str) -> None:
    chainlit_cookie.set_auth_cookie(request, response, token)


def take_session(request: Request, response: Response) -> None:
    chainlit_cookie.clear_auth_cookie(request, response)


def give_device(response: Response, value: str) -> None:
    response.set_cookie(device_cookie(), value, max_age=Devices.lasts, httponly=True, samesite="lax")


def without_session(header: str) -> str:
    """The header Cookie without the cookies of the session."""
    name = chainlit_cookie._auth_cookie_name
    kept = (pair.strip() for pair in header.split(";"))
    return "; ".join(pair for pair in kept if pair and not _is_part(pair.partition("=")[0].strip(), name))


def _is_part(cookie: str, name: str) -> bool:
    """Whether it is the cookie `name`, or one of the pieces `name_0`, `name_1`… of a long token."""
    return cookie == name or (cookie.startswith(f"{name}_") and cookie[len(name) + 1 :].isdigit())
