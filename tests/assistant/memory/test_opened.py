"""What is open on the screens of instances that live is known to whoever asks the database."""

import asyncio
from pathlib import Path

import pytest

from assistant.memory import opened as module
from assistant.memory.opened import PREFIX, Opened, opened
from datalayer import Store
from datalayer.records import now
from tests.client import until


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.02)


@pytest.mark.usefixtures("often")
async def test_all_instances_say_what_they_show_and_take_it_back(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/threads.db")
    shown: list[set[str]] = [{"a", "b"}, {"c"}]
    instances = [Opened(lambda n=n: shown[n]) for n in range(2)]  # type: ignore[misc]
    for each in instances:
        each.begin(store)

    async def so(*ids: str) -> bool:
        return await opened(store) == set(ids)

    await until(lambda: so("a", "b", "c"))
    shown[0] = {"b"}
    await until(lambda: so("b", "c"))
    for key, found in (await store.app_values_under(PREFIX)).items():  # as if it was taken for dead
        await store.put_app_value(key, None, found.version)
    shown[0], shown[1] = {"d"}, {"e"}
    await until(lambda: so("d", "e"))
    await instances[0].close()
    assert await so("e")
    await instances[1].close()
    assert await store.app_values_under(PREFIX) == {}
    await store.close()


@pytest.mark.usefixtures("often")
async def test_what_a_dead_instance_has_said_means_nothing_and_goes(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path}/threads.db")
    for name, minutes in (("live", 14), ("dead", 16), ("long", 60 * 25)):
        said = {"at": now() - minutes * 60_000_000, "threads": [name]}
        await store.put_app_value(PREFIX + name, said, 0)
    assert await opened(store) == {"live"}
    one = Opened(set)
    one.begin(store)

    async def swept() -> bool:
        return set(await store.app_values_under(PREFIX)) == {PREFIX + "live", PREFIX + "dead"}

    await until(swept)
    await one.close()
    await asyncio.gather(store.close())
