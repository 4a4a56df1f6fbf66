"""The page in somebody else's app, as its server runs it, and while the database is away."""

from pathlib import Path

from datalayer import DataLayer
from tests.client import Client
from tests.library.conftest import HTML, Browser
from tests.processes import ROOT, free_port, running_server

APP = """
import chainlit as cl
import library
from datalayer import DataLayer

@cl.data_layer
def data_layer():
    layer = DataLayer("sqlite+aiosqlite:///threads.db", files="files/")
    library.mount(layer)
    return layer

@cl.password_auth_callback
def sign_in(name, password): return cl.User(identifier=name) if password == "open" else None

@cl.on_message
async def answer(message): await cl.Message("The answer to " + message.content).send()
"""


async def test_these_lines_are_all_it_takes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT)}
    with running_server(tmp_path, env, free_port()) as server:
        async with Client(server.url, greets=False) as ann:
            await (await ann.login("ann", "open")).connect()
            await ann.send("everything")
            settings = (await ann.request("GET", "/project/settings")).json()
            assert [link["url"] for link in settings["ui"]["header_links"]] == ["/library"]
            page = await ann.request("GET", f"/library?thread={ann.thread_id}", headers=HTML)
            assert page.status_code == 200
            assert "The answer to everything" in page.text
            found = await ann.request("GET", "/library?q=answ", headers=HTML)
            assert "The <mark>answer</mark> to everything" in found.text


async def test_a_database_that_is_away_is_told(mounted: DataLayer, browser: Browser) -> None:
    await mounted.close()
    for path in ("", "?q=a", "/usage"):
        answer = await browser.visit(path)
        assert answer.status_code == 503
        assert browser.notice.startswith("The conversations cannot be reached right now. Nothing is lost")
    data = {"guard": "x", "do": "archive", "id": "a"}
    assert (await browser.post("/library/threads", data=data)).status_code in (403, 503)
