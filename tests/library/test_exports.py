"""What is chosen in the library is saved as a file: of the asking person's own, in each format, without a script."""

import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from chainlit.user import PersistedUser

from datalayer import DataLayer, StoreUnavailable
from datalayer.records import now
from datalayer.writes import TrashThread, UpdateThread
from exchange import selection, sending
from library.exporting import FORMATS
from tests.conftest import register
from tests.exchange.made import text_of, unpacked
from tests.library.conftest import Browser, OpenBrowser, thread


async def save(browser: Browser, *ids: str, name: str = "json", where: str = "", **fields: str) -> httpx.Response:
    return await browser.do("export", *ids, path="/export" + where, format=name, **fields)


def packed(answer: httpx.Response) -> dict[str, str]:
    assert answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        return {name: found.read(name).decode() for name in found.namelist()}


def pages(content: bytes) -> bytes:
    """What the PDFs of a ZIP say, or a PDF, with their names."""
    if content[:2] != b"PK":
        return text_of(content).encode()
    return b"".join(name.encode() + text_of(pdf).encode() for name, pdf in unpacked(content).items())


def names(answer: httpx.Response) -> list[str]:
    """Of the conversations of an export in JSON."""
    found = json.loads(packed(answer)["threads.json"] if answer.content[:2] == b"PK" else answer.text)
    return [each["name"] for each in found["threads"]]


async def test_the_page_offers_it_without_a_script(browser: Browser, mounted: DataLayer, ann: PersistedUser) -> None:
    await thread(mounted, ann, "Owls")
    await browser.visit("?in=")
    assert 'formaction="/library/export?in="' in browser.text
    assert [f'<option value="{name}">' in browser.text for name in FORMATS] == [True] * len(FORMATS)


async def test_those_that_are_chosen_come_in_each_format(
    browser: Browser, mounted: DataLayer, ann: PersistedUser
) -> None:
    ids = [await thread(mounted, ann, name, f"About {name}") for name in ("Owls", "owls", "Bats")]
    await browser.visit()
    found = packed(await save(browser, *ids[:2], name="markdown"))
    assert found.keys() == {"Owls.md", "owls (2).md"}
    assert "About owls" in found["owls (2).md"]
    await browser.visit()
    assert packed(await save(browser, *ids[:2], name="html")).keys() == {"Owls.html", "owls (2).html"}
    await browser.visit()
    assert names(await save(browser, *ids)) == ["Owls", "owls", "Bats"]
    await browser.visit()
    answer = await save(browser, *ids, name="jsonl")
    assert answer.headers["content-disposition"].endswith('.jsonl"')
    assert len(answer.text.splitlines()) == 3
    await browser.visit()
    assert (await save(browser, *ids, name="csv")).text.startswith("started_at,")
    await browser.visit()
    answer = await save(browser, ids[2], name="markdown")
    assert answer.headers["content-disposition"] == 'attachment; filename="Bats.md"'
    assert answer.headers["cache-control"] == "no-store"


async def test_all_of_a_list_come_beyond_its_page(browser: Browser, mounted: DataLayer, ann: PersistedUser) -> None:
    for number in range(60):
        key = await thread(mounted, ann, f"n{number}")
        if number % 2:
            await mounted.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), folder="Birds"))
    await browser.visit("?in=Birds&all=1")
    found = names(await save(browser, where="?in=Birds", all=browser.hidden("all")))
    assert sorted(found) == sorted(f"n{number}" for number in range(1, 60, 2))
    await browser.visit()
    assert len(names(await save(browser, all=str(now())))) == 60
    await browser.visit()
    assert len(names(await save(browser, where="?q=morning", all=str(now())))) == 60


async def test_what_is_in_the_trash_comes_from_the_trash_only(
    browser: Browser, mounted: DataLayer, ann: PersistedUser
) -> None:
    key, other = await thread(mounted, ann, "Gone"), await thread(mounted, ann, "There")
    await mounted.store.submit(TrashThread(actor="ann", thread_id=key, at=now()))
    await browser.visit()
    assert names(await save(browser, key, other)) == ["There"]
    await browser.visit("?show=trash")
    assert names(await save(browser, key, where="?show=trash")) == ["Gone"]
    await browser.visit("?show=trash")
    assert names(await save(browser, where="?show=trash", all=str(now()))) == ["Gone"]


