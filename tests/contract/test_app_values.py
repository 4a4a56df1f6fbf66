"""What an app keeps beside conversations: by version, never lost between two, never in the spool."""

import asyncio
from typing import Any

import pytest

from datalayer import DataLayer
from tests.conftest import OpenLayer


async def value_of(layer: DataLayer, key: str) -> Any:
    found = await layer.store.app_values([key])
    return found[key].value if key in found else None


async def test_a_value_is_put_changed_and_removed(layer: DataLayer) -> None:
    store = layer.store
    assert await store.app_values(["k"]) == {}
    first = await store.put_app_value("k", {"n": 1, "é": [None, True, "😀"]}, 0)
    assert first
    assert await value_of(layer, "k") == {"n": 1, "é": [None, True, "😀"]}
    second = await store.put_app_value("k", [2], first)
    assert second not in (None, 0, first)
    assert await store.app_versions(["k", "other"]) == {"k": second}
    assert await store.put_app_value("k", None, second) == 0
    assert await store.app_values(["k"]) == {}
    assert await store.put_app_value("k", None, 0) == 0


async def test_whoever_comes_second_is_told_and_changes_nothing(layer: DataLayer) -> None:
    store = layer.store
    first = await store.put_app_value("k", 1, 0)
    assert first
    assert await store.put_app_value("k", 2, 0) is None
    assert await store.put_app_value("k", 2, first + 1) is None
    assert await store.put_app_value("k", None, first + 1) is None
    assert await value_of(layer, "k") == 1


async def test_a_version_does_not_come_back_with_a_key(layer: DataLayer) -> None:
    store = layer.store
    first = await store.put_app_value("k", 1, 0)
    assert first
    await store.put_app_value("k", None, first)
    assert await store.put_app_value("k", 2, 0)
    assert await store.put_app_value("k", 3, first) is None
    assert await value_of(layer, "k") == 2


async def test_changes_at_once_lose_nothing(open_layer: OpenLayer) -> None:
    stores = [open_layer().store for _ in range(2)]

    async def count(number: int) -> None:
        store = stores[number % 2]
        while True:
            found = (await store.app_values(["n"])).get("n")
            done = await store.put_app_value("n", (found.value if found else 0) + 1, found.version if found else 0)
            if done is not None:
                return

    await asyncio.gather(*map(count, range(20)))
    assert (await stores[0].app_values(["n"]))["n"].value == 20


async def test_keys_are_compared_byte_for_byte_and_found_by_their_beginning(layer: DataLayer) -> None:
    store = layer.store
    keys = ["a/x", "A/x", "a/X", "a/é", "a/e", "a_x", "a%/x", "b/x", "a/"]
    for key in keys:
        assert await store.put_app_value(key, key, 0)
    assert {key: kept.value for key, kept in (await store.app_values(keys)).items()} == {key: key for key in keys}
    found = await store.app_values_under("a/")
    assert {key: kept.value for key, kept in found.items()} == {key: key for key in keys if key.startswith("a/")}
    assert set(await store.app_values_under("a%")) == {"a%/x"}


async def test_many_are_looked_at_at_once(layer: DataLayer) -> None:
    keys = [f"key {number}" for number in range(30)]
    for key in keys:
        await layer.store.put_app_value(key, 1, 0)
    asked = [*keys, *(f"none {number}" for number in range(3000))]
    assert set(await layer.store.app_versions(asked)) == set(await layer.store.app_values(asked)) == set(keys)
    assert await layer.store.app_versions([]) == {}


async def test_none_of_it_is_a_users(layer: DataLayer) -> None:
    await layer.store.put_app_value("account/ann", {"hash": "$argon2id$"}, 0)
    assert await layer.get_user("ann") is None


@pytest.mark.parametrize("value", [0, False, "", [], {}])
async def test_what_is_empty_is_a_value(layer: DataLayer, value: Any) -> None:
    version = await layer.store.put_app_value("k", value, 0)
    assert version
    assert (await layer.store.app_values(["k"]))["k"].value == value
