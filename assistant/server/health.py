"""What a load balancer, a container and a monitor ask: is it alive, can it take somebody, how is it doing.

Always true: what anybody may ask tells neither names nor addresses; the counts are shown only to whoever brings the
token (THREADKEEP_METRICS_TOKEN), and without one there is no such page.
"""

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from chainlit.config import config as chainlit_config
from chainlit.data import get_data_layer
from chainlit.session import ws_sessions_id
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from datalayer import DataLayer
from datalayer.observer import Observer, observe

from ..access.routes import mount
from ..config import Config
from ..services import secret

if TYPE_CHECKING:  # what they need is there only where it is asked for
    from ..memory.link import Link
    from ..usage.metrics import Metrics

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FRESH = {"Cache-Control": "no-store"}


def install(config: Config, metrics: "Metrics | None", link: "Link | None") -> None:
    """Adds the routes to Chainlit's server. `metrics` None: nothing is counted, and there is no /metrics. `link`: to
    the Redis whose state is shown."""
    observe(metrics or Observer())
    router = APIRouter(prefix=chainlit_config.run.root_path)

    def route(path: str, endpoint: Callable[..., object]) -> None:
        name = f"{_PREFIX}{path}"
        router.add_api_route(path, endpoint, name=name, include_in_schema=False, response_model=None)

    async def show(request: Request) -> Response:
        assert metrics is not None
        return await _show(request, metrics, secret(config.metrics_token) or "", link)

    route("/health/live", _live)
    route("/health/ready", _ready)
    if metrics is not None:
        route("/metrics", show)
    mount(router.routes, _PREFIX)


_PREFIX = "health_"


async def _live() -> Response:
    """The event loop turns: whoever does not get this answer in seconds may end the process."""
    return JSONResponse({"status": "alive"}, headers=_FRESH)


async def _ready() -> Response:
    """200: what is written here is kept; 503: it is not, send people to another instance."""
    found = await _layer().store.readiness()
    said = {
        "status": "ready" if found.ready else "unavailable",
        "database": "answers" if found.database else "does not answer",
        "spool": {None: "not needed", True: "takes writes", False: "takes no writes"}[found.spool],
        "waiting": (await _layer().health())["pending"],
    }
    return JSONResponse(said, 200 if found.ready else 503, headers=_FRESH)


async def _show(request: Request, metrics: "Metrics", token: str, link: "Link | None") -> Response:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        headers = {"WWW-Authenticate": "Bearer", **_FRESH}
        return PlainTextResponse("This page asks for the token of THREADKEEP_METRICS_TOKEN.\n", 401, headers)
    health = await _layer().health()
    metrics.waiting.set(health["pending"])
    metrics.degraded.set(health["state"] != "ok")
    metrics.sessions.set(len(ws_sessions_id))
    metrics.redis.set(link is not None and await link.run("return 1", [], []) is not None)
    return Response(metrics.text(), media_type=_TYPE, headers=_FRESH)


def _layer() -> DataLayer:
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    return layer
