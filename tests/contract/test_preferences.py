"""What a user wants of new conversations: the user's own, the newest, also out of a spool."""

from dataclasses import replace

import pytest

from datalayer import DataLayer, InvalidInput
from datalayer.records import now, user_id
from datalayer.writes import APPLICATION, PutPreferences
from tests.conftest import register


def put(actor: str, at: int | None = None, **settings: object) -> PutPreferences:
    return PutPreferences(actor=actor, settings=dict(settings), at=at or now())


async def test_each_user_has_their_own_and_the_last_ones_count(layer: DataLayer) -> None:
    for write in (put("ann", model="a", temperature=0.1), put("bob", model="b"), put("ann", model="c")):
        await layer.store.submit(write)
    assert await layer.store.preferences(user_id("ann")) == {"model": "c"}
    assert await layer.store.preferences(user_id("bob")) == {"model": "b"}
    assert await layer.store.preferences(user_id("eve")) == {}


async def test_older_ones_that_come_late_change_nothing(layer: DataLayer) -> None:
    early, late = put("ann", model="old"), put("ann", model="new")
    await layer.store.submit(late)
    await layer.store.submit(replace(early, replayed=True))
    assert await layer.store.preferences(user_id("ann")) == {"model": "new"}


async def test_signing_in_again_leaves_them(layer: DataLayer) -> None:
    await layer.store.submit(put("ann", model="a"))
    await register(layer, "ann")
    assert await layer.store.preferences(user_id("ann")) == {"model": "a"}


async def test_nobody_has_none(layer: DataLayer) -> None:
    with pytest.raises(InvalidInput):
        await layer.store.submit(PutPreferences(actor=APPLICATION, settings={}, at=now()))
