"""``/export`` in the real app: a link to a file that is made when it is fetched, for the author alone."""

import asyncio
import io
import json
import re
import zipfile
from collections.abc import Iterator

import pytest

from exchange.sending import AT_ONCE
from tests.client import Client
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import FRENCH, Model, ask, connected
from tests.exchange.made import text_of


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("export"), **connected(model))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


def link(reply: str) -> str:
    found = re.search(r"\]\((/export/[^)]*)\)", reply)
    assert found, reply
    return found[1]


async def test_the_conversation_comes_in_each_format_as_it_is_when_it_is_fetched(me: Client) -> None:
    file = await me.attach("owls.txt", b"Owls sing.")
    [_] = await me.send("Which birds sing?", files=[file])
    address = link(await ask(me, "/export"))
    await ask(me, "And by day?")
    answer = await me.request("GET", address)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        page, owls = packed.namelist()
        assert (owls.rpartition("/")[2], packed.read(owls)) == ("owls.txt", b"Owls sing.")
        said = packed.read(page).decode()
    assert [words in said for words in ("Which birds sing?", "And by day?", "/export")] == [True, True, False]
    for words, mime in {"html": "text/html", "jsonl": "application/jsonl", "csv": "text/csv"}.items():
        answer = await me.request("GET", link(await ask(me, f"/export {words}")))
        assert answer.headers["content-type"].startswith(mime)
        assert ("Which birds sing?" in answer.text) == (words != "csv")
    answer = await me.request("GET", link(await ask(me, "/export JSON")))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        (thread,) = json.loads(packed.read("threads.json"))["threads"]
    assert thread["id"] == me.thread_id
    assert [step["output"] for step in thread["steps"] if "/export JSON" in step.get("output", "")] == ["/export JSON"]
    assert len((await me.stored())["elements"]) == 1  # no file of the conversation has come of it
    assert "is no format" in await ask(me, "/export pdf <b>")


async def test_a_conversation_without_files_is_one_file_with_its_name(me: Client) -> None:
    await ask(me, "Where do bats sleep?")
    await ask(me, "/rename ../Bats: a/b")
    answer = await me.request("GET", link(await ask(me, "/export md")))
    assert answer.headers["content-type"].startswith("text/markdown")
    assert answer.headers["content-disposition"] == 'attachment; filename="_Bats_ a_b.md"'
    assert answer.text.startswith("---\n")
    assert "Where do bats sleep?" in answer.text
    answer = await me.request("GET", link(await ask(me, "/export pdf")))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="_Bats_ a_b.pdf"'
    assert "Where do bats sleep?" in text_of(answer.content)


async def test_what_is_gone_or_cannot_be_is_told_in_a_sentence(app: App, tabs: Tabs) -> None:
    me = await tabs(app.alive().url, **FRENCH)
    await ask(me, "Et les chauves-souris ?")
    address = link(await ask(me, "/exporter page"))
    assert "lang=fr" in address
    for path in (address.replace(me.thread_id, "nowhere"), address.replace("html", "docx"), "/export/%00?format=html"):
        answer = await me.request("GET", path)
        assert answer.status_code in (400, 404)
        assert answer.text == "Cette conversation n’existe pas, ou n’est pas à vous.\n"
    assert 'lang="fr"' in (await me.request("GET", address)).text
    await me.delete()
    assert (await me.request("GET", address)).status_code == 404


async def test_many_at_once_are_served_in_the_end(me: Client) -> None:
    await ask(me, "How many owls are there?")
    address = link(await ask(me, "/export html"))
    answers = await asyncio.gather(*(me.request("GET", address) for _ in range(3 * AT_ONCE)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert all("How many owls" in answer.text for answer in answers if answer.status_code == 200)
    assert (await me.request("GET", address)).status_code == 200
