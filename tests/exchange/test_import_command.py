"""``python -m exchange import``: what it says, what it refuses, and that an app may have the store open meanwhile."""

import asyncio
import json
import os
import signal
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from datalayer.records import now
from datalayer.store import Store
from datalayer.writes import UpsertUser
from exchange.__main__ import app
from exchange.commands import importing
from exchange.importing import Report, told
from exchange.origins.base import Problem
from exchange.origins.places import Place
from exchange.origins.reasons import Why
from tests.exchange.origins.chatgpts import conversation


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "app.db"
    path.parent.mkdir()

    async def make() -> None:
        store = Store(f"sqlite+aiosqlite:///{path}")
        await store.submit(UpsertUser(identifier="ann", metadata={}, at=now()))
        await store.close()

    asyncio.run(make())
    return path


def run(database: Path, *arguments: Any) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["import", "--database", str(database), *map(str, arguments)])
    return result.exit_code, result.output


def written(path: Path, *conversations: Any) -> Path:
    path.write_text(json.dumps(conversations))
    return path


def names(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as found:
        return [name for (name,) in found.execute("SELECT name FROM threads ORDER BY name")]


def test_it_says_what_became_of_each_file(database: Path, tmp_path: Path) -> None:
    first = written(tmp_path / "a.json", conversation(1), {"id": "folder"})
    second = written(tmp_path / "b.json", conversation(1), conversation(2))
    code, said = run(database, first, second, "--user", "ann", "--dry-run")
    assert (code, names(database)) == (0, [])
    assert "Nothing was stored" in said
    code, said = run(database, first, second, "--user", "ann")
    assert code == 0
    assert said.splitlines() == [
        *(f"{first}:", "Conversations read (ChatGPT): 1", "  New: 1", "  Messages: 2", "Not imported: 1"),
        "  a.json, item 2: it is no conversation: it has no messages",
        *(f"{second}:", "Conversations read (ChatGPT): 2", "  New: 1"),
        *("  Were here, and are as they were: 1", "  Messages: 2"),
    ]
    assert names(database) == ["Birds 1", "Birds 2"]
    code, said = run(database, first, "--user", "ann", "--json", "--as", "chatgpt")
    assert code == 0
    assert {"path": str(first), "there": 1, "skipped": 1, "origin": "ChatGPT"}.items() <= json.loads(said)[0].items()
    why = "it is no conversation: it has no messages"
    told_once = {"place": "a.json, item 2", "why": why, "key": "no_messages", "lost": True}
    assert json.loads(said)[0]["problems"] == [told_once]


def test_it_speaks_french_by_the_locale_or_by_option(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = written(tmp_path / "a.json", conversation(1), {"id": "folder"})
    monkeypatch.setenv("LC_ALL", "fr_CA.UTF-8")
    code, said = run(database, export, "--user", "ann", "--dry-run")
    assert (code, said.splitlines()[1:3]) == (
        0,
        ["Rien n’a été enregistré. Voici ce que donnerait l’import\u00a0:", "Conversations lues (ChatGPT)\u00a0: 1"],
    )
    assert run(database, export, "--user", "ann", "--dry-run", "--language", "en")[1].splitlines()[1][:7] == "Nothing"
    assert run(database, tmp_path / "none", "--user", "ann")[1].endswith("ce fichier ou ce dossier n’existe pas\n")
    assert run(tmp_path / "none.db", export, "--user", "ann")[1].startswith("Aucune base de données à cet emplacement")
    assert run(database, export)[1].startswith("Indiquez avec --user")
    assert run(database, export, "--user", "ann", "--as", "word")[1].startswith(
        "Un export vient de l’un de ces produits"
    )
    assert json.loads(run(database, export, "--json")[1])["error"].startswith("Name who gets")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert run(database, export)[1].startswith("Name who gets")


def test_it_works_beside_the_app(database: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database)) as app_has_it:
        app_has_it.execute("SELECT count(*) FROM threads").fetchall()
        assert run(database, written(tmp_path / "a.json", conversation(1)), "--user", "ann")[0] == 0
    assert names(database) == ["Birds 1"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["a.json"], "--user"),
        (["none.json", "--user", "ann"], "No such file"),
        (["a.json", "--user", "ann", "--as", "word"], "chatgpt"),
    ],
)
def test_it_refuses(database: Path, tmp_path: Path, arguments: list[str], why: str) -> None:
    written(tmp_path / "a.json", conversation(1))
    code, said = run(database, tmp_path / arguments[0], *arguments[1:])
    assert (code, names(database)) == (1, [])
    assert why in said


def test_one_that_is_stopped_says_what_becomes_of_it(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stopping(_: int | None) -> Iterator[Any]:
        yield lambda _: signal.raise_signal(signal.SIGINT)

    first = written(tmp_path / "a.json", conversation(1))
    second = written(tmp_path / "b.json", conversation(2))
    with monkeypatch.context() as patched:
        patched.setattr(importing, "bar", stopping)
        code, said = run(database, first, second, "--user", "ann")
    assert (code, said) == (
        130,
        "Stopped. Conversations done so far: 1. What is stored stays. The same command goes on.\n",
    )
    assert run(database, first, second, "--user", "ann")[0] == 0
    assert names(database) == ["Birds 1", "Birds 2"]


def test_what_is_no_file_is_named(database: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "nowhere.json").symlink_to("none")
    (tmp_path / "loop.json").symlink_to("loop.json")
    for name, why in (
        ("pipe.json", "is no file"),
        ("nowhere.json", "No such file"),
        ("loop.json", "symbolic links"),
    ):
        code, said = run(database, tmp_path / name, "--user", "ann")
        assert (code, name in said, why in said) == (1, True, True), said


def test_what_nobody_knows_fails(database: Path, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\0\1\2")
    code, said = run(database, tmp_path / "x.txt", "--user", "ann")
    assert (code, "no export of any product" in said) == (1, True)


def test_of_what_nobody_knows_it_says_what_cannot_be_read(database: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr("conversations.json", json.dumps([conversation(1)]))
    content = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(content.replace(b"Birds", b"Bords", 1))
    code, said = run(database, tmp_path / "x.zip", "--user", "ann")
    assert (code, "conversations.json" in said, "it is damaged" in said) == (1, True, True), said


def test_a_report_tells_at_most_so_much() -> None:
    report = Report("ChatGPT")
    for number in range(500):
        place = Place("a.json").at(item=number)
        report.tell(Problem(place, Why("role_unknown", role=str(number))))
        report.tell(Problem(place, Why("time_unreadable"), lost=False))
        report.tell(Problem(place, Why("part_kept", kind=str(number)), lost=False))
    assert (report.skipped, len(report.problems), len(report.notes)) == (500, 200, 200)
    assert report.notes[Why("time_unreadable")].count == 500
    said = told(report, "fr")
    assert "  … et 300 de plus" in said
    assert "  sa date est illisible (500\u00a0fois, la première\u00a0: a.json, élément 0)" in said
    assert "  a.json, élément 7\u00a0: un message au rôle inconnu «\u00a07\u00a0» est omis" in said
    assert len(said) < 420
