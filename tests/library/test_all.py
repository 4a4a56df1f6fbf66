"""What is done to all of a list or a search, beyond the page that is shown: in batches, taken back, and refused."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from datalayer import DataLayer, StoreUnavailable
from datalayer.records import Thread, now, user_id
from datalayer.writes import TrashThread, UpdateThread
from library import pages, selecting, undoing
from tests.conftest import make_step, register, start_threads
from tests.library.conftest import Browser, OpenBrowser, thread

MANY = 7


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two, and one for each request."""
    monkeypatch.setattr(selecting, "SIZE", 2)
    monkeypatch.setattr(pages, "_SECONDS_UNSCRIPTED", 0.0)


@pytest.fixture
async def many(mounted: DataLayer, ann: Any) -> list[str]:
    """Seven of Ann's, of which three have a tag, in folders of their own."""
    made = await start_threads(mounted, ann, *({"output": f"Good morning {n}"} for n in range(MANY)))
    ids = [str(message["threadId"]) for message in made]
    for n, key in enumerate(ids):
        tags = {"tags_added": ["x"]} if n < 3 else {}
        await put(mounted, key, folder=f"Old/{n % 2}", name=f"Number {n}", **tags)
    return ids


async def put(layer: DataLayer, key: str, **values: Any) -> None:
    await layer.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), stored_only=True, **values))


async def threads(layer: DataLayer, ids: list[str]) -> list[Thread]:
    """Without tags is as with none."""
    found = await layer.store.own_threads(user_id("ann"), ids, trashed=True)
    return [replace(each, tags=each.tags or []) for each in found]


async def do(browser: Browser, what: str, path: str = "", **fields: str) -> None:
    """All of the list that the page shows, as it is sent; it does not go on."""
    query = f"{path}{'&' if path else '?'}all=1"
    await browser.visit(query)
    data = {"guard": browser.guard, "all": browser.hidden("all"), "do": what} | fields
    browser.text = (await browser.post(f"/library/threads{query}", data=data)).text


async def press(browser: Browser, **more: str) -> None:
    """*Go on*, of the page that tells how far it is."""
    form = re.search(r'<form class="sure" method="post" action="([^"]*)".*?</form>', browser.text, re.DOTALL)
    assert form
    data = {name: unescape(value) for name, value in re.findall(r'hidden" name="(\w+)" value="([^"]*)">', form[0])}
    browser.text = (await browser.post(unescape(form[1]), data=data | more)).text


async def whole(browser: Browser) -> list[str]:
    """Goes on to the end; what was told on the way."""
    said = []
    while found := re.search(r'<p role="status">(.*?)</p>', browser.text):
        if 'id="go-on"' not in browser.text:
            break
        said.append(found[1])
        await press(browser)
    return said


async def test_all_of_a_list_is_one_sentence_however_many_there_are(browser: Browser, many: list[str]) -> None:
    await browser.visit("?tag=x&sort=created")
    (link,) = re.findall(r'<p class="all"><a href="/library([^"]*)"', browser.text)
    await browser.visit(unescape(link))
    assert "All 3 conversations of this list, as it is now, are chosen, those on other pages too." in browser.text
    assert browser.text.count("checked disabled") == 3
    assert 'value="merge"' not in browser.text
    await browser.visit("?q=morning&all=1")
    assert "All 7 conversations of this list" in browser.text
    await browser.visit("?q=nothinglikeit&all=1")
    assert 'name="all"' not in browser.text


@pytest.mark.parametrize(
    ("what", "fields", "is_so"),
    [
        ("move", {"folder": "New"}, lambda each: each.folder == "New"),
        ("tag", {"tags": "a, b"}, lambda each: {"a", "b"} <= set(each.tags or ())),
        ("archive", {}, lambda each: each.archived),
        ("pin", {}, lambda each: each.pinned),
        ("done", {}, lambda each: each.status == "done"),
        ("trash", {}, lambda each: each.trashed_at > 0),
    ],
)
@pytest.mark.parametrize("path", ["", "?q=morning"])
async def test_each_change_is_made_in_batches_told_and_taken_back(
    mounted: DataLayer, browser: Browser, many: list[str], what: str, fields: dict[str, str], is_so: Any, path: str
) -> None:
    before = await threads(mounted, many)
    await do(browser, what, path, **fields)
    assert await whole(browser) == ["2 of 7 so far.", "4 of 7 so far.", "6 of 7 so far."]
    assert browser.notice.startswith("7 conversations ")
    assert all(map(is_so, await threads(mounted, many)))
    await browser.undo()
    said = await whole(browser)
    assert len(said) == 3
    assert said[0].startswith(("1 conversation is", "2 conversations are"))
    assert browser.notice == "Undone: 7 conversations are as they were."
    assert await threads(mounted, many) == before
    assert await mounted.store.app_versions_under("library.undo.") == {}


async def test_only_what_the_filters_let_through(mounted: DataLayer, browser: Browser, many: list[str]) -> None:
    await do(browser, "archive", "?tag=x&in=Old/0")
    await whole(browser)
    assert browser.notice == "2 conversations are archived."
    assert {each.id for each in await threads(mounted, many) if each.archived} == {many[0], many[2]}


async def test_what_came_or_was_said_later_is_not_touched(
    mounted: DataLayer, ann: Any, browser: Browser, many: list[str]
) -> None:
    await browser.visit("?all=1")
    page = browser.text
    new = await thread(mounted, ann, "New")
    await mounted.create_step(make_step(many[4]))
    data = {"guard": browser.guard, "all": browser.hidden("all"), "do": "trash"}
    browser.text = (await browser.post("/library/threads?all=1", data=data)).text
    await whole(browser)
    assert browser.notice == "6 conversations are in the trash."
    assert [each.trashed_at for each in await threads(mounted, [new, many[4]])] == [0, 0]
    browser.text = page