@pytest.mark.parametrize("name", FORMATS)
async def test_nobody_gets_what_is_somebody_elses(
    open_browser: OpenBrowser, mounted: DataLayer, ann: PersistedUser, name: str
) -> None:
    ben = await register(mounted, "ben")
    theirs, own = await thread(mounted, ann, "Secret", "aubergine"), await thread(mounted, ben, "Own", "courgette")
    browser = open_browser("ben")
    for ids, fields in (((theirs, own), {}), ((), {"all": str(now())}), ((theirs,), {"all": str(now())})):
        await browser.visit()
        answer = await save(browser, *ids, name=name, **fields)
        content = answer.content
        if name == "pdf":
            content = pages(content)
        elif content[:2] == b"PK":
            content = "".join(f"{name}{text}" for name, text in packed(answer).items()).encode()
        assert b"aubergine" not in content
        assert b"Secret" not in content
        assert b"courgette" in content or name == "csv"
    await browser.visit()
    answer = await save(browser, theirs, name=name)
    assert (answer.status_code, browser.notice) == (404, "None of these conversations is there any more.")


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "none": ({}, 422, "Choose one conversation at least."),
    "format": ({"format": "../docx"}, 422, "This cannot be done."),
    "guard": ({"guard": "forged"}, 403, "This page was made for another session"),
    "moment": ({"all": "x"}, 422, "This cannot be done."),
    "long": ({"all": "9" * 30}, 422, "This cannot be done."),
}


@pytest.mark.parametrize(("fields", "status", "said"), BAD.values(), ids=BAD)
async def test_what_cannot_be_is_told_on_the_page(
    browser: Browser, mounted: DataLayer, ann: PersistedUser, fields: dict[str, Any], status: int, said: str
) -> None:
    key = await thread(mounted, ann, "Owls")
    await browser.visit()
    ids = [key] if fields and "all" not in fields else []
    data = {"guard": browser.guard, "format": "json", "id": ids} | fields
    answer = await browser.post("/library/export", data=data, headers={"origin": "http://chat"})
    browser.text = answer.text
    assert answer.status_code == status
    assert browser.notice.startswith(said)
    answer = await browser.post("/library/export", data=data | {"id": [key]}, headers={"origin": "http://elsewhere"})
    assert answer.status_code == 403


async def test_too_many_one_by_one_are_told(browser: Browser, mounted: DataLayer, ann: PersistedUser) -> None:
    await thread(mounted, ann, "Owls")
    await browser.visit()
    answer = await save(browser, *(f"t{number}" for number in range(1_001)))
    assert answer.status_code == 413
    assert "a whole list may have more" in browser.notice


async def test_one_person_saves_a_few_at_a_time_only(
    browser: Browser, mounted: DataLayer, ann: PersistedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await thread(mounted, ann, "Owls")
    monkeypatch.setitem(sending._running, ann.id, sending.AT_ONCE)
    await browser.visit()
    assert (await save(browser, key)).status_code == 429
    assert "Please wait" in browser.notice
    monkeypatch.delitem(sending._running, ann.id)
    await browser.visit()
    assert names(await save(browser, key)) == ["Owls"]
    assert sending._running == {}


async def test_it_is_sent_while_it_is_made_and_breaks_off_when_the_store_does(
    browser: Browser, mounted: DataLayer, ann: PersistedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was cut off is no whole ZIP."""
    monkeypatch.setattr(selection, "_STEPS", 1)
    ids = [await thread(mounted, ann, f"n{number}") for number in range(4)]
    await browser.visit()
    original, calls = mounted.store.whole_threads, 0

    async def sometimes(*given: Any, **named: Any) -> Any:
        nonlocal calls
        if (calls := calls + 1) > 2:
            raise StoreUnavailable("gone")
        return await original(*given, **named)

    monkeypatch.setattr(mounted.store, "whole_threads", sometimes)
    with pytest.raises(sending.BrokeOff):
        await save(browser, *ids)
    assert sending._running == {}
