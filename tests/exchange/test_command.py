"""``python -m exchange export``: complete or absent, never over what is there, gone on with where it ended."""

import asyncio
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from datalayer import APPLICATION, readonly
from datalayer.place import Place
from datalayer.records import now, user_id
from datalayer.store import Store
from datalayer.writes import RecordUsage, UpdateThread, UpsertElement, UpsertStep, UpsertUser
from exchange import output, selection
from exchange.__main__ import app
from tests.exchange.made import unpacked

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Eleven threads of ann's, one of ben's, one of nobody's; ann's first has a file."""
    place = Place.beside(tmp_path / "home" / "app.db")
    place.database.parent.mkdir()

    async def fill() -> None:
        store = Store(f"sqlite+aiosqlite:///{place.database}")
        for actor in ("ann", "ben"):
            await store.submit(UpsertUser(identifier=actor, metadata={}, at=now()))
        for number in range(13):
            actor = "ann" if number < 11 else "ben"
            key = f"t{number}"
            if number < 12:
                write = UpdateThread(actor=actor, thread_id=key, at=now(), user_id=user_id(actor), name=f"../n{number}")
                await store.submit(write)
            step = UpsertStep(
                thread_id=key, id=f"s{number}", values={"type": "user_message", "output": f"said {number}"}
            )
            await store.submit(step)
        blob = await store.put_blob(b"content")
        file = UpsertElement(thread_id="t0", id="e", values={"for_id": "s0", "name": "a.txt"}, blob=blob)
        await store.submit(file)
        call: dict[str, Any] = {"kind": "turn", "model": "=m", "provider": "p", "status": "complete", "latency": 5}
        spent = RecordUsage(actor="ann", thread_id="gone", id="c", at=now(), started_at=now(), cost=5, **call)
        await store.submit(spent)
        await store.close()

    asyncio.run(fill())
    return place


def run(place: Place | None, *arguments: str, code: int = 0) -> str:
    """What the command prints, on either stream."""
    options = ["--database", str(place.database)] if place else []
    result = CliRunner().invoke(app, ["export", *arguments, *options])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def names(path: Path) -> list[str]:
    return [thread["id"] for thread in json.loads(path.read_bytes())["threads"]]


def folder(path: Path) -> set[str]:
    return {each.name for each in path.iterdir()}


def test_everything_comes_out_and_the_store_stays_as_it_was(place: Place, tmp_path: Path) -> None:
    before, out = place.database.read_bytes(), tmp_path / "new" / "folder" / "all.json"
    told = json.loads(run(place, "--out", str(out), "--json"))
    assert told == {"path": str(out), "threads": 13, "bytes": out.stat().st_size, "resumed": 0, "waiting": 0}
    assert sorted(names(out)) == sorted(f"t{n}" for n in range(13))
    assert folder(out.parent) == {"all.json"}
    assert out.stat().st_mode & 0o077 == 0
    assert place.database.read_bytes() == before


def test_of_one_user_some_threads_a_folder(place: Place, tmp_path: Path) -> None:
    out = str(tmp_path / "out.json")
    assert "1 conversation," in run(place, "--out", out, "--user", "ben")
    assert names(Path(out)) == ["t11"]
    run(place, "--out", out, "--thread", "t12", "--thread", "t3", "--force")
    assert names(Path(out)) == ["t12", "t3"]
    run(place, "--out", out, "--user", "ann", "--thread", "t11", "--thread", "t3", "--force")
    assert names(Path(out)) == ["t3"]


def test_one_conversation_alone_is_a_page(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "ben.md"
    run(place, "--out", str(out), "--user", "ben", "--format", "markdown")
    assert "said 11" in out.read_text("utf-8")
    assert "need a ZIP" in run(place, "--out", str(tmp_path / "a.md"), "--user", "ann", "--format", "markdown", code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--user", "nobody"], "There is no user of this name"),
        (["--user", "ben", "--thread", "t1"], "There is no such conversation"),
        (["--folder", "Birds"], "There is no such conversation"),
        (["--user", "ben", "--folder", ".."], "dots only"),
        (["--format", "docx"], "The formats are json, jsonl, csv, markdown, html, pdf"),
        (["--format", "markdown"], "need a ZIP"),
        (["--language", "xx"], "The languages are en and fr"),
        (["--thread", "t1", "--folder", "x"], "not both"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    place: Place, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "out").mkdir()
    answer = run(place, "--out", str(tmp_path / "out" / "x.json"), *arguments, code=1)
    assert said in answer
    assert len(answer.splitlines()) == 1
    assert folder(tmp_path / "out") == set()


def test_without_a_store(tmp_path: Path) -> None:
    out = str(tmp_path / "x.json")
    assert "Name the database" in run(None, "--out", out, code=1)
    assert "There is no database" in run(Place.beside(tmp_path / "none.db"), "--out", out, code=1)
    (tmp_path / "other.db").write_bytes(b"no database at all, but long enough" * 100)
    run(Place.beside(tmp_path / "other.db"), "--out", out, code=1)
    with closing(sqlite3.connect(tmp_path / "empty.db")) as db:
        db.execute("CREATE TABLE other (x)")
    run(Place.beside(tmp_path / "empty.db"), "--out", out, code=1)
    assert folder(tmp_path) == {"other.db", "empty.db"}


@pytest.mark.parametrize("name", ["json", "jsonl", "csv", "markdown", "html"])
def test_what_is_there_is_not_replaced_unless_it_is_asked_for(place: Place, tmp_path: Path, name: str) -> None:
    out = tmp_path / ("x.zip" if name in ("markdown", "html") else "x")
    out.write_text("precious")
    assert "--force replaces it" in run(place, "--out", str(out), "--format", name, code=1)
    assert out.read_text() == "precious"
    run(place, "--out", str(out), "--format", name, "--force")
    assert out.read_bytes() != b"precious"
    assert folder(tmp_path) == {out.name, "home"}


def test_a_file_that_comes_meanwhile_is_not_replaced(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, original = tmp_path / "x.json", output._finish

    def finish(path: Path, file: Any, force: bool) -> None:
        path.write_text("precious")
        original(path, file, force)

    monkeypatch.setattr(output, "_finish", finish)
    assert "by now" in run(place, "--out", str(out), code=1)
    assert out.read_text() == "precious"
    assert sorted(names(tmp_path / "x.json.part")) == sorted(f"t{n}" for n in range(13))


def test_each_format_with_its_files(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "x.zip"
    run(place, "--out", str(out), "--user", "ann")
    found = unpacked(out.read_bytes())
    assert len(json.loads(found.pop("threads.json"))["threads"]) == 11
    assert list(found.values()) == [b"content"]
    run(place, "--out", str(out), "--format", "markdown", "--force", "--language", "fr")
    found = unpacked(out.read_bytes())
    assert found["_n0 files/a.txt"] == b"content"
    assert sum(name.endswith(".md") for name in found) == 13
    assert "Sans titre.md" in found
    run(place, "--out", str(tmp_path / "x.html"), "--format", "html", "--thread", "t0")
    assert "Y29udGVudA==" in (tmp_path / "x.html").read_text()
    run(place, "--out", str(tmp_path / "x.csv"), "--format", "csv")
    _, row = (tmp_path / "x.csv").read_text().splitlines()
    assert ("gone" in row, "'=m" in row, "0.000000005" in row) == (True, True, True)


class _CutOff(BaseException):
    """As when the process is killed: nothing is tidied up but what Python does by itself."""


@pytest.mark.parametrize("name", ["json", "jsonl"])
@pytest.mark.parametrize("torn", [b"", b'{"id":"half', b"\x00" * 4096])
def test_what_was_cut_off_is_gone_on_with(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, torn: bytes
) -> None:
    for limit, value in (("_PAGE", 2), ("_STEPS", 1)):
        monkeypatch.setattr(selection, limit, value)
    monkeypatch.setattr(output, "_OFTEN", 1)
    original, out = output._save, tmp_path / "x"
    parts = [out.with_name("x.part"), out.with_name("x.part.state")]
    for saves in range(1, 6):
        left = saves

        def save(*arguments: Any) -> None:
            nonlocal left
            original(*arguments)
            if not (left := left - 1):
                raise _CutOff

        monkeypatch.setattr(output, "_save", save)
        with pytest.raises(_CutOff):
            asyncio.run(_write(place, name, out))
        assert not out.exists()
        monkeypatch.setattr(output, "_save", original)
        with parts[0].open("ab") as part:
            part.write(torn)
        told = json.loads(run(place, "--out", str(out), "--format", name, "--json"))
        assert (told["threads"], told["resumed"] > 0) == (13, True)
        resumed = out.read_text()
        run(place, "--out", str(out), "--format", name, "--force")
        assert _body(resumed) == _body(out.read_text())
        assert not any(path.exists() for path in parts)
        out.unlink()


async def _write(place: Place, name: str, out: Path) -> None:
    async with readonly.opened(place) as source:
        await output.write(source, selection.Selection(APPLICATION), name, out, store=str(place.database.resolve()))


def _body(text: str) -> list[str]:
    return [line for line in text.splitlines() if '"selection"' not in line]


@pytest.mark.parametrize("other", ["selection", "store"])
def test_the_beginning_of_another_export_is_not_gone_on_with(place: Place, tmp_path: Path, other: str) -> None:
    out = tmp_path / "x.json"
    told = selection.Selection("other" if other == "selection" else APPLICATION).told()
    state = {"format": "json", "selection": told, "store": "other", "bytes": 3, "place": [], "threads": 1}
    out.with_name("x.json.part").write_text("abc")
    out.with_name("x.json.part.state").write_text(json.dumps(state))
    assert "beginning of another export" in run(place, "--out", str(out), code=1)
    assert out.with_name("x.json.part").read_text() == "abc"
    run(place, "--out", str(out), "--force")
    assert len(names(out)) == 13


@pytest.mark.parametrize("state", ["", "{", "null", "[]", "1", "short"])
def test_a_state_that_says_nothing_is_none(place: Place, tmp_path: Path, state: str) -> None:
    """``short``: the file is shorter than the state says, as after a power cut."""
    out = tmp_path / "x.json"
    told = {"format": "json", "selection": selection.Selection(APPLICATION).told(), "store": str(place.database)}
    known = told | {"bytes": 4, "threads": 1}
    out.with_name("x.json.part").write_text("abc")
    out.with_name("x.json.part.state").write_text(json.dumps(known) if state == "short" else state)
    run(place, "--out", str(out))
    assert len(names(out)) == 13


def test_two_exports_do_not_write_to_one_file(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    with out.with_name("x.json.part").open("wb") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        part.write(b"abc")
        part.flush()
        assert "Another export writes" in run(place, "--out", str(out), "--force", code=1)
        assert out.with_name("x.json.part").read_bytes() == b"abc"


def test_a_path_that_cannot_be_written_is_one_line(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(run(place, "--out", str(tmp_path / "file" / "x.json"), code=1).splitlines()) == 1
    assert len(run(place, "--out", str(tmp_path / ("x" * 300)), code=1).splitlines()) == 1


def test_as_a_program_beside_a_store_that_is_open(place: Place, tmp_path: Path) -> None:
    async def beside() -> subprocess.CompletedProcess[str]:
        store = Store(f"sqlite+aiosqlite:///{place.database}")
        await store.submit(UpsertStep(thread_id="t13", id="s13", values={"type": "user_message", "output": "now"}))
        command = [sys.executable, "-m", "exchange", "export", "--out", str(tmp_path / "x.json")]
        env = os.environ | {"DATALAYER_DATABASE": str(place.database)}
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True)
        await store.submit(UpsertStep(thread_id="t14", id="s14", values={"type": "user_message", "output": "later"}))
        await store.close()
        return done

    done = asyncio.run(beside())
    assert (done.returncode, done.stderr) == (0, "")
    assert "14 conversations" in done.stdout
    assert len(names(tmp_path / "x.json")) == 14
