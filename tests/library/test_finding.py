"""In which order a list is, and how one folder or tag of thousands is found."""

import re
from html import unescape
from typing import Any

import pytest

from datalayer import DataLayer
from datalayer.records import now
from datalayer.writes import UpdateThread
from tests.conftest import make_step, start_threads
from tests.library.conftest import Browser, links, thread


async def put(layer: DataLayer, key: str, **values: Any) -> None:
    await layer.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), stored_only=True, **values))


class TestOrder:
    @pytest.fixture
    async def three(self, mounted: DataLayer, ann: Any) -> None:
        """Begun in this order; the second one is pinned, in the first one something was said last."""
        keys = [await thread(mounted, ann, name) for name in ("first", "second", "third")]
        await put(mounted, keys[1], pinned=True)
        await mounted.create_step(make_step(keys[0]))

    @pytest.mark.parametrize(
        ("order", "names"),
        [
            ("", "second first third"),
            ("activity", "first third second"),
            ("idle", "second third first"),
            ("created", "third second first"),
            ("oldest", "first second third"),
            ("name", "second first third"),
            ("trashed", "second first third"),
        ],
    )
    async def test_each(self, browser: Browser, three: None, order: str, names: str) -> None:
        assert (await browser.visit(f"?sort={order}")).status_code == 200
        assert browser.names == names.split()
        chosen = re.findall(r'<option value="(\w*)" selected>', browser.text)
        assert chosen == [order if order not in ("name", "trashed") else ""]

    async def test_links_and_changes_keep_it(self, browser: Browser, three: None) -> None:
        await browser.visit("?sort=oldest")
        shows = [link for link in links(browser.text) if "show=" in link]
        assert shows
        assert all("sort=oldest" in link for link in shows)
        for link in [*shows, *(link for link in links(browser.text) if "thread=" in link)]:
            assert "sort=oldest" in link
        ids = re.findall(r'name="id" value="([^"]*)"', browser.text)
        await browser.do("done", ids[0], path="/threads?sort=oldest")
        assert browser.names == ["first", "second", "third"]

    @pytest.mark.parametrize("order", ["activity", "idle", "created", "oldest"])
    async def test_page_by_page_each_once(self, mounted: DataLayer, ann: Any, browser: Browser, order: str) -> None:
        made = await start_threads(mounted, ann, *({} for _ in range(53)))
        for n in (3, 51):
            await put(mounted, made[n]["threadId"], pinned=True)
        await browser.visit(f"?sort={order}")
        found = re.findall(r'name="id" value="([^"]*)"', browser.text)
        (following,) = [link for link in links(browser.text) if "after=" in link]
        await browser.visit(following.removeprefix("/library"))
        found += re.findall(r'name="id" value="([^"]*)"', browser.text)
        in_order = [each["threadId"] for each in made]
        assert found == (in_order if order in ("idle", "oldest") else in_order[::-1])

    async def test_the_form_keeps_the_filters(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        one = await thread(mounted, ann, "one")
        await put(mounted, one, folder="A & B", tags_added=["<x>"])
        await browser.visit("?in=A+%26+B&tag=%3Cx%3E&sort=created")
        form = re.search(r'<form class="order".*?</form>', browser.text, re.DOTALL)
        assert form
        kept = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[0])}
        assert kept == {"in": "A & B", "tag": "<x>"}


class TestFind:
    @pytest.fixture
    async def many(self, mounted: DataLayer, ann: Any) -> None:
        """Folders and tags, more than a page shows."""
        for n in range(3):
            one = await thread(mounted, ann, f"Number {n}")
            await put(mounted, one, tags_added=[f"tag {n} {m}" for m in range(100)], folder=f"Été/Client {n}")

    @pytest.mark.parametrize(
        ("find", "found"),
        [
            ("2 99", {"tag 2 99"}),
            ("ETE", {"Été", "Client 0", "Client 1", "Client 2"}),
            ("client 1", {"Été", "Client 1"}),
            ("%", set()),
            ("nothing", set()),
        ],
    )
    async def test_by_a_part_of_its_name_with_its_count(
        self, browser: Browser, many: None, find: str, found: set[str]
    ) -> None:
        await browser.visit(f"?find={find.replace(' ', '+').replace('%', '%25')}")
        nav = browser.text.partition('<div id="found">')[2].partition("</nav>")[0]
        told = dict(re.findall(r'<bdi>([^<]*)</bdi><span class="count">(\d+)</span>', nav.partition("<details")[0]))
        assert told.keys() == found
        assert all(count == ("3" if name == "Été" and find == "ETE" else "1") for name, count in told.items())
        assert ("No folder and no tag" in nav) == (not found)
        assert len(browser.names) == 3
        assert f'name="find" value="{find}"' in browser.text

    async def test_a_link_leads_to_the_list_without_it(self, browser: Browser, many: None) -> None:
        await browser.visit("?find=2+99&sort=created&show=open")
        assert "/library?tag=tag+2+99&show=open&sort=created" in links(browser.text)

    async def test_with_few_there_is_nothing_to_look_for(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        await put(mounted, await thread(mounted, ann, "one"), folder="A", tags_added=["b"])
        await browser.visit()
        assert 'id="find"' not in browser.text

    async def test_ten_thousand_tags_make_no_longer_page(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        one = await thread(mounted, ann, "one")
        await mounted.update_thread(one, tags=[f"tag {n}" for n in range(10_000)])
        await browser.visit()
        assert browser.text.count("<bdi>tag ") < 210
        assert "9,800 more folders and tags are not shown" in browser.text
        assert len(browser.text) < 200_000
        await browser.visit("?find=tag+9999")
        assert browser.text.count("<bdi>tag 9999</bdi>") == 1
