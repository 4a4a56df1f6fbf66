"""The app of ``app.py`` twice: on Chainlit as it is, where these tests are expected to fail, and with what mends it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.processes import Server, free_port, running_server

WRONG = pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="Chainlit is wrong here; when this passes, what mends it can go"
)
"""Any other error than that of the test's own ``assert`` is a failure: the test is broken, not Chainlit mended."""


def _running(folder: Path, **env: str) -> Iterator[Server]:
    (folder / "app.py").symlink_to(Path(__file__).with_name("app.py"))
    (folder / "public" / "page").mkdir(parents=True)
    (folder / "public" / "page" / "one.js").touch()
    for tag, text in {"": "Welcome", "_en-US": "Welcome", "_fr-FR": "Bienvenue"}.items():
        (folder / f"chainlit{tag}.md").write_text(text)
    # Without the patience of other tests: it imports the data layer, and Chainlit would not be as it is.
    with running_server(folder, {"CHAINLIT_AUTH_SECRET": "t" * 64, "TEST_PATIENCE": "", **env}, free_port()) as server:
        yield server


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(tmp_path_factory.mktemp("fixed"), FIXED="1")


@pytest.fixture(params=[pytest.param("plain", marks=WRONG), "fixed"])
def server(request: pytest.FixtureRequest) -> Server:
    running: Server = request.getfixturevalue(request.param)
    return running


@pytest.fixture
async def people(server: Server) -> AsyncIterator[Any]:
    """Makes browsers in which the named person is signed in."""
    async with AsyncExitStack() as stack:

        async def sign_in(name: str, **headers: str) -> Client:
            client = await stack.enter_async_context(Client(server.url, greets=False, **headers))
            return await client.login(name, "open")

        yield sign_in


def given(condition: Any) -> None:
    """What a test needs before it can show anything. Raises RuntimeError, which is no sign of a fault of Chainlit's."""
    if not condition:
        raise RuntimeError("the test itself is broken")


async def heard(client: Client) -> None:
    """Returns when all is read that the server has sent so far."""
    await client.call("fetch_favorites")


def texts(client: Client) -> list[str]:
    """Of the messages on the screen."""
    return [step["output"] for step in client.screen.values() if "message" in step["type"]]
