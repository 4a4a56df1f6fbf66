"""What is done to many conversations at once, taken back, and refused."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import chainlit as cl
import pytest
from chainlit.auth import create_jwt
from chainlit.user import User

from datalayer import DataLayer, backup
from datalayer.records import now
from datalayer.writes import UpdateThread
from tests.conftest import OpenLayer, make_step, new_id, register
from tests.library.conftest import Browser, OpenBrowser, links, thread


@pytest.fixture
async def three(mounted: DataLayer, ann: Any, browser: Browser) -> list[str]:
    """Three conversations of Ann's, of which the second is in a folder, tagged, pinned, archived and done."""
    ids = [await thread(mounted, ann, name) for name in ("one", "two", "three")]
    where: Any = {"folder": "Old/Place", "tags": ["kept"], "pinned": True, "archived": True, "status": "done"}
    await mounted.store.submit(UpdateThread(actor="ann", thread_id=ids[1], at=now(), **where))
    await browser.visit()
    return ids


async def stored(layer: DataLayer, ids: list[str]) -> list[Any]:
    found = [await layer.store.thread(each) for each in ids]
    return [each and (each.folder, each.tags or [], each.pinned, each.archived, each.status) for each in found]


@pytest.mark.parametrize(
    ("what", "fields", "index", "value"),
    [
        ("move", {"folder": " New // Place "}, 0, "New/Place"),
        ("move", {"folder": ""}, 0, None),
        ("tag", {"tags": "kept, new;新，タグ"}, 1, {"kept", "new", "新", "タグ"}),
        ("untag", {"tags": "kept"}, 1, set()),
        ("pin", {}, 2, True),
        ("unpin", {}, 2, False),
        ("archive", {}, 3, True),
        ("unarchive", {}, 3, False),
        ("done", {}, 4, "done"),
        ("reopen", {}, 4, "open"),
    ],
)
async def test_each_change_is_made_told_and_taken_back(
    mounted: DataLayer,
    browser: Browser,
    three: list[str],
    what: str,
    fields: dict[str, str],
    index: int,
    value: Any,
) -> None:
    before = await stored(mounted, three)
    assert (await browser.do(what, *three, **fields)).status_code == 200
    changed = [each[index] for each in await stored(mounted, three)]
    assert [set(each) if isinstance(each, list) else each for each in changed] == [value] * 3
    assert browser.notice.startswith("3 conversations ")
    assert (await browser.undo()).status_code == 200
    assert browser.notice.startswith("Undone: ")
    assert await stored(mounted, three) == before


async def test_who_presses_enter_in_a_field_means_it(mounted: DataLayer, browser: Browser, three: list[str]) -> None:
    await browser.do("", three[0], folder="Here", tags="")
    assert browser.notice == "1 conversation is in “Here”."
    await browser.do("", three[0], folder="", tags="new")
    assert browser.notice == "1 conversation has: new."


class TestMerge:
    async def test_several_become_one_beside_the_list_and_come_back(
        self, mounted: DataLayer, ann: Any, browser: Browser, three: list[str]
    ) -> None:
        before = await stored(mounted, three)
        for _ in range(2):  # what was taken back can be done again
            await browser.do("merge", three[0], three[2])
            assert browser.notice == "2 conversations are one now; they are in the archive."
            assert browser.names == ["one + three"]
            assert browser.text.count("<p>Good morning</p>") == 2
            await browser.undo()
            assert browser.notice == "Undone: 2 conversations are as they were."
            assert set(browser.names) == {"one", "three"}
            assert await stored(mounted, three) == before

    async def test_a_form_that_is_sent_twice_merges_once(
        self, mounted: DataLayer, browser: Browser, three: list[str]
    ) -> None:
        await browser.do("merge", three[0], three[2])
        await browser.do("merge", three[0], three[2])
        assert browser.names == ["one + three"]

    async def test_what_cannot_be(
        self, mounted: DataLayer, browser: Browser, open_browser: OpenBrowser, three: list[str]
    ) -> None:
        before = await stored(mounted, three)
        theirs = await thread(mounted, await register(mounted, "bob"), "Bob's")
        for ids, said in (
            ([three[0]], "It takes two"),
            ([three[0], three[0]], "It takes two"),
            ([three[0], theirs], "One of these conversations does not exist"),
            ([three[0], "no such"], "One of these conversations does not exist"),
            ([three[0], *(f"{n:036}" for n in range(200))], "At most 100 conversations"),
        ):
            assert (await browser.do("merge", *ids)).status_code == 422
            assert browser.notice.startswith(said)
        undo = json.dumps([["unmerge", [], [theirs, three[0], "no such"]]])
        await browser.do("", path="/undo", undo=undo)
        assert browser.notice.startswith("3 merged conversations are not there any more: they were taken apart already")
        assert await stored(mounted, three) == before

    async def test_what_is_left_out_is_told_and_so_is_what_is_taken_apart_already(
        self, mounted: DataLayer, ann: Any, browser: Browser, three: list[str]
    ) -> None:
        await mounted.update_thread(empty := new_id(), name="empty", user_id=ann.id)
        await browser.do("merge", three[0], three[2], empty)
        told = "1 in which nothing was said is left out, and stays as it is."
        assert browser.notice == f"2 conversations are one now; they are in the archive. {told}"
        merged = browser.text
        await browser.undo()
        browser.text = merged
        await browser.undo()
        assert browser.notice.startswith("1 merged conversation is not there any more: it was taken apart already")


