"""The routes of the page on Chainlit's own server, and its link in the header of the chat."""

import re
from collections.abc import Callable
from typing import Any

import chainlit.server
from chainlit.config import HeaderLink, config
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from datalayer import DataLayer, NotFound

from . import api, sharing
from .address import PREFIX
from .asking import Knows
from .file_pages import Changed, FilePages, nobody_is_told
from .import_pages import IMPORT, ImportPages, Stays, stays
from .pages import Pages
from .rendering import STATIC
from .theme import stylesheet
from .token_pages import TokenPages
from .tokens import Tokens

_NAME = "library_"
"""What the names of all routes begin with: by it they are found when the app is loaded again."""
_FILE = re.compile(r"(vendor/)?[a-z.]+\.(js|css|svg)")


LARGEST_IMPORT = 4_000_000_000


async def everybody(_identifier: str) -> bool:
    return True


def mount(
    layer: DataLayer,
    storage: int | None = None,
    changed: Changed = nobody_is_told,
    largest_import: int = LARGEST_IMPORT,
    stays: Stays = stays,
    knows: Knows = everybody,
) -> None:
    """Adds the page and the API to Chainlit's server, for the conversations of ``layer``, with a link to the page in
    the header of the chat.
    ``storage``: how many bytes the files of one person may take, to be told there; None: as many as they like.
    ``changed``: is told of each file that has come to a conversation, or gone from it, there. ``largest_import``: bytes
    of a file whose conversations are brought in there. ``stays``: whether who has sent a request is still signed in,
    for apps whose sessions end before Chainlit's tokens do. ``knows``: whether somebody of that identifier may still
    come in: else no personal token of theirs holds, and no link to what they have shared.

    Called again, it takes the place of what it has added before."""
    pages, files, root = Pages(layer), FilePages(layer, storage, changed), config.run.root_path
    bringing = ImportPages(layer, largest_import, storage, stays)
    tokens = Tokens(layer.store)
    held = TokenPages(tokens)
    router = APIRouter(prefix=root)
    own: list[tuple[str, str, Callable[..., Any]]] = [
        ("", "GET", pages.show),
        ("", "HEAD", pages.show),
        ("/", "GET", _back),
        ("/usage", "GET", pages.usage),
        ("/kept", "GET", pages.kept),
        ("/files", "GET", files.show),
        ("/files", "POST", files.change),
        (IMPORT, "GET", bringing.show),
        (IMPORT, "POST", bringing.change),
        ("/tokens", "GET", held.show),
        ("/tokens", "POST", held.change),
        ("/threads", "POST", pages.change),
        ("/undo", "POST", pages.undo),
        ("/export", "POST", pages.export),
        ("/threads", "GET", _back),
        ("/undo", "GET", _back),
        ("/export", "GET", _back),
        ("/theme.css", "GET", _theme),
        ("/static/{name:path}", "GET", _file),
    ]
    places = [(PREFIX + path, method, endpoint) for path, method, endpoint in own]
    for path, method, endpoint in [*places, *sharing.routes(layer, storage, knows)]:
        kept = {"name": f"{_NAME}{method}{path}", "include_in_schema": False, "response_model": None}
        router.add_api_route(path, endpoint, methods=[method], **kept)  # type: ignore[arg-type]
    router.mount(api.PREFIX, api.application(layer, tokens, knows), name=f"{_NAME}api")
    known = chainlit.server.app.router.routes
    known[:] = [*router.routes, *(route for route in known if not str(getattr(route, "name", "")).startswith(_NAME))]
    _link(f"{root}{PREFIX}")


def _link(address: str) -> None:
    link = HeaderLink(name="Library", icon_url=f"{address}/static/library.svg", url=address, target="_self")
    config.ui.header_links = [*(each for each in config.ui.header_links or [] if each.url != address), link]


async def _back(request: Request) -> Response:
    """Who reloads what a form has answered, or ends the address with a slash, sees the list."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{config.run.root_path}{PREFIX}{query}", 303)


async def _theme() -> Response:
    return Response(stylesheet(), media_type="text/css", headers={"Cache-Control": "no-cache"})


async def _file(name: str) -> Response:
    if not _FILE.fullmatch(name) or not (STATIC / name).is_file():
        raise NotFound("There is no such file")
    return FileResponse(STATIC / name, headers={"Cache-Control": "public, max-age=31536000, immutable"})
