"""Start the real server, or any Python code, as a process of its own, for tests that talk to it or kill it.

Most of what a start costs are imports. One process, the nursery, imports once what asks no environment, and is forked
for each start: what runs is a process like any other, which imports Chainlit and the app itself.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).resolve().parents[1]
# What this process was configured with must not reach the server: a test says all that its server knows.
_OURS = ("CHAINLIT_", "THREADKEEP_", "DATALAYER_", "GEMINI_", "GOOGLE_", "OPENAI_", "LANGFUSE_")
_LIBRARIES = (
    *("fastapi", "socketio", "uvicorn", "literalai", "mcp", "sqlalchemy.ext.asyncio", "alembic.command"),
    *("pydantic_settings", "dotenv", "aiofiles", "argon2", "babel", "dataclasses_json", "filetype", "jwt"),
    *("cryptography.hazmat.primitives.serialization", "typer", "babel.dates", "jinja2"),
    *("markdown_it", "latex2mathml.converter", "pygments.lexers", "datalayer.store", "exchange"),
)
# Any app of Chainlit's, and ours as `make run` starts it.
CHAINLIT = (
    "import nest_asyncio; nest_asyncio.apply = lambda: None; "
    "from chainlit.cli import cli; cli(['run', 'app.py', '-h'], prog_name='chainlit')"
)
SERVE = "from assistant.__main__ import app; app(['serve'], prog_name='assistant')"

_HELD: list[socket.socket] = []

# Forks a keeper for each job, which forks the job itself and reports its pid and its exit code. None outlives another.
_NURSERY = """
import ctypes, gc, importlib, json, os, random, signal, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
for name in sys.argv[2:]:
    importlib.import_module(name)
