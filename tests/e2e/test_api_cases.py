"""What schemathesis makes of the API's own document: nothing of it is an error of the server, and each answer is as the
document says."""

from collections.abc import AsyncIterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.client import Client
from tests.conftest import often
from tests.processes import Server

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
async def token(http: Client, shared: Server) -> AsyncIterator[str]:
    """Of the person of the shared server, whose every right it has."""
    guard = {"X-Guard": (await http.request("GET", "/api/v1/me")).json()["guard"]}
    body = {"name": "cases", "scopes": ["read", "write"]}
    made = (await http.request("POST", "/api/v1/tokens", json=body, headers=guard)).json()
    yield made["token"]
    gone = await http.request("DELETE", f"/api/v1/tokens/{made['id']}", headers=guard)
    assert gone.status_code == 204


def test_no_case_is_an_error_of_the_server(shared: Server, token: str) -> None:
    schema = schemathesis.openapi.from_url(f"{shared.url}/api/v1/openapi.json")

    @settings(max_examples=often(200, 5_000), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=schema.as_strategy())
    def run(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    run()
