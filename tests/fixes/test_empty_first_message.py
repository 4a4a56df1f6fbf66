from typing import Any


async def test_the_page_is_told_of_a_conversation_that_begins_without_a_word(people: Any) -> None:
    """It takes note of one whose ``interaction`` is not empty."""
    ann = await (await people("ann")).connect()
    await ann.post("")
    assert (await ann.wait_for("first_interaction"))["interaction"]
