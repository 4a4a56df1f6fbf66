"""What Chainlit's search dialog is given: the title with what matches, when it was said, and the message."""

from typing import Any

from chainlit.types import Pagination, ThreadFilter

from datalayer import DataLayer
from tests.conftest import make_step, register, start_thread


async def listed(layer: DataLayer, user: Any, search: str, first: int = 20) -> dict[str, Any]:
    answer = await layer.list_threads(Pagination(first=first), ThreadFilter(userId=user.id, search=search))
    found: dict[str, Any] = answer.to_dict()  # type: ignore[no-untyped-call]
    return found


async def test_a_hit_has_title_snippet_and_time_of_its_message(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    message = await start_thread(layer, ann, output="Hello", createdAt="2026-02-01T00:00:00Z")
    await layer.update_thread(message["threadId"], name="Birds")
    hit = make_step(message["threadId"], output="😀 a **Pélican**", createdAt="2026-02-02T00:00:00Z")
    await layer.create_step(hit)
    await layer.create_step(make_step(message["threadId"], output="later", createdAt="2026-02-03T00:00:00Z"))
    (found,) = (await listed(layer, ann, "pelican"))["data"]
    assert found["id"] == message["threadId"]
    assert found["name"] == "Birds — 😀 a Pélican"
    assert found["createdAt"].startswith("2026-02-02T00:00:00")
    # JavaScript counts the emoji as two.
    shown = {"name": "Birds", "stepId": hit["id"], "snippet": "😀 a Pélican", "marks": [[5, 12]]}
    assert found["hit"] == shown | {"archived": False}


async def test_a_title_that_matches_is_not_said_twice_and_names_no_message(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    message = await start_thread(layer, ann, output="Hello")
    await layer.update_thread(message["threadId"], name="Birds  of prey")
    (found,) = (await listed(layer, ann, "prey"))["data"]
    assert (found["name"], found["hit"]["stepId"]) == ("Birds of prey", None)


async def test_a_conversation_without_a_name_shows_what_matches(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    await start_thread(layer, ann, output="a kestrel")
    (found,) = (await listed(layer, ann, "kestrel"))["data"]
    assert (found["name"], found["hit"]["name"]) == ("a kestrel", None)


async def test_more_than_a_page_and_what_was_not_understood_are_told(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    for _ in range(3):
        await start_thread(layer, ann, output="heron")
    found = await listed(layer, ann, "heron before:soon", first=2)
    assert (len(found["data"]), found["pageInfo"]["hasNextPage"]) == (2, True)
    assert found["problems"] == [{"part": "before:soon", "reason": "date"}]
    assert (await listed(layer, ann, "heron"))["pageInfo"]["hasNextPage"] is False


async def test_the_sidebar_keeps_plain_names(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    message = await start_thread(layer, ann, output="heron")
    await layer.update_thread(message["threadId"], name="Birds")
    for nothing in ("", "  "):
        (found,) = (await listed(layer, ann, nothing))["data"]
        assert found["name"] == "Birds"
        assert "hit" not in found


async def test_what_an_app_has_marked_is_not_found_until_the_mark_goes(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    message = await start_thread(layer, ann, output="/search heron", metadata={"unsearched": True})
    await layer.create_step(make_step(message["threadId"], output="a heron", metadata={"unsearched": False}))
    assert [each["hit"]["snippet"] for each in (await listed(layer, ann, "heron"))["data"]] == ["a heron"]
    assert (await listed(layer, ann, "search"))["data"] == []
    await layer.update_step({**message, "output": "my search", "metadata": {}})
    assert [each["hit"]["snippet"] for each in (await listed(layer, ann, "search"))["data"]] == ["my search"]
    await layer.update_step({**message, "output": "my search", "metadata": {"unsearched": True}})
    assert (await listed(layer, ann, "search"))["data"] == []
