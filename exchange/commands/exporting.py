"""``python -m exchange export``: also while the app writes to the store. It changes nothing there."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from datalayer import APPLICATION, InvalidInput, NotFound, readonly
from datalayer.place import Place, address
from datalayer.readonly import ReadOnly
from datalayer.records import user_id

from ..exporting import check_name
from ..formats import FORMATS
from ..output import Written, write
from ..selection import Selection
from ..signing import Signer, signer
from ..texts import Language
from .common import AS_JSON, DATABASE, FILES, LANGUAGE, SPOOL, answers, bar, language, place_of


def export_command(
    out: Annotated[
        Path, typer.Option("--out", help="The file to be made; one that ends with .zip has the files, too.")
    ],
    name: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "json",
    database: Annotated[str | None, DATABASE] = None,
    files: Annotated[str | None, FILES] = None,
    spool: Annotated[Path | None, SPOOL] = None,
    user: Annotated[str | None, typer.Option(help="The name that signs in; everybody if not given.")] = None,
    threads: Annotated[
        list[str] | None, typer.Option("--thread", help="The id of a conversation; again for more.")
    ] = None,
    folder: Annotated[str | None, typer.Option(help="A folder of conversations, with those below it.")] = None,
    trash: Annotated[bool, typer.Option("--trash", help="Also what is in the trash.")] = False,
    sign: Annotated[
        Path | None, typer.Option("--sign", help="An Ed25519 key in PEM, with which the chains of a JSON are signed.")
    ] = None,
    spoken: Annotated[str | None, LANGUAGE] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Write conversations into a file. A JSON or JSONL that was cut off is gone on with by the same command."""
    with answers(as_json):
        check_name(name)
        if sign is not None and name != "json":
            raise InvalidInput("A JSON alone has chains that can be signed")
        if folder and threads:
            raise InvalidInput("Name conversations or a folder, not both")
        to = language(spoken)
        chosen = Selection(
            user_id(user) if user is not None else APPLICATION, tuple(threads) if threads else None, folder, trash
        )
        key = signer(sign) if sign is not None else None
        place = place_of(database, files, spool)
        done, waiting = asyncio.run(_run(place, chosen, user, name, out, to, force, key))
        if waiting:
            typer.echo(f"{waiting} writes wait in the spool of the app; they are not in the export", err=True)
        again = f", {done.resumed} of them from before" if done.resumed else ""
        told = {"path": str(done.path), "threads": done.threads, "bytes": done.bytes, "resumed": done.resumed}
        said = f"{done.path}: {done.threads} conversation{'s' * (done.threads != 1)}{again}, {done.bytes / 1e6:.1f} MB"
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
        with bar(await _total(source, chosen)) as progress:
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
