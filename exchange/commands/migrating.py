"""``python -m exchange migrate``: the move of an app from a store of JSON, step by step."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from datalayer import Store, beside
from datalayer.place import Place

from .. import migrating
from ..migrating import Compared
from .common import AS_JSON, DATABASE, FILES, SPOOL, answers, place_of

migrate = typer.Typer(no_args_is_help=True, help="The move from a store of JSON: docs/import/sessions.md.")

Database = Annotated[str | None, DATABASE]
Files = Annotated[str | None, FILES]
Spool = Annotated[Path | None, SPOOL]
AsJson = Annotated[bool, AS_JSON]


@migrate.command("status")
def status_command(
    database: Database = None, files: Files = None, spool: Spool = None, as_json: AsJson = False
) -> None:
    """Tell in which phase the move is, and what the last comparison found."""
    _tell(as_json, place=(database, files, spool), work=migrating.status)


@migrate.command("start")
def start_command(
    mirror: Annotated[Path, typer.Option(help="The folder that the app gives as DataLayer(…, mirror=…).")],
    database: Database = None,
    files: Files = None,
    spool: Spool = None,
    as_json: AsJson = False,
) -> None:
    """From foundation to dual_write: from now on the app writes both."""
    folder = mirror.absolute()
    _tell(as_json, place=(database, files, spool), work=lambda store: migrating.start(store, folder))


@migrate.command("finish")
def finish_command(
    database: Database = None, files: Files = None, spool: Spool = None, as_json: AsJson = False
) -> None:
    """One phase on, after a comparison that found no difference: sqlite_primary, then complete."""
    _tell(as_json, place=(database, files, spool), work=migrating.finish)


@migrate.command("rollback")
def rollback_command(
    database: Database = None, files: Files = None, spool: Spool = None, as_json: AsJson = False
) -> None:
    """One phase back. What was written since the move began is brought back as sessions, beside the mirror."""
    _tell(as_json, place=(database, files, spool), work=migrating.rollback)


@migrate.command("compare")
def compare_command(
    database: Database = None, files: Files = None, spool: Spool = None, as_json: AsJson = False
) -> None:
    """Look in the store for all that the mirror says. Exit code 1 where they differ."""
    found: Compared = _run(as_json, (database, files, spool), migrating.compare)
    kept = {name: getattr(found, name) for name in Compared.__dataclass_fields__} | {"clean": found.clean}
    typer.echo(json.dumps(kept) if as_json else "\n".join(_compared(kept)))
    if not found.clean:
        raise typer.Exit(1)


def _run(
    as_json: bool, place: tuple[str | None, str | None, Path | None], work: Callable[[Store], Awaitable[Any]]
) -> Any:
    async def opened(at: Place) -> Any:
        async with beside.opened(at) as store:
            return await work(store)

    with answers(as_json):
        return asyncio.run(opened(place_of(*place)))


def _tell(
    as_json: bool, place: tuple[str | None, str | None, Path | None], work: Callable[[Store], Awaitable[dict[str, Any]]]
) -> None:
    state = _run(as_json, place, work)
    if as_json:
        typer.echo(json.dumps(state))
        return
    typer.echo(f"phase: {state['phase']}" + (f", since {state['since']}" if state["since"] else ""))
    if brought := state.get("brought"):
        typer.echo(
            f"brought back: {brought['sessions']} sessions, {brought['deleted']} deleted, in sessions/ of the mirror"
        )
    if state["mirror"]:
        typer.echo(f"mirror: {state['mirror']}")
    for line in _compared(state["compared"]) if state["compared"] else ():
        typer.echo(line)


def _compared(kept: dict[str, Any]) -> list[str]:
    mirror = kept["mirror"]
    said = [
        f"compared {kept['at']}: {kept['threads']} threads, {kept['steps']} steps, {kept['differences']} differences",
        f"the mirror: {mirror['writes']} writes, {mirror['missing']} missing, {mirror['damaged']} lines damaged",
    ]
    if kept["busy"]:
        said.append(f"{kept['busy']} threads were written to meanwhile, and not compared")
    return [*said, *(f"thread {each['thread']}, step {each['step'] or '–'}: {each['what']}" for each in kept["told"])]
