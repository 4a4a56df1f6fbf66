"""A person's files in the library: what is listed, found, shown and changed, and nobody else's."""

import re
from html import unescape
from typing import Any

import chainlit as cl
import pytest
from chainlit.server import app
from chainlit.user import PersistedUser

import library
from datalayer import DataLayer, file_url
from datalayer.passages import LEFT_OUT, Passage, Place
from datalayer.records import now
from datalayer.writes import TrashElement, TrashThread, UpdateThread, UpsertElement
from library import filing
from library.texts import say
from tests.conftest import register, start_thread
from tests.contract.test_elements import sha256
from tests.contract.test_passages import BIRDS, READER, attach, read
from tests.library.conftest import Browser, OpenBrowser, links, thread


async def put(layer: DataLayer, key: str, name: str, content: bytes, mime: str = "text/plain", **over: Any) -> str:
    element = cl.File(thread_id=key, name=name, content=content, mime=mime, **over)
    await layer.create_element(element)
    return element.id


def told(browser: Browser) -> list[str]:
    """What the lines say of their files."""
    return [unescape(said) for said in re.findall(r'<span class="said"[^>]*>(.*?)</span>', browser.text)]


def plain(text: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", text))


async def do(browser: Browser, what: str, key: str, path: str = "/files", **fields: str) -> Any:
    """Sends the form of a file, with the guard of the last page that had one."""
    if 'name="guard"' not in browser.text:
        await browser.visit()
    return await browser.do(what, key, path=path, **fields)


class TestList:
    async def test_each_content_once_with_what_was_read_and_where_it_is(
        self, mounted: DataLayer, ann: PersistedUser, browser: Browser
    ) -> None:
        asked = await start_thread(mounted, ann)
        one, two = asked["threadId"], await thread(mounted, ann, "Second <b>")
        await mounted.update_thread(one, name="First")
        await attach(mounted, one, *BIRDS, name="birds.txt", pages=2)
        await attach(mounted, two, *BIRDS, name="same.txt", for_id=None)
        await attach(mounted, one, "cut", name="cut.txt", cut=True)
        await put(mounted, one, "new.txt", b"new", for_id=asked["id"])
        for why in (*filing.SENTENCES, "unheard-of"):
            await attach(mounted, two, name=f"{why}.pdf", refused=why)
        assert (await browser.visit("/files")).status_code == 200
        refusals = [f"{why}.pdf" for why in ("unheard-of", *filing.SENTENCES[::-1])]
        assert browser.names == [*refusals, "new.txt", "cut.txt", "same.txt"]
        said = told(browser)
        refused, others = said[: len(refusals)], said[len(refusals) :]
        assert len(set(refused)) == len(refusals)
        assert said[0] == "Could not be read"
        assert "Could not be read: it is protected by a password" in said
        assert others == [
            "Not read yet",
            "Read as far as the limits allow: 1 passage",
            "Read: 2 pages, 3 passages",
        ]
        assert "Second &lt;b&gt;" in browser.text
        assert "and 1 more" in browser.text
        assert f"/thread/{one}?step={asked['id']}" in links(browser.text)
        assert re.search(r'aria-current="page">[^/]*</path>|aria-current="page"', browser.text)
        assert browser.text.count('aria-current="page"') == 1
        assert f'<bdi>Files</bdi><span class="count">{len(refusals) + 3} · ' in browser.text
        assert "Your files take " in browser.text
        await browser.visit()
        assert f'<bdi>Files</bdi><span class="count">{len(refusals) + 3} · ' in browser.text
        await browser.visit("/files", **{"accept-language": "fr"})
        assert "N’a pas pu être lu\u00a0: un mot de passe le protège" in told(browser)

    async def test_a_name_turns_no_letters_round_and_is_no_markup(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        key = await thread(mounted, ann, "One")
        element = await put(mounted, key, "photo\u202egpj.exe", b"1")
        await put(mounted, key, "a%22b<b>.txt", b"2")
        await browser.visit(f"/files?file={element}")
        assert browser.names == ["a%22b<b>.txt", "photogpj.exe"]
        assert 'download="photogpj.exe"' in browser.text
        answer = await do(browser, "leave_out", element)
        assert "\u202e" not in answer.text
        assert browser.notice == "Answers in “One” no longer draw on “photogpj.exe”. It is still attached."

    async def test_whoever_has_none_is_told_so(self, browser: Browser) -> None:
        await browser.visit("/files")
        assert "You have no files." in browser.text
        assert "take" not in re.sub("(?s)^.*<main", "", browser.text)

    async def test_pages_of_fifty_with_each_file_once_in_each_order(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        key = await thread(mounted, ann, "Many")
        made = [f"{n % 7} {n}.txt" for n in range(53)]
        for n, name in enumerate(made):
            await put(mounted, key, name, b"x" * (n % 5) + name.encode())
        for sort in ("newest", "name", "size"):
            await browser.visit(f"/files?sort={sort}")
            first = browser.names
            assert len(first) == 50
            (following,) = [link for link in links(browser.text) if "after=" in link and "file=" not in link]
            assert ("sort=" in following) == (sort != "newest")
            await browser.visit(following.removeprefix("/library"))
            assert sorted(first + browser.names) == sorted(made)
        assert (await browser.visit("/files?sort=name")).status_code == 200
        assert browser.names == sorted(made)[:50]

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("sort=what", 200),
            ("after=nothing", 404),
            ("after=1.x%00", 200),
            ("file=nothing", 404),
            ("file=%00", 200),
            ("from=-3", 200),
            ("from=99999999999", 200),
            ("words=%ED%A0%80", 200),
        ],
    )
    async def test_what_no_page_has_said(self, browser: Browser, query: str, status: int) -> None:
        assert (await browser.visit(f"/files?{query}")).status_code == status

    async def test_how_much_room_there_is(
        self, mounted: DataLayer, ann: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await put(mounted, await thread(mounted, ann, "One"), "big", b"x" * 1_500_000)
        monkeypatch.setattr(app.router, "routes", list(app.router.routes))
        library.mount(mounted, storage=20_000_000)
        await browser.visit("/files")
        assert "Your files take 1.5\u00a0MB of 20\u00a0MB, those in the trash too." in browser.text


class TestOne:
    async def test_its_passages_with_their_places_page_by_page(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        key = await thread(mounted, ann, "One")
        content = b"a book"
        element = await put(mounted, key, "book.pdf", content, "application/pdf")
        some = tuple(Passage(f"Said <{n}>", Place(pages=(n, n + n % 2))) for n in range(1, 46))
        assert await mounted.store.keep_text(sha256(content), read(passages=some))
        path, shown = f"/files?file={element}", list[str]()
        while path:
            assert (await browser.visit(path)).status_code == 200
            shown += re.findall(r'<p class="plain">(.*?)</p>', browser.text)
            following = re.findall(r'href="/library([^"]*)"[^>]*>What follows', browser.text)
            path = unescape(following[0]) if following else ""
        assert shown == [f"Said &lt;{n}&gt;" for n in range(1, 46)]
        assert '<p class="by">page 42</p>' in browser.text
        assert '<p class="by">pages 43–44</p>' in browser.text
        where = file_url(element, sha256(content))
        assert links(browser.text).count(where) == 2
        assert 'download="book.pdf"' in browser.text
        answer = await browser.get(where)
        assert (answer.status_code, answer.content) == (200, content)

    async def test_pictures_are_shown_and_others_say_that_there_is_nothing(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        key = await thread(mounted, ann, "One")
        for name, mime, shown in (
            ("cat.png", "image/png", True),
            ("cat.svg", "image/svg+xml", False),
            ("cat.wav", "audio/wav", False),
        ):
            element = await put(mounted, key, name, name.encode(), mime)
            await browser.visit(f"/files?file={element}")
            assert ('<img class="picture"' in browser.text) == shown
            assert ("There is nothing to show here." in browser.text) != shown
            assert told(browser)[0] == "Has no text to be searched"

    async def test_versions_say_which_one_answers(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        key = await thread(mounted, ann, "One")
        old = await put(mounted, key, "plan.txt", b"old")
        new = await put(mounted, key, "Plan.txt", b"new")
        await browser.visit(f"/files?file={old}")
        assert "Version 1 of 2: a newer one has taken its place in answers" in browser.text
        await browser.visit(f"/files?file={new}")
        assert "Version 2 of 2: answers draw on this one" in browser.text


class TestFound:
    async def test_by_name_and_by_what_they_say_with_place_and_message(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        asked = await start_thread(mounted, ann)
        key, content = asked["threadId"], b"x"
        await mounted.update_thread(key, name="About birds")
        element = await put(mounted, key, "notes.md", content, for_id=asked["id"])
        said = Passage("The <i>heron</i> stands in the reeds", Place(heading=("Birds", "Marsh"), lines=(3, 9)))
        await mounted.store.keep_text(sha256(content), read(passages=(Passage("Else", Place()), said)))
        await attach(mounted, key, "Nothing of them", name="herons.txt")
        await browser.visit("/files?words=héron")
        assert browser.names == ["herons.txt"]
        hits = plain(browser.text.partition("What your files say")[2])
        assert "notes.md" in hits
        assert "lines 3–9, Birds › Marsh" in hits
        assert "The &lt;i&gt;<mark>heron</mark>&lt;/i&gt; stands" in browser.text
        assert f"/thread/{key}?step={asked['id']}" in links(browser.text)
        assert "About birds" in hits
        (opens,) = [link for link in links(browser.text) if f"file={element}" in link]
        await browser.visit(opens.removeprefix("/library"))
        assert re.findall(r'<p class="plain">(.*?)</p>', browser.text) == [
            "The &lt;i&gt;heron&lt;/i&gt; stands in the reeds"
        ]
        await browser.visit("/files?words=walrus")
        assert "Nothing was found in your files." in browser.text


class TestChanges:
    @pytest.fixture
    async def key(self, mounted: DataLayer, ann: Any) -> str:
        return await thread(mounted, ann, "Plans")

    async def context(self, layer: DataLayer, key: str) -> list[str]:
        return [file.name for file in await layer.store.context_files(key)]

    async def test_left_out_of_answers_and_taken_in_again(self, mounted: DataLayer, key: str, browser: Browser) -> None:
        element = await put(mounted, key, "plan.txt", b"plan")
        await browser.visit(f"/files?file={element}")
        await do(browser, "leave_out", element, path=f"/files?file={element}")
        assert browser.notice == "Answers in “Plans” no longer draw on “plan.txt”. It is still attached."
        assert "Left out of answers" in browser.text
        assert await self.context(mounted, key) == []
        await do(browser, "", "", undo=browser.hidden("undo"))
        assert browser.notice == "Undone: Answers in “Plans” draw on “plan.txt” again."
        assert 'name="undo"' not in browser.text
        assert await self.context(mounted, key) == ["plan.txt"]
        await do(browser, "leave_out", element)
        await do(browser, "take_in", element)
        assert await self.context(mounted, key) == ["plan.txt"]
        stored = await mounted.store.element(key, element)
        assert stored is not None
        assert stored.props is None

    async def test_what_else_an_element_holds_stays(self, mounted: DataLayer, key: str, browser: Browser) -> None:
        element = await put(mounted, key, "plan.txt", b"plan")
        write = UpsertElement(thread_id=key, id=element, at=now(), values={"props": {"mine": 1}})
        await mounted.store.submit(write)
        await browser.visit("/files")
        for what, props in (("leave_out", {"mine": 1, LEFT_OUT: True}), ("take_in", {"mine": 1})):
            await do(browser, what, element)
            stored = await mounted.store.element(key, element)
            assert stored is not None
            assert stored.props == props

    async def test_into_the_trash_out_of_it_and_for_good(
        self, mounted: DataLayer, key: str, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mounted, "has_trash", True)
        element = await attach(mounted, key, *BIRDS)
        await browser.visit(f"/files?file={element}")
        assert 'name="do" value="trash"' in browser.text
        await do(browser, "delete", element, path=f"/files?file={element}")  # as an older page has it
        assert browser.notice == "“birds.txt” of “Plans” is in the trash."
        assert "You have no files." in browser.text
        assert "In the trash" in browser.text
        assert await self.context(mounted, key) == []
        await do(browser, "trash", element)  # pressed twice
        assert len(await mounted.store.trashed_files(key)) == 1
        await do(browser, "", "", undo=f"restore:{element}")
        assert browser.notice == "Undone: “birds.txt” is back in “Plans”."
        assert await self.context(mounted, key) == ["birds.txt"]
        await do(browser, "trash", element)
        await do(browser, "restore", element)
        assert browser.notice == "“birds.txt” is back in “Plans”."
        await do(browser, "", "", undo=browser.hidden("undo"))
        assert browser.notice == "Undone: “birds.txt” of “Plans” is in the trash."
        await do(browser, "delete", element)
        assert "This cannot be undone." in browser.text
        assert len(await mounted.store.trashed_files(key)) == 1
        await do(browser, "delete", element, sure="yes")
        assert browser.notice == "“birds.txt” is removed from “Plans” for good."
        assert await mounted.store.trashed_files(key) == []
        await do(browser, "", "", undo=f"restore:{element}")  # of another tab
        assert browser.notice == "This file is not there any more, or it is in the trash."

    async def test_whoever_shows_the_conversation_is_told(
        self, mounted: DataLayer, ann: Any, key: str, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = []

        async def changed(identifier: str, thread_id: str, element_id: str) -> None:
            there = await mounted.store.element(thread_id, element_id)
            told.append((identifier, thread_id, element_id, there is not None))

        monkeypatch.setattr(mounted, "has_trash", True)
        monkeypatch.setattr(app.router, "routes", list(app.router.routes))
        library.mount(mounted, changed=changed)
        element, other = await put(mounted, key, "plan.txt", b"plan"), await thread(mounted, ann, "Other")
        await browser.visit("/files")
        await do(browser, "add", element, thread=other)
        for what in ("leave_out", "trash", "restore", "trash", "delete"):
            await do(browser, what, element, sure="yes")
        (copy,) = await mounted.store.thread_files(other)
        changes = [(key, element, there) for there in (False, True, False, False)]
        assert told == [("ann", *each) for each in [(other, copy.element_id, True), *changes]]

    async def test_a_page_learns_what_has_changed_meanwhile(
        self, mounted: DataLayer, key: str, browser: Browser
    ) -> None:
        element = await put(mounted, key, "plan.txt", b"plan")
        await browser.visit(f"/files?file={element}")
        (again,) = re.findall(r'hx-get="/library([^"]*)" hx-trigger', browser.text)
        assert (await browser.visit(unescape(again))).status_code == 204
        await mounted.store.submit(
            UpsertElement(thread_id=key, id=element, at=now(), values={"props": {LEFT_OUT: True}})
        )
        assert (await browser.visit(unescape(again))).status_code == 200
        assert "Left out of answers" in browser.text
        (again,) = re.findall(r'hx-get="/library([^"]*)" hx-trigger', browser.text)
        await mounted.store.submit(TrashElement(thread_id=key, id=element, at=now()))
        assert (await browser.visit(unescape(again))).status_code == 404
        assert browser.notice == "This file is not there any more, or it is in the trash."

    async def test_removed_for_good_once_that_is_sure_and_from_one_conversation_only(
        self, mounted: DataLayer, ann: Any, key: str, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mounted, "has_trash", False)
        other = await thread(mounted, ann, "Others")
        one = await attach(mounted, key, *BIRDS)
        two = await attach(mounted, other, *BIRDS)
        await browser.visit(f"/files?file={two}")
        await do(browser, "delete", one, path=f"/files?file={two}")
        assert "This cannot be undone." in browser.text
        assert await self.context(mounted, key) == ["birds.txt"]
        await do(browser, "delete", one, path=f"/files?file={two}", sure="yes")
        assert browser.notice == "“birds.txt” is removed from “Plans” for good."
        assert 'name="undo"' not in browser.text
        assert await self.context(mounted, key) == []
        assert "herons" not in browser.text
        assert "The heron stands" in browser.text
        await do(browser, "delete", two, path=f"/files?file={two}", sure="yes")
        assert browser.notice == "“birds.txt” is removed from “Others” for good."
        assert "You have no files." in browser.text

    async def test_added_to_another_conversation_once(
        self, mounted: DataLayer, ann: Any, key: str, browser: Browser
    ) -> None:
        asked = await start_thread(mounted, ann)
        await mounted.update_thread(asked["threadId"], name="Other")
        element = await attach(mounted, key, *BIRDS)
        path = f"/files?file={element}"
        await browser.visit(path)
        assert re.findall(r'<option value="([^"]*)">([^<]*)</option>', browser.text)[-1] == (asked["threadId"], "Other")
        await do(browser, "add", element, path=path, thread=asked["threadId"])
        assert browser.notice == "“birds.txt” is now in “Other”, too, and answers there draw on it."
        (file,) = await mounted.store.context_files(asked["threadId"])
        assert (file.name, file.for_id, file.status, file.passages) == ("birds.txt", asked["id"], "read", 3)
        assert file.element_id != element
        (own,) = (await mounted.store.own_files(ann.id)).files
        assert {use.thread_id for use in own.uses} == {key, asked["threadId"]}
        await do(browser, "add", element, path=path, thread=asked["threadId"])
        assert browser.notice == "That conversation has this file already."
        assert len(await mounted.store.context_files(asked["threadId"])) == 1

    @pytest.mark.parametrize("whose", ["bob", "trash", "nobody", ""])
    async def test_not_to_a_conversation_that_is_not_there(
        self, mounted: DataLayer, ann: Any, key: str, browser: Browser, whose: str
    ) -> None:
        element = await put(mounted, key, "plan.txt", b"plan")
        there = {"bob": await thread(mounted, await register(mounted, "bob"), "Bob's")}
        there["trash"] = await thread(mounted, ann, "Thrown")
        await mounted.store.submit(TrashThread(actor="ann", thread_id=there["trash"], at=now()))
        await browser.visit(f"/files?file={element}")
        answer = await do(browser, "add", element, thread=there.get(whose, whose))
        assert (answer.status_code, browser.notice) == (422, say("no_thread", "en"))
        assert await mounted.store.thread_files(there.get(whose, "nobody")) == []

    @pytest.mark.parametrize("what", ["leave_out", "take_in", "trash", "restore", "delete", "add"])
    async def test_what_is_gone_or_in_the_trash_is_left_alone(
        self, mounted: DataLayer, ann: Any, key: str, browser: Browser, what: str
    ) -> None:
        await thread(mounted, ann, "Another")
        element = await put(mounted, key, "plan.txt", b"plan")
        await mounted.store.submit(TrashThread(actor="ann", thread_id=key, at=now()))
        await browser.visit("/files")
        for named in (element, "nothing", "x" * 300, "\0", ""):
            answer = await do(browser, what, named, sure="yes")
            assert answer.status_code == 422
            assert browser.notice == "This file is not there any more, or it is in the trash."
        (thrown,) = await mounted.store.own_threads(ann.id, [key], trashed=True)
        assert thrown.trashed_at
        assert await mounted.store.element(key, element) is not None

    @pytest.mark.parametrize("fields", [{"do": "burn"}, {"undo": "delete:{}"}, {"undo": "{}"}, {"do": ""}])
    async def test_what_no_form_has_asked_does_nothing(
        self, mounted: DataLayer, key: str, browser: Browser, fields: dict[str, str]
    ) -> None:
        element = await put(mounted, key, "plan.txt", b"plan")
        await browser.visit("/files")
        sent = {name: value.format(element) for name, value in fields.items()}
        answer = await do(browser, sent.pop("do", "leave_out"), element, sure="yes", **sent)
        assert (answer.status_code, browser.notice) == (422, say("no_action", "en"))
        assert await self.context(mounted, key) == ["plan.txt"]

    async def test_a_form_of_another_site_or_session_does_nothing(
        self, mounted: DataLayer, key: str, browser: Browser
    ) -> None:
        element = await put(mounted, key, "plan.txt", b"plan")
        await browser.visit(f"/files?file={element}")
        data = {"guard": browser.guard, "do": "delete", "id": element, "sure": "yes"}
        for over, headers in (
            ({"guard": "forged"}, {}),
            ({}, {"origin": "http://evil"}),
            ({}, {"sec-fetch-site": "cross-site"}),
        ):
            answer = await browser.post("/library/files", data=data | over, headers=headers)
            assert answer.status_code == 403
        assert (await browser.post("/library/files", content=b"{}")).status_code >= 400
        assert await self.context(mounted, key) == ["plan.txt"]


async def test_nobody_sees_or_changes_another_users(
    mounted: DataLayer, ann: PersistedUser, open_browser: OpenBrowser
) -> None:
    hers = await thread(mounted, ann, "Ann's secret")
    bens = await thread(mounted, await register(mounted, "bob"), "Bob's")
    element = await attach(mounted, hers, *BIRDS, name="her birds.txt")
    own = await attach(mounted, bens, *BIRDS, name="his birds.txt")
    await mounted.store.submit(UpdateThread(actor="ann", thread_id=hers, at=now(), folder="Hidden"))
    bob = open_browser("bob")
    for path in ("", f"?file={element}", "?words=heron", "?words=her+birds", f"?file={own}", "?sort=name"):
        await bob.visit(f"/files{path}")
        assert not re.search(
            "her birds|Ann|Hidden",
            bob.text.replace("her+birds", "").replace('value="her birds"', "").replace("“her birds”", ""),
        )
        assert element not in bob.text.replace(f"file={element}", "")
    for what in ("leave_out", "take_in", "trash", "restore", "delete", "add"):
        answer = await do(bob, what, element, sure="yes", thread=bens)
        assert answer.status_code == 422
    await do(bob, "", "", undo=f"leave_out:{element}")
    (file,) = await mounted.store.context_files(hers)
    assert (file.element_id, file.status, file.reader) == (element, "read", READER)
    stranger = open_browser(None)
    assert (await stranger.get("/library/files")).status_code == 303
    assert (await stranger.post("/library/files", data={"do": "delete", "id": element})).status_code == 303
    assert (await stranger.get("/library/files", headers={"accept": "*/*"})).status_code == 401
