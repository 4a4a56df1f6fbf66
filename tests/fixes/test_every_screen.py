from typing import Any

from tests.fixes.conftest import given, heard, texts


async def test_a_turn_is_shown_in_every_tab_of_its_conversation(people: Any) -> None:
    ann, other = await (await people("ann")).connect(), await people("ann")
    await ann.send("one")
    await ann.stored()
    await other.connect(ann.thread_id)
    await heard(other)
    given("one" in texts(other))
    await ann.send("two")
    await heard(other)
    assert texts(other)[-2:] == ["two", "You said two"]
