"""Versions in somebody else's app, over its real server: one argument more, and an edit deletes nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from datalayer import DataLayer
from datalayer.versions import Version
from tests.client import Client, until
from tests.processes import ROOT, free_port, running_server

APP = """
import chainlit as cl
from datalayer import DataLayer

layer = DataLayer("sqlite+aiosqlite:///threads.db", files="files/"{more})

@cl.data_layer
def data_layer(): return layer

@cl.password_auth_callback
def sign_in(name, password): return cl.User(identifier=name) if password == "open" else None

@cl.on_chat_resume
async def resume(thread): pass

@cl.on_message
async def answer(message):
    waiting = await cl.Message("please wait").send()
    async with cl.Step(name="tool", type="tool") as step:
        step.output = "looked up " + message.content
    await waiting.remove()
    await cl.Message("The answer to " + message.content).send()

@cl.action_callback("back")
async def back(action):
    await layer.choose_version(action.payload["question"], 1)
"""


@pytest.fixture(params=[True, False], ids=["versions", "default"])
async def ann(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    (tmp_path / "app.py").write_text(APP.format(more=", versions=True" if request.param else ""))
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}
    with running_server(tmp_path, env, free_port()) as server:
        async with Client(server.url, greets=False) as ann:
            yield await (await ann.login("ann", "open")).connect()


async def _said(client: Client) -> list[str]:
    return [step["output"] for step in (await client.stored())["steps"] if "message" in step["type"]]


async def test_an_edit_keeps_what_was_before(ann: Client, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    await ann.send("a heron")
    question = next(key for key, step in ann.screen.items() if step["output"] == "a heron")
    await ann.send("an osprey")
    before = await ann.stored()
    await ann.edit(question, "an avocet")
    assert await _said(ann) == ["an avocet", "The answer to an avocet"]
    assert [step["output"] for step in ann.screen.values() if "message" in step["type"]] == await _said(ann)
    thread_id = ann.thread_id
    if "versions" not in request.node.callspec.id:
        assert await _versions(tmp_path, thread_id, question) == []
        return
    again = ann.tab()
    await again.connect(thread_id)  # what a session that resumes has is edited no other way
    await again.wait_for("resume_thread")
    await again.edit(question, "a stork")
    assert await _said(ann) == ["a stork", "The answer to a stork"]
    assert (await ann.action("back", question=question)).json()["success"] is True
    shown = ["a heron", "The answer to a heron", "an osprey", "The answer to an osprey"]
    assert await _said(ann) == shown
    assert (await ann.stored())["steps"] == before["steps"]
    await until(lambda: _shows(ann, shown))
    await again.disconnect()
    known = await _versions(tmp_path, thread_id, question)
    assert [version.question for version in known] == ["a heron", "an avocet", "a stork"]
    tools = [[step.output for step in version.steps if step.type == "tool"] for version in known]
    assert tools == [["looked up a heron", "looked up an osprey"], ["looked up an avocet"], ["looked up a stork"]]
    assert all(step.output != "please wait" for version in known for step in version.steps)


async def _versions(folder: Path, thread_id: str, question: str) -> list[Version]:
    layer = DataLayer(f"sqlite+aiosqlite:///{folder}/threads.db", files=folder / "files")
    known = await layer.versions(thread_id, question)
    await layer.close()
    return known


async def _shows(client: Client, texts: list[str]) -> bool:
    return [step["output"] for step in client.screen.values() if "message" in step["type"]] == texts
