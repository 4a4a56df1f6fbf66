"""What was said before comes back to a question: by its rarest words, not by those that every question has."""

from typing import Any

import chainlit as cl
import pytest

from assistant.marks import COMMAND, FALLBACK, UNSEARCHED
from assistant.turns.remembered import Found, remember, telling
from datalayer import DataLayer, embedding
from tests.client import until
from tests.conftest import OpenLayer, make_step, register, rows, start_thread
from tests.embeddings import Toy


def said(found: Found) -> list[str]:
    return [hit.snippet.text for hit in found.messages]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What about the owls?", ["owls"]),
        ("Qu'est-ce que la forêt d'Été ?", ["foret", "ete"]),
        ("a an of to", []),
        ("東京は", ["東京", "京は"]),
        ("one two " * 50 + "three four five six seven eight nine ten", ["three", "seven", "eight"]),
        ("", []),
    ],
)
def test_the_words_that_tell(question: str, words: list[str]) -> None:
    assert telling(question)[: len(words)] == words
    assert len(telling(question)) <= 8


async def test_the_message_with_the_most_words_stands_for_its_conversation(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    first = await start_thread(layer, ann, output="Ada Lovelace wrote notes")
    await layer.create_step(make_step(first["threadId"], output="Ada wrote"))
    await start_thread(layer, ann, output="An eleve of Lovelace")
    await start_thread(layer, ann, output="Ada's adapter, and what was that?")
    await start_thread(layer, await register(layer, "bob"), output="Ada Lovelace is mine")
    found = await remember(layer, ann.id, "Who was ADA Lovelace, that ÉLÈVE?", None)
    assert said(found)[2:] == ["Ada's adapter, and what was that?"]
    assert set(said(found)[:2]) == {"Ada Lovelace wrote notes", "An eleve of Lovelace"}
    assert found.messages[0].step_id is not None


async def test_a_word_is_no_beginning_of_another_and_the_conversation_itself_is_no_memory(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    here = await start_thread(layer, ann, output="cat")
    await start_thread(layer, ann, output="catalogue")
    assert (await remember(layer, ann.id, "cat", here["threadId"])).messages == ()
    assert said(await remember(layer, ann.id, "cat", None)) == ["cat"]


async def test_at_most_four_conversations_the_newest_first(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    for number in range(7):
        await start_thread(layer, ann, output=f"heron {number}", createdAt=f"2026-01-0{number + 1}T00:00:00Z")
    assert said(await remember(layer, ann.id, "a heron", None)) == [f"heron {number}" for number in (6, 5, 4, 3)]


@pytest.mark.parametrize("marks", [{COMMAND: "search", UNSEARCHED: True}, {FALLBACK: "quota", UNSEARCHED: True}])
async def test_what_the_app_has_said_itself_is_no_memory(layer: DataLayer, marks: dict[str, Any]) -> None:
    ann = await register(layer, "ann")
    await start_thread(layer, ann, output="/search heron", metadata=marks)
    assert await remember(layer, ann.id, "heron", None) == Found()
    assert await remember(layer, ann.id, "what about this", None) == Found()


async def test_files_are_found_by_name_and_by_what_is_in_them(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    message = await start_thread(layer, ann, output="here")
    for name, text in (("heron.txt", "-"), ("birds.txt", "a heron and a **kingfisher** by the river"), ("x.txt", "x")):
        element = {"id": name, "threadId": message["threadId"], "type": "file", "name": name, "mime": "text/plain"}
        await layer.create_element({**element, "forId": message["id"], "content": text})  # type: ignore[arg-type]
    found = await remember(layer, ann.id, "heron or kingfisher", None)
    assert [(match.file.name, match.snippet and match.snippet.text) for match in found.files] == [
        ("birds.txt", "a heron and a kingfisher by the river"),
        ("heron.txt", None),
    ]
    assert said(found) == ["here heron.txt birds.txt x.txt"]


async def test_of_files_the_newest_version_is_found_once_and_none_of_the_conversation_itself(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    threads = [str((await start_thread(layer, ann, output=f"talk {n}"))["threadId"]) for n in range(3)]

    async def attach(thread: str, name: str, content: bytes) -> None:
        step = make_step(thread)
        await layer.create_step(step)
        await layer.create_element(
            cl.File(thread_id=thread, name=name, content=content, mime="text/plain", for_id=step["id"])
        )

    await attach(threads[0], "lease.txt", b"The deposit is 1,400 euros")
    await attach(threads[0], "lease.txt", b"The deposit is 1,600 euros")
    await attach(threads[1], "copy.txt", b"The deposit is 1,600 euros")
    await attach(threads[2], "mine.txt", b"A deposit of my own")
    found = await remember(layer, ann.id, "which deposit?", threads[2])
    assert [match.snippet.text for match in found.files if match.snippet] == ["The deposit is 1,600 euros"]


async def test_with_a_model_what_means_the_same_is_remembered_beside_what_has_the_words(
    open_layer: OpenLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "_SETTLING", 0.0)
    layer = open_layer(embeddings=Toy())
    ann = await register(layer, "ann")
    texts = ["the car in the street", "our automobile", *(f"garden {n}" for n in range(30))]
    for text in texts:
        await start_thread(layer, ann, output=text)
    here = await start_thread(layer, ann, output="a vehicle of now")

    async def made() -> bool:
        return rows(layer, "SELECT count(*) FROM vectors WHERE model <> ''") == [(len(texts) + 1,)]

    await until(made)
    assert said(await remember(layer, ann.id, "Where is that car?", here["threadId"])) == texts[:2]
