from typing import Any

from tests.fixes.conftest import given


async def test_a_conversation_is_not_called_after_a_command(people: Any) -> None:
    ann = await (await people("ann")).connect()
    await ann.send("Somewhere", command="search")
    listed = await ann.listed()
    given(ann.thread_id in listed)
    assert listed[ann.thread_id] is None
