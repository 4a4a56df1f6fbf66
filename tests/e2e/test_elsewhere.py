"""What other conversations have on a question, where a person wants a model to be shown it."""

import asyncio
import re

from tests.client import Client
from tests.e2e.conftest import App, Tabs
from tests.e2e.test_files import ask, asked, note, sources, told
from tests.e2e.test_model import app, gemini, me
from tests.servers.gemini import GeminiServer

__all__ = ["app", "gemini", "me"]
SAID = "The zyxwvut heron of the mill pond eats fish."


async def another(me: Client, gemini: GeminiServer, **settings: object) -> Client:
    """A new conversation of the same person, with these settings, after one in which something was ``SAID``."""
    await ask(me, gemini, SAID, "Noted.")
    tab = await me.tab().connect()
    await tab.settings(**settings)
    return tab


async def test_it_is_not_shown_unless_it_is_wanted(me: Client, gemini: GeminiServer) -> None:
    tab = await another(me, gemini)
    await ask(tab, gemini, "What does the zyxwvut heron eat?", "I cannot tell.")
    assert SAID not in told(asked(gemini))


async def test_it_is_cited_and_opens(me: Client, gemini: GeminiServer, app: App) -> None:
    tab = await another(me, gemini, recall=True)
    reply = await ask(tab, gemini, "What does the zyxwvut heron eat?", "Fish [1].")
    request = asked(gemini)
    assert f"[1]\n{SAID}" in told(request)
    assert "[2]\nNoted." in told(request)  # the answer comes with its question
    assert "other conversations" in note(request)
    [element] = sources(tab)
    assert (element["forId"], element["name"]) == (reply["id"], "[1]")
    shown = (await tab.request("GET", element["url"])).text
    assert SAID in shown
    assert f"/thread/{me.thread_id}?step=" in shown
    exported = await tab.request("GET", f"/export/{tab.thread_id}?format=markdown&lang=en")
    assert re.search(r"zyxwvut.* \(another conversation\)", exported.text)  # named after what was said there first
    [stored] = [each for each in (await tab.stored())["elements"] if (each["props"] or {}).get("source")]
    assert "thread_name" not in str(stored)
    await ask(tab, gemini, "And the zyxwvut heron of the pond?", "Fish.", title=False)
    assert SAID in told(asked(gemini))  # with the second question too


async def test_what_was_deleted_is_shown_no_more(me: Client, gemini: GeminiServer) -> None:
    tab = await another(me, gemini, recall=True)
    await ask(tab, gemini, "What does the zyxwvut heron eat?", "Fish [1].")
    [element] = sources(tab)
    await me.request("DELETE", "/project/thread", json={"threadId": me.thread_id})
    shown = (await tab.request("GET", element["url"])).text
    assert "zyxwvut" not in shown
    assert "can no longer be shown" in shown
    await ask(tab, gemini, "And the zyxwvut heron of the pond?", "Fish.", title=False)
    assert SAID not in told(asked(gemini))


async def test_nobody_is_shown_what_another_has_said(gemini: GeminiServer, app: App, tabs: Tabs) -> None:
    app.env["THREADKEEP_AUTH"] = "accounts"
    await asyncio.to_thread(app.add_users, "ann", "ben")
    url = (await asyncio.to_thread(app.alive)).url
    ann, ben = await tabs(url, "ann"), await tabs(url, "ben")
    tab = await another(ann, gemini, recall=True)
    await ask(tab, gemini, "What does the zyxwvut heron eat?", "Fish [1].")
    [element] = sources(tab)
    assert (await ben.request("GET", element["url"])).status_code == 404
    await ben.settings(recall=True)
    await ask(ben, gemini, "What does the zyxwvut heron eat?", "I cannot tell.")
    assert SAID not in told(asked(gemini))


async def test_a_temporary_conversation_is_shown_none(me: Client, gemini: GeminiServer) -> None:
    await ask(me, gemini, SAID, "Noted.")
    tab = me.tab()
    await tab.connect(profile="temporary")
    try:
        await tab.settings(recall=True)
        await ask(tab, gemini, "What does the zyxwvut heron eat?", "I cannot tell.", title=False)
        assert SAID not in told(asked(gemini))
    finally:
        await tab.disconnect()
