"""What is typed with a slash, over the real server: answered, stored like any message, and never told to a model."""

import asyncio
import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assistant.commands.names import COMMANDS
from assistant.texts import date, say
from datalayer import DataLayer, backup
from tests.client import Client, until
from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import FRENCH, Model, ask, connected, messages, own, prompt, restart, resumed
from tests.servers.gemini import failure, finish
from tests.servers.gemini import text as piece
from tests.servers.http import Until


@pytest.fixture(scope="module")
def app(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("commands"), **connected(model))
    yield app
    app.close()


@pytest.fixture
async def me(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url)


@pytest.fixture
async def moi(app: App, tabs: Tabs) -> Client:
    return await tabs(app.alive().url, **FRENCH)


ENGLISH = {
    "sessions": "## 📊 Active sessions (embedded backend)",
    "  History ": "## 📊 Active sessions",
    "my  chats": "Limit: 3 at the same time",
    "/threads": "Your recent conversations",
    "/search  nightingale": "Nothing was found for “nightingale”.",
    "/search": "Type `/search` and some words",
    "/info": "- **Messages:**",
    "/USAGE": "| **This conversation** | Gemini 2.5 Flash |",
    "/rename Birds of the night": "This conversation is now called “Birds of the night”.",
    "/rename": "Type `/rename` and the name",
    "/pin": "This conversation is pinned",
    "/archive": "This conversation is archived",
    "/done": "This conversation is done",
    "/tag owls, night birds": "Tags of this conversation: **owls**, **night birds**",
    "/folder Birds/Owls": "This conversation is in the folder **Birds/Owls** now. `/folder /` moves it back.",
    "/export": "This conversation as Markdown: [download](/export/",
    "/export `csv`": "This conversation as CSV: [download](/export/",
    "/export exe": "“exe” is no format. There are `markdown`, `html`, `pdf`, `json`, `jsonl`, `csv`.",
    "/trash": "The trash is empty.",
    "/versions": "No message of this conversation has several versions.",
    "/merge": "`/merge` makes one conversation of this one and others",
    "/merge undo": "This conversation was not merged of others",
    "/merge nightingale": "No other conversation of yours has “nightingale”",
    "/merge last 10000": "At most 100 conversations can be merged at once.",
    "/merge /thread/nowhere": "One of these conversations does not exist, or is in the trash.",
    "/folder ..": "A folder cannot be called that",
    "/help": "- `/search` — What was said in your conversations: words, dates, files",
    "/serch owls": "Did you mean `/search`?",
}
FRANCAIS = {
    "historique": "## 📊 Sessions actives (Backend embarqué)",
    " MES DISCUSSIONS": "Limite : 3 sessions simultanées",
    "Sessions": "TTL : 60 minutes",
    "/discussions": "Vos conversations récentes",
    "/versions 1": "Aucun message de cette conversation n’a plusieurs versions.",
    "/chercher rossignol": "Rien n’a été trouvé pour « rossignol ».",
    "/chercher": "Tapez `/chercher` suivi de quelques mots",
    "/infos": "- **Messages :**",
    "/consommation": "| **Cette conversation** | Gemini 2.5 Flash |",
    "/renommer Oiseaux de nuit": "Cette conversation s’appelle maintenant « Oiseaux de nuit ».",
    "/épingler": "Cette conversation est épinglée",
    "/archiver": "Cette conversation est archivée",
    "/terminer": "Cette conversation est terminée",
    "/étiquette hiboux": "Étiquettes de cette conversation : **hiboux**",
    "/dossier Oiseaux": "Cette conversation est maintenant dans le dossier **Oiseaux**.",
    "/exporter": "Cette conversation au format Markdown : [télécharger](/export/",
    "/corbeille vider": "La corbeille est vide.",
    "/fusionner": "`/fusionner` réunit cette conversation et d’autres en une seule",
    "/fusionner annuler": "Cette conversation n’en réunit pas d’autres",
    "/fusionner rossignol": "Aucune autre de vos conversations ne contient « rossignol »",
    "/fusionner les 1 dernières": "Il faut deux conversations différentes",
    "/étiquette " + "x" * 101: "Une étiquette compte au plus 100 caractères",
    "/aide": "- `/résumé` — L’essentiel de cette conversation",
    "/cherchez hiboux": "Vouliez-vous dire `/chercher` ?",
}


@pytest.mark.parametrize(("headers", "commands"), [({}, ENGLISH), (FRENCH, FRANCAIS)], ids=["en", "fr"])
async def test_no_command_reaches_the_model_and_all_are_stored(
    app: App, tabs: Tabs, model: Model, headers: dict[str, str], commands: dict[str, str]
) -> None:
    me = await tabs(app.alive().url, **headers)
    await ask(me, "Which birds sing at night?")
    before = len(model.requests)
    for typed, expected in commands.items():
        assert expected in await ask(me, typed)
    assert len(model.requests) == before
    await ask(me, "And by day?")
    assert model.told == ["Which birds sing at night?", "Fine.", "And by day?"]
    shown = [step["output"] for step in me.screen.values() if "message" in step["type"]]
    restart(app)
    again = await resumed(tabs, app, me.thread_id)
    assert messages(await again.stored()) == shown
    assert len(shown) == 2 * (2 + len(commands))
    await ask(again, "Which of them at dawn?")
    assert model.told[-3:] == ["And by day?", "Fine.", "Which of them at dawn?"]
    assert len(model.told) == 5


