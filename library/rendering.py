"""Templates to answers, with headers that let a page load nothing but its own files."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from chainlit.config import config
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .address import PREFIX, Address
from .asking import Person
from .texts import Language, accepted, number, say

STATIC = Path(__file__).with_name("static")
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def policy(sources: Mapping[str, str]) -> str:
    return "; ".join(" ".join(each) for each in sources.items())


HEADERS = {
    "Content-Security-Policy": policy(POLICY),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "HX-Request, Accept-Language, Cookie",
}


@dataclass(frozen=True, slots=True)
class Notice:
    said: Markup
    failure: bool = False
    undo: str = ""
    """What the form of *Undo* sends; empty: there is none."""
    at: str = ""
    """Where it sends that; empty: to where conversations are changed back."""


def language(request: Request) -> Language:
    return accepted(request.headers.get("accept-language"))


def page(
    name: str,
    request: Request,
    address: Address,
    who: Person | None = None,
    notice: Notice | None = None,
    status: int = 200,
    headers: Mapping[str, str] = HEADERS,
    **values: Any,
) -> Response:
    """The page of the template ``name``."""
    to, root = language(request), config.run.root_path
    known = {
        "address": address,
        "app": config.ui.name,
        "asset": lambda file: f"{root}{PREFIX}/static/{file}?v={_version(file)}",
        "guard": who.guard if who else "",
        "home": f"{root}/",
        "library": f"{root}{PREFIX}",
        "notice": notice,
        "number": partial(number, to=to),
        "root": root,
        "say": partial(say, to=to),
        "to": to,
    }
    return HTMLResponse(_templates().get_template(name).render(known | values), status, headers)


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("library"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["icon"] = found.get_template("icons.html").module.icon  # type: ignore[attr-defined]
    return found


@cache
def _version(name: str) -> str:
    """Of a file of ``static``: another one when its content changes."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
