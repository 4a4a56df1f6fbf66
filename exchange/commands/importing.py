"""``python -m exchange import``: conversations of other products into a store, also while the app has it open."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from datalayer import InvalidInput, beside
from datalayer.place import Place

from ..importing import Report, run_import, told
from ..opened.servers import is_server, shown
from ..origins import ORIGINS
from ..texts import Language, say
from .common import AS_JSON, DATABASE, FILES, LANGUAGE, SPOOL, answers, bar, language, place_of


def import_command(
    exports: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Files, ZIPs or folders, as exported; postgresql:// of an app."),
    ],
    user: Annotated[str | None, typer.Option(help="The name that signs in of whoever gets the conversations.")] = None,
    authors: Annotated[
        bool, typer.Option("--authors", help="Each person of the export gets what is theirs, by their names there.")
    ] = False,
    origin: Annotated[
        str | None, typer.Option("--as", help=f"One of {', '.join(each.name for each in ORIGINS)}; told if not given.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing, and tell what would be.")] = False,
    database: Annotated[str | None, DATABASE] = None,
    files: Annotated[str | None, FILES] = None,
    spool: Annotated[Path | None, SPOOL] = None,
    spoken: Annotated[str | None, LANGUAGE] = None,
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Bring conversations of other products in. The same again changes nothing; a newer export adds what is new."""
    with answers(as_json):
        to = "en" if as_json else language(spoken)
    with answers(as_json, to):
        if user is None and not authors:
            raise InvalidInput(say("command_user", to))
        for name in exports:
            if not is_server(name):
                Path(name).stat()  # one that is not there stops all of them before any
        with _stopped(dry_run, done := [0], to):
            place = place_of(database, files, spool, to)
            reports = asyncio.run(_run(place, exports, user, origin, authors, dry_run, done))
    for name, report in reports:
        if not as_json:
            typer.echo("\n".join([f"{name}:", *told(report, to)]))
    if as_json:
        typer.echo(json.dumps([{"path": name} | report.as_json() for name, report in reports]))
    if any(report.origin is None for _, report in reports):
        raise typer.Exit(1)


@contextmanager
def _stopped(dry_run: bool, done: list[int], to: Language) -> Iterator[None]:
    """``done``: how many conversations were read and given to the store."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(say("command_stopped_dry" if dry_run else "command_stopped", to, count=done[0]), err=True)
        raise typer.Exit(130) from None


async def _run(
    place: Place,
    exports: list[str],
    user: str | None,
    origin: str | None,
    authors: bool,
    dry_run: bool,
    so_far: list[int],
) -> list[tuple[str, Report]]:
    """By the names of the exports, as they may be shown. ``so_far``: is told how many conversations are done."""
    reports = list[tuple[str, Report]]()
    async with beside.opened(place) as store:
        with bar(None) as progress:
            for name in exports:
                before = sum(report.read for _, report in reports)

                def further(done: int, before: int = before) -> None:
                    so_far[0] = before + done
                    progress(before + done)

                how: Any = {"origin": origin, "authors": authors, "dry_run": dry_run}
                report = await run_import(store, name if is_server(name) else Path(name), user, progress=further, **how)
                reports.append((shown(name), report))
    return reports
