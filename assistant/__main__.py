"""`python -m assistant serve`, `users …`, `embed` and `cleanup`: the server, the accounts of THREADKEEP_AUTH=accounts,
the vectors of THREADKEEP_EMBEDDING_MODEL, and what THREADKEEP_MAX_AGE_DAYS and the like do not keep."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import click
import typer

from assistant.access.accounts import FILE_NAME, AccountError, Accounts
from assistant.access.values import Values
from assistant.config import Config, load
from assistant.server import scratch
from assistant.server.environment import tell
from datalayer import DataLayerError, Embeddings, Retention, Store
from datalayer.backup import check

if TYPE_CHECKING:
    from assistant.server.embedding import Show

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
users = typer.Typer(no_args_is_help=True, help="Who may sign in when THREADKEEP_AUTH=accounts.")
app.add_typer(users, name="users")

Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of the input.")]


@app.callback()
def main() -> None:
    """Threadkeep, from the command line."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The same as CHAINLIT_HOST.")] = None,
    port: Annotated[str | None, typer.Option(help="The same as CHAINLIT_PORT.")] = None,
    root_path: Annotated[str | None, typer.Option(help="The same as CHAINLIT_ROOT_PATH.")] = None,
) -> None:
    """Start the app; other options go on to `chainlit run`."""
    given = {"CHAINLIT_HOST": host, "CHAINLIT_PORT": port, "CHAINLIT_ROOT_PATH": root_path}
    os.environ.update({name: value for name, value in given.items() if value is not None})
    config = load()
    # Chainlit reads these while it is imported; where it disagrees, it would answer with a traceback.
    os.environ.update(
        THREADKEEP_HOME=str(config.home),
        CHAINLIT_HOST=config.host,
        CHAINLIT_PORT=str(config.port),
        CHAINLIT_ROOT_PATH=config.root_path,
    )
    _furnish(config)
    # What Chainlit's command line does to asyncio for cl.run_sync, which nothing here calls, makes tasks and futures in
    # Python instead of C: a tenth of the time of a turn.
    import nest_asyncio  # type: ignore[import-untyped]

    nest_asyncio.apply = lambda: None
    from chainlit.cli import cli

    try:
        cli.main(["run", "app.py", "--headless", *context.args], prog_name="serve", standalone_mode=False)
    except click.ClickException as error:
        raise SystemExit(f"serve: {error.format_message()}") from None


def _furnish(config: Config) -> None:
    """Lets Chainlit write into the data folder instead of the folder of the code."""
    if "CHAINLIT_APP_ROOT" in os.environ:
        tell("CHAINLIT_APP_ROOT is not used: what Chainlit writes goes into the data folder.")
    try:
        folder = scratch.make(config.home)
        scratch.furnish(folder, Path.cwd())
    except OSError as error:
        raise SystemExit(f"THREADKEEP_HOME: cannot write into {config.home}: {error.strerror}.") from None
    os.environ["CHAINLIT_APP_ROOT"] = str(folder)


def _with_store(
    config: Config,
    embeddings: Embeddings | None,
    use: Callable[[Store], Coroutine[Any, Any, T]],
    retention: Retention | None = None,
) -> T:
    """What `use` returns, with the configured database. Ends with one line when it cannot be had."""

    async def run() -> T:
        where = config.database_url, config.files, config.spool, config.backup_folder
        store = Store(*where, trash_days=config.trash_days, embeddings=embeddings, retention=retention)
        try:
            if store.place.server:  # which says what it refuses; a file would be read whole
                await asyncio.to_thread(check, store.place)
            return await use(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except (AccountError, DataLayerError, OSError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


def _with_accounts(use: Callable[[Accounts], Coroutine[Any, Any, T]]) -> T:
    """What `use` returns, with the accounts of the configured database. Ends with one line when they cannot be had."""
    config = load()
    return _with_store(config, None, lambda store: use(Accounts(Values(lambda: store), config.home / FILE_NAME)))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@app.command()
def embed(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would cost.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove all vectors instead.")] = False,
) -> None:
    """Make vectors of all messages and files, so that THREADKEEP_EMBEDDING_MODEL finds them by their meaning.

    Shows first what it costs. May run beside the app; what was cut off is gone on with.
    """
    from assistant.models.embedding import make
    from assistant.server import embedding

    config = load()
    if remove:
        gone = _with_store(config, None, lambda store: store.remove_vectors())
        typer.echo(f"{gone} vectors removed.")
        return
    if (embeddings := make(config)) is None:
        raise SystemExit("THREADKEEP_EMBEDDING_MODEL names no model.")
    model = embeddings.name
    found = _with_store(config, None, lambda store: embedding.look(store, config, model))
    typer.echo(embedding.told(found))
    if dry_run or found.is_done:
        return
    if not yes:
        typer.confirm("Send them?", abort=True)
    with _bar() as show:
        made = _with_store(config, embeddings, lambda store: embedding.make(store, found, show))
    typer.echo(embedding.done(*made))


@app.command()
def cleanup(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
) -> None:
    """Archive and remove what THREADKEEP_MAX_AGE_DAYS and the other limits do not keep, as the app does it by itself.

    Shows first what goes. May run beside the app, and spares what is open there on a screen, in any instance.
    """
    from assistant.memory.opened import spare
    from assistant.services import make_memory, make_retention

    config = load()
    if (policy := make_retention(config)) is None:
        raise SystemExit("No limit is set: all is kept.")

    async def clean(store: Store, dry_run: bool) -> Any:
        memory = make_memory(config)
        spare(store, lambda: memory)
        try:
            return await store.clean_up(dry_run)
        finally:
            await memory.close()

    found = _with_store(config, None, lambda store: clean(store, True), policy)
    typer.echo(f"{found.threads} conversations and {found.messages} messages of others go into {policy.archive}.")
    if dry_run or not (found.threads or found.messages):
        return
    if not yes:
        typer.confirm("Archive and remove them?", abort=True)
    done = _with_store(config, None, lambda store: clean(store, False), policy)
    typer.echo(f"{done.threads} conversations and {done.messages} messages are removed.")
    for path in done.files:
        typer.echo(path)


@contextmanager
def _bar() -> Iterator["Show"]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("vectors", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@users.command()
def add(name: str, password_stdin: Stdin = False) -> None:
    """Create an account."""
    password = _password(password_stdin)
    _with_accounts(lambda accounts: accounts.add(name, password))


@users.command("list")
def show() -> None:
    """Show every account: its name, its state, the day it was created."""
    for name, account in _with_accounts(lambda accounts: accounts.list()).items():
        created = datetime.fromtimestamp(account.created_at, UTC)
        typer.echo(f"{name}\t{'disabled' if account.disabled else 'active'}\t{created:%Y-%m-%d}")


@users.command()
def disable(name: str) -> None:
    """Refuse an account and end its sessions."""
    _with_accounts(lambda accounts: accounts.disable(name))


@users.command()
def enable(name: str) -> None:
    """Accept a disabled account again."""
    _with_accounts(lambda accounts: accounts.enable(name))


@users.command()
def passwd(name: str, password_stdin: Stdin = False) -> None:
    """Change a password and end the sessions of the account."""
    password = _password(password_stdin)
    _with_accounts(lambda accounts: accounts.set_password(name, password))


if __name__ == "__main__":
    app(prog_name="python -m assistant")
