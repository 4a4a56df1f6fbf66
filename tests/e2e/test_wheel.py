"""The data layer in somebody else's app: these lines and the wheel with what it asks for, nothing else."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.client import Client
from tests.e2e import fresh
from tests.processes import ROOT, environment, free_port, running_server

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a34b07e0000000049454e44ae426082"
)
PACKAGES = ("datalayer", "exchange", "library", "assistant")
TEN_LINES = """
import chainlit as cl
from datalayer import DataLayer

@cl.data_layer
def data_layer(): return DataLayer("sqlite+aiosqlite:///threads.db", files="files/")

@cl.password_auth_callback
def sign_in(name, password): return cl.User(identifier=name) if password == "open" else None

@cl.on_message
async def answer(message):
    reply = cl.Message("", elements=[cl.Image(name="dot", content=open("dot.png", "rb").read())])
    for word in message.content.split(): await reply.stream_token(word + " ")
    await reply.send()

@cl.on_chat_resume
async def resume(thread): pass
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fresh.build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which nothing but the data layer was installed."""
    return fresh.install(wheel, tmp_path_factory.mktemp("fresh"))


def run(python: str | Path, code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = environment({"PYTHONPATH": str(ROOT) if python == sys.executable else ""})
    return subprocess.run([python, "-c", code], cwd=cwd, env=env, capture_output=True, text=True)


def test_the_wheel_made_of_the_source_distribution_holds_all_that_the_packages_hold(wheel: Path) -> None:
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    files = {str(path.relative_to(ROOT)) for path in found if path.is_file() and path.suffix != ".pyc"}
    assert {"datalayer/py.typed", "assistant/py.typed", "assistant/texts/fr.json"} < files
    assert {"exchange/formats/schema-1.json", "exchange/formats/page.css", "exchange/texts/fr.json"} < files
    assert {"library/py.typed", "library/templates/base.html", "library/static/vendor/htmx.LICENSE"} < files
    assert {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name} == files


def test_the_data_layer_brings_nothing_of_what_the_chat_app_needs(python: Path, tmp_path: Path) -> None:
    names = ["google.genai", "google.generativeai", "openai", "anthropic", "langfuse", "redis", "argon2"]
    code = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    assert run(sys.executable, code, tmp_path).stdout == f"{names}\n"
    assert run(python, code, tmp_path).stdout == "[]\n"


@pytest.mark.parametrize("package", ["datalayer", "assistant"])
def test_a_system_that_is_not_posix_is_told_so_at_import(package: str, tmp_path: Path) -> None:
    done = run(sys.executable, f"import sys; sys.modules['fcntl'] = None; import {package}", tmp_path)
    assert done.stderr.splitlines()[-1].startswith(
        "ImportError: datalayer needs a POSIX system, such as Linux or macOS"
    )


async def test_an_app_of_ten_lines_keeps_its_threads_with_their_elements_and_resumes_them(
    python: Path, tmp_path: Path
) -> None:
    folder, port = tmp_path / "app", free_port()
    folder.mkdir()
    (folder / "app.py").write_text(TEN_LINES)
    (folder / "dot.png").write_bytes(PNG)
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64}

    with running_server(folder, env, port, python=python) as server:
        async with Client(server.url, greets=False) as ann:
            await (await ann.login("ann", "open")).connect()
            [reply] = await ann.send("one two three")
            assert reply["output"] == "one two three "
            await ann.stored()  # waits for the element too, which Chainlit stores after the turn
        async with Client(server.url, greets=False) as ben:
            await ben.login("ben", "open")
            assert await ben.listed() == {}
            assert (await ben.thread(ann.thread_id)).status_code == 401
    with running_server(folder, env, port, python=python) as server:
        async with Client(server.url, greets=False) as again:
            await again.login("ann", "open")
            assert await again.listed() == {ann.thread_id: "one two three"}
            await again.connect(ann.thread_id)
            resumed = await again.wait_for("resume_thread")
            shown = [step["output"] for step in resumed["steps"] if "message" in step["type"]]
            assert shown == ["one two three", "one two three "]
            [element] = resumed["elements"]
            assert (element["type"], element["forId"], element["name"]) == ("image", reply["id"], "dot")
            assert (await again.request("GET", element["url"])).content == PNG
            await again.send("four")
            outputs = [step["output"] for step in (await again.stored())["steps"] if "message" in step["type"]]
            assert outputs == ["one two three", "one two three ", "four", "four "]
    info = run(
        python, "from datalayer.__main__ import app; app(['info', '--database', 'threads.db', '--json'])", folder
    )
    assert json.loads(info.stdout)["rows"]["threads"] == 1