async def test_a_reply_that_was_shown_survives_a_kill_at_its_event(app: App, tabs: Tabs, me: Client) -> None:
    server = app.alive()

    def react(name: str, data: Any) -> None:
        if name == "new_message" and data["output"].startswith("**What can be typed"):
            server.kill()

    me.react = react
    await me.post("/help")
    await me.wait_for("disconnect")
    reader = await tabs(app.alive().url, connect=False)
    assert messages(await reader.stored(me.thread_id))[0] == "/help"
    assert len(messages(await reader.stored(me.thread_id))) == 2


async def test_the_menu_is_in_the_language_of_the_page(me: Client, moi: Client) -> None:
    def menu(client: Client) -> dict[str, str]:
        offered: list[Any] = [data for name, data in client.events if name == "set_commands"]
        return {each["id"]: each["description"] for each in offered[-1]}

    await until(lambda: _came(me, "set_commands"))
    assert menu(me)["search"] == "What was said in your conversations: words, dates, files"
    assert menu(moi)["chercher"] == "Ce qui a été dit dans vos conversations\u00a0: mots, dates, fichiers"
    assert len(menu(me)) == len(menu(moi)) == len(COMMANDS)


async def _came(client: Client, event: str) -> bool:
    return any(name == event for name, _ in client.events)


@pytest.mark.parametrize(
    ("text", "command", "title"),
    [
        ("owls", "search", "/search"),
        ("", "help", "/help"),
        ("/usage", None, "/usage"),
        ("/chercher owls", None, "/chercher"),
        ("sessions", None, "/sessions"),
    ],
)
async def test_a_conversation_that_begins_with_a_command_is_named_by_its_first_question(
    me: Client, model: Model, text: str, command: str | None, title: str
) -> None:
    await ask(me, text, command=command)
    assert (await me.listed())[me.thread_id] == title
    await ask(me, "Do larks sleep?")
    assert (await me.listed())[me.thread_id] == "Do larks sleep?"


async def test_a_conversation_that_begins_with_a_command_gets_its_title_from_the_model(
    me: Client, model: Model
) -> None:
    await ask(me, "owls", command="search")
    model.titles = True
    model.answers("Yes.")
    model.answers("The night of owls")
    await ask(me, "Do owls sleep?")

    async def named() -> bool:
        return bool((await me.listed())[me.thread_id] == "The night of owls")

    await until(named)
    model.titles = False


async def test_a_picked_command_works_and_can_be_edited(me: Client, tabs: Tabs, model: Model) -> None:
    before = len(model.requests)
    assert "What can be typed here" in await ask(me, "", command="help")
    assert "now called “Owls”" in await ask(me, "Owls", command="rename")
    assert "now called “Larks”" in (await me.edit(own(me, "/rename Owls"), "/rename Larks"))[-1]["output"]
    assert len(model.requests) == before
    await me.edit(own(me, "/help"), "What is an owl?")
    assert model.told == ["What is an owl?"]


async def test_what_was_typed_beside_a_picked_command_that_takes_no_words_is_answered(me: Client, model: Model) -> None:
    assert await ask(me, "What is an owl?", command="summary") == "Fine."
    assert await ask(me, "", files=[await me.attach("owl.txt", b"It hoots.")], command="help") == "Fine."
    assert "It hoots." in str(model.asked[-1].body)
    assert [step.get("command") for step in (await me.stored())["steps"] if step["type"] == "user_message"] == [
        None
    ] * 2


async def test_a_command_that_was_typed_is_meant_whatever_was_picked(me: Client) -> None:
    await ask(me, "Hello")
    assert "now called “Owls”" in await ask(me, "/rename Owls", command="rename")
    assert "now called “Larks”" in await ask(me, "/rename /rename Larks")
    assert "What can be typed here" in await ask(me, "/help", command="rename")
    assert (await me.listed())[me.thread_id] == "Larks"


