"""`python -m assistant serve` and `users …`: the server, and the accounts of THREADKEEP_AUTH=accounts."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from assistant.accounts import FILE_NAME, AccountError, Accounts
from assistant.config import load

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
users = typer.Typer(no_args_is_help=True, help="Who may sign in when THREADKEEP_AUTH=accounts.")
app.add_typer(users, name="users")

Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the first line of the input.")]


# `python -m chainlit`, without what its command line does to asyncio for cl.run_sync, which nothing here calls: tasks
# and futures in Python instead of C, a tenth of the time of a turn.
_CHAINLIT = (
    "import nest_asyncio; nest_asyncio.apply = lambda: None; from chainlit.cli import cli; cli(prog_name='chainlit')"
)


@app.callback()
def main() -> None:
    """Threadkeep, from the command line."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(context: typer.Context) -> None:
    """Start the app; options go on to `chainlit run`."""
    load()  # Chainlit reads some of the variables before app.py can, and would answer a bad one with a traceback
    run = [sys.executable, "-c", _CHAINLIT, "run", "app.py", "--headless", *context.args]
    os.execv(sys.executable, run)


@contextmanager
def _accounts() -> Iterator[Accounts]:
    try:
        yield Accounts(load().home / FILE_NAME)
    except (AccountError, OSError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@users.command()
def add(name: str, password_stdin: Stdin = False) -> None:
    """Create an account."""
    with _accounts() as accounts:
        accounts.add(name, _password(password_stdin))


@users.command("list")
def show() -> None:
    """Show every account: its name, its state, the day it was created."""
    with _accounts() as accounts:
        for name, account in accounts.list().items():
            created = datetime.fromtimestamp(account.created_at, UTC)
            typer.echo(f"{name}\t{'disabled' if account.disabled else 'active'}\t{created:%Y-%m-%d}")


@users.command()
def disable(name: str) -> None:
    """Refuse an account and end its sessions."""
    with _accounts() as accounts:
        accounts.disable(name)


@users.command()
def enable(name: str) -> None:
    """Accept a disabled account again."""
    with _accounts() as accounts:
        accounts.enable(name)


@users.command()
def passwd(name: str, password_stdin: Stdin = False) -> None:
    """Change a password and end the sessions of the account."""
    with _accounts() as accounts:
        accounts.set_password(name, _password(password_stdin))


if __name__ == "__main__":
    app(prog_name="python -m assistant")
