"""Of ``datalayer/door/handshake.py``: Chainlit makes a folder of the name that a page gives its session, and removes it
with all that is in it (``files_dir`` and ``delete`` in session.py)."""

from typing import Any

from socketio.exceptions import ConnectionError


async def test_a_session_is_not_named_by_what_is_no_id(people: Any) -> None:
    ann = await people("ann")
    try:
        await ann.connect(session_id="no-id")
        accepted = True
    except ConnectionError:
        accepted = False
    assert not accepted


async def test_the_messages_of_a_session_go_with_it(people: Any) -> None:
    """``chat_context.py`` keeps them, with their files, as long as the server runs."""
    ann = await (await people("ann")).connect()
    await ann.send("hello")
    await ann.http.post(f"/leave/{ann.session_id}")
    assert ann.session_id not in (await ann.request("GET", "/state")).json()["contexts"]
