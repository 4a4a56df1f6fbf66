"""Of ``datalayer/chainlit/chosen_ids.py``."""

from typing import Any


async def test_a_conversation_that_was_deleted_is_not_gone_on_with(people: Any) -> None:
    ann, other = await (await people("ann")).connect(), await people("ann")
    await ann.send("mine")
    await ann.stored()
    await ann.delete()
    await ann.http.post("/resumes", params={"on": False})
    try:
        await other.connect(ann.thread_id)
        await other.send("and again")
    finally:
        await ann.http.post("/resumes", params={"on": True})
    assert (await other.wait_for("first_interaction"))["thread_id"] != ann.thread_id
