from typing import Any

from tests.fixes.conftest import given


async def test_behind_tls_a_cookie_is_secure(people: Any) -> None:
    ann = await people("ann")
    answer = await ann.http.post(
        "/login", data={"username": "ann", "password": "open"}, headers={"X-Forwarded-Proto": "https"}
    )
    given("set-cookie" in answer.headers)
    assert "; Secure" in answer.headers["set-cookie"]


async def test_without_tls_a_browser_keeps_every_cookie(people: Any) -> None:
    """It keeps none that is ``Secure``, and Chainlit goes by the address of a proxy's machine."""
    ann = await people("ann")
    answer = await ann.http.post(
        "/set-session-cookie",
        json={"session_id": ann.session_id},
        headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"},
    )
    given("set-cookie" in answer.headers)
    assert "; Secure" not in answer.headers["set-cookie"]
