from typing import Any

from tests.fixes.conftest import texts


async def test_stop_says_nothing(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.post("wait")
    await ann.wait_for("new_message", lambda step: step["output"] == "first half")
    await ann.stop()
    await ann.wait_for("task_end", since=ann.events.index(("task_start", {})))
    assert texts(ann) == ["wait", "first half"]
