"""`python -m assistant embed`: what was said before a model was configured gets vectors once somebody has agreed."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.config import Config
from assistant.models.embedding import make, price_of
from datalayer import DataLayer
from tests.conftest import make_step, register, rows, start_thread
from tests.contract.test_passages import attach
from tests.processes import environment
from tests.servers.embeddings import EmbeddingServer

MESSAGES = 7


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with EmbeddingServer() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    async def fill() -> None:
        layer = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/threads.db", tmp_path / "files")
        await layer.store.open()
        ann = await register(layer, "ann")
        for n in range(MESSAGES):
            said = await start_thread(layer, ann, output=f"the automobile number {n}")
        await layer.create_step(make_step(said["threadId"], output="not searched", metadata={"unsearched": True}))
        await layer.create_step(make_step(said["threadId"], output=" "))
        await layer.close()

    asyncio.run(fill())
    return tmp_path


def embed(home: Path, server: EmbeddingServer, *options: str, typed: str = "", **env: str) -> tuple[int, str]:
    """The exit code, and what it says."""
    named = {"THREADKEEP_HOME": str(home), "THREADKEEP_EMBEDDING_BASE_URL": server.url}
    named |= {"THREADKEEP_EMBEDDING_MODEL": "toy", "CHAINLIT_ENV_FILE": ""} | env
    command = [sys.executable, "-m", "assistant", "embed", *options]
    done = subprocess.run(
        command, env=environment(named), cwd=home, input=typed, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def vectors(home: Path) -> list[tuple[str, int]]:
    layer = DataLayer(f"sqlite+aiosqlite:///{home}/threads.db", home / "files")
    return rows(layer, "SELECT model, count(*) FROM vectors GROUP BY model")


def test_nothing_is_sent_without_consent(home: Path, server: EmbeddingServer) -> None:
    code, said = embed(home, server, typed="n\n")
    assert code == 1
    assert f"0 of {MESSAGES} messages" in said
    assert f"{MESSAGES} are to be sent" in said
    assert "price unknown" in said
    assert (server.texts, vectors(home)) == ([], [])


def test_all_get_vectors_once_and_go_again(home: Path, server: EmbeddingServer) -> None:
    code, said = embed(home, server, "--yes")
    assert code == 0, said
    assert f"{MESSAGES} of {MESSAGES} messages have a vector" in said
    assert vectors(home) == [("toy", MESSAGES)]
    code, said = embed(home, server, "--yes")
    assert code == 0, said
    assert "there is nothing to make" in said
    assert len(server.texts) == MESSAGES
    code, said = embed(home, server, "--remove")
    assert (code, said.strip()) == (0, f"{MESSAGES} vectors removed.")
    assert vectors(home) == []


def test_files_are_counted_and_made_beside_messages(home: Path, server: EmbeddingServer) -> None:
    passages = [f"passage {n} of a book" for n in range(40)]

    async def fill() -> None:
        layer = DataLayer(f"sqlite+aiosqlite:///{home}/threads.db", home / "files")
        said = await start_thread(layer, await register(layer, "ann"), output="what does it say?")
        await attach(layer, said["threadId"], *passages)
        await layer.close()

    asyncio.run(fill())
    code, said = embed(home, server, "--dry-run")
    assert code == 0, said
    assert f"0 of {MESSAGES + 1} messages have a vector of toy.\n{MESSAGES + 1} are to be sent: about " in said
    assert "0 of 40 passages of files have one.\n40 are to be sent: about " in said
    assert "Together: about " in said
    assert server.texts == []
    code, said = embed(home, server, "--yes")
    assert code == 0, said
    assert f"{MESSAGES + 1} of {MESSAGES + 1} messages and 40 of 40 passages of files have a vector." in said
    assert {text for text in server.texts if text.startswith("passage")} == set(passages)
    code, said = embed(home, server, "--yes")
    assert "40 of 40 passages of files have one; there is nothing to make." in said
    code, said = embed(home, server, "--remove")
    assert said.strip() == f"{MESSAGES + 41} vectors removed."


def configured(monkeypatch: pytest.MonkeyPatch, **env: str) -> Config:
    for name in ("GEMINI_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return Config()


@pytest.mark.parametrize(
    ("model", "env", "price"),
    [
        ("gemini-embedding-001", {}, "0.15"),
        ("text-embedding-3-small", {}, "0.02"),
        ("openai/text-embedding-3-large", {}, "0.13"),
        ("text-embedding-3-small", {"OPENAI_BASE_URL": "http://localhost/v1"}, None),
        ("gemini-embedding-001", {"THREADKEEP_EMBEDDING_BASE_URL": "http://localhost/v1"}, None),
        ("nomic-embed-text", {}, None),
    ],
)
def test_the_price_is_that_of_the_makers_list_and_only_of_the_makers_own_server(
    monkeypatch: pytest.MonkeyPatch, model: str, env: dict[str, str], price: str | None
) -> None:
    found = price_of(configured(monkeypatch, **env), model)
    assert (found[0].tokens_in if found else None) == price


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"THREADKEEP_EMBEDDING_MODEL": "toy"}, "toy needs THREADKEEP_EMBEDDING_BASE_URL, OPENAI_BASE_URL or OPENAI"),
        ({"THREADKEEP_EMBEDDING_MODEL": "gemini-embedding-001"}, "gemini-embedding-001 needs GEMINI_API_KEY."),
    ],
)
def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], line: str) -> None:
    with pytest.raises(SystemExit, match=line):
        make(configured(monkeypatch, **env))


async def test_the_names_of_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The makers' models are asked for 768 dimensions, others for what they give."""
    keys = {"GEMINI_API_KEY": "key", "OPENAI_API_KEY": "key"}
    for model, name in {
        "gemini-embedding-001": "gemini-embedding-001/768",
        "text-embedding-3-small": "text-embedding-3-small/768",
        "nomic-embed-text": "nomic-embed-text",
    }.items():
        made = make(configured(monkeypatch, **keys, THREADKEEP_EMBEDDING_MODEL=model))
        assert made is not None
        assert made.name == name
        await made.close()
    assert make(configured(monkeypatch, THREADKEEP_EMBEDDING_MODEL="")) is None
