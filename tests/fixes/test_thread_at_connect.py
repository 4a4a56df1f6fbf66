from contextlib import suppress
from typing import Any

from socketio.exceptions import ConnectionError

from tests.fixes.conftest import heard


async def test_somebody_elses_conversation_is_one_that_does_not_exist(people: Any) -> None:
    ann, bob = await (await people("ann")).connect(), await people("bob")
    await ann.send("mine")
    await ann.stored()
    with suppress(ConnectionError):
        await bob.connect(ann.thread_id)
    assert "resume_thread_error" in [name for name, _ in bob.events]
    assert bob.screen == {}


async def test_a_page_that_names_its_conversation_when_it_connects_again_gets_it(people: Any) -> None:
    ann, other = await (await people("ann")).connect(), await people("ann")
    await ann.send("mine")
    await ann.stored()
    await other.connect()
    await other.disconnect()
    await other.connect(ann.thread_id, other.session_id)
    await heard(other)
    assert "resume_thread" in [name for name, _ in other.events]
