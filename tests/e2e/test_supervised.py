"""systemd hears that the app serves, and again and again that it still does."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import App


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    """As systemd listens: datagrams, at an address of the file system."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def test_it_says_that_it_serves_and_goes_on_to_say_so(app: App, supervisor: socket.socket) -> None:
    app.env |= {"NOTIFY_SOCKET": supervisor.getsockname(), "WATCHDOG_USEC": "300000"}
    app.alive()
    assert [supervisor.recv(100) for _ in range(4)] == [b"READY=1", *[b"WATCHDOG=1"] * 3]


def test_without_a_time_it_says_only_that_it_serves(app: App, supervisor: socket.socket) -> None:
    app.env["NOTIFY_SOCKET"] = supervisor.getsockname()
    app.alive()
    assert supervisor.recv(100) == b"READY=1"


async def test_a_name_of_the_kernel_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """As containers have them: without a place in the file system."""
    from assistant.server.supervised import tell

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as listening:
        listening.bind("")  # the kernel chooses one
        name = listening.getsockname()
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name[1:].decode())
        await tell()
        assert listening.recv(100) == b"READY=1"


async def test_where_nobody_supervises_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.server.supervised import tell

    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    await asyncio.wait_for(tell(), 10)
