"""What the commands have in common: where a store is, how far they are, how they fail."""

import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from datalayer import DataLayerError, InvalidInput, NotFound
from datalayer.place import Place

from ..origins.reasons import Why, refusal
from ..output import Progress
from ..texts import Language, say, spoken


def option(name: str, what: str) -> Any:
    return typer.Option(f"--{name}", envvar=f"DATALAYER_{name.upper()}", help=what)


DATABASE = option("database", "The database: a path, or a URL as the app has it.")
FILES = option("files", "Folder of the attached files, or s3://bucket/prefix; DATABASE.files if not given.")
SPOOL = option("spool", "Folder of the spool; DATABASE.spool if not given.")
LANGUAGE = typer.Option("--language", help="In which it speaks: en or fr; that of the locale if not given.")
AS_JSON = typer.Option("--json", help="Print one JSON document.")


def collect_seldom() -> None:
    """For a process that carries conversations and nothing else: a batch of them is tens of thousands of values without
    a circle, and to look for circles after each 700 takes a twelfth of an import."""
    gc.set_threshold(20_000, 20, 20)


def language(given: str | None) -> Language:
    """``given``: by option; None: that of the locale, as POSIX tells it. Raises InvalidInput."""
    if given is None:
        return spoken(map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG")))
    if given not in ("en", "fr"):
        raise InvalidInput(say("command_languages", spoken([])))
    return "fr" if given == "fr" else "en"


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


def place_of(database: str | None, files: str | None, spool: Path | None, to: Language = "en") -> Place:
    """Raises InvalidInput, NotFound."""
    if database is None:
        raise InvalidInput(say("command_database", to))
    place = Place.of(database, files, spool) if "://" in database else Place.beside(Path(database), files, spool)
    if place.server is None and not place.database.exists():
        raise NotFound(say("command_no_database", to, path=place.database))
    return place


@contextmanager
def answers(as_json: bool, to: Language = "en") -> Iterator[None]:
    """``to``: in which language an error is told."""
    try:
        yield
    except (DataLayerError, OSError) as error:
        message = _told(error, to)
        if as_json:
            typer.echo(json.dumps({"error": message}))
        else:
            typer.echo(message, err=True)
        raise typer.Exit(1) from None


def _told(error: DataLayerError | OSError, to: Language) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return say("command_no_file", to, path=error.filename)
    if isinstance(error, OSError) and error.strerror:
        path, said = error.filename, error.strerror
        return say("command_file", to, path=path, error=said) if path else said
    known = refusal(str(error))
    return known.told(to) if isinstance(known, Why) else known or type(error).__name__
