"""Votes: one per step and user."""

import asyncio

import pytest
from chainlit.types import Feedback, Pagination, ThreadFilter

from datalayer import DataLayer, NotFound
from tests.conftest import chainlit_session, new_id, register, rows, start_thread, steps_of


class TestVote:
    async def test_a_vote_comes_back_with_its_message(self, layer: DataLayer) -> None:
        message = await start_thread(layer, await register(layer, "ann"))
        vote = Feedback(forId=message["id"], value=0, threadId=message["threadId"], comment="é 'quote'")
        key = await layer.upsert_feedback(vote)
        stored = (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"]
        assert stored == {"forId": message["id"], "id": key, "value": 0, "comment": "é 'quote'"}
        assert vote.id == key

    async def test_a_second_vote_replaces_the_first_and_duplicates_no_message(self, layer: DataLayer) -> None:
        message = await start_thread(layer, await register(layer, "ann"))
        first = await layer.upsert_feedback(Feedback(forId=message["id"], value=1, comment="good"))
        again = await layer.upsert_feedback(Feedback(forId=message["id"], value=0, id=first))
        stored = await steps_of(layer, message["threadId"])
        assert first == again
        assert list(stored) == [message["id"]]
        assert (stored[message["id"]]["feedback"]["value"], stored[message["id"]]["feedback"]["comment"]) == (0, None)

    async def test_20_votes_at_once_are_one(self, layer: DataLayer) -> None:
        message = await start_thread(layer, await register(layer, "ann"))
        votes = (layer.upsert_feedback(Feedback(forId=message["id"], value=1)) for _ in range(20))
        assert len(set(await asyncio.gather(*votes))) == 1
        assert rows(layer, "SELECT count(*) FROM feedbacks") == [(1,)]

    async def test_a_vote_by_the_user_and_one_by_the_application_for_the_author_are_the_same(
        self, layer: DataLayer
    ) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann)
        await layer.upsert_feedback(Feedback(forId=message["id"], value=1))
        with chainlit_session(ann, message["threadId"]):
            await layer.upsert_feedback(Feedback(forId=message["id"], value=0))
        assert rows(layer, "SELECT value FROM feedbacks") == [(0,)]

    async def test_a_vote_works_where_nobody_logs_in(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        for value in (1, 0):
            await layer.upsert_feedback(Feedback(forId=message["id"], value=value))
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"]["value"] == 0

    async def test_a_vote_for_a_missing_message_is_not_found(self, layer: DataLayer) -> None:
        with pytest.raises(NotFound):
            await layer.upsert_feedback(Feedback(forId=new_id(), value=1))

    async def test_a_withdrawn_vote_is_gone_and_the_message_is_not(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        key = await layer.upsert_feedback(Feedback(forId=message["id"], value=1))
        assert await layer.delete_feedback(key) is True
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"] is None
        assert await layer.delete_feedback(key) is False

    async def test_a_user_withdraws_the_own_vote(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann)
        with chainlit_session(ann, message["threadId"]):
            key = await layer.upsert_feedback(Feedback(forId=message["id"], value=1))
            assert await layer.delete_feedback(key) is True
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"] is None

    async def test_a_changed_message_keeps_its_vote(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        await layer.upsert_feedback(Feedback(forId=message["id"], value=1))
        stored = (await steps_of(layer, message["threadId"]))[message["id"]]
        await layer.update_step(stored | {"output": "new"})
        assert (await steps_of(layer, message["threadId"]))[message["id"]]["feedback"] == stored["feedback"]


class TestFilter:
    @pytest.mark.parametrize("value", [0, 1])
    async def test_the_list_filters_by_thumbs_down_and_up(self, layer: DataLayer, value: int) -> None:
        ann = await register(layer, "ann")
        voted = {}
        for vote in (0, 1):
            message = await start_thread(layer, ann)
            voted[vote] = message["threadId"]
            await layer.upsert_feedback(Feedback(forId=message["id"], value=vote))
        await start_thread(layer, ann)
        page = await layer.list_threads(Pagination(first=9), ThreadFilter(userId=ann.id, feedback=value))
        assert [thread["id"] for thread in page.data] == [voted[value]]
