"""Of ``datalayer/chainlit/ended_sessions.py``."""

from typing import Any


async def test_a_session_ends_although_its_values_cannot_be_stored(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("set broken yes")
    await ann.http.post(f"/leave/{ann.session_id}")
    assert ann.session_id not in (await ann.request("GET", "/state")).json()["sessions"]
