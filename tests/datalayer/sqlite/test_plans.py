"""I9: what SQLite reads for a list, a history and a total: an index, and no other rows."""

from typing import Any

import chainlit as cl
import pytest
from chainlit.types import Feedback

from datalayer import DataLayer
from datalayer.records import Sort, Which, user_id
from datalayer.schema import metadata
from datalayer.sql import lists
from tests.conftest import register, rows, start_thread
from tests.contract.test_context_queries import talk
from tests.contract.test_lists import page
from tests.contract.test_parts import part_of, store, turns
from tests.contract.test_passages import BIRDS, attach
from tests.contract.test_usage import NOON, call
from tests.statements import queries


class TestPlans:
    @pytest.mark.parametrize("cursor", [None, "1767225600000000.x"])
    async def test_the_list_walks_its_index_and_sorts_nothing(self, layer: DataLayer, cursor: str | None) -> None:
        ann = await register(layer, "ann")
        with queries(layer) as seen:
            await page(layer, ann, cursor=cursor)
        ((statement, parameters),) = seen
        plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
        assert "threads_as_listed" in plan
        assert "TEMP B-TREE" not in plan

    @pytest.mark.parametrize("cursor", [None, "1767225600000000.x", "p1767225600000000.x"])
    @pytest.mark.parametrize(
        ("sort", "which", "index"),
        [
            ("pinned", Which(), "threads_as_listed (user_id=? AND trashed_at=? AND archived=?"),
            ("pinned", Which(archived=True), "threads_as_listed (user_id=? AND trashed_at=? AND archived=?"),
            ("activity", Which(), "threads_by_activity (user_id=?"),
            ("activity", Which(archived=None), "threads_by_activity (user_id=?"),
            ("created", Which(), "threads_by_creation (user_id=?"),
            ("created", Which(folder="Work", model="m", has_file=True), "threads_by_creation (user_id=?"),
            ("created", Which(since=1, until=9), "threads_by_creation (user_id=?"),
            ("pinned", Which(since=1, until=9), "threads_as_listed (user_id=? AND trashed_at=? AND archived=?"),
        ],
    )
    async def test_so_do_other_orders(
        self, layer: DataLayer, sort: Sort, which: Which, index: str, cursor: str | None
    ) -> None:
        ann = await register(layer, "ann")
        with queries(layer) as seen:
            cursor = cursor.lstrip("p") if cursor and sort != "pinned" else cursor
            await layer.store.threads(ann.id, cursor=cursor, which=which, sort=sort)
        ((statement, parameters),) = seen
        plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
        assert index in plan
        assert "TEMP B-TREE" not in plan

    async def test_the_trash_and_what_is_old_in_it_are_found_in_indexes(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        with queries(layer) as seen:
            await layer.store.trash(ann.id)
            await layer.store._ask(lists.expired, 1, 9)
        mine, old = (
            " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
            for statement, parameters in seen
        )
        assert "threads_as_listed (user_id=? AND trashed_at>?" in mine
        assert "threads_in_trash (trashed_at>?" in old

    async def test_facets_read_what_is_counted_and_of_the_rest_an_index(self, layer: DataLayer) -> None:
        message = await start_thread(layer, ann := await register(layer, "ann"))
        with queries(layer) as seen:
            await layer.store.facets(ann.id)
        plans = [rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters) for statement, parameters in seen]
        counted, stale, votes, files, threads = (" ".join(row[3] for row in plan) for plan in plans)
        assert "sqlite_autoindex_facet_counts_1 (user_id=?)" in counted
        assert "thread_facets_stale (stale=? AND user_id=?)" in stale
        assert "steps_by_thread (thread_id=?)" in votes
        assert "(step_id=?" in votes
        assert "elements_by_thread (thread_id=?)" in files
        assert "sqlite_autoindex_threads_1 (id=?)" in threads
        await layer.store._counting.count()
        with queries(layer) as seen:
            assert (await layer.store.facets(ann.id)).threads == 1
        assert len(seen) == 2
        assert message

    async def test_what_is_counted_anew_is_found_in_an_index(self, layer: DataLayer) -> None:
        await start_thread(layer, await register(layer, "ann"))
        with queries(layer, "write") as seen:
            await layer.store._counting.count()
        with queries(layer) as asked:
            await layer.store._counting.count()
        scanned = set()
        for statement, parameters in [*seen, *asked]:
            some = parameters[0] if isinstance(parameters, list) else parameters
            plan = rows(layer, "EXPLAIN QUERY PLAN " + statement, *some)
            scanned |= {row[3].split()[1] for row in plan if row[3].startswith("SCAN")}
        assert len(seen) > 5
        assert scanned & metadata.tables.keys() == set()

    async def test_the_list_of_those_with_a_vote_reads_the_votes(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        with queries(layer) as seen:
            await page(layer, ann, feedback=1)
        ((statement, parameters),) = seen
        plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
        assert "COVERING INDEX feedbacks_by_user (user_id=? AND value=?)" in plan
        assert "SCAN" not in plan

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

    async def test_a_part_walks_its_index_from_where_it_begins_and_sorts_no_steps(self, layer: DataLayer) -> None:
        stored = await store(layer, turns("t", 9))
        view = (await part_of(layer, "t", at=stored[0])).view
        with queries(layer) as seen:
            await part_of(layer, "t", view, at=stored[9], more="later", back_to=stored[-1])
        plans = [
            [row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters)]
            for statement, parameters in seen
        ]
        walks = [row for plan in plans for row in plan if "steps_by_thread" in row]
        assert len(walks) > 5
        assert all("(thread_id=? AND created_at" in row for row in walks)
        assert not any("SCAN" in row and "VIRTUAL" not in row for plan in plans for row in plan)
        of_elements = [plan for plan in plans if any("elements" in row for row in plan)]
        assert [plan for plan in plans if "TEMP B-TREE" in " ".join(plan)] == of_elements

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

    @pytest.mark.parametrize(
        "question", ["good", "go", "good from:me after:2020", '"good morning" -bad', "in:name good"]
    )
    async def test_a_search_walks_its_index_newest_first(self, layer: DataLayer, question: str) -> None:
        ann = await register(layer, "ann")
        message = await start_thread(layer, ann)
        await layer.update_thread(message["threadId"], name="name")
        with queries(layer) as seen:
            assert (await layer.store.search(ann.id, question)).hits or "from" in question
        plans = [rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters) for statement, parameters in seen]
        scanned = {row[3] for plan in plans for row in plan if row[3].startswith("SCAN")}
        assert {line.split()[1] for line in scanned} & metadata.tables.keys() == set()
        walked = [" ".join(row[3] for row in plan) for plan in plans if any("search_index" in row[3] for row in plan)]
        assert walked
        assert "TEMP B-TREE" not in " ".join(walked)

    async def test_a_write_looks_up_what_it_names_and_scans_no_table(self, layer: DataLayer) -> None:
        message = await start_thread(layer)
        thread_id, file = message["threadId"], cl.Text(thread_id=message["threadId"], for_id=message["id"], content="x")
        with queries(layer, "write") as seen:
            await layer.update_step(message | {"output": "new"})
            await layer.create_element(file)
            await layer.delete_element(file.id, thread_id)
            await layer.delete_feedback(await layer.upsert_feedback(Feedback(forId=message["id"], value=1)))
            await layer.delete_step(message["id"])
            await layer.delete_thread(thread_id)
        scanned = set()
        for statement, parameters in seen:
            some = parameters[0] if isinstance(parameters, list) else parameters
            plan = rows(layer, "EXPLAIN QUERY PLAN " + statement, *some)
            scanned |= {row[3].split()[1] for row in plan if row[3].startswith("SCAN")}
        assert scanned & metadata.tables.keys() == set()
        assert scanned  # the lists of ids are: plans were read

    async def test_passages_are_found_by_the_keys_of_the_threads_own_files(self, layer: DataLayer) -> None:
        message = await start_thread(layer, ann := await register(layer, "ann"))
        await attach(layer, message["threadId"], *BIRDS)
        await layer.drain()
        with queries(layer) as seen:
            await layer.store.find_passages(message["threadId"], "herons and owls")
            await layer.store.find_in_files(ann.id, "herons and owls")
            await layer.store.read_passages(message["threadId"], "nothing")
        plans = [
            " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
            for statement, parameters in seen
        ]
        files, lengths, words, texts, mine, *_ = plans
        assert "sqlite_autoindex_threads_1 (id=?)" in files
        assert "elements_by_thread (thread_id=?)" in files
        assert "file_texts_by_content (sha256=? AND state=?)" in files
        assert "SEARCH file_texts USING INTEGER PRIMARY KEY (rowid=?)" in lengths
        assert "SEARCH passage_words USING INTEGER PRIMARY KEY (rowid=?)" in words
        assert "SEARCH passages USING INTEGER PRIMARY KEY (rowid=?)" in texts
        assert "(user_id=?" in mine
        for table in ("elements", "blobs", "file_texts", "steps", "passages", "passage_words"):
            assert not any(f"SCAN {table}" in plan for plan in plans)

    async def test_what_is_to_be_removed_of_files_is_found_in_an_index(self, layer: DataLayer) -> None:
        message = await start_thread(layer, await register(layer, "ann"))
        element = await attach(layer, message["threadId"], *BIRDS)
        await layer.drain()
        with queries(layer) as read, queries(layer, "write") as written:
            await layer.delete_element(element)
            await layer.drain()
        asked = [each for each in (*read, *written) if "file_texts" in each[0] or "passage" in each[0]]
        assert any(statement.startswith("DELETE FROM passage_words") for statement, _ in asked)
        for statement, parameters in asked:
            plan = " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
            assert "SCAN" not in plan or "file_texts_unkept" in plan

    async def test_the_files_of_a_person_are_found_from_their_threads_and_no_equal_ones_of_others(
        self, layer: DataLayer
    ) -> None:
        message = await start_thread(layer, ann := await register(layer, "ann"))
        element = await attach(layer, message["threadId"], *BIRDS)
        await layer.drain()
        with queries(layer) as seen:
            await layer.store.own_files(ann.id)
            await layer.store.own_files_tally(ann.id)
            await layer.store.own_passages(ann.id, element)
        plans = [
            " ".join(row[3] for row in rows(layer, "EXPLAIN QUERY PLAN " + statement, *parameters))
            for statement, parameters in seen
        ]
        mine, texts, tally, named, number, passages = plans
        for plan in (mine, tally):
            assert "threads_as_listed (user_id=? AND trashed_at=?)" in plan
            assert "elements_by_thread (thread_id=?)" in plan
            assert "elements_by_blob" not in plan
        assert "sqlite_autoindex_elements_1 (id=?)" in named
        assert "sqlite_autoindex_threads_1 (id=?)" in named
        for plan in (texts, number):
            assert "file_texts_by_content (sha256=? AND state=?)" in plan
        assert "SEARCH passages USING INTEGER PRIMARY KEY" in passages
        tables = ("threads", "elements", "blobs", "steps", "file_texts", "passages")
        assert not [plan for plan in plans for table in tables if f"SCAN {table}" in plan]