class TestSessions:
    async def test_the_example_of_the_issue(self, app: App, tabs: Tabs) -> None:
        moi = await tabs(app.alive().url, **FRENCH)
        await ask(moi, "Pourquoi le ciel est-il bleu ?")
        await ask(moi, "Et rouge le soir ?")
        text = await ask(moi, "historique")
        assert text.startswith(
            "## 📊 Sessions actives (Backend embarqué)\n\n"
            "Limite : 3 sessions simultanées  \nTTL : 60 minutes\n\n"
            f"### [Session 1](/thread/{moi.thread_id}) ✅ Actuelle\n\n"
            f"- ID : {moi.thread_id[:12]}...\n- Messages : 4\n- Expire dans : 59 min"
        )

    async def test_at_most_three_and_the_one_used_last_first(self, app: App, tabs: Tabs) -> None:
        chats = [await tabs(app.alive().url) for _ in range(4)]
        for number, chat in enumerate(chats):
            await ask(chat, f"Question {number}")
        assert "Session " + f"{chats[0].thread_id} removed (limit of 3 reached)" in app.alive().log.read_text()
        text = await ask(chats[3], "sessions")
        assert re.findall(r"/thread/([\w-]+)", text) == [chat.thread_id for chat in chats[:0:-1]]
        assert text.count("✅ Current") == 1
        assert text.index("✅ Current") < text.index("Session 2")

    async def test_a_deleted_conversation_is_none(self, app: App, tabs: Tabs) -> None:
        gone, me = await tabs(app.alive().url), await tabs(app.alive().url)
        await ask(gone, "Soon deleted")
        await ask(me, "Here to stay")
        assert (await me.delete(gone.thread_id)).status_code == 200
        assert gone.thread_id not in await ask(me, "sessions")


class TestLists:
    async def test_recent_conversations_with_link_date_and_count(self, app: App, tabs: Tabs, me: Client) -> None:
        odd = await tabs(app.alive().url)
        await ask(odd, "[Brackets] *and* stars")
        await ask(me, "Newest")
        first, second, *_ = (await ask(me, "/threads")).split("\n\n", 1)[1].splitlines()
        assert re.fullmatch(rf"- \[Newest\]\(/thread/{me.thread_id}\) · \d+ \w+ \d+ · 3 messages", first)
        assert rf"- [&#91;Brackets&#93; \*and\* stars](/thread/{odd.thread_id}) · " in second
        assert second.endswith("2 messages")

    async def test_search_finds_messages_and_no_commands(self, app: App, tabs: Tabs, me: Client) -> None:
        other = await tabs(app.alive().url)
        await ask(other, "Le pélican frisé")
        await ask(me, "Another pelican")
        for _ in range(2):
            found = await ask(me, "/search PELICAN")
            assert found.startswith("**Results for “PELICAN”**")
            assert re.findall(r"\]\(/thread/(.*?)\?step=", found) == [me.thread_id, other.thread_id]
        found = await ask(me, "/threads pélican frisé")
        assert re.findall(r"\]\(/thread/(.*?)\?step=", found) == [other.thread_id]


class TestRename:
    async def test_the_name_is_final_and_the_list_is_read_anew(self, me: Client, model: Model) -> None:
        await ask(me, "Which owl is the smallest?")
        since = len(me.events)
        await ask(me, "/rename   The *elf*\n owl ")
        told = await me.wait_for("first_interaction", since=since)
        assert told == {"interaction": "The *elf* owl", "thread_id": me.thread_id}
        assert "now called “The \\*elf\\* owl”" in messages(await me.stored())[-1]
        await ask(me, "And the largest?")
        assert (await me.listed())[me.thread_id] == "The *elf* owl"

    @pytest.mark.parametrize(("headers", "says"), [({}, "500 characters"), (FRENCH, "500 caractères")])
    async def test_a_name_that_is_too_long_gets_a_clear_sentence(
        self, app: App, tabs: Tabs, headers: dict[str, str], says: str
    ) -> None:
        me = await tabs(app.alive().url, **headers)
        await ask(me, "A question")
        reply = await ask(me, "/rename " + "x" * 501)
        assert says in reply
        assert len(reply) < 150
        assert (await me.stored())["name"] == "A question"

    async def test_a_command_as_the_first_message_leaves_the_name_to_the_first_question(
        self, me: Client, model: Model
    ) -> None:
        await ask(me, "/help me")
        assert (await me.listed())[me.thread_id] == "/help"
        model.titles = True
        model.answers("Yes.")
        model.answers("The life of swifts")
        await ask(me, "How long do swifts live?")

        async def named() -> bool:
            return bool((await me.listed())[me.thread_id] == "The life of swifts")

        await until(named)
        model.titles = False
        assert model.told == ["How long do swifts live?"]