class TestMeanwhile:
    """What another tab does between a change and its Undo stays."""

    async def test_a_folder_given_since(self, mounted: DataLayer, browser: Browser, three: list[str]) -> None:
        await browser.do("move", *three, folder="Here")
        first = browser.text
        await browser.do("move", three[0], folder="Elsewhere")
        browser.text = first
        await browser.undo()
        told = "Undone: 2 conversations are as they were. 1 has been changed since, and stays as it is."
        assert browser.notice == told
        assert [each[0] for each in await stored(mounted, three)] == ["Elsewhere", "Old/Place", None]
        browser.text = first
        await browser.undo()
        assert browser.notice == "2 were so already. 1 has been changed since, and stays as it is."

    async def test_what_is_so_already(self, mounted: DataLayer, browser: Browser, three: list[str]) -> None:
        await browser.do("trash", *three)
        first = browser.text
        await browser.undo()
        browser.text = first
        await browser.undo()
        assert browser.notice == "3 were so already."
        await browser.do("purge", *three, sure="yes")
        assert browser.notice == "3 are not in the trash, and stay."

    async def test_all_is_checked_before_the_first_is_changed(
        self, mounted: DataLayer, browser: Browser, three: list[str]
    ) -> None:
        """The second part of the Undo finds a conversation that is full by now."""
        await browser.do("tag", three[0], tags="other")
        await browser.do("untag", *three, tags="other,kept")
        first = browser.text
        assert len(json.loads(browser.hidden("undo"))) == 2
        full = [f"t{n}" for n in range(100)]
        write = UpdateThread(actor="ann", thread_id=three[1], at=now(), stored_only=True, tags_added=full)
        await mounted.store.submit(write)
        before = await stored(mounted, three)
        browser.text = first
        assert (await browser.undo()).status_code == 422
        assert browser.notice.endswith("Nothing was changed.")
        assert await stored(mounted, three) == before


class TestNames:
    async def test_a_tag_is_spelled_as_it_is_already(
        self, mounted: DataLayer, browser: Browser, three: list[str]
    ) -> None:
        await browser.do("tag", *three, tags="Kept, KEPT, Été, ete")
        assert [each[1] for each in await stored(mounted, three)] == [["Kept", "Été"], ["kept", "Été"], ["Kept", "Été"]]
        await browser.undo()
        assert [each[1] for each in await stored(mounted, three)] == [[], ["kept"], []]
        await browser.do("untag", *three, tags="KEPT")
        assert [each[1] for each in await stored(mounted, three)] == [[], [], []]
        await browser.undo()
        assert [each[1] for each in await stored(mounted, three)] == [[], ["kept"], []]

    async def test_names_in_a_notice_are_apart_and_only_some(self, browser: Browser, three: list[str]) -> None:
        await browser.do("move", *three, folder="a\u202e<b>")
        assert "are in “<bdi>a\u202e&lt;b&gt;</bdi>”." in browser.text
        await browser.do("tag", *three, tags=",".join(f"t{n}" for n in range(90)))
        assert browser.notice == "3 conversations have: t0, t1, t2, t3, t4…."


