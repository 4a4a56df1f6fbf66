"""The data layer in somebody else's app: these lines and the package ``datalayer``, nothing else."""

from pathlib import Path

from tests.client import Client
from tests.processes import ROOT, free_port, running_server

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a34b07e0000000049454e44ae426082"
)
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


async def test_an_app_of_ten_lines_keeps_its_threads_with_their_elements_and_resumes_them(tmp_path: Path) -> None:
    library, folder, port = tmp_path / "library", tmp_path / "app", free_port()
    library.mkdir()
    folder.mkdir()
    (library / "datalayer").symlink_to(ROOT / "datalayer")
    (folder / "app.py").write_text(TEN_LINES)
    (folder / "dot.png").write_bytes(PNG)
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(library)}

    with running_server(folder, env, port) as server:
        async with Client(server.url, greets=False) as ann:
            await (await ann.login("ann", "open")).connect()
            [reply] = await ann.send("one two three")
            assert reply["output"] == "one two three "
            await ann.stored()  # waits for the element too, which Chainlit stores after the turn
        async with Client(server.url, greets=False) as ben:
            await ben.login("ben", "open")
            assert await ben.listed() == {}
            assert (await ben.thread(ann.thread_id)).status_code == 401
    with running_server(folder, env, port) as server:
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
