"""I4, I6, I9: folders, tags, what is pinned, archived or done: written by key, listed page by page, found by search."""

import asyncio
from typing import Any

import pytest
from chainlit.types import Pagination, ThreadFilter

from datalayer import DataLayer, Forbidden, InvalidInput, NotFound, text
from datalayer.lines import from_json, to_json
from datalayer.records import LISTED, Sort, Thread, Which, now
from datalayer.writes import UpdateThread
from tests.conftest import chainlit_session, make_step, new_id, register, rows, start_threads
from tests.statements import queries


async def put(layer: DataLayer, thread_id: str, actor: Any = "ann", **values: Any) -> None:
    await layer.store.submit(UpdateThread(actor=actor, thread_id=thread_id, at=now(), stored_only=True, **values))


async def get(layer: DataLayer, thread_id: str) -> Thread:
    found = await layer.store.thread(thread_id)
    assert found is not None
    return found


async def fill(layer: DataLayer, user: Any, count: int) -> list[str]:
    """``count`` threads, a minute apart; their ids, latest activity first."""
    made = await start_threads(layer, user, *({"createdAt": f"2026-01-01T00:{n:02}:00Z"} for n in range(count)))
    return [message["threadId"] for message in reversed(made)]


async def listed(
    layer: DataLayer,
    user: Any,
    first: int = 200,
    which: Which = LISTED,
    sort: Sort = "pinned",
) -> list[str]:
    """All of them, page by page."""
    found, cursor = [], None
    while True:
        page = await layer.store.threads(user.id, first, cursor, which=which, sort=sort)
        found += [thread.id for thread in page.threads]
        if (cursor := page.next) is None:
            return found


