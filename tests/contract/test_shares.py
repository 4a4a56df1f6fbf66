"""Read-only links: the author's alone, gone at once on every instance, gone with their thread."""

import hashlib
import secrets
from typing import Any

import pytest
from chainlit.user import PersistedUser

from datalayer import DataLayer, InvalidInput, NotFound
from datalayer.records import now
from datalayer.shares import LARGEST_SNAPSHOT, MOST_OF_THREAD, CannotShare, Share, ShareOptions
from datalayer.writes import DeleteThread, RestoreThread, TrashThread
from tests.conftest import OpenLayer, register, rows, start_thread


@pytest.fixture
async def ann(layer: DataLayer) -> PersistedUser:
    return await register(layer, "ann")


@pytest.fixture
async def thread_id(layer: DataLayer, ann: PersistedUser) -> str:
    return str((await start_thread(layer, ann))["threadId"])


def digest() -> str:
    return hashlib.sha256(secrets.token_bytes(32)).hexdigest()


async def make(layer: DataLayer, user: PersistedUser, thread_id: str, key: str, **options: Any) -> Share:
    snapshot = options.pop("snapshot", None)
    return await layer.store.make_share(user.id, thread_id, key, ShareOptions(**options), snapshot)


async def test_a_link_is_one_on_every_instance_until_it_is_revoked(
    layer: DataLayer, open_layer: OpenLayer, ann: PersistedUser, thread_id: str
) -> None:
    other, key = open_layer().store, digest()
    sites = ("https://example.org", "http://localhost:8080")
    options = {"audience": "signed_in", "password": "hash", "files": True, "author": True, "cost": True, "sites": sites}
    made = await make(layer, ann, thread_id, key, expires_at=now() + 10**9, snapshot={"é": ["😀"]}, **options)
    found = await other.shared(key)
    assert found is not None
    assert (found.share, found.author, found.snapshot) == (made, "ann", {"é": ["😀"]})
    assert await other.own_shares(ann.id) == await layer.store.own_shares(ann.id, thread_id) == [made]
    assert await layer.store.own_shares(ann.id, "another") == []
    await other.count_view(made.id)
    await layer.store.change_share(ann.id, made.id, ShareOptions(files=True))
    found = await other.shared(key)
    assert found is not None
    assert (found.share.options, found.share.views, found.share.snapshot) == (ShareOptions(files=True), 1, True)
    assert "hash" not in repr(made)
    assert await other.revoke_share(ann.id, made.id)
    assert await layer.store.shared(key) is None
    assert not await layer.store.revoke_share(ann.id, made.id)
    await layer.store.count_view(made.id)


async def test_only_the_author_makes_lists_changes_and_revokes(
    layer: DataLayer, ann: PersistedUser, thread_id: str
) -> None:
    bob, key = await register(layer, "bob"), digest()
    nobodys = (await start_thread(layer))["threadId"]
    made = await make(layer, ann, thread_id, key)
    for user, thread in ((bob, thread_id), (bob, nobodys), (ann, nobodys), (ann, "never"), (bob, "")):
        with pytest.raises(NotFound):
            await make(layer, user, thread, digest())
    with pytest.raises(NotFound):
        await layer.store.change_share(bob.id, made.id, ShareOptions(author=True))
    assert not await layer.store.revoke_share(bob.id, made.id)
    assert await layer.store.own_shares(bob.id, thread_id) == []
    found = await layer.store.shared(key)
    assert found is not None
    assert found.share == made


async def test_it_leads_nowhere_while_its_thread_is_in_the_trash_and_goes_with_it(
    layer: DataLayer, ann: PersistedUser, thread_id: str
) -> None:
    key, which = digest(), {"actor": "ann", "thread_id": thread_id}
    await make(layer, ann, thread_id, key, snapshot={"said": "secret"})
    await layer.store.submit(TrashThread(**which, at=now()))
    assert await layer.store.shared(key) is None
    assert [share.trashed for share in await layer.store.own_shares(ann.id)] == [True]
    with pytest.raises(NotFound):
        await make(layer, ann, thread_id, digest())
    await layer.store.submit(RestoreThread(**which, at=now()))
    assert await layer.store.shared(key) is not None
    await layer.store.submit(DeleteThread(**which, at=now()))
    assert await layer.store.shared(key) is None
    assert rows(layer, "SELECT id FROM shares") == []


async def test_it_ends_when_it_says(layer: DataLayer, ann: PersistedUser, thread_id: str) -> None:
    key, end = digest(), now() + 10**9
    await make(layer, ann, thread_id, key, expires_at=end)
    assert await layer.store.shared(key, end - 1) is not None
    assert await layer.store.shared(key, end) is None
    assert await layer.store.shared(digest(), end - 1) is None


async def test_there_are_not_too_many_nor_too_large_ones(layer: DataLayer, ann: PersistedUser, thread_id: str) -> None:
    with pytest.raises(CannotShare, match="too long"):
        await make(layer, ann, thread_id, digest(), snapshot={"said": "x" * LARGEST_SNAPSHOT})
    with pytest.raises(InvalidInput):
        await make(layer, ann, thread_id, digest(), audience="x" * 17)
    for _ in range(MOST_OF_THREAD):
        await make(layer, ann, thread_id, digest())
    with pytest.raises(CannotShare, match="too many"):
        await make(layer, ann, thread_id, digest())
    assert len(await layer.store.own_shares(ann.id)) == MOST_OF_THREAD
