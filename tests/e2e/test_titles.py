"""A conversation is named after its first words, until a person names it."""

import pytest

from tests.client import Client, until
from tests.e2e.conftest import Tabs

LONG = "Please explain how the sidebar of this application groups its conversations by the day of their last message"


async def name_of(me: Client) -> str:
    return str((await me.stored())["name"])


async def test_a_short_first_message_is_the_name_on_one_line(me: Client) -> None:
    await me.send("  Bonjour,\n\t le   monde  ")
    assert await name_of(me) == "Bonjour, le monde"
    assert (await me.listed())[me.thread_id] == "Bonjour, le monde"


async def test_a_long_first_message_is_cut_at_a_word_within_60_characters(me: Client) -> None:
    await me.send(LONG)
    name = await name_of(me)
    assert len(name) <= 60
    assert name.endswith("…")
    head = name.removesuffix("…")
    assert LONG.startswith(head)
    assert LONG[len(head)] == " "  # no word was cut in two
    assert len(head) > 40


@pytest.mark.parametrize("text", ["x" * 500, "字" * 500])
async def test_one_endless_word_is_cut_where_it_must(me: Client, text: str) -> None:
    await me.send(text)
    assert await name_of(me) == text[:59] + "…"


async def test_a_second_message_does_not_rename(me: Client) -> None:
    await me.send("The first question")
    await me.send("Something else entirely")
    assert await name_of(me) == "The first question"


async def test_a_rename_is_final(me: Client, tabs: Tabs) -> None:
    await me.send("The first question")
    assert (await me.rename("  My   own\nname ")).status_code == 200
    assert await name_of(me) == "My own name"
    asked = next(key for key, step in me.screen.items() if step["type"] == "user_message")
    await me.send("Another question")
    await me.edit(asked, "The first question, edited")
    await me.disconnect()  # writes the session's metadata back
    other = await tabs.resume(me.url, me.thread_id)
    await other.send("After a resume")
    assert await name_of(other) == "My own name"


async def test_a_rename_at_once_wins_over_the_title(me: Client) -> None:
    own = await me.post("The first question")
    await me.wait_for("first_interaction")
    assert (await me.rename("Mine")).status_code == 200
    await me.wait_for("new_message", lambda step: step["id"] != own)
    assert await name_of(me) == "Mine"


async def test_a_message_without_words_leaves_a_conversation_that_can_be_listed(me: Client) -> None:
    await me.send(" \n ")
    assert me.thread_id in await until(me.listed)