class TestOrganise:
    async def test_pin_and_archive_are_taken_back_by_the_same_command_and_the_list_is_read_anew(
        self, me: Client, model: Model
    ) -> None:
        await ask(me, "Which owl is the smallest?")
        for command, on, off in (("/pin", "is pinned", "no longer pinned"), ("/archive", "is archived", "is back in")):
            for says in (on, off, on):
                since = len(me.events)
                assert says in await ask(me, command)
                assert (await me.wait_for("first_interaction", since=since))["thread_id"] == me.thread_id
        assert me.thread_id not in await me.listed()
        assert me.thread_id in await me.listed("smallest")
        assert "archived)" in await ask(me, "/search smallest")
        await ask(me, "/archive")
        assert next(iter(await me.listed())) == me.thread_id

    async def test_a_message_to_a_pinned_one_has_the_list_read_anew(self, me: Client, model: Model) -> None:
        await ask(me, "Which owl is the smallest?")
        await ask(me, "/pin")
        since = len(me.events)
        await ask(me, "And the largest?")
        await me.wait_for("first_interaction", since=since)
        await ask(me, "/pin")

    async def test_tags_are_added_and_removed_and_shown_with_how(self, me: Client, model: Model) -> None:
        await ask(me, "Which owl is the smallest?")
        assert "This conversation has no tags." in await ask(me, "/tag")
        await ask(me, "/tag Owls, night birds")
        assert await ask(me, "/tag owls, small") == "Tags of this conversation: **Owls**, **night birds**, **small**"
        assert await ask(me, "/tag -OWLS, -none") == "Tags of this conversation: **night birds**, **small**"
        assert "`/tag -japan` removes one" in await ask(me, "/tags")
        assert me.thread_id in await ask(me, "/threads tag:small owl")
        assert await ask(me, "/tag -small,-night birds") == "This conversation has no tags any more."

    async def test_a_folder_is_shown_left_and_found(self, me: Client, model: Model) -> None:
        await ask(me, "Which owl is the smallest?")
        assert "This conversation is in no folder." in await ask(me, "/folder")
        await ask(me, "/folder  Animals // Birds ")
        shown = await ask(me, "/folder")
        assert "in the folder **Animals/Birds**." in shown
        assert "- Animals/Birds (1)" in shown
        assert me.thread_id in await ask(me, "/threads in:animals owl")
        assert "in Animals/Birds" in await ask(me, "/threads")
        moved = await ask(me, "/folder /")
        assert moved == "This conversation is in no folder any more. `/folder Animals/Birds` moves it back."


