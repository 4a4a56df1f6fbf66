"""``python -m datalayer``: backups, restores and upkeep of a store.

With ``--json`` a command prints one JSON document, ``{"error": …}`` when it fails. Exit codes: 0; 1 when it failed or
a backup is damaged; 2 for a command line that cannot be read.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from . import backup as backing
from . import history as histories
from . import moving, reindexing, restoring
from .backup import kinds
from .backup.disk import Progress, quiet
from .backup.folder import DAILY, MARK, WEEKLY
from .backup.versions import before
from .dialects.base import reason
from .errors import DataLayerError, InvalidInput, NotFound
from .place import Place
from .schema import HEAD

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
backup = typer.Typer(help="Back up the store, also while the app writes to it.")
migrate = typer.Typer(no_args_is_help=True, help="Move the database between versions of its schema.")
app.add_typer(backup, name="backup")
app.add_typer(migrate, name="migrate")


def _option(name: str, what: str) -> Any:
    return typer.Option(f"--{name}", envvar=f"DATALAYER_{name.upper()}", help=what)


Database = Annotated[str | None, _option("database", "The database: a path, or a URL as the app has it. Required.")]
Files = Annotated[
    str | None, _option("files", "Folder of the attached files, or s3://bucket/prefix; DATABASE.files if not given.")
]
Spool = Annotated[Path | None, _option("spool", "Folder of the spool; DATABASE.spool if not given.")]
Backups = Annotated[Path | None, _option("backups", "Folder of the backups; DATABASE.backups if not given.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Name = Annotated[str, typer.Argument(help="A stamp like 20261120T082100Z, a path, or newest.", metavar="BACKUP")]


@app.callback()
def main() -> None:
    """Backups, restores and upkeep of a datalayer store."""
    os.umask(0o077)  # what is written is for its owner only


@backup.callback(invoke_without_command=True)
def make(
    context: typer.Context,
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    backups: Backups = None,
    to: Annotated[Path | None, typer.Option("--to", help="The same as --backups.")] = None,
    as_json: Json = False,
) -> None:
    """Back up the store and verify the backup before it counts."""
    if context.invoked_subcommand is not None:
        return
    with _answers(as_json) as answer:
        place = _place(database, files, spool, to or backups)
        made = kinds.make(place, answer.progress)
        mark = made.mark
        assert mark is not None
        lost = f"; the store itself has lost {len(mark.lost)} attached files" if mark.lost else ""
        if place.bucket and mark.lost:
            lost = f"; {len(mark.lost)} attached files stay in {place.bucket}, whose backup is its own"
        answer(
            {"backup": made.stamp, "path": str(made.path), **asdict(mark)},
            f"{made.path}: verified, {sum(mark.rows.values())} rows, {mark.blobs} files, {_size(mark.bytes)}{lost}",
            *(mark.dump.notes if mark.dump else []),
        )


@backup.command()
def drill(database: Database = None, backups: Backups = None, as_json: Json = False) -> None:
    """Restore the newest backup to a temporary place, check it there and report."""
    with _answers(as_json) as answer:
        url = _place(database, new=True).server if database else None
        report = kinds.drill(_folder(database, backups), url, answer.progress)
        _tell(answer, report, "can be restored")


@backup.command("list")
def show(database: Database = None, backups: Backups = None, as_json: Json = False) -> None:
    """Show the verified backups, oldest first."""
    with _answers(as_json) as answer:
        marks = [(found.stamp, mark) for found in backing.backups(_folder(database, backups)) if (mark := found.mark)]
        answer(
            [{"backup": stamp, **asdict(mark)} for stamp, mark in marks],
            *(f"{stamp}  schema {mark.revision}  {_size(mark.bytes)}" for stamp, mark in marks),
        )


@backup.command()
def prune(
    database: Database = None,
    backups: Backups = None,
    daily: Annotated[int, typer.Option(min=0, help="Days of which the newest backup is kept.")] = DAILY,
    weekly: Annotated[int, typer.Option(min=0, help="Weeks of which the newest backup is kept.")] = WEEKLY,
    as_json: Json = False,
) -> None:
    """Remove the backups that need not be kept, and the files that only they hold."""
    with _answers(as_json) as answer:
        gone = backing.prune(_folder(database, backups), daily, weekly)
        answer(gone, f"{len(gone.backups)} backups and {gone.blobs} files removed, {_size(gone.bytes)}")


@app.command()
def verify(
    name: Name = "newest",
    database: Database = None,
    spool: Spool = None,
    backups: Backups = None,
    index: Annotated[bool, typer.Option("--index", help="Check the store's index of words instead.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Check each message against its chain instead.")] = False,
    thread: Annotated[str | None, typer.Option("--thread", help="With --history: only this conversation.")] = None,
    as_json: Json = False,
) -> None:
    """Check a backup: its structure, its rows, every file's hash."""
    with _answers(as_json) as answer:
        if history:
            known = asyncio.run(histories.check(_place(database, spool=spool), thread, answer.progress))
            answer(known, *histories.told(known))
            raise typer.Exit(1 if known.wrong else 0)
        if index:
            checked = asyncio.run(reindexing.check(_place(database, spool=spool), answer.progress))
            state = "; ".join(checked.problems) or f"right: {checked.documents} messages and threads are found"
            answer(checked, f"the index of words: {state}")
            raise typer.Exit(1 if checked.problems else 0)
        _tell(answer, kinds.verify(backing.find(_folder(database, backups, name), name), answer.progress), "is whole")


