"""Of ``assistant/screen/queueing.py``: Chainlit answers all that is said at once, in a task each (``message`` in
socket.py)."""

from typing import Any

from tests.fixes.conftest import heard


async def test_a_message_waits_until_the_one_before_is_answered(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.post("wait")
    await ann.wait_for("new_message", lambda step: step["output"] == "first half")
    since = len(ann.events)
    await ann.post("second")
    await heard(ann)
    begun = [name for name, _ in ann.events[since:] if name == "task_start"]
    await ann.http.post("/go")
    await ann.wait_for("new_message", lambda step: step["output"] == "You said second", since)
    assert begun == []
