"""What a model thinks is never an answer, a title or history; it is a step of its own where that is asked for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import own
from tests.servers import anthropic
from tests.servers.anthropic import AnthropicServer
from tests.servers.openai import OpenAIServer, finish, text, thought

THOUGHTS = [text("<thi"), text("nk>They ask for a name.</think>\n\n")]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as running:
        yield running


async def started(app: App, tabs: Tabs) -> Client:
    return await tabs((await asyncio.to_thread(app.alive)).url)  # the model's server must go on answering


def steps(thread: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Type, name and text, in the order in which a page shows them."""
    kinds = ("user_message", "assistant_message", "llm")
    return [
        (s["type"], s["name"] if s["type"] == "llm" else "", s["output"]) for s in thread["steps"] if s["type"] in kinds
    ]


@pytest.mark.parametrize("shown", [False, True])
async def test_they_are_a_step_before_the_answer_or_nowhere(
    tmp_path: Path, tabs: Tabs, server: OpenAIServer, shown: bool
) -> None:
    wanted = {"THREADKEEP_SHOW_THOUGHTS": "true"} if shown else {}
    app = App(tmp_path, OPENAI_BASE_URL=server.url, **wanted)
    try:
        me = await started(app, tabs)
        server.script(thought("She means Ada. "), *THOUGHTS, text("Ada "), text("wrote it."), finish())
        server.script(*THOUGHTS, text("Who wrote it"), finish())
        [reply] = await me.send("Who wrote the first program?")
        assert reply["output"] == "Ada wrote it."

        async def named() -> bool:
            return bool((await me.stored())["name"] == "Who wrote it")

        await until(named)
        expected = [("user_message", "", "Who wrote the first program?"), ("assistant_message", "", "Ada wrote it.")]
        if shown:
            expected.insert(1, ("llm", "Thoughts", "She means Ada. They ask for a name."))
        assert steps(await me.stored()) == expected
        server.script(text("In 1843."), finish())
        await me.send("When?")
        assert [message["content"] for message in server.requests[-1].body["messages"]] == [
            "Who wrote the first program?",
            "Ada wrote it.",
            "When?",
        ]
    finally:
        app.close()


async def test_claude_answers_and_is_asked_again_without_what_it_refuses(tmp_path: Path, tabs: Tabs) -> None:
    async with AnthropicServer() as claude:
        app = App(tmp_path, ANTHROPIC_API_KEY="sk-ant-not-a-key", ANTHROPIC_BASE_URL=claude.url)
        try:
            me = await started(app, tabs)
            refusal = '"thinking.type.disabled" is not supported for this model.'
            claude.script(anthropic.failure(400, "invalid_request_error", refusal))
            claude.script(anthropic.start(5), anthropic.text("Ada wrote it."), *anthropic.finish())
            claude.script(anthropic.failure(500, "api_error"))  # the title
            [reply] = await me.send("Who wrote the first program?")
            assert reply["output"] == "Ada wrote it."
            assert reply["metadata"]["model"] == "claude-sonnet-5-5"
            assert "thinking" not in claude.requests[1].body
        finally:
            app.close()


async def test_a_replaced_answer_takes_its_thoughts_along_and_undo_brings_them_back(
    tmp_path: Path, tabs: Tabs, server: OpenAIServer
) -> None:
    app = App(tmp_path, OPENAI_BASE_URL=server.url, THREADKEEP_SHOW_THOUGHTS="true")
    try:
        me = await started(app, tabs)
        server.script(thought("She means Ada."), text("Ada wrote it."), finish())
        server.script(text("A title"), finish())
        await me.send("Who wrote the first program?")
        while len(server.requests) < 2:
            await server.arrival()
        before = steps(await me.stored())
        server.script(thought("Or Charles?"), text("Charles did."), finish())
        await me.edit(own(me, "Who wrote the first program?"), "Who wrote it?")
        after = [("user_message", "", "Who wrote it?"), ("llm", "Thoughts", "Or Charles?")]
        assert steps(await me.stored()) == [*after, ("assistant_message", "", "Charles did.")]
        await me.action("undo")
        assert steps(await me.stored()) == before
    finally:
        app.close()
