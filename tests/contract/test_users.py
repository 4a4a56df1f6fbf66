"""Users: one row per identifier, compared byte for byte."""

import asyncio

import pytest
from chainlit.user import User

from datalayer import DataLayer, InvalidInput
from datalayer.records import user_id
from datalayer.writes import UpdateThread
from tests.conftest import OpenLayer, chainlit_session, make_step, new_id, register, rows


class TestIdentity:
    async def test_a_user_comes_back_with_id_time_and_metadata(self, layer: DataLayer) -> None:
        made = await layer.create_user(User(identifier="ann", metadata={"role": "admin", "n": [1, None]}))
        found = await layer.get_user("ann")
        assert made is not None
        assert found == made
        assert found.metadata == {"role": "admin", "n": [1, None]}
        assert found.createdAt.endswith("Z")

    async def test_an_unknown_user_is_none(self, layer: DataLayer) -> None:
        assert await layer.get_user("nobody") is None

    async def test_the_id_is_the_same_in_every_database(self, layer: DataLayer, tmp_path) -> None:
        other = DataLayer(f"sqlite+aiosqlite:///{tmp_path}/other.db")
        try:
            assert (await register(other, "ann")).id == (await register(layer, "ann")).id
        finally:
            await other.close()

    @pytest.mark.parametrize(
        ("one", "two"), [("ann", "Ann"), ("jose\u0301", "jos\u00e9"), ("a", "a "), ("ss", "ß"), ("a", "а")]
    )
    async def test_identifiers_are_compared_byte_for_byte(self, layer: DataLayer, one: str, two: str) -> None:
        assert (await register(layer, one)).id != (await register(layer, two)).id
        assert await layer.get_user(one) != await layer.get_user(two)

    async def test_an_identifier_of_5000_characters_is_kept_whole(self, layer: DataLayer) -> None:
        assert (await register(layer, "é" * 5000)).identifier == "é" * 5000

    async def test_an_empty_identifier_is_refused(self, layer: DataLayer) -> None:
        with pytest.raises(InvalidInput):
            await layer.create_user(User(identifier=""))

    @pytest.mark.parametrize("identifier", ["ann\x00", "\x00", "ann\ud800", "\udfffann"])
    async def test_what_no_database_takes_is_refused_and_is_nobody_else(
        self, layer: DataLayer, identifier: str
    ) -> None:
        """As U+FFFD in its place it would be the same user as many others."""
        made = await register(layer, "ann\ufffd")
        refused = pytest.raises(InvalidInput, match="identifier")
        with refused:
            await layer.create_user(User(identifier=identifier, metadata={"role": "admin"}))
        with refused:
            await layer.get_user(identifier)
        with refused, layer.acting_as(identifier):
            pytest.fail("somebody acts")
        with refused, chainlit_session(User(identifier=identifier), thread_id := new_id()):
            await layer.create_step(make_step(thread_id))
        assert await layer.get_user("ann\ufffd") == made
        assert rows(layer, "SELECT identifier FROM users") == [("ann\ufffd",)]


class TestMetadata:
    async def test_a_second_login_replaces_the_metadata_and_keeps_the_first_time(self, layer: DataLayer) -> None:
        """As in Chainlit's layers: a role that was taken away is gone."""
        first = await layer.create_user(User(identifier="ann", metadata={"a": 1, "b": 1}))
        again = await layer.create_user(User(identifier="ann", metadata={"b": None, "c": "x"}))
        assert first is not None
        assert again is not None
        assert again.metadata == {"b": None, "c": "x"}
        assert (again.id, again.createdAt) == (first.id, first.createdAt)

    async def test_40_logins_at_once_make_one_user_with_the_metadata_of_the_last(self, layer: DataLayer) -> None:
        logins = [layer.create_user(User(identifier="ann", metadata={f"k{n}": n})) for n in range(40)]
        await asyncio.gather(*logins)
        found = await layer.get_user("ann")
        assert found is not None
        assert found.metadata == {"k39": 39}
        assert rows(layer, "SELECT count(*) FROM users") == [(1,)]

    async def test_a_user_survives_a_restart(self, layer: DataLayer, open_layer: OpenLayer) -> None:
        made = await register(layer, "ann")
        await layer.close()
        assert await open_layer().get_user("ann") == made


async def test_a_thread_started_before_its_user_was_stored_belongs_to_that_user(layer: DataLayer) -> None:
    thread_id = new_id()
    with chainlit_session(User(identifier="ann"), thread_id):
        await layer.create_step(make_step(thread_id))
    assert await layer.get_thread_author(thread_id) == "ann"
    assert rows(layer, "SELECT user_id FROM threads") == [((await register(layer, "ann")).id,)]


async def test_a_thread_brings_its_author_along_who_is_not_stored_yet(layer: DataLayer) -> None:
    thread = new_id()
    await layer.store.submit(UpdateThread(thread_id=thread, user_id=user_id("zoé"), author="zoé"))
    assert await layer.get_thread_author(thread) == "zoé"
    await register(layer, "zoé")
    assert await layer.get_thread_author(thread) == "zoé"
