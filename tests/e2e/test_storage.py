"""How much room the files of one person may take: what is beyond is refused in words, for nobody else."""

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import App, Tabs
from tests.e2e.listening import FRENCH


@pytest.fixture
def bounded(tmp_path: Path) -> App:
    return App(tmp_path, THREADKEEP_MAX_STORAGE_MB="1", THREADKEEP_AUTH="accounts")


async def test_what_is_beyond_is_refused_until_there_is_room(bounded: App, tabs: Tabs) -> None:
    bounded.add_users("ann", "bob")
    try:
        me = await tabs(bounded.alive().url, "ann", **FRENCH)
        content = os.urandom(700_000)
        await me.send("One", files=[await me.attach("one.png", content, "image/png")])
        refused = await me.upload("two.png", os.urandom(400_000), "image/png")
        assert refused.status_code == 413
        assert "il n’y a pas assez de place" in refused.json()["detail"]
        assert "1\u00a0Mo" in refused.json()["detail"]
        held = await me.attach("small.png", os.urandom(200_000), "image/png")
        assert (await me.upload("three.png", os.urandom(200_000), "image/png")).status_code == 413
        await me.send("Two", files=[held])  # which counts once
        assert (await me.upload("four.png", os.urandom(50_000), "image/png")).status_code == 200

        temporary = await tabs(bounded.alive().url, "ann", connect=False)
        await temporary.connect(profile="temporary")
        assert (await temporary.upload("free.png", os.urandom(600_000), "image/png")).status_code == 200
        other = await tabs(bounded.alive().url, "bob")
        assert (await other.upload("free.png", os.urandom(600_000), "image/png")).status_code == 200

        await me.delete()
        again = await tabs(bounded.alive().url, "ann")
        assert (await again.upload("five.png", os.urandom(300_000), "image/png")).status_code == 413
        await again.send("/trash empty")
        assert (await again.upload("five.png", os.urandom(300_000), "image/png")).status_code == 200
    finally:
        bounded.close()
