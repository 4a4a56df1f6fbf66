from typing import Any

from tests.fixes.conftest import given


async def test_apps_on_one_host_do_not_share_a_session_cookie(people: Any) -> None:
    ann = await people("ann")
    given(ann.http.cookies)
    assert "access_token" not in ann.http.cookies
