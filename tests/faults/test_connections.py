"""Connections that owe something: they cost others nothing, and the log little."""

import errno
import logging
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from assistant.server import serving
from tests.e2e.conftest import App
from tests.processes import SERVE, Server, running_server

_FEW_FILES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
_IMPATIENT = "from assistant.server import serving; serving.WAIT = 0.5\n"


def half_sent(server: Server, stack: ExitStack, sent: bytes = b"GET /health HTTP/1.1\r\nHost: 127") -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))))
    connection.settimeout(60)
    connection.sendall(sent)
    return connection


@pytest.fixture
def few_files(tmp_path: Path) -> Iterator[Server]:
    app = App(tmp_path)
    with running_server(app.folder, app.env, app.port, code=_FEW_FILES.format(soft=300, hard=300) + SERVE) as server:
        yield server


def test_three_hundred_and_twenty_half_sent_requests_keep_nobody_out(few_files: Server) -> None:
    with ExitStack() as stack:
        for _ in range(320):
            half_sent(few_files, stack)
        for path in ("/health", "/public/favicon.svg", "/health/store"):
            with urllib.request.urlopen(few_files.url + path, timeout=60) as answer:
                assert answer.status == 200
    assert len(few_files.log.read_text()) < 10_000


def test_what_is_half_sent_is_dropped_and_what_is_whole_is_answered(tmp_path: Path) -> None:
    app = App(tmp_path, THREADKEEP_AUTH="accounts")  # where the body of a sign-in is read
    soft = "import resource; h = resource.getrlimit(7)[1]; resource.setrlimit(7, (200, h))\n"
    with (
        running_server(app.folder, app.env, app.port, code=soft + _IMPATIENT + SERVE) as server,
        ExitStack() as stack,
    ):
        limits = Path(f"/proc/{server.process.pid}/limits").read_text().splitlines()
        [files] = [line.split() for line in limits if line.startswith("Max open files")]
        assert files[3] == files[4] != "200"
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nusern"
        body = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n" + form
        after = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /heal"
        for sent in (b"", b"GET /health HT", body):
            assert half_sent(server, stack, sent).recv(1000) == b"", sent
        answered = half_sent(server, stack, after)
        assert answered.recv(1000).startswith(b"HTTP/1.1 200")
        while answered.recv(1000):
            pass
        assert trickles(half_sent(server, stack, b"GET /health HTTP/1.1\r\n")) < 5000


def trickles(connection: socket.socket) -> int:
    """Sends a header line each 10 ms until the server has had enough; returns how many it took."""
    connection.settimeout(0.01)
    for sent in range(5000):
        try:
            connection.sendall(b"A: b\r\n")
            if connection.recv(1000) == b"":
                return sent
        except TimeoutError:
            continue
        except ConnectionError:
            return sent
    return 5000


def test_a_lack_of_descriptors_is_one_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(serving.time, "monotonic", lambda: now[0])
    once = serving.OnceAMinute()
    error = OSError(errno.EMFILE, "Too many open files")

    def passes(cause: Exception) -> bool:
        info = (type(cause), cause, None)
        return bool(once.filter(logging.LogRecord("asyncio", logging.ERROR, "", 0, "out", (), info)))

    assert [passes(error) for _ in range(1000)].count(True) == 1
    assert passes(OSError(errno.ENOENT, "No such file"))
    now[0] += 61
    assert [passes(error) for _ in range(1000)].count(True) == 1
