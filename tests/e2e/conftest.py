"""The real app in folders of its own: restarted, killed and talked to by ``tests.client.Client``."""

import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from pathlib import Path

import pytest

from tests.client import Client
from tests.e2e.listening import Model, listening
from tests.processes import ROOT, SERVE, Server, free_port, module, run, running_server

PASSWORD = "correct horse battery"


class App:
    """An installation: a home folder that outlives its servers.

    The server runs beside links to the repository's app, not inside the checkout, so that a test may change it.
    """

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder, self.home = folder / "app", folder / "home"
        self.env = {"THREADKEEP_HOME": str(self.home), "THREADKEEP_BACKUPS": "off", **env}
        self.port = free_port()
        self._context: AbstractContextManager[Server] | None = None
        self._server: Server | None = None
        self.folder.mkdir()
        for source in (ROOT / "app.py", ROOT / "public", *ROOT.glob("chainlit*.md")):
            (self.folder / source.name).symlink_to(source)
        shutil.copytree(ROOT / ".chainlit", self.folder / ".chainlit")

    def alive(self) -> Server:
        """The server that is running, else a new one; ``close`` ends it."""
        if self._server is None or self._server.process.poll() is not None:
            self.close()
            self._context = self.running()
            self._server = self._context.__enter__()
        return self._server

    def close(self) -> None:
        if self._context is not None:
            self._context.__exit__(None, None, None)
            self._context = self._server = None

    @contextmanager
    def running(self) -> Iterator[Server]:
        with running_server(self.folder, self.env, self.port, code=SERVE) as server:
            yield server

    def run(self, code: str, *args: str, stdin: str = "") -> str:
        """Output of Python ``code`` with this installation's configuration."""
        env = {"CHAINLIT_PORT": str(self.port), **self.env}
        done = run(code, *args, cwd=self.folder, env=env, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_user(self, name: str) -> None:
        self.run(module("assistant"), "users", "add", name, "--password-stdin", stdin=PASSWORD + "\n")

    def add_users(self, *names: str) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.add_user, names))


def tracebacks(log: Path) -> list[str]:
    """The last line of every traceback in a server's log."""
    lines, found = log.read_text(errors="replace").splitlines(), []
    for number, line in enumerate(lines):
        if line.startswith("Traceback"):
            rest = (line for line in lines[number + 1 :] if line and not line.startswith(" "))
            found.append(next(rest, "cut off"))
    return found


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An installation of this test's own, without a server yet."""
    app = App(tmp_path)
    yield app
    app.close()


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with listening() as model:
        yield model


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server, in local mode, for all tests that leave it alive."""
    with App(tmp_path_factory.mktemp("shared")).running() as server:
        yield server


@pytest.fixture
async def tabs() -> AsyncIterator["Tabs"]:
    """Makes signed-in clients, which are closed after the test."""
    async with AsyncExitStack() as stack:
        yield Tabs(stack)


class Tabs:
    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def __call__(self, url: str, name: str | None = None, *, connect: bool = True, **headers: str) -> Client:
        client = await self._stack.enter_async_context(Client(url, greets=True, **headers))
        await client.login(name, PASSWORD)
        return await client.connect() if connect else client

    async def resume(self, url: str, thread_id: str) -> Client:
        client = await self(url, connect=False)
        return await client.connect(thread_id)


@pytest.fixture
async def http(shared: Server, tabs: Tabs) -> Client:
    """The person of the shared server, signed in, without a chat."""
    return await tabs(shared.url, connect=False)


@pytest.fixture
async def me(shared: Server, tabs: Tabs) -> Client:
    """A new chat of the person of the shared server."""
    return await tabs(shared.url)
