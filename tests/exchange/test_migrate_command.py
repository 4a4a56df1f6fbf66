"""``python -m exchange migrate``."""

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from exchange.__main__ import app
from tests.exchange.test_migrating import change, moving


def asked(folder: Path, *arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["migrate", *arguments, "--database", str(folder / "threads.db")])
    return found.exit_code, found.output


async def filled(folder: Path) -> None:
    async with moving(folder):
        pass


def test_it_tells_turns_and_compares(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path))
    assert asked(tmp_path, "status") == (0, "phase: foundation\n")
    code, said = asked(tmp_path, "finish")
    assert (code, "nothing to finish" in said) == (1, True)
    assert asked(tmp_path, "start", "--mirror", str(tmp_path / "m"))[0] == 0
    code, said = asked(tmp_path, "compare")
    assert (code, "2 threads, 5 steps, 0 differences" in said) == (0, True)
    change(tmp_path, "UPDATE steps SET output = 'secret' WHERE id = 'a-0'")
    code, said = asked(tmp_path, "compare", "--json")
    assert code == 1
    assert json.loads(said)["told"] == [{"thread": "a", "step": "a-0", "what": "another output"}]
    assert "secret" not in said
    assert asked(tmp_path, "finish")[0] == 1
    assert "phase: foundation" in asked(tmp_path, "rollback")[1]
