from typing import Any

from tests.fixes.conftest import given, texts

TURNS = 60


async def test_of_a_long_conversation_the_end_is_sent(people: Any) -> None:
    ann, other = await (await people("ann")).connect(), await people("ann")
    for number in range(TURNS):
        await ann.send(f"number {number}")
    stored = await ann.stored()
    given(len(stored["steps"]) > 100)
    await other.connect(ann.thread_id)
    assert len(texts(other)) == 100
    given(texts(other)[-1] == f"You said number {TURNS - 1}")
