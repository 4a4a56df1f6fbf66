"""``python -m exchange``: conversations out of a store, also while the app writes to it. It changes nothing there.

Exit codes: 0; 1 when it failed; 2 for a command line that cannot be read.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from datalayer import APPLICATION, DataLayerError, InvalidInput, NotFound, readonly
from datalayer.place import Place, address
from datalayer.readonly import ReadOnly
from datalayer.records import user_id

from .exporting import check_name
from .formats import FORMATS
from .output import Progress, Written, write
from .selection import Selection
from .signing import Signer, signer
from .texts import Language

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _option(name: str, what: str) -> Any:
    return typer.Option(f"--{name}", envvar=f"DATALAYER_{name.upper()}", help=what)


@app.callback()
def main() -> None:
    """Conversations out of a store of Threadkeep's or of any app with its data layer."""
    os.umask(0o077)  # what is written is for its owner only


@app.command("export")
def export_command(
    out: Annotated[
        Path, typer.Option("--out", help="The file to be made; one that ends with .zip has the files, too.")
    ],
    name: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "json",
    database: Annotated[str | None, _option("database", "The database: a path, or a URL as the app has it.")] = None,
    files: Annotated[
        str | None,
        _option("files", "Folder of the attached files, or s3://bucket/prefix; DATABASE.files if not given."),
    ] = None,
    spool: Annotated[Path | None, _option("spool", "Folder of the spool; DATABASE.spool if not given.")] = None,
    user: Annotated[str | None, typer.Option(help="The name that signs in; everybody if not given.")] = None,
    threads: Annotated[
        list[str] | None, typer.Option("--thread", help="The id of a conversation; again for more.")
    ] = None,
    folder: Annotated[str | None, typer.Option(help="A folder of conversations, with those below it.")] = None,
    trash: Annotated[bool, typer.Option("--trash", help="Also what is in the trash.")] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", help="An Ed25519 key in PEM, with which the chains of a JSON are signed.")
    ] = None,
    to: Annotated[str, typer.Option("--language", help="In which pages speak to their reader: en or fr.")] = "en",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write conversations into a file. A JSON or JSONL that was cut off is gone on with by the same command."""
    with _answers(as_json):
        check_name(name)
        if sign is not None and name != "json":
            raise InvalidInput("A JSON alone has chains that can be signed")
        if folder and threads:
            raise InvalidInput("Name conversations or a folder, not both")
        if to not in ("en", "fr"):
            raise InvalidInput("The languages are en and fr")
        chosen = Selection(
            user_id(user) if user is not None else APPLICATION, tuple(threads) if threads else None, folder, trash
        )
        language: Language = "fr" if to == "fr" else "en"
        key = signer(sign) if sign is not None else None
        place = _place(database, files, spool)
        done, waiting = asyncio.run(_run(place, chosen, user, name, out, language, force, key))
        if waiting:
            typer.echo(f"{waiting} writes wait in the spool of the app; they are not in the export", err=True)
        again = f", {done.resumed} of them from before" if done.resumed else ""
        told = {"path": str(done.path), "threads": done.threads, "bytes": done.bytes, "resumed": done.resumed}
        said = f"{done.path}: {done.threads} conversations{again}, {done.bytes / 1e6:.1f} MB"
        typer.echo(json.dumps(told | {"waiting": waiting}) if as_json else said)


async def _run(
    place: Place,
    chosen: Selection,
    user: str | None,
    name: str,
    out: Path,
    to: Language,
    force: bool,
    key: Signer | None,
) -> tuple[Written, int]:
    """And how many writes wait in the spool."""
    async with readonly.opened(place) as source:
        if user is not None and await source.user(user) is None:
            raise NotFound("There is no user of this name")
        with _bar(await _total(source, chosen)) as progress:
            done = await write(source, chosen, name, out, to, force, progress, _told(place), key)
        return done, await source.waiting()


def _told(place: Place) -> str:
    """Which store it is; a password is in no file."""
    return address(place.server) if place.server is not None else str(place.database.resolve())


async def _total(source: ReadOnly, chosen: Selection) -> int | None:
    """How many conversations it will be; None: nobody has counted them."""
    if chosen.ids is not None:
        return len(set(chosen.ids))
    if not isinstance(chosen.author, str):
        return None
    known = await source.facets(chosen.author, archived=None)
    return known.within(chosen.folder) if chosen.folder else known.threads + chosen.trash * known.trashed


@contextmanager
def _bar(total: int | None) -> Iterator[Progress]:
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


def _place(database: str | None, files: str | None, spool: Path | None) -> Place:
    if database is None:
        raise InvalidInput("Name the database with --database or DATALAYER_DATABASE")
    place = Place.of(database, files, spool) if "://" in database else Place.beside(Path(database), files, spool)
    if place.server is None and not place.database.exists():
        raise NotFound(f"There is no database at {place.database}")
    return place


@contextmanager
def _answers(as_json: bool) -> Iterator[None]:
    try:
        yield
    except (DataLayerError, OSError) as error:
        message = str(error) if isinstance(error, DataLayerError) else error.strerror or type(error).__name__
        if as_json:
            typer.echo(json.dumps({"error": message}))
        else:
            typer.echo(message, err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app(prog_name="python -m exchange")