class TestFork:
    async def test_the_copy_opens_and_goes_on_with_what_was_said_but_for_commands(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        assert await ask(me, "/fork") == "There is nothing to copy yet."
        await ask(me, "My owl is called Otto")
        await ask(me, "/tag owls")
        since = len(me.events)
        said = await ask(me, "/fork")
        opened = (await me.wait_for("open_thread", since=since))["id"]
        assert said.startswith(f"[My owl is called Otto (fork)](/thread/{opened}) begins like")
        copy = await resumed(tabs, app, opened)
        assert messages(await copy.stored()) == [
            "/fork",
            "There is nothing to copy yet.",
            "My owl is called Otto",
            "Fine.",
        ]
        await ask(copy, "What is he called?")
        assert model.told == ["My owl is called Otto", "Fine.", "What is he called?"]
        assert len(messages(await me.stored())) == 8
        assert (await copy.listed())[opened] == "My owl is called Otto (fork)"

    async def test_from_any_answer_with_what_the_conversation_was_set_to_and_its_files(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        settings = {"temperature": 0.25, "system_prompt": "Answer as an owl would", "max_tokens": 500}
        await me.settings(**settings)
        note = await me.attach("note.txt", b"Otto eats mice")
        [answer] = await me.send("My owl is called Otto", [note])
        await ask(me, "And mine Ada")
        since = len(me.events)
        await me.call("fork_from", {"step": answer["id"]})
        copy = await resumed(tabs, app, (await me.wait_for("open_thread", since=since))["id"])
        assert messages(await copy.stored()) == ["My owl is called Otto", "Fine."]
        assert [element["name"] for element in (await copy.stored())["elements"]] == ["note.txt"]
        await ask(copy, "What does he eat?")
        asked = model.asked[-1]
        assert "Otto eats mice" in model.told[-1]
        assert model.told[-1].endswith("What does he eat?")
        assert copy.shown_settings() == me.shown_settings() | settings
        assert "Answer as an owl would" in prompt(asked)
        assert asked.body["generationConfig"]["temperature"] == 0.25
        assert len(messages(await me.stored())) == 4

    async def test_from_an_answer_or_from_words(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        for question, answer in (("An owl", "Hoots."), ("A heron", "Fishes by *night*."), ("An Éider", "Swims.")):
            model.answers(answer)
            await ask(me, question)
        for words, upto, said in (
            ("2", 4, "Fishes by night."),
            ("3", 2, "Hoots."),
            ("HERON", 4, "Fishes by night."),
            ("eider", 6, "Swims."),
            ('"by *night*"', 4, "Fishes by night."),
            ("an ow", 2, "Hoots."),
        ):
            since = len(me.events)
            told = await ask(me, f"/fork {words}")
            assert f"up to “{said}”" in told, words
            copy = await resumed(tabs, app, (await me.wait_for("open_thread", since=since))["id"])
            everything = ["An owl", "Hoots.", "A heron", "Fishes by *night*.", "An Éider", "Swims."]
            assert messages(await copy.stored()) == everything[:upto], words
        assert "There is no such answer: this conversation has 3." in await ask(me, "/fork 4")
        assert "There is no such answer" in await ask(me, "/fork 0")
        assert "No message of this conversation says “osprey”." in await ask(me, "/fork osprey")
        assert "ne dit" in await ask(await resumed(tabs, app, me.thread_id, **FRENCH), "/dupliquer osprey")

    async def test_what_is_being_written_or_gone_is_not_copied(self, me: Client, model: Model) -> None:
        await ask(me, "Hello")
        going = asyncio.Event()
        model.script(piece("Slow"), Until(going), piece("ly."), finish())
        since = len(me.events)
        await me.post("Count")
        answer = (await me.wait_for("stream_start", since=since))["id"]
        await me.call("fork_from", {"step": answer})
        told = await me.wait_for("toast")
        assert told["message"] == "This answer is still being written. Try again when it is complete."
        model.loop.call_soon_threadsafe(going.set)
        await me.wait_for("task_end", since=since)
        since = len(me.events)
        await me.call("fork_from", {"step": str(uuid.uuid4())})
        told = await me.wait_for("toast", since=since)
        assert told["message"] == "This message is no longer in the conversation."


class TestMerge:
    async def test_two_become_one_that_opens_and_goes_on_and_come_back(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        settings = {"model": "gemini-2.5-flash", "temperature": 0.25, "system_prompt": "Answer as an owl would"}
        await ask(me, "My heron is called Hans")
        other = await tabs(app.alive().url)
        await other.settings(**settings)
        await ask(other, "My stork is called Stina")
        said = await ask(other, f"/merge http://localhost/thread/{me.thread_id}?step=1")
        opened = (await other.wait_for("open_thread"))["id"]
        assert f"[My heron is called Hans + My stork is called Stina](/thread/{opened}) has all" in said
        both = await resumed(tabs, app, opened)
        stored = await both.stored()
        assert messages(stored) == ["My heron is called Hans", "Fine.", "My stork is called Stina", "Fine."]
        where = {step["metadata"]["merged_from"]["thread"] for step in stored["steps"]}
        assert where == {me.thread_id, other.thread_id}
        listed = await both.listed()
        assert opened in listed
        assert not where & set(listed)
        await ask(both, "What is she called?")
        assert model.told[-3:] == ["My stork is called Stina", "Fine.", "What is she called?"]
        assert "Answer as an owl would" in prompt(model.asked[-1])
        assert model.asked[-1].body["generationConfig"]["temperature"] == 0.25
        again = await ask(me, f"/merge {other.thread_id}")
        assert again.startswith("They are merged already: [My heron")
        gone_on = await ask(both, "/merge undo")
        assert "it is kept in the archive" in gone_on
        assert (await both.wait_for("open_thread"))["id"] == me.thread_id
        listed = await me.listed()
        assert where <= set(listed)
        assert opened not in listed
        assert opened != (await merged_anew(me, other.thread_id))

    async def test_what_words_can_mean_is_asked(self, app: App, tabs: Tabs, me: Client) -> None:
        titles = ("The white swan of Lund", "A black swan of Lund", "Crane")
        swans = [await tabs(app.alive().url) for _ in titles]
        for tab, title in zip(swans, titles, strict=True):
            await ask(tab, title)
        which = await ask(me, "/merge lund SWAN")
        assert "Several conversations have “lund SWAN”:" in which
        lines = [line for line in which.splitlines() if line[:1].isdecimal()]
        assert len(lines) == 2
        assert "It takes two different conversations" in await ask(me, "/merge lund swan #2")  # nothing was said here
        first = next(number for number, line in enumerate(lines, 1) if swans[0].thread_id in line)
        merged = await ask(me, f"/merge lund swan #{first}, crane")
        assert merged.startswith("[The white swan of Lund + Crane]")
        since = len(me.events)
        again = await ask(me, "/merge the white swan of lund, A black swan of Lund")
        assert again.startswith("[The white swan of Lund + A black swan of Lund]")
        both = await resumed(tabs, app, (await me.wait_for("open_thread", since=since))["id"])
        undone = await ask(both, "/merge undo")
        assert "this conversation is in the trash now" in undone
        assert f"/thread/{swans[1].thread_id})" in undone
        assert both.thread_id not in await me.listed()


async def merged_anew(me: Client, key: str) -> str:
    since = len(me.events)
    await ask(me, f"/merge {key}")
    return str((await me.wait_for("open_thread", since=since))["id"])


class TestTrash:
    async def test_what_was_deleted_is_listed_brought_back_and_gone_for_good(
        self, model: Model, tabs: Tabs, tmp_path: Any
    ) -> None:
        own_app = App(tmp_path, **connected(model))
        try:
            me, other, third = [await tabs(own_app.alive().url) for _ in range(3)]
            await ask(me, "Where am I?")
            await ask(other, "A *starry* question")
            await ask(third, "Another one")
            for tab in (other, third):
                assert (await me.delete(tab.thread_id)).status_code == 200
                assert tab.thread_id not in await me.listed()
                assert (await me.thread(tab.thread_id)).status_code == 404
            first, second = (await ask(me, "/trash")).split("\n\n")[1].splitlines()
            assert first.startswith("1. Another one · until ")
            assert second.startswith("2. A \\*starry\\* question · until ")
            assert "There is no number 3" in await ask(me, "/trash restore 3")
            back = await ask(me, "/trash restore 2")
            assert back == f"[A \\*starry\\* question](/thread/{other.thread_id}) is back."
            assert other.thread_id in await me.listed()
            assert (await me.thread(other.thread_id)).status_code == 200
            backup.make(
                place := DataLayer.place(f"sqlite+aiosqlite:///{own_app.home}/threads.db", own_app.home / "files")
            )
            emptied = await ask(me, "/trash empty")
            assert emptied.startswith("One conversation is gone for good. The backup of ")
            assert "may still hold what was in it" in emptied
            assert await ask(me, "/trash") == "The trash is empty."
            assert set(await me.listed()) == {me.thread_id, other.thread_id}
            later = datetime.now(UTC) + timedelta(days=3)
            backup.make(place, clock=lambda: later)
            await me.delete(other.thread_id)
            emptied = await ask(me, "/trash empty")
            assert re.search(r"2 backups, from .+ to .+, may still hold what was in it", emptied)
            assert date(later.astimezone(), "en") in emptied
        finally:
            own_app.close()

    async def test_a_question_in_a_tab_that_was_left_open_brings_it_back(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        await ask(me, "The first heron")
        reader = await tabs(app.alive().url, connect=False)
        await reader.delete(me.thread_id)
        assert me.thread_id not in await reader.listed()
        await ask(me, "And the second")
        told = await me.wait_for("toast")
        assert told["message"] == say("trash_left", "en")
        assert me.thread_id in await reader.listed()
        assert len(messages(await reader.stored(me.thread_id))) == 4


class TestClear:
    async def test_what_came_before_is_forgotten_but_stored(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        await ask(me, "My name is Ada")
        assert "no longer sees" in await ask(me, "/clear")
        await ask(me, "Who am I?")
        assert model.told == ["Who am I?"]
        await ask(me, "Really?")
        assert model.told == ["Who am I?", "Fine.", "Really?"]
        restart(app)
        again = await resumed(tabs, app, me.thread_id)
        await ask(again, "Sure?")
        assert model.told == ["Who am I?", "Fine.", "Really?", "Fine.", "Sure?"]
        await ask(again, "/clear")
        restart(app)
        again = await resumed(tabs, app, me.thread_id)
        await ask(again, "And now?")
        assert model.told == ["And now?"]
        stored = messages(await again.stored())
        assert [text for text in stored if text.endswith("?") or text.endswith("Ada")] == [
            *("My name is Ada", "Who am I?", "Really?", "Sure?", "And now?")
        ]

    async def test_without_any_question_it_forgets_nothing_and_hurts_nobody(self, me: Client, model: Model) -> None:
        assert "no longer sees" in await ask(me, "/oublier")
        await ask(me, "Hello?")
        assert model.told == ["Hello?"]

    async def test_edited_into_a_question_it_has_forgotten_nothing(
        self, app: App, tabs: Tabs, me: Client, model: Model
    ) -> None:
        await ask(me, "My name is Ada")
        await ask(me, "/clear")
        await me.edit(own(me, "/clear"), "Who am I?")
        assert model.told == ["My name is Ada", "Fine.", "Who am I?"]
        await ask(me, "Really?")
        assert model.told == ["My name is Ada", "Fine.", "Who am I?", "Fine.", "Really?"]
        restart(app)
        await ask(await resumed(tabs, app, me.thread_id), "Sure?")
        assert model.told[:-1] == ["My name is Ada", "Fine.", "Who am I?", "Fine.", "Really?", "Fine."]

    async def test_of_two_the_later_can_be_taken_back(self, me: Client, model: Model) -> None:
        for text in ("My name is Ada", "/clear", "I am a poet", "/clear"):
            await ask(me, text)
        await me.edit([key for key, step in me.screen.items() if step["output"] == "/clear"][-1], "What am I?")
        assert model.told == ["I am a poet", "Fine.", "What am I?"]


class TestEdited:
    async def test_a_command_into_a_question(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        for text in ("First", "/help", "Second"):
            await ask(me, text)
        [reply] = await me.edit(own(me, "/help"), "Help!")
        assert reply["output"] == "Fine."
        assert model.told == ["First", "Fine.", "Help!"]
        await ask(me, "Third")
        assert model.told == ["First", "Fine.", "Help!", "Fine.", "Third"]
        restart(app)
        await ask(await resumed(tabs, app, me.thread_id), "Fourth")
        assert model.told == ["First", "Fine.", "Help!", "Fine.", "Third", "Fine.", "Fourth"]

    async def test_a_question_into_a_command(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        for text in ("First", "Second", "Third"):
            await ask(me, text)
        before = len(model.requests)
        [reply] = await me.edit(own(me, "Second"), "/help")
        assert "What can be typed here" in reply["output"]
        assert len(model.requests) == before
        await ask(me, "Fourth")
        assert model.told == ["First", "Fine.", "Fourth"]
        assert messages(await me.stored())[2:4] == ["/help", reply["output"]]
        restart(app)
        await ask(await resumed(tabs, app, me.thread_id), "Fifth")
        assert model.told == ["First", "Fine.", "Fourth", "Fine.", "Fifth"]


async def test_no_other_answer_is_offered_for_a_command(app: App, tabs: Tabs, me: Client, model: Model) -> None:
    """Neither on the screen, nor after a reload, nor to who asks for it all the same."""
    await ask(me, "First")
    since = len(me.events)
    [reply] = await me.send("/help")
    assert not [name for name, _ in me.events[since:] if name == "action"]
    again = await resumed(tabs, app, me.thread_id)
    assert not [data for name, data in again.events if name == "action"]
    before = len(model.requests)
    await again.action("retry", answer=reply["id"])
    assert len(model.requests) == before
    assert messages(await again.stored())[-2:] == ["/help", reply["output"]]


class TestInfo:
    async def test_the_figures(self, me: Client, model: Model) -> None:
        model.answers("Feathers.", read=1200, written=340)
        file = await me.attach("bird.txt", b"x" * 1500)
        await me.send("What is it made of?", [file])
        model.answers("Bones.", read=300, written=60)
        await ask(me, "And inside?")
        model.tokens = 77
        info = await ask(me, "/info")
        assert info.startswith("### What is it made of?\n\n")
        facts = dict(re.findall(r"- \*\*(.+?):\*\* (.+)", info))
        assert facts["ID"] == f"`{me.thread_id}`"
        assert re.fullmatch(r"\d+ \w+ 20\d\d", facts["Created"])
        assert facts["Messages"] == "5"  # with the command itself
        assert facts["Tokens"] == "1,500 in, 400 out"
        assert re.fullmatch(r"US\$0\.00\d+", facts["Cost"])
        assert facts["Files"].startswith("1 (1.5")
        assert facts["Size"].startswith("1.6")
        assert facts["Settings"] == "Gemini 2.5 Flash · Temperature 0.7"
        assert facts["What the model sees"] == "4 messages in full (77 of 1,048,576 tokens)"

    async def test_settings_and_what_is_forgotten(self, me: Client, model: Model) -> None:
        await ask(me, "First")
        await me.settings(answer_language="de", system_prompt="Be brief.", max_tokens=512, recent=2)
        info = await ask(me, "/info")
        assert "Deutsch" in info
        assert "system prompt of 9 characters" in info
        await ask(me, "/clear")
        assert "0 messages in full" in await ask(me, "/info")
        await me.settings(memory=False)
        assert "only the question (memory is off)" in await ask(me, "/info")
        await me.settings(model="offline")
        assert "nothing (no model answers here)" in await ask(me, "/info")

    async def test_a_provider_that_cannot_count_is_estimated(self, me: Client, model: Model) -> None:
        model.tokens = failure(400, "INVALID_ARGUMENT")
        await ask(me, "First")
        assert re.search(r"\(≈ \d+ of 1,048,576 tokens\)", await ask(me, "/info"))
        model.tokens = 7

    async def test_in_french(self, moi: Client, model: Model) -> None:
        model.answers("Oui.", read=1200, written=340)
        await ask(moi, "Bonjour")
        info = await ask(moi, "/infos")
        assert re.search(r"- \*\*Jetons :\*\* 1\s200 en entrée, 340 en sortie", info)
        assert re.search(r"- \*\*Coût :\*\* .*\d \$ US", info)
        assert f"- **{say('info_settings', 'fr')}** Gemini 2.5 Flash · Température 0,7".replace("\u00a0", " ") in info
        assert "- **Ce que voit le modèle :** 2 messages en entier" in info


class TestUsage:
    async def test_a_table_and_a_chart(self, me: Client, model: Model) -> None:
        model.answers("Cold.", read=1234, written=56)
        await ask(me, "How does ice feel?")
        since = len(me.events)
        text = await ask(me, "/usage")
        assert re.search(r"\| \*\*This conversation\*\* \| Gemini 2.5 Flash \| 1 \| 1,234 \| 0 \| 56 \|", text)
        assert "| **Today** |" in text
        chart = await me.wait_for("element", since=since)
        assert chart["type"] == "plotly"
        assert chart["forId"] in {step["id"] for step in (await me.stored())["steps"]}


class TestSummary:
    async def test_by_the_model(self, me: Client, model: Model) -> None:
        await ask(me, "Owls hunt at night.")
        model.answers("- Owls hunt\n- at night")
        text = await ask(me, "/summary")
        assert text == "**Summary (Gemini 2.5 Flash)**\n\n- Owls hunt\n- at night"
        [request] = [each for each in model.requests if "Sum up" in prompt(each)][-1:]
        assert "user: Owls hunt at night." in str(request.body["contents"])
        assert "/summary" not in str(request.body["contents"])
        await ask(me, "And eat?")
        assert model.told == ["Owls hunt at night.", "Fine.", "And eat?"]

    async def test_a_model_without_quota_leaves_it_to_the_words_themselves(
        self, app: App, tabs: Tabs, moi: Client, model: Model
    ) -> None:
        await moi.settings(model="offline")
        await ask(moi, "Les hiboux *chassent* la nuit.")
        text = await ask(moi, "/résumé")
        assert text == "**Résumé (sans modèle)**\n\n- **Vous** · Les hiboux \\*chassent\\* la nuit."

    async def test_of_nothing(self, me: Client, moi: Client) -> None:
        assert await ask(me, "/summary") == say("summary_none", "en")
        assert await ask(moi, "/resume") == say("summary_none", "fr")


class TestSettings:
    async def test_memory_off_asks_with_the_question_alone(self, me: Client, model: Model) -> None:
        await ask(me, "First")
        await me.settings(memory=False)
        await ask(me, "Second")
        assert model.told == ["Second"]
        await me.settings(memory=True)
        await ask(me, "Third")
        assert model.told == ["First", "Fine.", "Second", "Fine.", "Third"]

    async def test_the_number_of_recent_messages(self, me: Client, model: Model) -> None:
        for text in ("First", "Second"):
            await ask(me, text)
        await me.settings(recent=2)
        await ask(me, "Third")
        assert model.told == ["Second", "Fine.", "Third"]

    async def test_the_language_and_the_length_of_an_answer(self, me: Client, model: Model) -> None:
        await me.settings(answer_language="fr", max_tokens=300, system_prompt="Be kind.")
        await ask(me, "First")
        assert prompt(model.asked[-1]) == "Be kind.\n\nAnswer in this language: Français."
        assert model.asked[-1].body["generationConfig"]["maxOutputTokens"] == 300

    async def test_they_are_kept_with_the_conversation(self, app: App, tabs: Tabs, me: Client, model: Model) -> None:
        await ask(me, "First")
        values = {"memory": False, "recent": 7, "answer_language": "nl", "max_tokens": 999}
        await me.settings(**values)
        restart(app)
        again = await resumed(tabs, app, me.thread_id)
        assert again.shown_settings().items() >= values.items()
        await ask(again, "Second")
        assert model.told == ["Second"]

    @pytest.mark.parametrize(
        "bad", [{"recent": -1}, {"recent": 201}, {"max_tokens": -5}, {"answer_language": "xx"}, {"memory": "perhaps"}]
    )
    async def test_what_cannot_be_used_is_refused_aloud(self, me: Client, bad: dict[str, Any]) -> None:
        before = me.shown_settings()
        await me.settings(**bad)
        assert (await me.wait_for("toast"))["type"] == "error"
        assert me.shown_settings() == before


async def test_while_the_database_is_locked_a_command_sees_what_waits(app: App, tabs: Tabs, me: Client) -> None:
    with closing(sqlite3.connect(app.home / "threads.db")) as lock:
        lock.execute("BEGIN IMMEDIATE")
        await ask(me, "Said while it is locked")
        answer = await ask(me, "/threads")
        assert "Said while it is locked" in answer
        lock.rollback()

    async def recovered() -> bool:
        return bool((await me.request("GET", "/health/store")).json()["state"] == "ok")

    await until(recovered)
    assert messages(await me.stored()) == ["Said while it is locked", "Fine.", "/threads", answer]


async def test_what_was_forgotten_stays_so_while_the_database_is_locked(
    app: App, tabs: Tabs, me: Client, model: Model
) -> None:
    for said in ("My name is Ada", "/clear", "Who am I?"):
        await ask(me, said)
    with closing(sqlite3.connect(app.home / "threads.db")) as lock:
        lock.execute("BEGIN IMMEDIATE")
        for said in ("Again?", "And again?"):
            await ask(me, said)
            assert model.told[0] == "Who am I?"
        lock.rollback()


async def test_marks_that_a_page_makes_up_count_for_nothing(me: Client, model: Model) -> None:
    await ask(me, "Hidden?", metadata={"command": "clear", "fallback": "x", "broke_off": True})
    await ask(me, "And?")
    assert model.told == ["Hidden?", "Fine.", "And?"]


async def test_two_people_see_nothing_of_each_other(model: Model, tabs: Tabs, tmp_path: Any) -> None:
    app = App(tmp_path, THREADKEEP_AUTH="accounts", **connected(model))
    app.add_users("alice", "mallory")
    with app.running() as server:
        alice, mallory = await tabs(server.url, "alice"), await tabs(server.url, "mallory")
        model.answers("Yes.", read=4321, written=765)
        await ask(alice, "The aubergine is purple")
        await ask(mallory, "Hello")
        for command in ("sessions", "/threads", "/search aubergine", "/usage", "/info", "/summary"):
            seen = await ask(mallory, command)
            assert "purple" not in seen
            assert alice.thread_id not in seen
            assert "4,321" not in seen
        assert alice.thread_id in await ask(alice, "sessions")
        assert "4,321" in await ask(alice, "/usage")
        stolen = await tabs(server.url, "mallory", connect=False)
        await stolen.connect(alice.thread_id)
        assert await stolen.wait_for("resume_thread_error")
        assert "aubergine" not in str(stolen.events)
        await ask(alice, "Really?")
        assert model.told == ["The aubergine is purple", "Yes.", "Really?"]