class TestWrites:
    async def test_each_key_is_set_by_itself(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        (key,) = await fill(layer, ann, 1)
        assert await get(layer, key) == Thread(**_of(await get(layer, key)), folder=None)
        for name, value in {
            "folder": "Work",
            "pinned": True,
            "archived": True,
            "status": "done",
            "kind": "imported",
        }.items():
            before = await get(layer, key)
            await put(layer, key, **{name: value})
            after = await get(layer, key)
            assert getattr(after, name) == value
            changed = {each for each in Thread.__match_args__ if getattr(before, each) != getattr(after, each)}
            assert changed == {name}
        await put(layer, key, folder="", pinned=False, archived=False, status="open")
        after = await get(layer, key)
        assert (after.folder, after.pinned, after.archived, after.status) == (None, False, False, "open")

    async def test_applied_twice_and_out_of_a_spool_it_is_the_same(self, layer: DataLayer) -> None:
        (key,) = await fill(layer, await register(layer, "ann"), 1)
        write = UpdateThread(
            actor="ann", thread_id=key, at=now(), tags_added=["a", "b"], tags_removed=["c"], folder="A//b ", pinned=True
        )
        for _ in range(2):
            await layer.store.submit(from_json(to_json(write)))
        found = await get(layer, key)
        assert (found.tags, found.folder, found.pinned) == (["a", "b"], "A/b", True)

    async def test_tags_that_two_tabs_add_are_all_there(self, layer: DataLayer) -> None:
        (key,) = await fill(layer, await register(layer, "ann"), 1)
        await asyncio.gather(*(put(layer, key, tags_added=[f"t{n}"]) for n in range(20)))
        await asyncio.gather(*(put(layer, key, tags_removed=[f"t{n}"]) for n in range(10)))
        assert (await get(layer, key)).tags == [f"t{n}" for n in range(10, 20)]

    async def test_what_chainlit_gives_as_tags_takes_the_place_of_all(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        (key,) = await fill(layer, ann, 1)
        await put(layer, key, tags_added=["a"], pinned=True, folder="Work")
        await layer.update_thread(key, tags=["b", {"odd": 1}, "c" * 300, "b"], metadata={"m": 1})  # type: ignore[list-item]
        found = await get(layer, key)
        assert found.tags == ["b", {"odd": 1}, "c" * 300, "b"]
        assert (found.pinned, found.folder) == (True, "Work")
        assert (await layer.store.facets(ann.id)).tags == {"b": 1}
        await put(layer, key, tags_removed=["b"])
        assert (await get(layer, key)).tags == [{"odd": 1}, "c" * 300]

    async def test_nobody_moves_what_is_anothers(self, layer: DataLayer) -> None:
        (key,) = await fill(layer, await register(layer, "ann"), 1)
        await register(layer, "bob")
        before = await get(layer, key)
        for values in (
            {"pinned": True},
            {"archived": True},
            {"folder": "X"},
            {"tags_added": ["x"]},
            {"status": "done"},
        ):
            with pytest.raises(Forbidden):
                await put(layer, key, "bob", **values)
        assert await get(layer, key) == before

    async def test_what_is_not_there_is_not_made_and_what_was_deleted_stays_so(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        with pytest.raises(NotFound):
            await put(layer, new_id(), pinned=True)
        (key,) = await fill(layer, ann, 1)
        await put(layer, key, tags_added=["a"], folder="Work")
        await layer.delete_thread(key)
        await put(layer, key, pinned=True, tags_added=["b"])
        assert rows(layer, "SELECT * FROM threads") == rows(layer, "SELECT * FROM thread_tags") == []
        assert await layer.store.facets(ann.id) == await layer.store.facets("nobody")

    @pytest.mark.parametrize(
        "values",
        [
            {"folder": "a\x00b"},
            {"folder": "\ud800"},
            {"folder": "a/../b"},
            {"folder": "."},
            {"folder": "a/\u200b"},
            {"tags_added": ["\u3164\ufe0f"]},
            {"folder": "x" * 256},
        ]
        + [{"folder": "a/" * 11}, {"folder": "x" * 6_000}, {"status": "half"}, {"kind": "k" * 17}]
        + [{"tags_added": [bad]} for bad in ("", "  ", "x" * 101, "\x00", "\ud800")]
        + [{"tags_added": [str(n) for n in range(1_001)]}],
    )
    async def test_what_cannot_be_is_refused_and_changes_nothing(self, layer: DataLayer, values: Any) -> None:
        (key,) = await fill(layer, await register(layer, "ann"), 1)
        before = await get(layer, key)
        with pytest.raises(InvalidInput):
            await put(layer, key, **{"pinned": True, **values})
        assert await get(layer, key) == before

    async def test_ten_thousand_tags_of_an_app_are_kept(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        (key,) = await fill(layer, ann, 1)
        await layer.update_thread(key, tags=[f"t{n}" for n in range(10_000)])
        assert len((await get(layer, key)).tags or ()) == 10_000
        assert len((await layer.store.facets(ann.id)).tags) == 1_000
        assert await listed(layer, ann, which=Which(tag="t9999")) == [key]

    async def test_a_thread_of_a_channel_says_so(self, layer: DataLayer) -> None:
        key = new_id()
        with chainlit_session(thread_id=key):
            await layer.update_thread(key, name="web")
        assert (await get(layer, key)).kind == "chat"


def _of(thread: Thread) -> dict[str, Any]:
    names = ("id", "user_id", "user_identifier", "name", "metadata", "tags", "created_at", "last_activity_at")
    return {name: getattr(thread, name) for name in names}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("Work/Client A", "Work/Client A"),
        (" Work / Client\tA // ", "Work/Client A"),
        ("/", ""),
        ("", ""),
        (" \n/ / ", ""),
        ("..a/b.", "..a/b."),
        ("Cafe\u0301", "Café"),
        ("مجلد/עבודה/仕事", "مجلد/עבודה/仕事"),
        ("x" * 255, "x" * 255),
        ("a/" * 10, "/".join("a" * 10)),
    ],
)
def test_the_path_of_a_folder_is_the_same_however_it_is_typed(path: str, kept: str) -> None:
    assert text.folder(path) == kept
    assert text.folder(kept) == kept


class TestLists:
    async def test_pinned_ones_come_first_and_each_once_whatever_the_size_of_a_page(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        keys = await fill(layer, ann, 9)
        for key in (keys[2], keys[5], keys[8]):
            await put(layer, key, pinned=True)
        await put(layer, keys[4], archived=True)
        wanted = [keys[n] for n in (2, 5, 8, 0, 1, 3, 6, 7)]
        for first in (1, 2, 3, 5, 8, 200):
            assert await listed(layer, ann, first) == wanted
        by_activity = [key for key in keys if key != keys[4]]
        for first in (1, 3, 200):
            assert await listed(layer, ann, first, sort="activity") == by_activity
            assert await listed(layer, ann, first, Which(archived=None), "created") == keys[::1]
        await put(layer, keys[2], pinned=False)
        assert await listed(layer, ann, 2) == [keys[n] for n in (5, 8, 0, 1, 2, 3, 6, 7)]

    async def test_chainlits_sidebar_has_them_first_and_no_archived_ones(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        keys = await fill(layer, ann, 4)
        await put(layer, keys[3], pinned=True)
        await put(layer, keys[1], archived=True)
        found, cursor = [], None
        for _ in range(3):
            page = await layer.list_threads(Pagination(first=1, cursor=cursor), ThreadFilter(userId=ann.id))
            found += [(thread["id"], thread.get("pinned")) for thread in page.data]
            cursor = page.pageInfo.endCursor
        assert found == [(keys[3], True), (keys[0], None), (keys[2], None)]
        assert cursor is None

    async def test_each_filter_finds_its_own(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        a, b, c, d = await fill(layer, ann, 4)
        await put(layer, a, folder="Work", tags_added=["x"])
        await put(layer, b, folder="Work/Client A", status="done", tags_added=["x", "y"])
        await put(layer, c, folder="Workshop", kind="imported", pinned=True)
        await put(layer, d, archived=True, folder="Work", tags_added=["x"])
        for which, wanted in (
            (Which(folder="Work"), [a, b]),
            (Which(folder=" Work/ Client A/"), [b]),
            (Which(folder="work"), []),
            (Which(folder="Work", archived=None), [a, b, d]),
            (Which(folder="Work", archived=True), [d]),
            (Which(folder=""), []),
            (Which(tag="x"), [a, b]),
            (Which(tag="x", folder="Work/Client A"), [b]),
            (Which(tag="X"), []),
            (Which(status="done"), [b]),
            (Which(status="open"), [c, a]),
            (Which(kind="imported"), [c]),
            (Which(pinned=True), [c]),
            (Which(pinned=False), [a, b]),
        ):
            assert (which, await listed(layer, ann, 1, which)) == (which, wanted)

    @pytest.mark.parametrize(
        "bad", [{"sort": "size"}, {"which": Which(folder="..")}, {"cursor": "p"}, {"cursor": "px.y"}]
    )
    async def test_what_cannot_be_is_refused(self, layer: DataLayer, bad: Any) -> None:
        with pytest.raises(InvalidInput):
            await layer.store.threads("ann", **bad)

    async def test_a_cursor_of_another_order_is_refused(self, layer: DataLayer) -> None:
        with pytest.raises(InvalidInput):
            await layer.store.threads("ann", cursor="p1.x", sort="activity")

    async def test_the_number_of_statements_is_the_same_at_any_size(self, layer: DataLayer) -> None:
        ann, counts = await register(layer, "ann"), []
        for more in (2, 60):
            keys = await fill(layer, ann, more % 60 or 59)
            await asyncio.gather(*(put(layer, key, folder=f"f{more}", tags_added=["t"]) for key in keys))
            with queries(layer) as seen:
                await layer.store.threads(ann.id, which=Which(folder="f2", tag="t"), sort="activity")
                await layer.store.facets(ann.id)
            counts.append(len(seen))
        # Of facets one for what is counted, and at most four for what is not yet.
        assert counts[0] == counts[1] <= 6


class TestFacets:
    async def test_they_count_what_is_listed(self, layer: DataLayer) -> None:
        ann, bob = await register(layer, "ann"), await register(layer, "bob")
        a, b, c = await fill(layer, ann, 3)
        (other,) = await fill(layer, bob, 1)
        await put(layer, a, folder="Work", tags_added=["x", "y"])
        await put(layer, b, folder="Work/A", tags_added=["x"])
        await put(layer, c, folder="Work", tags_added=["x"], archived=True)
        await put(layer, other, "bob", folder="Work", tags_added=["z"])
        found = await layer.store.facets(ann.id)
        assert (found.folders, list(found.tags.items())) == ({"Work": 1, "Work/A": 1}, [("x", 2), ("y", 1)])
        found = await layer.store.facets(ann.id, archived=True)
        assert (found.folders, found.tags) == ({"Work": 1}, {"x": 1})
        found = await layer.store.facets(ann.id, archived=None)
        assert (found.folders, found.tags) == ({"Work": 2, "Work/A": 1}, {"x": 3, "y": 1})
        await put(layer, c, archived=False)
        await put(layer, a, tags_removed=["x"], folder="")
        found = await layer.store.facets(ann.id)
        assert (found.folders, found.tags) == ({"Work": 1, "Work/A": 1}, {"x": 2, "y": 1})

    async def test_the_tags_of_what_had_no_author_are_the_authors(self, layer: DataLayer) -> None:
        ann, key = await register(layer, "ann"), new_id()
        await layer.update_thread(key, tags=["mine"])
        assert rows(layer, "SELECT * FROM thread_tags") == []
        await layer.update_thread(key, user_id=ann.id)
        assert (await layer.store.facets(ann.id)).tags == {"mine": 1}


class TestSearch:
    async def test_in_finds_folders_and_is_finds_states(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        a, b, c = await fill(layer, ann, 3)
        await put(layer, a, name="Kites", folder="Work/Client A", pinned=True)
        await put(layer, b, name="Boats", archived=True)
        await put(layer, c, name="Trains", status="done", tags_added=["rail"])
        for question, wanted in (
            ("in:client good", [a]),
            ("dans:work good", [a]),
            ("client", [a]),
            ("is:pinned good", [a]),
            ("est:archivée good", [b]),
            ("is:done tag:rail good", [c]),
            ("is:done is:pinned good", []),
        ):
            found = await layer.store.found_threads(ann.id, question)
            assert (question, [thread.id for thread in found.threads], found.problems) == (question, wanted, ())
        await put(layer, a, folder="", pinned=False)
        for question in ("in:client good", "client", "is:pinned good"):
            assert (await layer.store.found_threads(ann.id, question)).threads == []

    async def test_what_is_archived_is_found_and_said_to_be(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        a, b = await fill(layer, ann, 2)
        await put(layer, a, archived=True, name="Kites")
        assert [(hit.thread_id, hit.archived) for hit in (await layer.store.search(ann.id, "good")).hits] == [
            (a, True),
            (b, False),
        ]
        assert [hit.archived for hit in (await layer.store.search(ann.id, "kites")).hits] == [True]
        page = await layer.list_threads(Pagination(first=9), ThreadFilter(userId=ann.id, search="good"))
        assert [thread["hit"]["archived"] for thread in page.data] == [True, False]  # type: ignore[typeddict-item]

    async def test_what_no_conversation_can_be_is_told(self, layer: DataLayer) -> None:
        ann = await register(layer, "ann")
        (problem,) = (await layer.store.search(ann.id, "good is:blue")).problems
        assert (problem.part, problem.reason) == ("is:blue", "state")


async def test_a_new_message_moves_nothing(layer: DataLayer) -> None:
    (key,) = await fill(layer, await register(layer, "ann"), 1)
    await put(layer, key, archived=True, folder="Work", status="done")
    before = await get(layer, key)
    await layer.create_step(make_step(key))
    after = await get(layer, key)
    assert (after.archived, after.folder, after.status) == (before.archived, before.folder, before.status)


async def test_rows_of_tags_go_with_their_thread_by_the_databases_own_hand(layer: DataLayer) -> None:
    ann = await register(layer, "ann")
    (key,) = await fill(layer, ann, 1)
    await put(layer, key, tags_added=["a"])
    assert len(rows(layer, "SELECT * FROM thread_tags")) == 1
    await layer.delete_thread(key)
    assert rows(layer, "SELECT * FROM thread_tags") == []
