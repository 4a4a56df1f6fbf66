"""An export says with its chain that nobody has changed it since, to a script that needs nothing of ours."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import exchange
from datalayer import DataLayer
from datalayer.records import now, user_id
from datalayer.writes import ChooseVersion, DeleteStep, UpdateThread
from exchange.selection import Selection
from tests.conftest import new_id
from tests.contract.test_chain import said, talk

SCRIPT = Path(exchange.__file__).with_name("verify_export.py")
SCHEMA = json.loads(Path(exchange.__file__).with_name("formats").joinpath("schema-1.json").read_text("utf-8"))


async def exported(layer: DataLayer, packed: Any = "plain") -> bytes:
    await layer.drain()
    made = await exchange.export(layer.store, Selection(user_id("ann")), "json", packed=packed)
    return b"".join([piece async for piece in made.pieces])


def verify(tmp_path: Path, content: bytes | None, *arguments: str) -> tuple[int, list[str]]:
    """Exit code, and the lines that are printed. ``content``: None: there is no file. ``-I``: the script sees neither
    this folder nor any of ours."""
    file = tmp_path / "export"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)
    command = [sys.executable, "-I", str(SCRIPT), str(file), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


async def all_of_it(layer: DataLayer) -> str:
    """A thread with a file, versions, what was deleted, and an answer that is being streamed."""
    key, ids = await talk(layer)
    for version in (None, 1, 2):
        given: dict[str, Any] = {"actor": "ann", "thread_id": key, "id": ids[2], "text": "why é漢\U0001f600?"}
        await layer.store.submit(ChooseVersion(version=version, at=now(), **given))
    await layer.store.submit(DeleteStep(actor="ann", id=ids[1], at=now()))
    await layer.store.submit(said(key, new_id(), "a tool", type="tool", input="x"))
    await layer.store.submit(said(key, new_id(), "half", status="streaming"))
    return key


def test_the_script_is_short_and_needs_python_alone() -> None:
    script = SCRIPT.read_text()
    needed = {name.name for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Import) for name in node.names}
    assert "ImportFrom" not in ast.dump(ast.parse(script))
    assert needed <= sys.stdlib_module_names
    assert len(script.splitlines()) <= 50


async def test_it_is_whole_without_any_of_ours(layer: DataLayer, tmp_path: Path) -> None:
    await all_of_it(layer)
    await talk(layer)
    content = await exported(layer)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(content))
    assert verify(tmp_path, content) == (0, ["conversations: 2, problems: 0"])
    assert verify(tmp_path, await exported(layer, "zip")) == (0, ["conversations: 2, problems: 0"])
    assert verify(tmp_path, content[:-4])[0] == 1


async def test_an_import_tells_what_the_chain_says_that_comes_along(layer: DataLayer, tmp_path: Path) -> None:
    await all_of_it(layer)
    await talk(layer)
    content = (await exported(layer)).decode()
    for name, given in (("as it was", content), ("changed", content.replace("reeds", "leeks", 1))):
        file = tmp_path / "all.json"
        file.write_text(given)
        report = await exchange.run_import(layer.store, file, "ann", dry_run=True)
        told = {(why.key, why.told("en").split(" not ")[0], note.count) for why, note in report.notes.items()}
        whole = ("chain_whole", "the chain that came along proves that nothing of it was changed since")
        wrong = {("chain_wrong", "it is in 1 place", 1), (*whole, 1)}
        assert told & {(*whole, 2), *wrong} == ({(*whole, 2)} if name == "as it was" else wrong), told


async def test_what_is_withheld_is_not_missed(layer: DataLayer, tmp_path: Path) -> None:
    key, _ = await talk(layer)
    secret = "sk-" + "a" * 40
    await layer.store.submit(UpdateThread(actor="ann", thread_id=key, metadata={"api_key": secret}, at=now()))
    await layer.store.submit(said(key, secret, "its id looks like a key", type="user_message", metadata={"t": secret}))
    await layer.store.submit(ChooseVersion(actor="ann", thread_id=key, id=secret, text="again?", at=now()))
    assert verify(tmp_path, await exported(layer)) == (0, ["conversations: 1, problems: 0"])


def _first(thread: Any, kind: str = "user_message") -> Any:
    return next(step for step in thread["steps"] if step["type"] == kind)


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "text": (lambda thread: _first(thread).update(output="never"), "the message was changed"),
    "speaker": (lambda thread: _first(thread).update(name="bob"), "the message was changed"),
    "time": (lambda thread: _first(thread).update(created_at="2026-01-01T00:00:09.000000Z"), "the message was changed"),
    "file": (lambda thread: thread["elements"][0]["content"].update(sha256="0" * 64), "the message was changed"),
    "no file": (lambda thread: thread["elements"].clear(), "the message was changed"),
    "version": (lambda thread: _first(thread, "versions")["metadata"]["versions"].update(shown=9), "was changed"),
    "aside": (lambda thread: _first(thread, "aside")["metadata"]["aside"].update(version=9), "was changed"),
    "removed": (lambda thread: thread["steps"].remove(_first(thread)), "the message was removed"),
    "added": (lambda thread: thread["steps"].append({"id": "x", "type": "user_message"}), "x has no link"),
    "no link": (lambda thread: thread["chain"]["links"].pop(), "cut at its end"),
    "a link less": (lambda thread: thread["chain"]["links"].pop(1), "it was changed, or one before it was removed"),
    "a link's time": (lambda thread: thread["chain"]["links"][0].update(at="2026"), "it was changed"),
    "another's chain": (lambda thread: thread.update(id="y"), "link 1 of"),
    "no chain": (lambda thread: thread.pop("chain"), "has no link"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_changed_is_told(layer: DataLayer, tmp_path: Path, change: str, store_url: str) -> None:
    if not store_url.startswith("sqlite"):
        pytest.skip("the export is the same from everywhere")
    key = await all_of_it(layer)
    content = (await exported(layer)).decode().splitlines(keepends=True)
    place = next(number for number, line in enumerate(content) if line.startswith('{"id":'))
    thread = json.loads(content[place].rstrip(",\n"))
    made, expected = CHANGES[change]
    made(thread)
    content[place] = json.dumps(thread, separators=(",", ":")) + "\n"
    code, lines = verify(tmp_path, "".join(content).encode())
    assert code == 1
    assert any(expected in line and line.startswith(f"conversation {thread['id']}, ") for line in lines), lines
    assert not any("never" in line or "why" in line for line in lines), key


async def test_a_file_that_is_none_is_told(layer: DataLayer, tmp_path: Path, store_url: str) -> None:
    if not store_url.startswith("sqlite"):
        pytest.skip("the export is the same from everywhere")
    await talk(layer)
    content, packed = await exported(layer), await exported(layer, "zip")
    inside = bytearray(packed)
    inside[200] ^= 0xFF
    for given, why in (
        (content[:-4], "cut off"),
        (content[:-400], "cut off"),
        (content[:40], "cut off or reformatted"),
        (b"", "no JSON export"),
        (None, "No such file"),
        (json.dumps(json.loads(content), indent=2).encode(), "reformatted"),
        (json.dumps(json.loads(content)).encode(), "reformatted"),
        (packed[:-30], "no JSON export"),
        (bytes(inside), "it cannot be read"),
        (content.replace(b'"elements":', b'"element":'), "problems: 1"),
        (content.replace(b'"steps":[', b'"steps":[5,'), "problems: 1"),
        (content.replace(b"reeds", b"\xff\xfe"), "problems: 1"),
    ):
        code, lines = verify(tmp_path, given)
        assert (code, why in lines[-1]) == (1, True), lines
