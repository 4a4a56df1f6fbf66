"""A temporary conversation in the real app: it works as any other, and leaves nothing in any place."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs, tracebacks
from tests.e2e.listening import FRENCH, Model, ask, connected, own, restart, said
from tests.e2e.test_again import answer_id
from tests.servers.gemini import Act, failure, text
from tests.servers.langfuse import LangfuseServer
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.services
CANARY = "xanthocanary"
SECRET = "sk-lf-not-a-real-secret"


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def langfuse() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture(scope="module")
def app(
    model: Model, langfuse: LangfuseServer, memory: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[App]:
    keys = {"LANGFUSE_PUBLIC_KEY": "pk-lf-test", "LANGFUSE_SECRET_KEY": SECRET, "LANGFUSE_BASE_URL": langfuse.url}
    where = {"THREADKEEP_MEMORY_URL": memory.url, "NO_PROXY": "127.0.0.1", "THREADKEEP_LOG_LEVEL": "debug"}
    app = App(tmp_path_factory.mktemp("temporary"), **connected(model), **keys, **where)
    yield app
    app.close()


async def temporary(app: App, tabs: Tabs, **headers: str) -> Client:
    tab = await tabs(app.alive().url, connect=False, **headers)
    return await tab.connect(profile="temporary")


async def first(me: Client, question: str) -> str:
    """The answer to the first message; the client then knows the id that the page has of no address."""
    [reply] = await me.send(question)
    me.thread_id = reply["threadId"]
    return str(reply["output"])


def traces_of(folder: Path, *words: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(word.encode() in path.read_bytes() for word in words)]


async def test_nothing_of_it_is_left_anywhere(
    app: App, tabs: Tabs, model: Model, langfuse: LangfuseServer, memory: RedisServer
) -> None:
    server, me = app.alive(), await temporary(app, tabs)
    model.answers(f"Its {CANARY} answer.", read=9, written=4)
    file = await me.attach(f"{CANARY}.txt", f"The file's {CANARY} content".encode())
    [reply] = await me.send(f"First {CANARY}", files=[file])
    me.thread_id = reply["threadId"]
    assert f"The file's {CANARY} content" in "".join(model.told)
    assert f"The file's {CANARY} content" in "".join(await and_told(me, model, f"Second {CANARY}"))
    await me.edit(own(me, f"Second {CANARY}"), f"Edited {CANARY}")
    assert model.told[:2] == [f"First {CANARY}", f"Its {CANARY} answer."]
    assert model.told[2].endswith(f"Edited {CANARY}")
    await me.settings(system_prompt=f"Always {CANARY}", temperature=0.1)
    model.script(text(f"Stopped {CANARY}"), Act.STALL)
    since = len(me.events)
    await me.post(f"Third {CANARY}")
    await me.wait_for("stream_token", since=since)
    await me.stop()
    await me.wait_for("task_end", since=since)
    model.answers(f"Other {CANARY}")
    await me.action("retry", answer=answer_id(me))
    await until(lambda: _shown(me, f"Other {CANARY}"))
    assert (await me.vote(reply["id"], 1, CANARY)).status_code == 404
    assert CANARY not in str(await me.listed()) + str(await me.listed(CANARY))
    assert (await me.thread()).status_code == 404
    uploads = traces_of(app.home, CANARY)
    assert [path.read_bytes() for path in uploads] == [f"The file's {CANARY} content".encode()]
    exported = await taken_along(me)
    assert f"Edited {CANARY}" in exported
    assert "/export" not in exported
    await me.disconnect(leave=True)

    kept = await tabs(server.url)  # what is traced and stored later than that has come when this has
    await ask(kept, "A heron")
    await until(lambda: _came(langfuse, b"A heron"))
    store = redis.Redis.from_url(memory.url)
    held = [key + store.dump(key) for key in list(store.scan_iter())]
    assert held
    for word in (CANARY, me.thread_id):
        assert word.encode() not in langfuse.raw
        assert not [each for each in held if word.encode() in each]
    assert traces_of(app.home, CANARY, me.thread_id) == []
    assert CANARY not in server.log.read_text()
    assert tracebacks(server.log) == []
    assert "| Gemini 2.5 Flash |" in await ask(kept, "/usage")


async def taken_along(me: Client) -> str:
    """The file that /export gives, which goes with the session."""
    since = len(me.events)
    await me.post("/export")
    element = await me.wait_for("element", since=since)
    assert element["name"].endswith(".md")
    answer = await me.request("GET", f"/project/file/{element['chainlitKey']}", params={"session_id": me.session_id})
    assert answer.status_code == 200
    return answer.text


async def and_told(me: Client, model: Model, question: str) -> list[str]:
    """What the model is told with ``question``."""
    await ask(me, question)
    return said(model.asked[-1])


async def _shown(me: Client, words: str) -> bool:
    return words in [step["output"] for step in me.screen.values()]


async def _came(langfuse: LangfuseServer, words: bytes) -> bool:
    return words in langfuse.raw


@pytest.mark.parametrize(
    ("headers", "note", "asked", "refused", "helped"),
    [
        ({}, "nothing of it is kept", "/rename Birds", "This conversation is temporary", "What can be typed here"),
        (FRENCH, "rien n’en est conservé", "/renommer A", "Cette conversation est temporaire", "taper ici"),
    ],
    ids=["en", "fr"],
)
async def test_it_says_so_and_what_cannot_be_done(
    app: App, tabs: Tabs, model: Model, headers: dict[str, str], note: str, asked: str, refused: str, helped: str
) -> None:
    me = await temporary(app, tabs, **headers)
    told = await me.wait_for("temporary")
    assert note in told["note"]
    await first(me, "Which birds sing?")
    assert refused in await ask(me, asked)
    for command in ("/fork", "/info", "/tag a", "/pin", "/summary"):
        assert refused in await ask(me, command)
    assert helped in await ask(me, "/help")
    await ask(me, "/clear")
    model.refuses(failure(400, "INVALID_ARGUMENT"))
    assert await ask(me, "And the formatter?") != "Fine."
    await ask(me, "Who sings now?")
    assert model.told == ["And the formatter?\n\nWho sings now?"]


async def test_a_page_that_comes_back_goes_on_and_after_a_restart_still_keeps_nothing(
    app: App, tabs: Tabs, model: Model
) -> None:
    me = await temporary(app, tabs)
    await first(me, f"Before {CANARY}")
    await me.disconnect()
    me.greets = False  # it is greeted already
    again = await me.connect(session_id=me.session_id, profile="temporary")
    me.greets = True
    assert (await again.wait_for("temporary", lambda told: told["goes_on"]))["note"]
    again.thread_id = "known"
    await ask(again, f"After {CANARY}")
    assert model.told == [f"Before {CANARY}", "Fine.", f"After {CANARY}"]
    restart(app)
    await me.disconnect()
    since = len(me.events)
    await me.connect(session_id=me.session_id, profile="temporary")
    assert not (await me.wait_for("temporary", since=since))["goes_on"]
    await first(me, f"Later {CANARY}")
    assert model.told == [f"Later {CANARY}"]
    await me.disconnect(leave=True)
    assert traces_of(app.home, CANARY, me.thread_id) == []


async def test_a_stored_conversation_stays_one_whatever_was_chosen_before(app: App, tabs: Tabs) -> None:
    kept = await tabs(app.alive().url)
    await ask(kept, "A stored stork")
    assert "chat_profile" not in (await kept.stored())["metadata"]
    other = await tabs(app.alive().url, connect=False)
    await other.connect(kept.thread_id, profile="temporary")
    assert await other.wait_for("temporary", lambda told: told is None) is None
    shown = await other.wait_for("resume_thread")
    assert shown["metadata"]["chat_profile"] == "kept"
    await ask(other, "goes on")
    assert "goes on" in [step["output"] for step in (await kept.stored())["steps"]]
