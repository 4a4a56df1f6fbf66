"""Of ``datalayer/chainlit/sessions.py``: at disconnect Chainlit writes all that a session holds as metadata of its
thread, also what it has only read (``disconnect`` in socket.py)."""

from typing import Any

from tests.fixes.conftest import given


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
