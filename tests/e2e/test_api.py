"""The REST API of the real app, by its own client, by command, and by what schemathesis makes of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from typer.testing import CliRunner

from library.__main__ import app
from library.client import ApiError, Client
from tests.client import Client as Tab
from tests.conftest import new_id, often
from tests.processes import Server

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
async def token(http: Tab, shared: Server) -> AsyncIterator[str]:
    """Of the person of the shared server, whose every right it has."""
    guard = {"X-Guard": (await http.request("GET", "/api/v1/me")).json()["guard"]}
    body = {"name": "cases", "scopes": ["read", "write"]}
    made = (await http.request("POST", "/api/v1/tokens", json=body, headers=guard)).json()
    yield made["token"]
    gone = await http.request("DELETE", f"/api/v1/tokens/{made['id']}", headers=guard)
    assert gone.status_code == 204


def test_no_case_is_an_error_of_the_server(shared: Server, token: str) -> None:
    """Nor is any answer other than the document says."""
    schema = schemathesis.openapi.from_url(f"{shared.url}/api/v1/openapi.json")

    @settings(max_examples=often(200, 5_000), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=schema.as_strategy())
    def run(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    run()


def test_the_client_reads_and_changes_what_is_its_persons(shared: Server, token: str, tmp_path: Path) -> None:
    mark = new_id()[:8]
    with Client(shared.url, token) as chat:
        said = [{"text": f"Which birds, {mark}?"}, {"role": "assistant", "text": "Jays."}]
        made = chat.create(name=f"Birds {mark}", tags=[mark], messages=said)
        for _ in range(2):
            chat.add(made["id"], "And owls?")
        assert [each["text"] for each in chat.messages(made["id"])][1:] == ["Jays.", "And owls?", "And owls?"]
        assert chat.change(made["id"], folder="Wood")["folder"] == "Wood"
        assert {each["thread_id"] for each in chat.search(mark)} == {made["id"]}
        both = chat.merge([made["id"], chat.fork(made["id"])["id"]], f"Both {mark}")
        assert {each["id"] for each in chat.threads(tag=mark, limit=1)} == {both["id"]}
        assert {each["id"] for each in chat.threads(tag=mark, archived=True, limit=1)} > {made["id"]}
        size = chat.export(tmp_path / "out.json", threads=[made["id"]])
        assert size == (tmp_path / "out.json").stat().st_size
        assert mark in (tmp_path / "out.json").read_text()
        with pytest.raises(FileExistsError):
            chat.export(tmp_path / "out.json")
        with pytest.raises(ApiError, match="no such"):
            chat.export(tmp_path / "none.json", threads=[new_id()])
        assert not (tmp_path / "none.json").exists()
        chat.delete(made["id"])
        assert chat.restore(made["id"])["trashed_at"] is None
        chat.delete(made["id"], for_good=True)
        with pytest.raises(ApiError) as gone:
            chat.thread(made["id"])
        assert (gone.value.status, gone.value.code) == (404, "missing")


def test_what_cannot_be_answered_now_is_asked_again_and_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    answers = [httpx.Response(503, headers={"retry-after": "7"}), httpx.Response(429), httpx.Response(200, json={})]

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        return answers[len(keys) - 1]

    waited: list[float] = []
    monkeypatch.setattr("library.client.time.sleep", waited.append)
    with Client("http://chat", "tk_x", httpx.Client(transport=httpx.MockTransport(answer))) as chat:
        assert chat.create(name="x") == {}
    assert (len(keys), len(set(keys)), waited) == (3, 1, [7.0, 1.0])


def test_the_command_line(shared: Server, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = new_id()[:8]
    with Client(shared.url, token) as chat:
        made = chat.create(name=f"Moves \x1b[2J {mark}", messages=[{"text": f"hello {mark}\x1b[31m"}])

    def told(*args: str) -> str:
        done = CliRunner().invoke(app, [args[0], "--url", shared.url, *args[1:]])
        assert done.exit_code == 0, done.output
        return done.output

    monkeypatch.setenv("THREADKEEP_TOKEN", token)
    assert made["id"] in told("search", mark)
    listed = told("threads", mark)
    assert made["id"] in listed
    assert "\x1b" not in listed + told("messages", made["id"])
    assert json.loads(told("messages", made["id"], "--json"))["text"] == f"hello {mark}\x1b[31m"
    monkeypatch.setenv("THREADKEEP_TOKEN", "tk_none")
    refused = CliRunner().invoke(app, ["threads", "--url", shared.url, "--language", "fr"])
    assert (refused.exit_code, "jeton" in refused.output) == (1, True)