@app.command()
def restore(
    name: Name,
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    backups: Backups = None,
    over: Annotated[bool, typer.Option("--over", help="Set the store that is there aside, and restore.")] = False,
    as_json: Json = False,
) -> None:
    """Restore a backup. The app must be stopped. Nothing is deleted."""
    with _answers(as_json) as answer:
        place = _place(database, files, spool, backups, new=True)
        found = backing.find(place.backups, name)
        done, notes = kinds.restore(found, place, over, answer.progress)
        old = ["the old store, with what waited in its spool, was set aside:", *done.safety] if done.safety else []
        again = "an interrupted restore was finished: " if done.resumed else ""
        answer(done, f"{again}{place.database} is what it was at {done.backup}", *old, *notes)


@app.command()
def optimise(
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    reindex: Annotated[
        bool, typer.Option("--reindex", help="Only make the index of words anew, also while the app runs.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Sweep what nothing points to and give free space back. The app must be stopped."""
    with _answers(as_json) as answer:
        if reindex:
            made = asyncio.run(reindexing.reindex(_place(database, files, spool), answer.progress))
            answer(made, f"{made.rows} messages, steps and conversations were indexed anew, {made.seconds:.1f} s")
            return
        done = kinds.optimise(_place(database, files, spool), answer.progress)
        swept = f"{done.files} files and {done.rows} rows without owner, {done.leftovers} broken-off uploads removed"
        answer(done, f"{swept}; {_size(done.bytes)} given back")


@migrate.command()
def status(database: Database = None, as_json: Json = False) -> None:
    """Show the version of the schema and what an upgrade would do."""
    with _answers(as_json) as answer:
        found = kinds.status(_place(database))
        answer(found, f"schema {found.revision}, this version wants {found.head}")


To = Annotated[str | None, typer.Option("--to", help="The version to go to.")]


@migrate.command()
def up(
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    backups: Backups = None,
    to: To = None,
    as_json: Json = False,
) -> None:
    """Upgrade the schema after a backup. The app must be stopped; it also does this itself when it starts."""
    with _answers(as_json) as answer:
        place = _place(database, files, spool, backups)
        _migrate(answer, place, to or HEAD, lambda target, now: target >= now)


@migrate.command()
def down(
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    backups: Backups = None,
    to: To = None,
    as_json: Json = False,
) -> None:
    """Go back to an older schema after a backup, for an older version of the app. The app must be stopped."""
    with _answers(as_json) as answer:
        place = _place(database, files, spool, backups)
        target = to or before(kinds.status(place).revision)
        _migrate(answer, place, target, lambda target, now: target <= now)


@app.command()
def info(
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    backups: Backups = None,
    as_json: Json = False,
) -> None:
    """Show versions, counts and sizes, who has the store open, and the newest backup."""
    with _answers(as_json) as answer:
        found = kinds.info(_place(database, files, spool, backups))
        answer(found, *(f"{key.replace('_', ' ')}: {_shown(value)}" for key, value in found.items()))


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM_URL", help="The database that is copied: a path or a URL.")],
    target: Annotated[str, typer.Argument(metavar="TO_URL", help="The empty database that is filled.")],
    files: Annotated[
        tuple[str, str],
        typer.Option("--files", metavar="FROM TO", help="Copy attached files, too: folders or s3://bucket/prefix."),
    ] = ("", ""),
    spool: Spool = None,
    as_json: Json = False,
) -> None:
    """Copy a store into another database. The app must be stopped. One that was cut off is gone on with.

    Files that did not come along are brought by the same command, also when the conversations are there already.
    """
    with _answers(as_json) as answer:
        if bool(files[0]) != bool(files[1]):
            raise InvalidInput("Name two places after --files: from and to")
        one, other = _place(source, spool=spool, new=True), _place(target, new=True)
        done = asyncio.run(moving.copy(one, other, files if files[0] else None, answer.progress))
        rows = sum(table.rows for table in done.tables.values())
        answer(
            done,
            f"{rows} rows are the same on both sides, {done.brought} of them brought now; {done.files} files"
            f" ({_size(done.bytes)}) brought; {done.seconds:.1f} s",
        )
        if done.lost:
            typer.echo(
                f"{len(done.lost)} files are missing or damaged at {files[0]}, one of them {done.lost[0]}."
                " When they are there, the same command brings them",
                err=True,
            )
            raise typer.Exit(1)


@app.command("restore-archive")
def restore_archive(
    archives: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files of the archive, or its folder.")],
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    user: Annotated[str | None, typer.Option("--user", help="Only of this person: a name, or an id.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would come back.")] = False,
    foreign: Annotated[bool, typer.Option("--foreign", help=restoring.FOREIGN)] = False,
    as_json: Json = False,
) -> None:
    """Bring back what retention has removed, not what somebody deleted. May run beside the app; twice is once.

    The next cleanup removes again what is beyond the limits: raise them, or pin what is to stay.
    """
    with _answers(as_json) as answer:
        place = _place(database, files, spool)
        report = asyncio.run(restoring.run(place, archives, user, dry_run, foreign, answer.progress))
        answer(report, *restoring.told(report, dry_run))
        if report.problems:
            raise typer.Exit(1)


class _Answer:
    """Prints the one result of a command. ``progress``: a bar on a terminal, else nothing."""

    def __init__(self, as_json: bool, progress: Progress) -> None:
        self.as_json, self.progress = as_json, progress

    def __call__(self, document: Any, *lines: str) -> None:
        if self.as_json:
            typer.echo(json.dumps(asdict(document) if is_dataclass(document) else document))  # type: ignore[arg-type]
        else:
            for line in lines:
                typer.echo(line)


@contextmanager
def _answers(as_json: bool) -> Iterator[_Answer]:
    try:
        with _bar() as progress:
            yield _Answer(as_json, progress)
    except DataLayerError as error:
        cause = error.__cause__
        detail = getattr(cause, "strerror", None) or (reason(error) if cause else None)
        message = f"{error} ({detail})" if detail else str(error)
        if as_json:
            typer.echo(json.dumps({"error": message}))
        else:
            typer.echo(message, err=True)
        raise typer.Exit(1) from None


def _on_a_terminal() -> bool:
    return sys.stderr.isatty()


@contextmanager
def _bar() -> Iterator[Progress]:
    if not _on_a_terminal():
        yield quiet
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None)


def _place(
    database: str | None,
    files: str | None = None,
    spool: Path | None = None,
    backups: Path | None = None,
    new: bool = False,
) -> Place:
    """``new``: there need not be a store yet."""
    if database is None:
        raise InvalidInput("Name the database with --database or DATALAYER_DATABASE")
    named = Place.of if "://" in database else lambda path, *rest: Place.beside(Path(path), *rest)
    place = named(database, files, spool, backups)
    if not new and place.server is None:
        backing.finish_restore(place)
        if not place.database.exists():
            raise NotFound(f"There is no database at {place.database}")
    return place


def _folder(database: str | None, backups: Path | None, name: str = "") -> Path:
    if backups is None and (path := Path(name).resolve()).joinpath(MARK).is_file():
        return path.parent
    return backups or _place(database, new=True).backups


def _tell(answer: _Answer, report: backing.Report, praise: str) -> None:
    lost = f", without {len(report.lost)} files that the store had lost" if report.lost else ""
    whole = f"{praise}: {sum(report.rows.values())} rows, {report.blobs} files, {_size(report.bytes)}{lost}"
    state = "is damaged: " + "; ".join(report.problems) if report.problems else f"{whole}, {report.seconds:.1f} s"
    answer(report, f"{report.backup} {state}")
    if report.problems:
        raise typer.Exit(1)


def _migrate(answer: _Answer, place: Place, target: str, right_way: Callable[[str, str], bool]) -> None:
    if not right_way(target, kinds.status(place).revision):
        raise InvalidInput("That version is the other way; use migrate up to upgrade and migrate down to go back")
    done = kinds.migrate(place, target, answer.progress)
    first = f", after backup {done.backup}" if done.backup else ""
    answer(done, f"schema {done.before} -> {done.after}{first}")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {key}" for key, count in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    app(prog_name="python -m datalayer")
