"""Where the parts of a store are."""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from .dialects import URL, parse_url


@dataclass(frozen=True, slots=True)
class Place:
    database: Path
    """A file; of a server's database, what its file would be called in the current folder: ``address`` says which."""
    files: Path
    spool: Path
    backups: Path
    """Folders, all three, which need not exist yet."""
    server: URL | None = field(default=None, repr=False)
    """Where the database is, when it is not in a file."""
    bucket: str | None = None
    """``s3://…``, where the files are instead; the folder for them stays empty, and backups hold none."""

    @classmethod
    def of(
        cls,
        url: str,
        files: str | Path | None = None,
        spool: str | Path | None = None,
        backups: str | Path | None = None,
    ) -> "Place":
        """The parts of the store whose database is ``url``. Raises InvalidInput."""
        parsed = parse_url(url)
        name = str(parsed.database)
        if parsed.get_backend_name() == "sqlite":
            return cls.beside(Path(name), files, spool, backups)
        return replace(cls.beside(Path(_file_name(parsed)), files, spool, backups), server=parsed)

    @property
    def owner(self) -> str:
        """Whose writes the spool holds: a server's database by its address, a file by its path from the spool, so that
        both can move. "": the spool is the file's own, beside it."""
        if self.server is not None:
            return address(self.server)
        own = self.database.with_name(self.database.name + ".spool")
        return "" if self.spool == own else os.path.relpath(self.database.resolve(), self.spool.resolve())

    @classmethod
    def beside(
        cls,
        database: Path,
        files: str | Path | None = None,
        spool: str | Path | None = None,
        backups: str | Path | None = None,
    ) -> "Place":
        """None: a folder beside ``database`` and named after it."""

        def folder(given: str | Path | None, ending: str) -> Path:
            return Path(given) if given is not None else database.with_name(database.name + ending)

        bucket = files if isinstance(files, str) and "://" in files else None
        files = folder(None if bucket else files, ".files")
        return cls(database, files, folder(spool, ".spool"), folder(backups, ".backups"), bucket=bucket)


_PORTS = {"postgresql": 5432, "mysql": 3306}
_HERE = {"", "127.0.0.1", "::1"}


def address(server: URL) -> str:
    """Which database ``server`` names, without user and password: two spellings of one address are one."""
    schema = server.query.get("schema")
    return f"{server.get_backend_name()}://{_hosts(server)}/{server.database}" + (f"?schema={schema}" if schema else "")


def _hosts(server: URL) -> str:
    """``host:port``; of several, all."""
    port, named = server.port or _PORTS[server.get_backend_name()], server.query.get("host", server.host or "")
    hosts = [named] if isinstance(named, str) else sorted(named)
    return ",".join(_host(host, port) for host in hosts)


def _host(host: str, port: int) -> str:
    name, colon, own = host.rpartition(":")
    if not colon or ":" in name or not own.isdecimal():  # without a port of its own; or IPv6
        name, own = host, str(port)
    return f"{'localhost' if name in _HERE else name}:{own}"


def _file_name(server: URL) -> str:
    schema = server.query.get("schema")
    name = f"{server.database}@{_hosts(server)}" + (f".{schema}" if schema else "")
    return re.sub(r"[^\w@.,-]", "-", name)
