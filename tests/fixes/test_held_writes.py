"""Of ``datalayer/chainlit/sessions.py``: what an app writes before a person has said something is written afterwards,
by kind instead of as it was called (``queue_until_user_message`` in data/utils.py, ``flush_method_queue`` in
session.py). That the layer keeps the order: ``tests/contract/test_order.py``."""

from tests.client import Client, until
from tests.fixes.conftest import WRONG, given
from tests.processes import Server


@WRONG
async def test_what_waits_for_the_first_message_is_written_in_the_order_of_the_calls(plain: Server) -> None:
    async with Client(plain.url, greets=False) as ann:
        await (await ann.login("ann", "open")).connect()
        await ann.settings(any=1)
        await ann.send("hello")
        wanted = ["create welcome", "update welcome, you", "create how are you"]

        async def calls() -> list[str]:
            all_calls = (await ann.request("GET", "/state")).json()["calls"]
            return found if {*wanted} <= {*(found := [call for call in all_calls if call in wanted])} else []

        found = await until(calls)
        given(sorted(found) == sorted(wanted))
        assert found == wanted
