"""I9: what SQLite reads for a list, a history and a total: an index, and no other rows."""

from typing import Any

import pytest

from datalayer import DataLayer
from datalayer.records import user_id
from tests.conftest import register, rows
from tests.contract.test_context_queries import talk
from tests.contract.test_lists import page, queries
from tests.contract.test_usage import NOON, call


class TestPlans:
    @pytest.mark.parametrize("cursor", [None, "1767225600000000.x"])
    async def test_the_list_walks_its_index_and_sorts_nothing(self, layer: DataLayer, cursor: str | None) -> None:
        ann = await register(layer, "ann")
        with queries(layer) as seen:
            await page(layer, ann, cursor=cursor)
        ((statement, parameters),) = seen
        plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
        assert "threads_by_activity" in plan
        assert "TEMP B-TREE" not in plan

    @pytest.mark.parametrize("which", [{}, {"limit": 3}, {"after": (0, "x")}, {"limit": 3, "after": (0, "x")}])
    async def test_a_history_walks_its_index_and_sorts_nothing(self, layer: DataLayer, which: dict[str, Any]) -> None:
        await talk(layer, "t", 2)
        with queries(layer) as seen:
            await layer.store.thread_messages("t", **which)
        ((statement, parameters),) = seen
        plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
        assert ("(thread_id=? AND created_at>?)" if "after" in which else "(thread_id=?)") in plan
        assert "steps_by_thread" in plan
        assert "TEMP B-TREE" not in plan

    @pytest.mark.parametrize("which", [{}, {"since": NOON}, {"thread_id": "t"}, {"thread_id": "t", "since": NOON}])
    async def test_totals_read_an_index_and_no_other_rows(self, layer: DataLayer, which: dict[str, Any]) -> None:
        await layer.store.submit(call())
        with queries(layer) as seen:
            await layer.store.usage_by_model(user_id("ann"), **which)
        ((statement, parameters),) = seen
        plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
        assert ("usage_by_thread (thread_id=? AND user_id=?" if "thread_id" in which else "usage_by_user") in plan
        assert ("started_at>?" in plan) == ("since" in which)

    async def test_days_read_an_index(self, layer: DataLayer) -> None:
        await layer.store.submit(call())
        with queries(layer) as seen:
            await layer.store.usage_by_day(user_id("ann"), NOON)
        ((statement, parameters),) = seen
        plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
        assert "usage_by_user (user_id=? AND started_at>?)" in plan
