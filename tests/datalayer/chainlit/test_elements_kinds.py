"""Every kind of element that Chainlit has comes back after a restart as it was shown, content and all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chainlit as cl
import pandas as pd
import plotly.graph_objects as go
import pytest

from datalayer import DataLayer
from tests.conftest import OpenLayer, blob_content, blob_names, chainlit_session, rows

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))

KINDS: dict[str, Callable[[Path], Any]] = {
    "image": lambda _: cl.Image(name="i", content=PNG, display="side", size="large"),
    "image from a path": lambda path: cl.Image(name="i", path=str(path)),
    "text": lambda _: cl.Text(name="t", content="é\n漢字 🍕", language="python", display="page"),
    "pdf": lambda _: cl.Pdf(name="p", content=b"%PDF-1.7 ...", page=3),
    "audio": lambda _: cl.Audio(name="a", content=b"RIFF....WAVEfmt ", mime="audio/wav", auto_play=True),
    "video": lambda _: cl.Video(name="v", content=b"video", mime="video/mp4", player_config={"file": {"a": [True]}}),
    "file": lambda _: cl.File(name="f.csv", content="a,b\n1,2\n"),
    "plotly": lambda _: cl.Plotly(name="chart", figure=go.Figure(data=[go.Bar(y=[2, 1, 3])])),
    "dataframe": lambda _: cl.Dataframe(name="df", data=pd.DataFrame({"a": [1, None], "é": ["x", "y"]})),
    "remote": lambda _: cl.Image(name="r", url="https://example.org/a.png?b=c&d=é"),
    "custom": lambda _: cl.CustomElement(name="Counter", props={"n": 1, "list": [None, {"deep": True}]}),
}


def content_of(element: Any) -> bytes:
    if element.path:
        return Path(element.path).read_bytes()
    return element.content.encode() if isinstance(element.content, str) else element.content


async def elements_of(layer: DataLayer, thread_id: str) -> list[Any]:
    thread = await layer.get_thread(thread_id)
    assert thread is not None
    return list(thread["elements"] or [])


async def served(layer: DataLayer, element_id: str) -> bytes | None:
    found = await layer.store.file(element_id)
    return blob_content(layer, found.blob.name) if found else None


@pytest.mark.parametrize("kind", KINDS)
async def test_it_comes_back_twice_after_a_restart(
    kind: str, chainlit_layer: DataLayer, open_layer: OpenLayer, tmp_path: Path
) -> None:
    (tmp_path / "picture.png").write_bytes(PNG)
    with chainlit_session() as session:
        element = KINDS[kind](tmp_path / "picture.png")
        message = await cl.Message("look", elements=[element]).send()
        await chainlit_layer.get_thread(session.thread_id)
    await chainlit_layer.close()
    again = open_layer()
    first, second = await elements_of(again, session.thread_id), await elements_of(again, session.thread_id)
    assert first == second
    (found,) = first
    # Chainlit's key names a file of the session that showed it, and is not set yet when the layer is told.
    shown = element.to_dict() | {"chainlitKey": None, "url": found["url"]}
    assert {key: (type(found[key]), found[key]) for key in shown} == {k: (type(v), v) for k, v in shown.items()}
    assert found["forId"] == message.id
    if element.url or kind == "custom":
        assert (found["url"], await served(again, element.id)) == (element.url, None)
    else:
        assert await served(again, element.id) == content_of(element)


async def test_a_stored_element_becomes_chainlits_own_again(chainlit_layer: DataLayer) -> None:
    with chainlit_session() as session:
        await cl.Message("look", elements=[cl.Image(name="i", content=PNG)]).send()
        (found,) = await elements_of(chainlit_layer, session.thread_id)
        rebuilt = cl.element.Element.from_dict(found)
        await rebuilt.send(for_id=found["forId"])
        (again,) = await elements_of(chainlit_layer, session.thread_id)
    assert isinstance(rebuilt, cl.Image)
    assert (again["id"], again["url"]) == (found["id"], found["url"])
    assert await served(chainlit_layer, again["id"]) == PNG


class TestTaskList:
    async def test_it_is_stored_without_a_message(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session() as session:
            tasks = cl.TaskList()
            await tasks.add_task(cl.Task(title="Lüften", status=cl.TaskStatus.RUNNING))
            await tasks.send()
            (found,) = await elements_of(chainlit_layer, session.thread_id)
        assert (found["type"], found["forId"], found["mime"]) == ("tasklist", "", "application/json")
        stored = json.loads(await served(chainlit_layer, tasks.id) or b"")
        assert stored["tasks"] == [{"title": "Lüften", "status": "running", "forId": None}]

    async def test_an_update_replaces_the_content_and_releases_the_old(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session() as session:
            tasks = cl.TaskList(status="one")
            await tasks.send()
            for status in ("two", "three"):
                tasks.status = status
                await tasks.update()
            (found,) = await elements_of(chainlit_layer, session.thread_id)
        assert json.loads(await served(chainlit_layer, found["id"]) or b"")["status"] == "three"
        assert len(await blob_names(chainlit_layer)) == 1


class TestCustomElement:
    async def test_an_update_changes_its_props(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session() as session:
            element = cl.CustomElement(name="Counter", props={"n": 1})
            await cl.Message("count", elements=[element]).send()
            element.props["n"] = 2
            await element.update()
            (found,) = await elements_of(chainlit_layer, session.thread_id)
        assert (found["props"], found["name"]) == ({"n": 2}, "Counter")

    async def test_its_props_need_no_file(self, chainlit_layer: DataLayer) -> None:
        with chainlit_session() as session:
            await cl.Message("count", elements=[cl.CustomElement(name="Counter", props={"n": 1})]).send()
            await elements_of(chainlit_layer, session.thread_id)
        assert await blob_names(chainlit_layer) == set()


async def test_a_removed_element_goes_with_its_content(chainlit_layer: DataLayer) -> None:
    with chainlit_session() as session:
        element = cl.Image(name="i", content=PNG)
        await cl.Message("look", elements=[element]).send()
        assert len(await elements_of(chainlit_layer, session.thread_id)) == 1
        await element.remove()
        assert await elements_of(chainlit_layer, session.thread_id) == []
    assert await blob_names(chainlit_layer) == set()
    assert rows(chainlit_layer, "SELECT count(*) FROM blobs") == [(0,)]
