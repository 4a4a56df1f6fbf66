"""Start the real server as a child process, for tests that talk to it or kill it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What this process was configured with must not reach the server: a test says all that its server knows.
_OURS = ("CHAINLIT_", "THREADKEEP_", "GEMINI_", "GOOGLE_", "LANGFUSE_")


class ServerFailed(Exception):
    """The server ended, or was not ready in time. `returncode` None: it was still running."""

    def __init__(self, returncode: int | None, output: str) -> None:
        super().__init__(f"server not ready (exit code {returncode}):\n{output}")
        self.returncode, self.output = returncode, output


@dataclass(frozen=True)
class Server:
    """A running server: a direct child that leads its own process group."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the whole group, wait, and return the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        return self.process.wait(30)


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child that can import the packages of this checkout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), **env}


@contextmanager
def running_server(
    app_dir: Path, env: Mapping[str, str], port: int, deadline: float = 60, ready: str = "/health"
) -> Iterator[Server]:
    """Run `chainlit run app.py` in `app_dir` until the block ends, then kill it. Raises ServerFailed."""
    log = app_dir / f"server-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "chainlit", "run", "app.py", "-h"],
            cwd=app_dir,
            env=environment({"CHAINLIT_PORT": str(port), **env}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", log)
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
