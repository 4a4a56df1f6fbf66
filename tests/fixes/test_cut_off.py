from typing import Any

from tests.client import until
from tests.fixes.conftest import given, heard, texts


async def test_a_page_that_was_cut_off_is_shown_what_came_meanwhile(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.post("wait")
    await ann.wait_for("new_message", lambda step: step["output"] == "first half")
    before = await _said(ann)
    await ann.disconnect()
    await ann.http.post("/go")

    async def over() -> bool:
        return await _said(ann) > before

    await until(over)
    await ann.connect(session_id=ann.session_id)
    await heard(ann)
    given("first half" in texts(ann))
    assert "rest" in texts(ann)


async def test_a_page_that_connects_twice_has_what_a_chat_starts_with(people: Any) -> None:
    ann = await people("ann")
    await ann.http.post("/starts?on=true")
    try:
        await ann.connect()
        await ann.wait_for("started")
        await ann.disconnect()
        before = len(ann.events)
        await ann.connect(session_id=ann.session_id)
        await heard(ann)
        assert "started" in [name for name, _ in ann.events[before:]]
    finally:
        await ann.http.post("/starts?on=false")


async def _said(client: Any) -> int:
    return int((await client.request("GET", "/state")).json()["said"].count("rest"))
