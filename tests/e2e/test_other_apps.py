"""The data layer under somebody else's app (``other_app.py``), over real HTTP and websockets: who acts, and what
Chainlit's own layers take from an app."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client, until
from tests.e2e.conftest import tracebacks
from tests.processes import ROOT, Server, free_port, running_server

APP = Path(__file__).with_name("other_app.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("other")
    (folder / "app.py").symlink_to(APP)
    (folder / "datalayer").symlink_to(ROOT / "datalayer")
    env = {"CHAINLIT_AUTH_SECRET": "t" * 64, "PYTHONPATH": str(folder)}
    with running_server(folder, env, free_port()) as server:
        yield server


@pytest.fixture
async def people(server: Server) -> AsyncIterator[Any]:
    """Makes browsers in which the named person is signed in."""
    async with AsyncExitStack() as stack:

        async def sign_in(name: str) -> Client:
            client = await stack.enter_async_context(Client(server.url, greets=False))
            return await client.login(name, "open")

        yield sign_in


async def said(client: Client, thread_id: str | None = None) -> list[str]:
    """The messages of the thread as they are stored."""
    return [step["output"] for step in (await client.stored(thread_id))["steps"] if "message" in step["type"]]


class TestWhoActs:
    async def test_a_job_at_start_acts_for_the_application_whomever_it_looks_up(self, people: Any) -> None:
        ann = await people("ann")
        assert (await ann.listed())["imported"] == "From the old system"
        assert await said(ann, "imported") == ["long ago"]

    async def test_an_apps_own_route_acts_as_whom_it_says(self, people: Any) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("mine")
        refused = await ann.request("DELETE", f"/own/{ann.thread_id}", headers={"X-User": "bob"})
        assert (refused.status_code, await said(ann)) == (403, ["mine", "mine"])
        assert (await ann.request("DELETE", f"/own/{ann.thread_id}", headers={"X-User": "ann"})).is_success
        assert (await ann.thread()).status_code == 404

    async def test_a_request_in_which_nobody_is_signed_in_changes_nothing(self, people: Any) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("mine")
        assert (await ann.request("DELETE", f"/nobody/{ann.thread_id}")).status_code == 403
        assert await said(ann) == ["mine", "mine"]

    async def test_a_request_acts_as_who_is_signed_in_whomever_it_looks_up_or_registers(self, people: Any) -> None:
        ann, bob = await (await people("ann")).connect(), await people("bob")
        await ann.send("mine")
        assert (await bob.request("POST", f"/signed/{ann.thread_id}")).status_code == 403
        assert (await bob.request("POST", "/signed/bobs")).is_success
        assert ((await bob.stored("bobs"))["userIdentifier"], (await bob.stored("bobs"))["tags"]) == ("bob", ["by bob"])
        assert (await ann.stored())["tags"] is None

    async def test_a_webhook_writes_into_a_thread_that_it_names(self, people: Any, server: Server) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("mine")
        assert (await ann.request("POST", f"/hook/{ann.thread_id}")).is_success
        await until(lambda: _has(ann, "from outside"))

    async def test_a_session_acts_as_its_user(self, people: Any) -> None:
        ann, bob = await (await people("ann")).connect(), await (await people("bob")).connect()
        await ann.send("mine")
        [answer] = await bob.send(f"forge {ann.thread_id}")
        assert "somebody else" in answer["output"]
        assert await said(ann) == ["mine", "mine"]


async def _has(client: Client, text: str) -> bool:
    return text in await said(client)


class TestRewriting:
    async def test_what_an_action_a_setting_or_a_task_rewrites_keeps_its_answers(self, people: Any) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("my password is 1234")
        assert (await ann.action("redact")).is_success
        assert await said(ann) == ["[redacted]", "my password is 1234"]
        await ann.settings(any=1)
        assert await said(ann) == ["[by a setting]", "my password is 1234"]
        await ann.send("later")
        await until(lambda: _has(ann, "[in the background]"))
        assert await said(ann) == ["[in the background]", "my password is 1234", "later", "later"]

    async def test_a_persons_edit_takes_the_answer_to_the_old_text_along(self, people: Any) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("old")
        question = next(key for key, step in ann.screen.items() if step["type"] == "user_message")
        await ann.edit(question, "new")
        assert await said(ann) == ["new", "new"]

    async def test_an_app_retitles_in_a_session(self, people: Any) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("hello")
        await ann.send("retitle")
        assert (await ann.listed())[ann.thread_id] == ("A title of its own " * 5).strip()


class TestSessionValues:
    async def test_what_json_cannot_carry_is_not_stored_and_the_rest_is(self, people: Any) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("remember")
        thread_id = ann.thread_id
        await ann.disconnect(leave=True)
        stored = await until(lambda: _metadata(ann, thread_id, "color"))
        assert (stored["numbers"], "odd" in stored) == ([None, None, 1.5], False)
        again = await people("ann")
        await again.connect(thread_id)
        [answer] = await again.send("recall")
        assert answer["output"] == "green default"
        await again.send("forget")
        await again.disconnect(leave=True)
        await until(lambda: _gone(ann, thread_id, "color"))


async def _metadata(client: Client, thread_id: str, key: str) -> Any:
    metadata = (await client.stored(thread_id))["metadata"]
    return metadata if key in metadata else None


async def _gone(client: Client, thread_id: str, key: str) -> bool:
    return key not in (await client.stored(thread_id))["metadata"]


class TestCopilot:
    async def test_the_thread_id_of_the_widget_is_kept_and_resumed_with_absolute_addresses(self, people: Any) -> None:
        own = str(uuid.uuid4())
        ann = await (await people("ann")).connect(own, client_type="copilot")
        await ann.send("pictures please")
        assert ann.thread_id == own
        assert await said(ann, own) == ["pictures please", "pictures please"]
        again = await people("ann")
        await again.connect(own, client_type="copilot")
        [element] = (await again.wait_for("resume_thread"))["elements"]
        assert element["url"].startswith(again.url + "/datalayer/files/")
        shown = await again.request("GET", element["url"])
        assert shown.content == b"\x89PNG pictures"
        assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"  # as Chainlit's allow_origins = ["*"]
        page = await people("ann")
        await page.connect(own)
        assert (await page.wait_for("resume_thread"))["elements"][0]["url"].startswith("/datalayer/files/")

    @pytest.mark.parametrize("given", ["deleted", "odd", "../../etc", "x" * 400])
    async def test_an_id_that_cannot_be_used_is_replaced(self, people: Any, given: str) -> None:
        ann = await (await people("ann")).connect()
        await ann.send("hello")
        if given == "deleted":
            given = ann.thread_id
            await ann.delete()
        other = await people("ann")
        await other.connect(given, client_type="copilot")
        await other.send("and again")
        await other.wait_for("first_interaction")
        assert other.thread_id != given
        assert await said(other) == ["and again", "and again"]


class TestSharing:
    async def test_viewers_of_a_shared_thread_see_its_pictures_until_it_is_not_shared(self, people: Any) -> None:
        ann, bob = await (await people("ann")).connect(), await people("bob")
        await ann.send("my dots: pictures")
        [element] = await until(lambda: _elements(ann))
        url = element["url"]
        assert (await bob.request("GET", url)).status_code == 404
        assert (await ann.share(ann.thread_id)).is_success
        [shown] = (await bob.request("GET", f"/project/share/{ann.thread_id}")).json()["elements"]
        picture = await bob.request("GET", shown["url"])
        assert (picture.content, picture.headers["Cache-Control"]) == (b"\x89PNG pictures", "private, no-cache")
        assert (await ann.share(ann.thread_id, False)).is_success
        assert (await bob.request("GET", url)).status_code == 404
        assert (await ann.request("GET", url)).is_success

    async def test_whom_the_app_lets_view_a_thread_sees_its_pictures(self, people: Any) -> None:
        ann, auditor = await (await people("ann")).connect(), await people("auditor")
        await ann.send("my dots: pictures")
        [element] = await until(lambda: _elements(ann))
        assert (await auditor.request("GET", element["url"])).content == b"\x89PNG pictures"
        await ann.rename("private")
        assert (await auditor.request("GET", element["url"])).status_code == 404


async def _elements(client: Client) -> Any:
    return (await client.stored())["elements"]


async def test_a_step_is_found_by_its_id(people: Any) -> None:
    ann = await (await people("ann")).connect()
    [reply] = await ann.send("hello")
    await ann.stored()
    found = (await ann.request("GET", f"/step/{reply['id']}")).json()
    assert (found["output"], found["threadId"]) == ("hello", ann.thread_id)
    assert (await ann.request("GET", f"/step/{uuid.uuid4()}")).json() is None


async def test_a_vote_on_what_is_not_there_is_answered_with_its_reason(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("hello")
    answer = await ann.vote(str(uuid.uuid4()))
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such message")


async def test_what_is_refused_costs_one_line_of_the_log(people: Any, server: Server) -> None:
    """After all tests above."""
    assert "never retrieved" not in server.log.read_text(errors="replace")
    assert tracebacks(server.log) == []
