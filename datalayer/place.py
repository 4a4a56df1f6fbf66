"""Where the parts of a store are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    database: Path
    """A file."""
    files: Path
    spool: Path
    backups: Path
    """Folders, all three, which need not exist yet."""

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

        return cls(database, folder(files, ".files"), folder(spool, ".spool"), folder(backups, ".backups"))
