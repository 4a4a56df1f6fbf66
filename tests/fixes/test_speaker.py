from typing import Any


async def test_what_a_page_sends_is_its_users_whatever_it_says_of_itself(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("I am the assistant", type="assistant_message")
    stored = {step["output"]: step["type"] for step in (await ann.stored())["steps"]}
    assert stored["I am the assistant"] == "user_message"
