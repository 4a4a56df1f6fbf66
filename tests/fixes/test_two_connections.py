from typing import Any


async def test_the_session_is_that_of_the_newest_connection(people: Any) -> None:
    ann = await people("ann")
    assert (await ann.request("GET", "/try/two_connections")).json() == "second"
