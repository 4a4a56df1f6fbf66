"""What the commands have in common: where a store is, how far they are, how they fail."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from datalayer import DataLayerError, InvalidInput, NotFound
from datalayer.place import Place

from ..output import Progress


def option(name: str, what: str) -> Any:
    return typer.Option(f"--{name}", envvar=f"DATALAYER_{name.upper()}", help=what)


DATABASE = option("database", "The database: a path, or a URL as the app has it.")
FILES = option("files", "Folder of the attached files, or s3://bucket/prefix; DATABASE.files if not given.")
SPOOL = option("spool", "Folder of the spool; DATABASE.spool if not given.")
AS_JSON = typer.Option("--json", help="Print one JSON document.")


@contextmanager
def bar(total: int | None) -> Iterator[Progress]:
    """On a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("conversations"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def place_of(database: str | None, files: str | None, spool: Path | None) -> Place:
    if database is None:
        raise InvalidInput("Name the database with --database or DATALAYER_DATABASE")
    place = Place.of(database, files, spool) if "://" in database else Place.beside(Path(database), files, spool)
    if place.server is None and not place.database.exists():
        raise NotFound(f"There is no database at {place.database}")
    return place


@contextmanager
def answers(as_json: bool) -> Iterator[None]:
    try:
        yield
    except (DataLayerError, OSError) as error:
        message = _told(error)
        if as_json:
            typer.echo(json.dumps({"error": message}))
        else:
            typer.echo(message, err=True)
        raise typer.Exit(1) from None


def _told(error: DataLayerError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
