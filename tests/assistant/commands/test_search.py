"""What /search and /threads answer, of a real store."""

import re

import pytest

from assistant.commands import search
from assistant.texts import Language
from datalayer import DataLayer
from datalayer.search import streams
from tests.conftest import change, register, start_thread


async def test_a_hit_is_a_link_to_its_message_with_what_matches_in_bold(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    message = await start_thread(layer, ann, output="Le **pélican** [frisé]", createdAt="2026-03-01T12:00:00Z")
    await layer.update_thread(message["threadId"], name="Birds")
    link = f"[Birds](/chat/thread/{message['threadId']}?step={message['id']}) (1 March 2026)"
    line = f"- {link} — “Le **pélican** &#91;frisé&#93;”"
    for find in (search.messages, search.threads):
        assert await find(layer.store, ann.id, "PELICAN", "en", "/chat") == f"**Results for “PELICAN”**\n\n{line}"


async def test_each_message_is_a_hit_and_each_conversation_one(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    message = await start_thread(layer, ann, output="owl one")
    await layer.create_step({**message, "id": "second", "output": "owl two"})
    assert (await search.messages(layer.store, ann.id, "owl", "en", "")).count("- [") == 2
    assert (await search.threads(layer.store, ann.id, "owl", "en", "")).count("- [") == 1


async def test_a_name_that_matches_is_a_hit_where_no_message_is(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    named, both = await start_thread(layer, ann, output="-"), await start_thread(layer, ann, output="an owl at night")
    for message in (named, both):
        await layer.update_thread(message["threadId"], name="Owls: an owl at night")
    answer = await search.messages(layer.store, ann.id, "night", "en", "")
    assert re.findall(r"\]\(/thread/(.*?)\)", answer) == [f"{both['threadId']}?step={both['id']}", named["threadId"]]


async def test_more_than_twenty_are_said_to_be_more_and_the_way_to_them_is_shown(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    for day in range(1, 22):
        await start_thread(layer, ann, output=f"owl {day}", createdAt=f"2026-03-{day:02}T12:00:00Z")
    answer = await search.messages(layer.store, ann.id, "owl", "fr", "")
    assert "owl** 2\u00a0»" in answer
    assert answer.endswith(
        "Ce sont les 20 plus récents. D’autres mots en montrent d’autres, de même que `avant:2026-03-03`."
    )
    (rest,) = re.findall(r"`(avant:.*)`", answer)
    answer = await search.messages(layer.store, ann.id, f"owl {rest}", "fr", "")
    assert answer.count("- [") == 2
    assert "plus récents" not in answer


@pytest.mark.parametrize(
    ("to", "asked", "says"),
    [
        ("en", "owl", "Nothing was found for “owl”."),
        ("fr", "hibou", "Rien n’a été trouvé pour «\u00a0hibou\u00a0»."),
        ("en", "before:soon", "“before\\:soon” was left out, because it is no date."),
        (
            "fr",
            "de:Paul",
            "«\u00a0de\\:Paul\u00a0» a été laissé de côté\u00a0: un message est `de:moi` ou `de:assistant`.",
        ),
        ("en", "has:wings", "A message can have"),
        ("en", "in:", "nothing follows the colon"),
        ("en", "-tag:x", "excludes words, not filters"),
        ("en", "%", "There is no word in “%”."),
        ("en", "x" * 1001, "there is too much to look for"),
        ("fr", " ".join(f"w{n}" for n in range(30)), "il y a trop de mots"),
        ("en", "*<b>*", "“\\*\\<b\\>\\*”"),
    ],
)
async def test_what_is_not_found_or_not_understood_is_told(
    layer: DataLayer, to: Language, asked: str, says: str
) -> None:
    ann = await register(layer, "ann")
    await start_thread(layer, ann, output="plain words")
    assert says.casefold() in (await search.messages(layer.store, ann.id, asked, to, "")).casefold()


async def test_a_slip_finds_what_was_meant(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    await start_thread(layer, ann, output="a kingfisher by the river")
    answer = await search.messages(layer.store, ann.id, "kingfischer", "en", "")
    assert answer.startswith("**Nothing was found for “kingfischer”. Results for “kingfisher”**\n\n- [")


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("en", "Older conversations are still being indexed: 0%."),
        ("fr", "Les conversations plus anciennes sont en cours d’indexation\u00a0: 0\u00a0%."),
    ],
)
async def test_an_index_that_is_being_built_is_told(layer: DataLayer, to: Language, says: str) -> None:
    ann = await register(layer, "ann")
    await start_thread(layer, ann, output="an owl")
    change(layer, "UPDATE search_state SET value = '' WHERE name = 'version'")
    for find in (search.messages, search.threads):
        assert (await find(layer.store, ann.id, "owl", to, "")).endswith(says)
    await layer.store._indexing._work()
    assert says not in await search.messages(layer.store, ann.id, "owl", to, "")


async def test_a_search_that_ends_early_says_since_when_it_has_looked(
    layer: DataLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOKED_AT", 1)
    ann = await register(layer, "ann")
    for day in range(1, 31):
        await start_thread(layer, ann, output="wine, red", createdAt=f"2026-03-{day:02}T12:00:00Z")
    answer = await search.messages(layer.store, ann.id, '"red wine"', "en", "")
    assert answer.startswith("Nothing was found for")
    assert answer.endswith(
        "Only what was said since 7 March 2026 was looked through: too much has these words. "
        "`before:2026-03-08` looks further back."
    )
    answer = await search.messages(layer.store, ann.id, '"red wine" before:2026-03-08', "en", "")
    assert "looked through" not in answer
