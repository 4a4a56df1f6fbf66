"""The servers' own tools: one dumps tables, one fills a database from that. In what they differ: ``postgres_tools``,
``mysql_tools``.

A password goes to them in their environment or through a pipe: never on a command line, which every user of the machine
can read, and never into a file, which a kill would leave.
"""

import hashlib
import re
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, ClassVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from ..errors import InvalidInput, StoreUnavailable, StoreUnusable
from . import database
from .base import T
from .server import Server
from .server_schema import ask

BUSY = "Another backup or restore of this database is at work; try again when it is done"


class Tools(ABC):
    """For the tables at ``url``, as ``parse_url`` gave it. ``find`` must be called before what runs a program."""

    file: ClassVar[str]
    """What a dump is called in its backup."""
    names: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]]
    """Of the program that dumps, and of the one that fills: the first that is there is used."""
    package: ClassVar[str]
    """Which has both."""
    size: ClassVar[str]
    """The statement that asks how many bytes the database has."""
    same_moment: ClassVar[bool]
    """Whether a dump and a transaction see the same for certain."""

    def __init__(self, url: URL) -> None:
        server = database(url)
        assert isinstance(server, Server)
        self.url: URL = url
        self.given: dict[str, Any] = server.write.engine.dialect.create_connect_args(server.url)[1]
        """What the driver is told of the server."""
        self._pooled: bool = not server.options.prepared_statements
        own = f"{server.url.database} {server.options.schema or ''}"
        self.scratch: str = f"datalayer_scratch_{hashlib.sha256(own.encode()).hexdigest()[:16]}"
        """A database beside, one for each store, so that what a kill left is found again."""
        self.programs: tuple[str, str] = ("", "")

    def find(self, connection: Connection) -> str:
        """Looks for the programs; the name and the version of the one that dumps. Raises InvalidInput: what to type."""
        if self._pooled:  # a lock, and a database made just now, are not to be found again through it
            raise InvalidInput("This URL is a pooler's (prepared_statements=false); name the server itself for this")
        server = connection.dialect.server_version_info or (0,)
        found = [next(filter(None, map(shutil.which, self.candidates(names, server))), None) for names in self.names]
        if not (found[0] and found[1]):
            raise InvalidInput(
                f"{' and '.join(names[0] for names in self.names)} are not here; install them (Debian: apt install"
                f" {self.package}), or dump where they are: {self.by_hand()}"
            )
        self.programs = found[0], found[1]
        version = _version(found[0])
        self.compare(version, server)
        return f"{Path(found[0]).name} {version}"

    def candidates(self, names: tuple[str, ...], server: tuple[Any, ...]) -> tuple[str, ...]:
        return names

    def compare(self, version: str, server: tuple[Any, ...]) -> None:
        """Raises InvalidInput when this version of the tool cannot dump that server."""
        return

    @abstractmethod
    def by_hand(self) -> str:
        """The command that dumps the database, without a password."""

    @abstractmethod
    def signed_in(self) -> AbstractContextManager[tuple[list[str], dict[str, Any]]]:
        """How a program signs in: its first arguments, and what ``Popen`` is told."""

    @abstractmethod
    def begun(self, connection: Connection, tables: list[str]) -> AbstractContextManager[tuple[bytes, IO[bytes]]]:
        """A dump whose moment is that of the transaction of ``connection``: its beginning, and where the rest comes."""

    @abstractmethod
    def opened(self, path: Path, mode: str) -> Any:
        """A dump as a file, which may be compressed."""

    @abstractmethod
    def fill(self, source: Path, database: str) -> None:
        """Fills a database that is empty. Raises StoreUnavailable."""

    @abstractmethod
    def make_scratch(self, connection: Connection) -> str | None:
        """Makes an empty database, where one of a killed process may be; None: another process uses it now."""

    @abstractmethod
    def drop_scratch(self, connection: Connection) -> None: ...

    @abstractmethod
    def grant(self, connection: Connection) -> str:
        """The statement that gives this user the right to make it."""

    def interrupted(self, connection: Connection) -> bool:
        """Whether ``fill`` was killed in this database."""
        return False

    def schema(self, connection: Connection) -> str | None:
        """Where tables are that are named without a schema; None: the server has no schemas."""
        return None

    def ready(self, connection: Connection, schema: str | None) -> None:
        """Makes in an empty database what a dump takes for granted."""
        return

    def dump(self, connection: Connection, tables: list[str], target: Path, read: Callable[[Connection], T]) -> T:
        """Writes ``tables`` to ``target``; what ``read`` finds at the same moment of the database. Raises
        StoreUnavailable, OSError."""
        with ThreadPoolExecutor(1) as thread, self.begun(connection, tables) as (head, rest):
            saving = thread.submit(self._save, head, rest, target)
            found = read(connection)
            saving.result()
        return found

    def _save(self, head: bytes, rest: IO[bytes], target: Path) -> None:
        with self.opened(target, "wb") as file:
            file.write(head)
            shutil.copyfileobj(rest, file)

    @contextmanager
    def running(self, program: str, *arguments: str, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Ended or killed afterwards. Raises StoreUnavailable when it fails."""
        with tempfile.TemporaryFile() as errors:
            with self.signed_in() as (options, how):
                command = [program, *options, *arguments]
                process = subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, **streams}, stderr=errors, **how)
            try:
                yield process
            except BrokenPipeError:
                process.kill()  # it has ended already, most likely, and says why below
            except BaseException:
                process.kill()
                raise
            finally:
                with suppress(OSError):
                    process.stdin and process.stdin.close()
                process.wait()
                if process.stdout:  # not before: a thread may still read from it
                    process.stdout.close()
            if process.returncode:
                errors.seek(0)
                raise StoreUnavailable(f"{Path(program).name} failed: {self._said(errors.read())}")

    def _said(self, errors: bytes) -> str:
        """Its first complaint, which is about the server; what follows may quote what people wrote."""
        lines = errors.decode(errors="replace").splitlines()
        line = next((line for line in lines if "error" in line.lower()), "it did not say why").split(" near '")[0]
        password = self.given.get("password")
        return (line.replace(str(password), "…") if password else line)[:300]

    def tried(self, work: Callable[[URL], T]) -> T:
        """``work``, with the URL of an empty database that is gone afterwards. Raises StoreUnusable without the right
        to make one, StoreUnavailable while another process has it."""
        return ask(self.url, lambda connection, _: self._tried(connection, work), "AUTOCOMMIT")

    def _tried(self, connection: Connection, work: Callable[[URL], T]) -> T:
        try:
            made = self.make_scratch(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "42501" or getattr(error.orig, "args", (0,))[0] in (1044, 1045):
                raise StoreUnusable(
                    "A backup is tried out in a database of its own, which this user may not make; as an"
                    f" administrator of the server type: {self.grant(connection)}"
                ) from None
            raise
        if made is None:
            raise StoreUnavailable(BUSY)
        try:
            return work(self.url.set(database=made))
        finally:
            self.drop_scratch(connection)


def execute(url: URL, statement: str) -> None:
    """Raises DataLayerError."""
    ask(url, lambda connection, _: connection.exec_driver_sql(statement) and None)


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(?:Distrib|SQL\)|from) (\d[\d.]*)", said) or re.search(r"Ver (\d[\d.]*)", said)
    return found[1] if found else "of an unknown version"
