from typing import Any

from tests.fixes.conftest import heard


async def test_what_another_tab_has_said_can_be_given_a_star(people: Any) -> None:
    ann, other = await (await people("ann")).connect(), await people("ann")
    await ann.send("one")
    await ann.stored()
    await other.connect(ann.thread_id)
    await ann.send("two")
    (said,) = (step for step in (await ann.stored())["steps"] if step["output"] == "two")
    since = len(other.events)
    await other.call("message_favorite", {"message": {**said, "metadata": {"favorite": True}}})
    await heard(other)
    updated = [data for name, data in other.events[since:] if name == "update_message"]
    assert [step["id"] for step in updated if step["metadata"].get("favorite")] == [said["id"]]
