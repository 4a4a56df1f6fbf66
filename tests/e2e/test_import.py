"""``/import`` in the real app: an attached export becomes conversations of the person's own, and is no file then."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client import Client
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import FRENCH, Model, ask, connected
from tests.exchange.origins.chatgpts import conversation
from tests.library.test_importing import export

ZIP = "application/zip"


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("import"), **connected(model))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


async def bring(me: Client, content: bytes, name: str = "export.zip", said: str = "/import") -> str:
    file = await me.attach(name, content, ZIP)
    brought: list[dict[str, Any]] = await me.send(said, files=[file])
    me.thread_id = str(brought[-1]["threadId"])  # which the page of a temporary conversation has in no address
    return str(brought[-1]["output"])


async def test_an_attached_export_becomes_conversations_and_is_gone(me: Client, model: Model) -> None:
    since = len(me.events)
    reply = await bring(me, export(conversation(1, title="Avo*cets"), conversation(2), 5))
    assert "Conversations read (ChatGPT): 2" in reply
    assert "New: 2" in reply
    assert "conversations.json, item 3" in reply.replace("\\", "")
    listed = await me.listed()
    keys = {name: key for key, name in listed.items()}
    assert f"(/thread/{keys['Avo*cets']})" in reply
    assert "(/library?kind=imported)" in reply
    steps = [data for name, data in me.events[since:] if name in ("new_message", "update_message")]
    assert any(step["type"] == "tool" and "2 conversations gone through" in step["output"] for step in steps)
    assert any(name == "remove_element" for name, _ in me.events[since:])
    assert "first_interaction" in [name for name, _ in me.events[since:]]
    assert (await me.stored())["elements"] == []
    await ask(me, "What is in the file?")
    assert "export.zip" not in str(model.asked[-1].body)
    again = await bring(me, export(conversation(1, title="Avo*cets"), conversation(2)))
    assert "Were here, and are as they were: 2" in again
    assert len(await me.listed()) == len(listed)


async def test_what_is_no_export_stays_a_file(me: Client) -> None:
    reply = await bring(me, b"Owls sing.", "owls.zip")
    assert "no export of any product" in reply
    assert [each["name"] for each in (await me.stored())["elements"]] == ["owls.zip"]


async def test_without_a_file_it_says_what_to_do(app: App, tabs: Tabs) -> None:
    me = await tabs(app.alive().url, **FRENCH)
    reply = await ask(me, "/importer")
    assert "(/library/import)" in reply
    assert reply.startswith("Joignez à `/importer`")
    assert "Nouvelles" in await bring(me, export(conversation(7)), said="/importer")


async def test_a_temporary_conversation_brings_in_what_is_kept(app: App, tabs: Tabs, model: Model) -> None:
    me = await tabs(app.alive().url, connect=False)
    await me.connect(profile="temporary")
    before = set(await me.listed())
    reply = await bring(me, export(conversation(11)))
    assert "this conversation stays temporary" in reply
    assert [name for key, name in (await me.listed()).items() if key not in before] == ["Birds 11"]
    assert (await me.thread()).status_code == 404
    await ask(me, "What is in the file?")
    assert "export.zip" not in str(model.asked[-1].body)


async def test_two_tabs_import_one_after_the_other(app: App, me: Client) -> None:
    other = me.tab()
    async with other:
        await other.connect()
        content = export(*(conversation(number) for number in range(100, 400)))
        replies = await asyncio.gather(bring(me, content), bring(other, content))
        assert any("New: 300" in reply for reply in replies)
        assert all(
            "New: 300" in reply or "Another import" in reply or "as they were: 300" in reply for reply in replies
        )
