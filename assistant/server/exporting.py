"""The route that makes the file that ``/export`` links to.

Always true: only the author of a conversation gets it; where nobody signs in, whoever knows its address, as in the
chat.
"""

from typing import Annotated, Any

from chainlit.auth import get_current_user, require_login
from chainlit.config import config as chainlit_config
from chainlit.data import get_data_layer
from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

import exchange
from datalayer import DataLayer, DataLayerError
from datalayer.records import user_id

from ..access.routes import mount
from ..commands.export import PATH
from ..texts import Language, accepted, say

_PREFIX = "export_"


def install() -> None:
    """Adds the route to Chainlit's server."""
    router = APIRouter(prefix=chainlit_config.run.root_path)
    kept: dict[str, Any] = {"name": f"{_PREFIX}thread", "include_in_schema": False, "response_model": None}
    router.add_api_route(f"{PATH}/{{thread_id}}", _serve, methods=["GET"], **kept)
    mount(router.routes, _PREFIX)


async def _serve(thread_id: str, request: Request, user: Annotated[Any, Depends(get_current_user)]) -> Response:
    asked = request.query_params
    to: Language = accepted(asked.get("lang") or request.headers.get("accept-language"))
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    if user is None and require_login():
        return _told("export_gone", to, 404)
    chosen = exchange.Selection(user_id(user.identifier) if user else None, (thread_id,))
    try:
        return await exchange.download(layer.store, chosen, asked.get("format", "markdown"), to)
    except DataLayerError as error:
        if isinstance(error, exchange.NotInstalled):
            return _told("export_missing", to, error.status_code, format="PDF")
        key = {404: "export_gone", 400: "export_gone", 429: "export_many"}.get(error.status_code, "export_failed")
        return _told(key, to, error.status_code)


def _told(key: str, to: Language, status: int, **values: str) -> Response:
    return PlainTextResponse(say(key, to, **values) + "\n", status, headers={"Cache-Control": "no-store"})