async def test_what_changes_in_between_stays_and_undo_leaves_it(
    mounted: DataLayer, browser: Browser, many: list[str]
) -> None:
    await do(browser, "move", folder="Here")
    await put(mounted, many[6], folder="Elsewhere")  # done already, as the newest come first
    await put(mounted, many[0], folder="Here")  # still to come
    await whole(browser)
    await browser.undo()
    await whole(browser)
    folders = [each.folder for each in sorted(await threads(mounted, many), key=lambda each: many.index(each.id))]
    assert folders == ["Here", "Old/1", "Old/0", "Old/1", "Old/0", "Old/1", "Elsewhere"]
    assert browser.notice == "Undone: 5 conversations are as they were. 1 has been changed since, and stays as it is."


async def test_who_stops_keeps_what_was_done_and_can_take_it_back(
    mounted: DataLayer, browser: Browser, many: list[str]
) -> None:
    await do(browser, "archive")
    await press(browser, stop="yes")
    assert browser.notice == "2 conversations are archived."
    await browser.undo()
    await whole(browser)
    assert not any(each.archived for each in await threads(mounted, many))


async def test_the_whole_trash_is_emptied_after_a_question(
    mounted: DataLayer, browser: Browser, many: list[str]
) -> None:
    for key in many[1:]:
        await mounted.store.submit(TrashThread(actor="ann", thread_id=key, at=now()))
    await do(browser, "purge", "?show=trash")
    assert "6 conversations with all their files will be gone" in browser.text
    assert len(await threads(mounted, many)) == MANY
    moment = browser.hidden("all")
    data = {"guard": browser.guard, "all": moment, "do": "purge", "sure": "yes"}
    browser.text = (await browser.post("/library/threads?show=trash&all=1", data=data)).text
    await whole(browser)
    assert browser.notice == "6 conversations are deleted for good."
    assert 'name="undo"' not in browser.text
    assert [each.id for each in await threads(mounted, many)] == many[:1]


async def test_one_that_is_full_is_left_out_and_told(mounted: DataLayer, browser: Browser, many: list[str]) -> None:
    await put(mounted, many[3], tags_added=[f"t{n}" for n in range(100)])
    await do(browser, "tag", tags="one more")
    await whole(browser)
    told = "1 has as many tags as a conversation can have, and stays as it is."
    assert browser.notice == f"6 conversations have: one more. {told}"


async def test_nobody_else_is_touched_nor_taken_back(
    mounted: DataLayer, browser: Browser, open_browser: OpenBrowser, many: list[str]
) -> None:
    bob = open_browser("bob")
    theirs = await thread(mounted, await register(mounted, "bob"), "Bob's")
    await do(browser, "archive")
    await whole(browser)
    undo = browser.hidden("undo")
    before = await threads(mounted, many)
    await do(bob, "trash")
    assert bob.notice == "1 conversation is in the trash."
    await bob.visit("?show=trash")
    await bob.do("", path="/undo", undo=undo)
    assert bob.notice == "This cannot be undone any more."
    assert await threads(mounted, many) == before
    assert (await mounted.store.was_deleted(theirs)) is True


async def test_a_database_that_does_not_answer_is_told_and_gone_on_with(
    mounted: DataLayer, browser: Browser, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise StoreUnavailable("The database does not answer")

    await do(browser, "archive")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(mounted.store, "put_app_value", away)
        await press(browser)
        assert "cannot be reached right now" in browser.notice
        assert "2 of 7 so far." in browser.text
    await whole(browser)
    assert browser.notice == "7 conversations are archived."


async def test_what_is_not_taken_back_within_a_day_is_forgotten(
    mounted: DataLayer, browser: Browser, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await do(browser, "archive")
    await whole(browser)
    page = browser.text
    monkeypatch.setattr(undoing, "_DAY", -1)
    await do(browser, "pin", "?show=archived")
    browser.text = page
    await browser.undo()
    assert browser.notice == "This cannot be undone any more."


@pytest.mark.parametrize(
    "fields",
    [
        *({"all": bad} for bad in ("x", "-1", "1" * 30, "²", "0x1")),
        {"name": "x"},
        {"name": "1" * 30},
        {"name": "1.2"},
        {"changed": "many"},
        {"after": "nonsense", "name": "1"},
        {"after": "1.\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace") + "x", "total": "-3"},
        {"do": "merge"},
        {"do": "explode"},
        {"do": "move", "folder": "a/../b"},
        {"do": "tag", "tags": ""},
    ],
)
async def test_what_no_page_has_sent_changes_nothing(
    mounted: DataLayer, browser: Browser, many: list[str], fields: dict[str, str]
) -> None:
    before = await threads(mounted, many)
    await browser.visit("?all=1")
    data = {"guard": browser.guard, "all": str(now()), "do": "archive"} | fields
    answer = await browser.post("/library/threads?all=1", data=data)
    assert answer.status_code == 422
    assert await threads(mounted, many) == before


async def test_a_form_of_another_site_changes_nothing(mounted: DataLayer, browser: Browser, many: list[str]) -> None:
    await browser.visit()
    data = {"guard": browser.guard, "all": str(now()), "do": "archive"}
    headers = {"origin": "http://evil.example"}
    assert (await browser.post("/library/threads?all=1", data=data, headers=headers)).status_code == 403
    assert not any(each.archived for each in await threads(mounted, many))
