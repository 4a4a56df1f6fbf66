"""Of ``datalayer/chainlit/events.py`` and ``sessions.py``: at disconnect Chainlit writes all that a session holds as
metadata of its thread (``disconnect`` in socket.py), and goes on only when that has succeeded."""

from typing import Any

from tests.fixes.conftest import given


async def test_a_session_ends_although_its_values_cannot_be_stored(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("set broken yes")
    await ann.http.post(f"/leave/{ann.session_id}")
    assert ann.session_id not in (await ann.request("GET", "/state")).json()["sessions"]


async def test_a_tab_does_not_undo_what_another_has_changed(people: Any) -> None:
    ann, other = await (await people("ann")).connect(), await people("ann")
    await ann.send("set color red")
    await ann.http.post(f"/leave/{ann.session_id}")
    again = await people("ann")
    for tab in (again, other):
        await tab.connect(ann.thread_id)
    await again.send("set color green")
    for tab in (again, other):
        await ann.http.post(f"/leave/{tab.session_id}")
    metadata = (await ann.stored())["metadata"]
    given("color" in metadata)
    assert metadata["color"] == "green"
