"""The headers of every answer."""

from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse

from assistant.access import headers


async def answered(given: dict[str, str] | None = None, host: str = "chat.example:8000") -> httpx.Headers:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({}, 404, given)(scope, receive, send)

    transport = httpx.ASGITransport(headers.Hardened(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/", headers={"Host": host})).headers


async def test_an_error_has_the_policy_too_and_runs_no_script_that_is_not_known() -> None:
    sent = await answered()
    policy = dict(part.split(" ", 1) for part in sent["content-security-policy"].split("; "))
    assert "'unsafe-inline'" not in policy["script-src"]
    assert policy["connect-src"] == "'self' ws://chat.example:8000 wss://chat.example:8000"
    assert (policy["object-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'", "'self'")
    assert sent["x-content-type-options"] == "nosniff"
    assert sent["cross-origin-resource-policy"] == sent["cross-origin-opener-policy"] == "same-origin"


async def test_an_answer_with_a_stricter_policy_keeps_it() -> None:
    sent = await answered({"Content-Security-Policy": "sandbox"})
    assert sent.get_list("content-security-policy") == ["sandbox"]


@pytest.mark.parametrize("host", ["", "x; script-src *", "a b", "x/y", "*", "[::1", "x:y"])
def test_a_host_that_is_none_is_not_named_in_the_policy(host: str) -> None:
    assert "ws://" not in headers.policy(host)


def test_a_script_in_the_page_is_allowed_by_its_own_text() -> None:
    [allowed] = headers.hashes(["alert(1)"])
    assert allowed == "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
