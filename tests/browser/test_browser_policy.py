"""What an answer holds makes the browser ask nobody but this server, and all that Chainlit can show is shown."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chat import DEADLINE, pdf, png
from tests.processes import ROOT, Server, free_port, running_server

pytestmark = pytest.mark.browser

APP = """
import chainlit as cl
import plotly.graph_objects as go
from pathlib import Path
from assistant.access import headers
from assistant.fixes import page_script
from datalayer import DataLayer

headers.install()
page_script.install()

@cl.data_layer
def data_layer(): return DataLayer("sqlite+aiosqlite:///threads.db", files="files/")

@cl.password_auth_callback
def sign_in(name, password): return cl.User(identifier=name) if password == "open" else None

@cl.on_message
async def answer(message):
    if message.content == "show":
        elements = [
            cl.Plotly(name="chart", figure=go.Figure(data=[go.Bar(y=[1, 3, 2])]), display="inline"),
            cl.Pdf(name="paper", content=Path("paper.pdf").read_bytes(), display="inline"),
            cl.Image(name="dot", content=Path("dot.png").read_bytes(), display="inline"),
            cl.CustomElement(name="Counter", props={"start": 41}, display="inline"),
        ]
        await cl.Message("Shown.", elements=elements).send()
        return
    other = message.content
    hidden = f"![title]({other}/title.png?q=SECRET)"
    await cl.Message(f'''Look: ![c]({other}/image.png?q=SECRET)

# {hidden}

| a | b |
|---|---|
| {hidden} | ![x]({other}/table.png) |

<img src="{other}/html.png"> <video src="{other}/html.mp4" autoplay></video> <iframe src="{other}/frame"></iframe>

[a link]({other}/link)

![v][v]

[v]: {other}/reference.png "title"

The end.''', elements=[
        cl.Image(name="far", url=f"{other}/element.png", display="inline"),
        cl.Video(name="film", url=f"{other}/element.mp4", display="inline"),
        cl.Audio(name="sound", url=f"{other}/element.mp3", display="inline"),
        cl.Pdf(name="far-paper", url=f"{other}/element.pdf", display="inline"),
    ]).send()
"""
COUNTER = """
import { Button } from "@/components/ui/button"
import { useState } from "react"

export default function Counter() {
  const [count, setCount] = useState(props.start);
  return <Button id="counter" onClick={() => setCount(count + 1)}>Counted {count}</Button>
}
"""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another server on the loopback, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def served(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    elements = tmp_path / "public" / "elements"
    elements.mkdir(parents=True)
    (tmp_path / "app.py").write_text(APP)
    (elements / "Counter.jsx").write_text(COUNTER)
    (tmp_path / "paper.pdf").write_bytes(pdf("A page"))
    (tmp_path / "dot.png").write_bytes(png(8, 8))
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(ROOT), "CHAINLIT_ROOT_PATH": request.param}
    with running_server(tmp_path, env, free_port(), ready=request.param + "/health") as server:
        yield server


@pytest.mark.parametrize("served", ["", "/chat"], indirect=True, ids=["root", "below a path"])
def test_an_answer_makes_the_browser_ask_nobody_else_and_everything_is_shown(
    browser: Browser, served: Server, elsewhere: tuple[str, list[str]], request: pytest.FixtureRequest
) -> None:
    (address, asked), below = elsewhere, request.node.callspec.params["served"]
    context: BrowserContext = browser.new_context(locale="en-US")
    page = context.new_page()
    refused: list[str] = []
    page.expose_function("refused", lambda what: refused.append(what))
    page.add_init_script(
        'addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>'
        " refused(`${effectiveDirective} ${blockedURI}`))"
    )
    page.goto(served.url + below + "/login")
    page.locator("#email").fill("ann")
    page.locator("#password").fill("open")
    page.locator("button[type=submit]").click()
    say(page, "show")
    expect(page.locator(".js-plotly-plot .bars, .js-plotly-plot .barlayer").first).to_be_attached(timeout=DEADLINE)
    expect(page.locator(".react-pdf__Page canvas, .inline-pdf canvas").first).to_be_visible(timeout=DEADLINE)
    page.locator("#counter").click()
    expect(page.locator("#counter")).to_have_text("Counted 42")
    page.wait_for_function("[...document.images].some(i => i.naturalWidth === 8)")
    assert [each for each in refused if "cdn" not in each and "googleapis" not in each] == []
    say(page, address)
    expect(page.get_by_text("The end.")).to_be_visible(timeout=DEADLINE)
    page.wait_for_function("[...document.images].every(i => i.complete)")
    assert any(what.startswith("img-src") and address in what for what in refused)
    assert asked == []
    context.close()


def say(page: Page, text: str) -> None:
    page.locator("#chat-input").click(timeout=DEADLINE)
    page.keyboard.insert_text(text)
    expect(page.locator("#chat-submit")).to_be_enabled(timeout=DEADLINE)
    page.locator("#chat-submit").click()