gc.freeze()  # a child whose collector looked at all of it would copy all of its pages
job = None
while job is None:
    message, descriptors, *_ = socket.recv_fds(link, 1 << 20, 4)
    try:
        while os.waitpid(-1, 0 if not message else os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    if not message:
        os._exit(0)
    *streams, status = descriptors
    if os.fork() == 0:
        link.close()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            os.setsid()
            os.close(status)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            job = json.loads(message)
            continue
        os.write(status, b"%d\\n" % pid)
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(status, b"%d\\n" % code)
        os._exit(0)
    for descriptor in descriptors:
        os.close(descriptor)
os.chdir(job["cwd"])
os.environ.clear()
os.environ.update(job["env"])
sys.path[:1] = ["", *job["env"]["PYTHONPATH"].split(":")]
sys.argv = ["-c", *job["args"]]
random.seed()
exec(compile(job["code"], "<job>", "exec"), {"__name__": "__main__"})
"""


class ServerFailed(Exception):
    """The server ended, or was not ready in time. `returncode` None: it was still running."""

    def __init__(self, returncode: int | None, output: str) -> None:
        super().__init__(f"server not ready (exit code {returncode}):\n{output}")
        self.returncode, self.output = returncode, output


class Child:
    """A process that `start` began, with the part of `subprocess.Popen` that tests use. It leads its own group."""

    def __init__(self, status: IO[bytes], stdout: IO[bytes] | None) -> None:
        self._status, self.stdout = status, stdout
        self.pid = int(status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._read(0)

    def wait(self, timeout: float) -> int:
        """The exit code, negative for a signal. Raises TimeoutError."""
        if self._read(timeout) is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
        assert self.returncode is not None
        return self.returncode

    def _read(self, timeout: float) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.readline() or -signal.SIGKILL)
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        if self.stdout is not None:
            self.stdout.close()

    def kill(self) -> int:
        """SIGKILL to the whole group; returns the exit code."""
        if self.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:  # it does not lead its group yet, or has just ended
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
        return self.wait(60)


@dataclass(frozen=True)
class Server:
    """A running server, which leads its own process group."""

    process: Child | subprocess.Popen[bytes]
    url: str
    log: Path

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the whole group, wait, and return the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(60)


def free_port() -> int:
    """Return a port of the loopback that is this process's until it ends, for servers of its own.

    It stays bound, without anybody who listens: the kernel gives it to no other process and to no outgoing connection,
    while a server that sets SO_REUSEADDR, as all do, may listen on it (socket(7)).
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _HELD.append(held)
    return int(held.getsockname()[1])


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child that can import the packages of this checkout."""
    # Chainlit takes CI for its own --ci, which prints a line more.
    kept = {key: value for key, value in os.environ.items() if key != "CI" and not key.startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), **env}


@cache
def _nursery() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", _NURSERY, str(theirs.fileno()), *_LIBRARIES]
    with theirs:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=environment({}),
            cwd=tempfile.gettempdir(),
        )

    @atexit.register
    def end() -> None:
        ours.close()
        process.wait(10)

    return ours


def start(
    code: str,
    *args: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    output: IO[bytes] | None = None,
    errors: IO[bytes] | None = None,
) -> Child:
    """Run Python `code` with `sys.argv[1:] == args`. `output`: takes stdout, and stderr unless there is `errors`; None:
    `stdout` of the child can be read, its stderr is ours."""
    status, status_end = os.pipe()
    read, write = (None, os.dup(output.fileno())) if output else os.pipe()
    job = {"code": code, "args": args, "cwd": str(cwd), "env": environment(env or {})}
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        said = errors or output or sys.__stderr__
        streams = [given.fileno(), write, said.fileno(), status_end]  # type: ignore[union-attr]
        socket.send_fds(_nursery(), [json.dumps(job).encode()], streams)
    os.close(write)
    os.close(status_end)
    return Child(os.fdopen(status, "rb", buffering=0), os.fdopen(read, "rb") if read is not None else None)


def run(
    code: str, *args: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run Python `code` to its end."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = start(code, *args, cwd=cwd, env=env, stdin=stdin.encode(), output=output, errors=errors)
        returncode = child.wait(120)
        for file in (output, errors):
            file.seek(0)
        said, warned = (file.read().decode(errors="replace") for file in (output, errors))
    return subprocess.CompletedProcess([], returncode, said, warned)


def module(name: str) -> str:
    """The code of `python -m name`."""
    return f"import runpy; runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"


# A slow machine is no database that hangs: tests of other things give it more time (tests/conftest.py).
_PATIENT = """import os
if os.environ.get("TEST_PATIENCE"):
    from datalayer import transaction
    transaction.PATIENCE = float(os.environ["TEST_PATIENCE"])
"""


@contextmanager
def running_server(
    app_dir: Path,
    env: Mapping[str, str],
    port: int,
    deadline: float = 120,
    ready: str = "/health",
    code: str = CHAINLIT,
    python: Path | None = None,
) -> Iterator[Server]:
    """Run the `app.py` in `app_dir` by `code` until the block ends, then kill it. Raises ServerFailed.

    `python`: one of another environment, which sees nothing of this checkout.
    """
    log = app_dir / f"server-{port}.log"
    code, env = _PATIENT + code, {"CHAINLIT_PORT": str(port), **env}
    process: Child | subprocess.Popen[bytes]
    with log.open("ab") as output:
        if python:
            env, command = environment({**env, "PYTHONPATH": ""}), [str(python), "-c", code]
            process = subprocess.Popen(command, cwd=app_dir, env=env, stdout=output, stderr=output, process_group=0)
        else:
            process = start(code, cwd=app_dir, env=env, output=output)
    host = "[::1]" if env.get("CHAINLIT_HOST") == "::1" else "127.0.0.1"
    server = Server(process, f"http://{host}:{port}", log)
    try:
        _wait(server, ready, time.monotonic() + deadline)
        yield server
    except ServerFailed:
        raise
    except Exception as error:
        error.add_note(f"server (exit code {process.poll()}) said:\n{log.read_text(errors='replace')}")
        raise
    finally:
        server.kill()


def _wait(server: Server, path: str, end: float) -> None:
    while not _answers(server.url + path):
        if server.process.poll() is not None or time.monotonic() > end:
            raise ServerFailed(server.process.returncode, server.log.read_text(errors="replace"))
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
