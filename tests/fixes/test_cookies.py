"""Of ``assistant/access/cookies.py``: Chainlit's cookies are named before the app is loaded, and know no TLS
(auth/cookie.py)."""

from typing import Any

from tests.fixes.conftest import given


async def test_apps_on_one_host_do_not_share_a_session_cookie(people: Any) -> None:
    ann = await people("ann")
    given(ann.http.cookies)
    assert "access_token" not in ann.http.cookies


async def test_behind_tls_a_cookie_is_secure(people: Any) -> None:
    ann = await people("ann")
    answer = await ann.http.post(
        "/login", data={"username": "ann", "password": "open"}, headers={"X-Forwarded-Proto": "https"}
    )
    given("set-cookie" in answer.headers)
    assert "; Secure" in answer.headers["set-cookie"]
