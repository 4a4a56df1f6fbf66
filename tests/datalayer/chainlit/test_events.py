"""Chainlit's own socket handlers, as the layer has wrapped them."""

from typing import Any

import chainlit.server  # noqa: F401 - which brings the handlers
import pytest
from chainlit import socket
from chainlit.config import config
from chainlit.user import User

from datalayer import DataLayer
from tests.conftest import chainlit_session, new_id, register, start_thread
from tests.contract.test_lists import queries


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("given", ["fresh", "own", "deleted", "foreign", "odd"])
async def test_an_app_that_resumes_nothing_goes_on_under_a_thread_id_that_it_may_use(
    chainlit_layer: DataLayer, monkeypatch: pytest.MonkeyPatch, signed_in: bool, given: str
) -> None:
    monkeypatch.setattr(config.code, "on_chat_resume", None)
    ann = await register(chainlit_layer, "ann") if signed_in else None
    ids: dict[str, Any] = {"fresh": new_id(), "odd": "../../etc"}
    for name, author in (("own", ann), ("deleted", ann), ("foreign", await register(chainlit_layer, "bob"))):
        ids[name] = (await start_thread(chainlit_layer, author))["threadId"]
    await chainlit_layer.delete_thread(ids["deleted"])
    with chainlit_session(ann, ids[given], first_interaction=False) as session:
        await socket.connection_successful(session.socket_id)
        assert (session.thread_id == ids[given]) == (given in ("fresh", "own"))


async def test_a_disconnect_whose_metadata_is_refused_still_ends_the_session(chainlit_layer: DataLayer) -> None:
    thread_id = (await start_thread(chainlit_layer, await register(chainlit_layer, "bob")))["threadId"]
    with chainlit_session(User(identifier="ann"), thread_id) as session:
        session.to_clear = True
        await socket.disconnect(session.socket_id)
        assert socket.WebsocketSession.get(session.socket_id) is None


async def test_whose_a_thread_is_is_seen_without_its_steps(
    chainlit_layer: DataLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = (await start_thread(chainlit_layer, await register(chainlit_layer, "bob")))["threadId"]
    monkeypatch.setattr(socket, "require_login", lambda: True)

    async def ann(_environ: Any) -> Any:
        return User(identifier="ann"), "token"

    monkeypatch.setattr(socket, "_authenticate_connection", ann)
    auth = {"sessionId": new_id(), "clientType": "webapp", "threadId": thread_id}
    with queries(chainlit_layer) as seen, pytest.raises(ConnectionRefusedError, match="authorization failed"):
        await socket.connect(new_id(), {}, auth)
    assert [statement.partition("FROM ")[2].split()[0] for statement, _ in seen] == ["threads"]
