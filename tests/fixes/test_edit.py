import uuid
from typing import Any

from tests.fixes.conftest import given, texts


async def test_an_edit_of_a_message_that_the_session_does_not_know_is_refused_in_words(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("hello")
    await ann.edit(str(uuid.uuid4()), "another text")
    assert "toast" in [name for name, _ in ann.events]


async def test_stop_ends_the_answer_to_an_edit(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("hello")
    [question] = [key for key, step in ann.screen.items() if step["type"] == "user_message"]
    since = len(ann.events)
    await ann.emit("edit_message", {"message": {**ann.screen[question], "output": "wait"}})
    await ann.wait_for("new_message", lambda step: step["output"] == "first half", since)
    await ann.stop()
    await ann.http.post("/go")
    await ann.wait_for("task_end", since=since)
    assert "rest" not in texts(ann)


async def test_what_came_after_an_edited_message_is_not_deleted_for_good(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("one")
    await ann.send("two")
    question = next(key for key, step in ann.screen.items() if step["output"] == "one")
    await ann.edit(question, "one, edited")
    stored = (await ann.request("GET", f"/kept/{ann.thread_id}")).json()
    given("You said one, edited" in stored)
    assert "You said two" in stored
