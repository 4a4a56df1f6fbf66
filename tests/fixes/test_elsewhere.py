"""What is mended by other rooms than ``assistant/fixes/``, which other tests show on the whole app."""

from pathlib import Path

import httpx
from socketio.exceptions import ConnectionError

from tests.client import Client
from tests.fixes.conftest import WRONG, given
from tests.processes import CHAINLIT, Server, start


@WRONG
async def test_another_site_opens_no_websocket_in_a_visitors_name(plain: Server) -> None:
    """``assistant/access/guard.py``: socket.io looks at no origin (``cors_allowed_origins=[]`` in server.py)."""
    async with Client(plain.url, greets=False, Origin="https://elsewhere.example") as ann:
        await ann.login("ann", "open")
        try:
            await ann.connect()
            accepted = True
        except ConnectionError:
            accepted = False
    assert not accepted


@WRONG
async def test_the_documentation_of_the_routes_is_not_for_everybody(plain: Server) -> None:
    """``assistant/access/guard.py``: FastAPI's page, with a script from a CDN."""
    async with httpx.AsyncClient(base_url=plain.url) as nobody:
        assert (await nobody.get("/docs")).status_code == 404


@WRONG
async def test_what_is_not_to_be_shared_cannot_be(plain: Server) -> None:
    """``assistant/access/guard.py``: ``allow_thread_sharing = false`` hides the button and leaves the route."""
    async with Client(plain.url, greets=False) as ann:
        await (await ann.login("ann", "open")).connect()
        await ann.send("mine")
        answer = await ann.share(ann.thread_id)
        given(answer.status_code in (200, 403, 404))
    assert answer.status_code != 200


@WRONG
def test_a_port_that_is_taken_ends_the_start(plain: Server, tmp_path: Path) -> None:
    """``assistant/server/serving.py``: Chainlit says that the app is available, then that it is not; exit code 0."""
    (tmp_path / "app.py").write_text("import chainlit as cl\ncl.on_message(print)")
    env = {"CHAINLIT_PORT": plain.url.rpartition(":")[2]}
    with (tmp_path / "log").open("wb") as output, start(CHAINLIT, cwd=tmp_path, env=env, output=output) as process:
        code = process.wait(60)
    given("address already in use" in (tmp_path / "log").read_text())
    assert code != 0
