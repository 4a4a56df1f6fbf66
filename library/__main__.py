"""``python -m library``: the conversations of a Threadkeep that runs elsewhere, by its REST API.

Exit codes: 0; 1 when the server refused or did not answer; 2 for a command line that cannot be read.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from datalayer import InvalidInput, text
from exchange.commands.common import AS_JSON, LANGUAGE, language

from .client import ApiError, Client

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
URL = typer.Option("--url", envvar="THREADKEEP_URL", help="Of the app, such as https://chat.example.")
LIMIT = typer.Option("--limit", min=1, help="How many at most.")
_Url = Annotated[str, URL]
_Json = Annotated[bool, AS_JSON]
_Language = Annotated[str | None, LANGUAGE]
_Limit = Annotated[int, LIMIT]


@app.callback()
def main() -> None:
    """Conversations of a Threadkeep that runs elsewhere. The token is in THREADKEEP_TOKEN: made at /library/tokens."""
    os.umask(0o077)  # what is written is for its owner only


@app.command()
def threads(
    url: _Url,
    words: Annotated[str | None, typer.Argument(help="What is searched for.")] = None,
    folder: Annotated[str | None, typer.Option(help="In it, or below it.")] = None,
    tag: str | None = None,
    limit: _Limit = 50,
    as_json: _Json = False,
    to: _Language = None,
) -> None:
    """List conversations: when they were used last, id, name."""
    with _client(url, to) as chat:
        asked = {name: value for name, value in (("q", words), ("folder", folder), ("tag", tag)) if value is not None}
        found = islice(chat.threads(limit=min(limit, 200), **asked), limit)
        _tell(found, as_json, "last_activity_at", "id", "name")


@app.command()
def messages(url: _Url, thread: str, limit: _Limit = 1_000, as_json: _Json = False, to: _Language = None) -> None:
    """Tell what was said in a conversation, oldest first."""
    with _client(url, to) as chat:
        _tell(islice(chat.messages(thread), limit), as_json, "created_at", "role", "text")


@app.command()
def search(url: _Url, question: str, limit: _Limit = 20, as_json: _Json = False, to: _Language = None) -> None:
    """Find messages and conversations: when, id of the conversation, what was found."""
    with _client(url, to) as chat:
        _tell(islice(chat.search(question), limit), as_json, "at", "thread_id", "snippet")


@app.command()
def export(
    url: _Url,
    path: Path,
    form: Annotated[str, typer.Option("--format", help="markdown, html, pdf, json, jsonl or csv.")] = "json",
    thread: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    to: _Language = None,
) -> None:
    """Save conversations as a new file."""
    with _client(url, to) as chat:
        typer.echo(f"{path}: {chat.export(path, form, thread or ())}")


@contextmanager
def _client(url: str, to: str | None) -> Iterator[Client]:
    """Errors end the program with a sentence."""
    try:
        token = os.environ.get("THREADKEEP_TOKEN", "")
        with Client(url, token, language=language(to)) as client:
            yield client
    except (ApiError, InvalidInput, OSError) as error:
        typer.echo(_line(str(error)), err=True)
        raise typer.Exit(1) from None


def _tell(found: Iterable[dict[str, Any]], as_json: bool, *shown: str) -> None:
    """Each on a line, as it comes. What others have written moves no cursor of a terminal."""
    for each in found:
        typer.echo(json.dumps(each, ensure_ascii=False) if as_json else "  ".join(_line(each[name]) for name in shown))


def _line(value: Any) -> str:
    return text.one_line(text.undirected(str(value or "–")))


if __name__ == "__main__":
    app(prog_name="python -m library")
