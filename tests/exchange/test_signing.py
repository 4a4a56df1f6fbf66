"""An export that is signed is told from one that anybody made; a key is never read where others can read it."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

import exchange
from datalayer.records import now
from datalayer.store import Store
from datalayer.writes import UpsertStep
from exchange.__main__ import app

SCRIPTS = Path(exchange.__file__).parent


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Two threads of a message each."""

    async def fill() -> None:
        store = Store(f"sqlite+aiosqlite:///{tmp_path}/app.db")
        for key in ("one", "two"):
            values = {"type": "user_message", "output": "hello"}
            await store.submit(UpsertStep(thread_id=key, id=f"s-{key}", at=now(), values=values))
        await store.close()

    asyncio.run(fill())
    return tmp_path / "app.db"


def _key(folder: Path, name: str = "key", mode: int = 0o600, private: object = None) -> tuple[Path, Path]:
    key = private or Ed25519PrivateKey.generate()
    assert hasattr(key, "private_bytes")
    assert hasattr(key, "public_key")
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    paths = folder / f"{name}.pem", folder / f"{name}.pub"
    paths[0].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    paths[0].chmod(mode)
    paths[1].write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return paths


def export(database: Path, *options: str, code: int = 0) -> str:
    arguments = ["export", "--database", str(database), "--out", str(database.with_name("all.json")), *options]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    return done.output


def verify(file: Path, *key: Path) -> tuple[int, list[str]]:
    """Its chains; with a key, its signatures."""
    script = SCRIPTS / ("verify_signatures.py" if key else "verify_export.py")
    command = [sys.executable, "-I", str(script), str(file), *map(str, key)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=file.parent)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_it_is_told_by_the_public_key(database: Path) -> None:
    (key, public), (_, other) = _key(database.parent), _key(database.parent, "other")
    export(database, "--sign", str(key))
    made = database.with_name("all.json")
    assert verify(made, public) == verify(made) == (0, ["conversations: 2, problems: 0"])
    code, lines = verify(made, other)
    assert (code, len(lines), lines[-1]) == (1, 3, "conversations: 2, problems: 2")
    text = made.read_text()
    code, lines = verify(made, key)  # the private one
    assert (code, "it cannot be read" in lines[-1]) == (1, True)
    (database.with_name("one.json")).write_text("".join(line for line in text.splitlines(True) if '"one"' not in line))
    assert verify(database.with_name("one.json"), public)[0] == 0


def test_a_chain_that_was_computed_anew_is_not_signed(database: Path, tmp_path: Path) -> None:
    key, public = _key(database.parent)
    export(database, "--sign", str(key))
    signed = database.with_name("all.json").read_text()
    export(database, "--force")
    again = database.with_name("all.json")
    assert verify(again)[0] == 0
    assert verify(again, public)[0] == 1
    lines = signed.splitlines(keepends=True)
    thread = json.loads(lines[1].rstrip(",\n"))
    thread["chain"]["signed_at"] = "2020-01-01T00:00:00.000000Z"
    again.write_text("".join([lines[0], json.dumps(thread, separators=(",", ":")) + ",\n", *lines[2:]]))
    assert verify(again)[0] == 0
    code, told = verify(again, public)
    assert (code, told[0]) == (1, f"conversation {thread['id']}, it is not signed with this key")


def test_what_is_no_key_of_the_operators_is_refused(database: Path) -> None:
    folder = database.parent
    key, public = _key(folder)
    assert "chmod 600" in export(database, "--sign", str(_key(folder, "open", 0o644)[0]), code=1)
    elliptic = _key(folder, "elliptic", private=generate_private_key(SECP256R1()))[0]
    public.chmod(0o600)
    for wrong in (elliptic, public):
        assert "no Ed25519 private key" in export(database, "--sign", str(wrong), code=1)
    assert "cannot be read" in export(database, "--sign", str(folder / "none.pem"), code=1)
    assert "JSON alone" in export(database, "--sign", str(key), "--format", "jsonl", code=1)
    assert not database.with_name("all.json").exists()