class TestTrash:
    async def test_restored_and_deleted_for_good(self, mounted: DataLayer, browser: Browser, three: list[str]) -> None:
        before = await stored(mounted, three)
        await browser.do("trash", *three)
        assert browser.notice == "3 conversations are in the trash."
        assert browser.names == []
        await browser.undo()
        assert await stored(mounted, three) == before
        await browser.do("trash", *three)
        await browser.visit("?show=trash")
        assert set(browser.names) == {"one", "two", "three"}
        await browser.do("restore", three[0], path="/threads?show=trash")
        assert set(browser.names) == {"two", "three"}
        await browser.do("purge", three[1], path="/threads?show=trash")
        assert "1 conversation with all its files will be gone" in browser.text
        assert "backup" not in browser.text
        await asyncio.to_thread(backup.make, mounted.store.place)
        await browser.do("purge", three[1], path="/threads?show=trash")
        assert "1 backup may still hold this" in browser.text
        await browser.visit("?show=trash")
        assert set(browser.names) == {"two", "three"}
        await browser.do("purge", three[1], path="/threads?show=trash", sure="yes")
        assert browser.notice == "1 conversation is deleted for good."
        assert browser.names == ["three"]

    async def test_what_is_in_it_is_read_and_restored_from_there(
        self, mounted: DataLayer, browser: Browser, open_browser: OpenBrowser, three: list[str]
    ) -> None:
        (whole,) = [each for each in [await mounted.get_thread(three[0])] if each]
        said = whole["steps"][0]["id"]
        file = cl.File(thread_id=three[0], for_id=said, name="nuts.txt", content=b"nuts")  # type: ignore[call-arg]
        with mounted.acting_as("ann"):
            await mounted.create_element(file)
        await browser.do("trash", three[0], three[1])
        await browser.visit("?show=trash")
        (link,) = [link for link in links(browser.text) if f"thread={three[0]}" in link]
        await browser.visit(link.removeprefix("/library"))
        assert "This conversation is in the trash" in browser.text
        assert "<p>Good morning</p>" in browser.text
        assert "nuts.txt" in browser.text
        assert not [each for each in links(browser.text) if "/thread/" in each or file.id in each]
        for path in (f"?thread={three[0]}", f"?show=archived&thread={three[0]}"):
            assert (await browser.visit(path)).status_code == 404
        bob = open_browser("bob")
        await thread(mounted, await register(mounted, "bob"), "Bob's")
        answer = await bob.visit(f"?show=trash&thread={three[0]}")
        assert (answer.status_code, "Good morning" in answer.text) == (404, False)
        await browser.visit(f"?show=trash&thread={three[0]}")
        await browser.do("restore", three[0], path="/threads?show=trash")
        assert browser.notice == "1 conversation is back from the trash."
        assert await mounted.store.thread(three[0]) is not None

    async def test_undo_of_a_deletion_leaves_what_another_has_deleted_since(
        self, mounted: DataLayer, browser: Browser, three: list[str]
    ) -> None:
        await browser.do("trash", *three)
        first = browser.text
        await browser.do("restore", three[0], path="/threads?show=trash")
        restored = browser.text
        await browser.do("trash", three[0])
        browser.text = first
        await browser.undo()
        told = "Undone: 2 conversations are as they were. 1 has been changed since, and stays as it is."
        assert browser.notice == told
        assert await mounted.store.thread(three[0]) is None
        browser.text = restored
        await browser.undo()
        assert browser.notice == "1 could not be found any more."

    async def test_undo_of_a_restoring_leaves_what_was_gone_on_with(
        self, mounted: DataLayer, browser: Browser, three: list[str]
    ) -> None:
        await browser.do("trash", *three)
        await browser.do("restore", *three, path="/threads?show=trash")
        await mounted.create_step(make_step(three[1]))
        await browser.undo()
        assert browser.notice.endswith("1 has been changed since, and stays as it is.")
        assert [each is None for each in await stored(mounted, three)] == [True, False, True]

    async def test_only_what_is_in_it_is_deleted_for_good(
        self, mounted: DataLayer, browser: Browser, three: list[str]
    ) -> None:
        await browser.do("purge", *three, sure="yes")
        assert None not in await stored(mounted, three)

    async def test_an_app_without_one_is_asked_before_it_deletes(
        self, open_layer: OpenLayer, open_browser: OpenBrowser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import library

        layer = open_layer()
        library.mount(layer)
        one = await thread(layer, await register(layer, "ann"), "Soon gone")
        browser = open_browser()
        await browser.visit()
        await browser.do("trash", one)
        assert "Delete for good?" in browser.text
        assert await layer.store.thread(one) is not None
        await browser.do("trash", one, sure="yes")
        assert await layer.store.thread(one) is None


class TestForged:
    async def test_a_form_of_another_site_changes_nothing(
        self, mounted: DataLayer, browser: Browser, three: list[str]
    ) -> None:
        before, data = await stored(mounted, three), {"guard": browser.guard, "do": "archive", "id": three}
        for headers in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            answer = await browser.post("/library/threads", data=data, headers=headers)
            assert answer.status_code == 403
            assert "Nothing was changed" in answer.text
        assert await stored(mounted, three) == before

    @pytest.mark.parametrize("path", ["threads", "undo"])
    async def test_nor_does_one_without_the_guard_of_this_session(
        self, mounted: DataLayer, browser: Browser, open_browser: OpenBrowser, three: list[str], path: str
    ) -> None:
        bob, again = open_browser("bob"), open_browser("ann")
        await thread(mounted, await register(mounted, "bob"), "Bob's")
        again.cookies.set("access_token", create_jwt(User(identifier="ann", display_name="another session")))
        before = await stored(mounted, three)
        await bob.visit()
        await again.visit()
        for guard in ("", "x" * 64, "é", bob.guard, again.hidden("guard")):
            data = {"guard": guard, "do": "archive", "id": three, "undo": json.dumps([["archive", [], three]])}
            answer = await browser.post(f"/library/{path}", data=data)
            assert (answer.status_code, "Nothing was changed" in answer.text) == (403, True)
        assert await stored(mounted, three) == before

    async def test_conversations_of_others_are_not_found(
        self, mounted: DataLayer, open_browser: OpenBrowser, three: list[str]
    ) -> None:
        bob, before = open_browser("bob"), await stored(mounted, three)
        await thread(mounted, await register(mounted, "bob"), "Bob's")
        await bob.visit()
        guard = bob.guard
        for what in ("move", "tag", "pin", "archive", "done", "trash", "restore", "purge"):
            data = {"guard": guard, "do": what, "id": three, "folder": "x", "tags": "x", "sure": "yes"}
            bob.text = (await bob.post("/library/threads", data=data)).text
            assert bob.notice == "3 could not be found any more."
            undo = {"guard": guard, "undo": json.dumps([[what, ["x"], three]])}
            answer = await bob.post("/library/undo", data=undo)
            assert answer.status_code in (200, 422)
        assert await stored(mounted, three) == before

    async def test_a_stranger_is_led_to_sign_in(
        self, mounted: DataLayer, browser: Browser, open_browser: OpenBrowser, three: list[str]
    ) -> None:
        before = await stored(mounted, three)
        data = {"guard": browser.guard, "do": "archive", "id": three}
        answer = await open_browser(None).post("/library/threads", data=data)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/library")
        assert await stored(mounted, three) == before


class TestBadForms:
    @pytest.mark.parametrize(
        "folder",
        ["..", "a/../b", "a/./b", "a" * 5_000, "a/" * 11, "a" * 256, "a\u0000b", "…" * 300, "\u200b", "a/\u2060\ufe0f"],
    )
    async def test_a_folder_that_cannot_be(
        self, mounted: DataLayer, browser: Browser, three: list[str], folder: str
    ) -> None:
        before = await stored(mounted, three)
        assert (await browser.do("move", *three, folder=folder)).status_code == 422
        assert browser.notice.startswith("A folder cannot be named like this")
        for key in (three[0], three[2]):  # what was chosen and typed stays
            assert re.search(rf'name="id" value="{key}" checked', browser.text)
        assert f'value="{html.escape(folder[:50])}' in browser.text
        assert await stored(mounted, three) == before

    @pytest.mark.parametrize("folder", ["رحلة/القاهرة", "a\u202eb", "<i>", "a?b#c%2F", "'; DROP TABLE threads"])
    async def test_a_folder_that_can(self, browser: Browser, three: list[str], folder: str) -> None:
        await browser.do("move", *three, folder=folder)
        assert browser.notice == f"3 conversations are in “{folder}”."
        await browser.visit()
        answer = await browser.get("/library", params={"in": folder})
        browser.text = answer.text
        assert (answer.status_code, set(browser.names)) == (200, {"one", "three"})

    @pytest.mark.parametrize(
        "tags", ["", " ,; ", "x" * 101, "\u0000", "\u200b", "\u3164\u034f", ",".join(map(str, range(101)))]
    )
    async def test_tags_that_cannot_be(self, mounted: DataLayer, browser: Browser, three: list[str], tags: str) -> None:
        before = await stored(mounted, three)
        assert (await browser.do("tag", *three, tags=tags)).status_code == 422
        assert browser.notice.startswith("A tag has 1 to 100 characters")
        assert await stored(mounted, three) == before

    async def test_more_tags_than_one_can_have(self, mounted: DataLayer, browser: Browser, three: list[str]) -> None:
        await browser.do("tag", three[0], tags=",".join(f"a{n}" for n in range(60)))
        before = await stored(mounted, three)
        assert (await browser.do("tag", *three, tags=",".join(f"b{n}" for n in range(60)))).status_code == 422
        assert await stored(mounted, three) == before

    async def test_nothing_or_too_much_is_chosen(self, mounted: DataLayer, browser: Browser, three: list[str]) -> None:
        guard = browser.guard
        assert (await browser.do("archive")).status_code == 422
        assert browser.notice == "Choose one conversation at least."
        for count in (10_000, 1_200, 998):
            data = {"guard": guard, "do": "archive", "id": [*three, *(f"{n:036}" for n in range(count))]}
            browser.text = (answer := await browser.post("/library/threads", data=data)).text
            assert answer.status_code == 413
            assert browser.notice == "At most 1,000 conversations can be changed at once. Nothing was changed."
        ids = [*three, *(f"{n:036}" for n in range(900)), "\u0000", "x" * 5_000, *three]
        browser.text = (await browser.post("/library/threads", data=data | {"id": ids})).text
        assert browser.notice == "3 conversations are archived. 902 could not be found any more."

    async def test_more_than_a_form_of_the_page_can_have(self, browser: Browser, three: list[str]) -> None:
        async def endless() -> AsyncIterator[bytes]:
            yield b"do=archive"

        kind = {"content-type": "application/x-www-form-urlencoded"}
        for content in ("do=archive&x=" + "y" * 1_000_000, endless()):
            answer = await browser.post("/library/threads", content=content, headers=kind)
            assert answer.status_code == 413

    @pytest.mark.parametrize("what", ["", "explode", "purge\u0000", "<b>"])
    async def test_an_action_that_is_none(self, browser: Browser, three: list[str], what: str) -> None:
        assert (await browser.do(what, *three)).status_code == 422
        assert browser.notice == "This cannot be done. Nothing was changed."

    @pytest.mark.parametrize(
        "undo",
        [
            json.dumps([["archive", [], [str(n) for n in range(2_000)]]]),
            "[" * 100_000,
            '[["archive",[],[1]]]',
            "",
            "{}",
            "[]",
            "null",
            "[1]",
            '[["archive",[],"x"],3]',
            '[["purge",[],["THREE"]]]',
            '[[["a"],[],[]]]',
        ],
    )
    async def test_what_takes_back_nothing(
        self, mounted: DataLayer, browser: Browser, three: list[str], undo: str
    ) -> None:
        before = await stored(mounted, three)
        answer = await browser.do("", path="/undo", undo=undo.replace("THREE", three[0]))
        assert answer.status_code == 422
        assert browser.notice == "This cannot be undone any more."
        assert await stored(mounted, three) == before

    @pytest.mark.parametrize(
        "undo", ['[["move",["../x"],["THREE"]]]', '[["tag",[],["THREE"]]]', '[["move",[],["THREE"]]]']
    )
    async def test_what_would_take_back_to_what_cannot_be(
        self, mounted: DataLayer, browser: Browser, three: list[str], undo: str
    ) -> None:
        answer = await browser.do("", path="/undo", undo=undo.replace("THREE", three[0]))
        assert answer.status_code in (200, 422)
        assert browser.notice

    @pytest.mark.parametrize("content", ["{", "a=b&" * 20_000, "%%%"])
    async def test_what_is_no_form(self, browser: Browser, three: list[str], content: str) -> None:
        for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = await browser.post("/library/threads", content=content, headers={"content-type": kind})
            assert 400 <= answer.status_code < 500
            assert 'id="library"' in answer.text
