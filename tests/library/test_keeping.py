"""What is told of what is kept, and what would go of one's own."""

from pathlib import Path
from typing import Any

import pytest

from datalayer import DataLayer, Retention, StoreUnavailable
from datalayer.records import now
from datalayer.writes import UpdateThread, UpsertStep
from tests.conftest import OpenLayer, new_id, register
from tests.library.conftest import Browser, OpenBrowser, _mount

DAY = 86_400 * 1_000_000


async def said(layer: DataLayer, who: str, days_ago: float, count: int = 1) -> str:
    """A thread with messages that are so old; the question comes first."""
    key, at = new_id(), now() - int(days_ago * DAY)
    for n in range(count):
        kind = "user_message" if n % 2 == 0 else "assistant_message"
        values = {"type": kind, "output": "a heron", "created_at": at + n}
        await layer.store.submit(UpsertStep(actor=who, thread_id=key, id=new_id(), at=at + n, values=values))
    return key


@pytest.fixture
def limited(open_layer: OpenLayer, open_browser: OpenBrowser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Mounts a layer with a policy."""

    def make(trash_days: int = 30, **policy: Any) -> DataLayer:
        retention = Retention(archive=tmp_path / "archive", **policy)
        layer = open_layer(trash_days=trash_days, retention=retention)
        _mount(layer, monkeypatch)
        return layer

    return make


async def test_where_nothing_is_limited_all_is_kept(mounted: DataLayer, ann: Any, browser: Browser) -> None:
    assert (await browser.visit("/kept?count=1")).status_code == 200
    assert "stays in the trash for 30 days" in browser.text
    assert "Everything else is kept until you delete it." in browser.text
    assert "would be removed" not in browser.text


async def test_an_app_without_a_trash_says_so(limited: Any, open_browser: OpenBrowser) -> None:
    await register(limited(trash_days=0, max_age_days=9), "ann")
    browser = open_browser()
    await browser.visit("/kept")
    assert "There is no trash" in browser.text
    assert "nothing was said for 9 days is removed" in browser.text


async def test_each_limit_is_told_and_what_would_go_of_ones_own_is_counted(
    limited: Any, open_browser: OpenBrowser
) -> None:
    layer = limited(max_age_days=30, max_threads=5, max_messages_per_thread=10)
    for who in ("ann", "bob"):
        await register(layer, who)
    for n in range(3):
        await said(layer, "ann", 31 + n)
    await said(layer, "ann", 1, count=25)
    opened = await said(layer, "ann", 50)
    pinned = await said(layer, "ann", 60)
    await layer.store.submit(UpdateThread(actor="ann", thread_id=pinned, at=now(), pinned=True))
    for _ in range(2):
        await said(layer, "bob", 90)

    async def in_use(_user: str, threads: Any) -> set[str]:
        return {opened} & set(threads)

    layer.store.cleanup.in_use = in_use
    browser = open_browser()
    await browser.visit("/kept")
    for told in ("for 30 days is", "The 5 conversations that you used last", "last 10 messages", "every 24 hours"):
        assert told in browser.text
    assert "What is pinned is always kept (1 conversation of yours)" in browser.text
    assert "would be removed" not in browser.text
    await browser.visit("/kept?count=1")
    # The first message that stays is a question, so that no turn is torn: 9 of 25 stay.
    assert "3 conversations of yours would be removed now. 16 older messages would be removed" in browser.text
    assert "1 more is kept as long as it is open." in browser.text
    done = await layer.store.clean_up(dry_run=True)
    assert done.threads == 3 + 2
    counted = await layer.store.cleanup.going((await layer.get_user("ann")).id)
    assert (counted.threads, counted.messages, counted.in_use) == (3, done.messages, 1)
    assert len((await layer.store.threads((await layer.get_user("ann")).id)).threads) == 6


async def test_a_database_that_does_not_answer(
    limited: Any, open_browser: OpenBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise StoreUnavailable("The database does not answer")

    layer = limited(max_age_days=30)
    await register(layer, "ann")
    monkeypatch.setattr(layer.store.cleanup, "going", away)
    browser = open_browser()
    assert (await browser.visit("/kept?count=1")).status_code == 503
    assert "cannot be reached right now" in browser.notice


async def test_a_stranger_is_led_to_sign_in(open_browser: OpenBrowser) -> None:
    answer = await open_browser(None).get("/library/kept")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/library")
