"""Where the parts of a store are."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from .dialects import URL, parse_url


@dataclass(frozen=True, slots=True)
class Place:
    database: Path
    """A file; of a server's database, what its file would be called in the current folder."""
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
        return replace(cls.beside(Path(name.replace("/", "_")), files, spool, backups), server=parsed)

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
